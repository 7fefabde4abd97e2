"""Streams of codes that are drawn anew."""

import numpy as np
import pytest

import keras_vae
from keras_vae.generation import drawn_codes

N = 6


@pytest.fixture(scope="module")
def vae():
    return keras_vae.DenseVAE(6, 2, hidden_units=(4,), seed=0)


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(0).integers(0, 2, (N, 6)).astype("float32")


def taken(stream, count):
    return [tuple(np.asarray(one) for one in batch) for batch in stream.take(count)]


def test_a_first_model_with_a_condition_is_refused(x):
    conditional = keras_vae.DenseVAE(6, 2, hidden_units=(4,), condition=3)
    with pytest.raises(ValueError, match="this model has a condition"):
        drawn_codes(conditional, x, y=np.arange(N))


def test_codes_are_draws_from_the_posterior_of_their_row(vae, x):
    stream = drawn_codes(vae, x, N, y=np.arange(N), seed=1)
    steps, rows = zip(*taken(stream, 400), strict=True)
    z = np.stack([z[np.argsort(y)] for z, y in zip(steps, rows, strict=True)])
    q = vae.encode(x)
    mean, stddev = q.mean().numpy(), q.stddev().numpy()
    error = stddev / np.sqrt(len(z))
    assert (np.abs(z.mean(axis=0) - mean) < 5 * error).all()
    np.testing.assert_allclose(z.std(axis=0), stddev, rtol=5 / np.sqrt(2 * len(z)))
    assert len(np.unique(z[:, 0, 0])) == len(z)


def test_a_stream_goes_on_where_another_stopped(vae, x):
    whole = taken(drawn_codes(vae, x, 4, y=np.arange(N)), 5)
    rest = taken(drawn_codes(vae, x, 4, y=np.arange(N), start_step=3), 2)
    for one, other in zip(whole[3:], rest, strict=True):
        np.testing.assert_array_equal(one[0], other[0])
        np.testing.assert_array_equal(one[1], other[1])


def test_without_labels_there_are_codes_alone(vae, x):
    (batch,) = drawn_codes(vae, x, 4).take(1)
    assert batch.shape == (4, 2)


def test_a_second_model_trains_on_them(vae, x):
    second = keras_vae.SemiSupervisedVAE(2, 2, 3, "normal", hidden_units=(4,), seed=0)
    second.compile("adam")
    stream = drawn_codes(vae, x, 4, y=np.array([0, 1, 2, -1, -1, -1]))
    logs = second.fit(stream, steps_per_epoch=3, verbose=0).history
    assert np.isfinite(logs["loss"]).all()
    assert second.predict_label(vae.embed(x)).label.shape == (N,)
