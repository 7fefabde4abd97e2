"""Sampling, embedding, reconstruction and interpolation of whole arrays."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from model_cases import NAMES, SIZE, data_for, network, shared_case, shared_vae

import keras_vae
from keras_vae import layers, priors


def identity_vae(prior=None):
    """A VAE whose decoder passes z on: samples are draws from the prior."""
    model = keras_vae.VAE(
        network(4),
        keras.Sequential([keras.layers.Dense(2, kernel_initializer="identity")]),
        layers.IndependentNormal(2),
        layers.IndependentNormal(2, scale=0.1),
        prior,
        seed=0,
    )
    return model


@pytest.mark.parametrize("name", NAMES)
def test_samples_lie_in_the_support_and_repeat_with_the_seed(name):
    model, _ = shared_case(name)
    mean = model.sample(9, seed=4)
    drawn = model.sample(9, seed=4, draw=True)
    for samples in (mean, drawn):
        assert samples.shape == (9, *model.event_shape)
        assert samples.dtype == np.float32 and np.isfinite(samples).all()
    model.likelihood.support.check(drawn)
    np.testing.assert_array_equal(mean, model.sample(9, seed=4))
    np.testing.assert_array_equal(drawn, model.sample(9, seed=4, draw=True))
    assert (drawn != model.sample(9, seed=5, draw=True)).any()
    if "class" not in name:
        assert (mean != model.sample(9, seed=5)).any()


@pytest.mark.parametrize("name", NAMES)
def test_embedding_and_reconstruction_are_those_of_the_parts(name):
    model, x = shared_case(name)
    close = {"rtol": 1e-5, "atol": 1e-5}
    embedding = model.embed(x, batch_size=5)
    assert embedding.shape == (len(x), model.latent_dim)
    np.testing.assert_allclose(embedding, model.encode(x).mean(), **close)
    reconstruction = model.reconstruct(x, batch_size=5)
    np.testing.assert_allclose(reconstruction, model.predict(x, verbose=0), **close)
    np.testing.assert_allclose(reconstruction, model.decoded(embedding), **close)


@pytest.mark.parametrize("prior", [None, priors.MixtureOfNormals(3, seed=0)])
def test_samples_come_from_the_prior(prior):
    model, n = identity_vae(prior), 20_000
    samples = model.sample(n, seed=1)
    p = model.prior.distribution()
    error = np.sqrt(p.variance() / n)
    assert (np.abs(samples.mean(axis=0) - p.mean()) < 5 * error).all()
    # The variance of a variance is at most (kurtosis - 1) / n of its square.
    spread = samples.var(axis=0) / p.variance()
    np.testing.assert_allclose(spread, 1.0, atol=5 * np.sqrt(4 / n))


@pytest.mark.parametrize("temperature", [0.5, 2.0])
@pytest.mark.parametrize("prior", [None, priors.MixtureOfNormals(1, seed=0)])
def test_temperature_scales_the_distance_from_the_mean(prior, temperature):
    model = identity_vae(prior)
    mean = model.prior.distribution().mean()
    distances = model.sample(50, seed=1, temperature=temperature) - mean
    expected = temperature * (model.sample(50, seed=1) - mean)
    np.testing.assert_allclose(distances, expected, rtol=1e-5, atol=1e-5)


def test_drawn_samples_have_the_noise_of_the_likelihood():
    model, n = identity_vae(), 10_000
    noise = model.sample(n, seed=1, draw=True) - model.sample(n, seed=1)
    np.testing.assert_allclose(noise.mean(), 0.0, atol=5 * 0.1 / np.sqrt(2 * n))
    np.testing.assert_allclose(noise.std(), 0.1, atol=5 * 0.1 / np.sqrt(4 * n))
    # Batches of 256 have draws of their own.
    assert np.abs(noise[:256] - noise[256:512]).max() > 0.01


def test_samples_do_not_depend_on_the_batch_size():
    model = shared_vae()
    whole = model.sample(20, seed=1, batch_size=20)
    np.testing.assert_allclose(model.sample(20, seed=1, batch_size=3), whole, rtol=1e-5)


def test_interpolation_starts_and_ends_at_the_reconstructions():
    model = shared_vae()
    x = data_for(model)
    walk = model.interpolate(x[:4], x[4:8], steps=5)
    assert walk.shape == (4, 5, SIZE)
    np.testing.assert_allclose(walk[:, 0], model.reconstruct(x[:4]), atol=1e-6)
    np.testing.assert_allclose(walk[:, -1], model.reconstruct(x[4:8]), atol=1e-6)
    middle = (model.embed(x[:4]) + model.embed(x[4:8])) / 2
    np.testing.assert_allclose(walk[:, 2], model.decode(middle).mean(), atol=1e-5)
    codes = model.embed(x[:4]), model.embed(x[4:8])
    np.testing.assert_array_equal(model.interpolate_codes(*codes, steps=5), walk)


QUERIES = {
    "embed": lambda model, x: model.embed(x),
    "reconstruct": lambda model, x: model.reconstruct(x),
    "interpolate": lambda model, x: model.interpolate(x, x),
    "elbo": lambda model, x: model.elbo(x),
    "log_likelihood": lambda model, x: model.log_likelihood(x, num_samples=3),
}
QUERY = pytest.mark.parametrize("query", QUERIES.values(), ids=list(QUERIES))


@QUERY
def test_no_data_are_refused(query):
    with pytest.raises(ValueError, match=r"x is empty: it has shape \(0, 6\)"):
        query(shared_vae(), np.zeros((0, SIZE), "float32"))


@QUERY
@pytest.mark.parametrize("shape", [(3, 5), (6,), (3, 6, 1), ()])
def test_other_shapes_are_refused(query, shape):
    with pytest.raises(ValueError, match="takes batches of events of shape"):
        query(shared_vae(), np.zeros(shape, "float32"))


@QUERY
@pytest.mark.parametrize(
    "value, match",
    [
        (np.nan, "1 of 72 values that are NaN or infinite"),
        (np.inf, "NaN or infinite"),
        (1.5, r"1 of 72 values outside \[0, 1\]; the first is 1.5 at \[3, 2\]"),
        (-0.1, "outside"),
    ],
)
def test_impossible_values_are_refused(query, value, match):
    model = shared_vae()
    x = data_for(model)
    x[3, 2] = value
    with pytest.raises(ValueError, match=match):
        query(model, x)


def test_interpolation_checks_both_ends():
    model = shared_vae()
    x = data_for(model)
    for ends in [(x, x + 2), (x + 2, x)]:
        with pytest.raises(ValueError, match="outside"):
            model.interpolate(*ends)


@QUERY
@pytest.mark.parametrize("convert", [tf.constant, lambda x: x.tolist(), np.float64])
def test_arrays_of_other_kinds_are_taken(query, convert):
    model = shared_vae()
    x = data_for(model, 4)
    np.testing.assert_allclose(query(model, convert(x)), query(model, x), rtol=1e-5)


@pytest.mark.parametrize(
    "ask, match",
    [
        (lambda m, x: m.sample(0), "n must be a positive integer, but is 0"),
        (lambda m, x: m.sample(2, batch_size=0), "batch_size must be a positive"),
        (lambda m, x: m.sample(2, temperature=0.0), "temperature must be positive"),
        (lambda m, x: m.sample(2, temperature=-1.0), "temperature must be positive"),
        (lambda m, x: m.embed(x, batch_size=0), "batch_size must be a positive"),
        (lambda m, x: m.elbo(x, num_samples=0), "num_samples must be a positive"),
        (lambda m, x: m.log_likelihood(x, 0), "num_samples must be a positive"),
        (
            lambda m, x: m.log_likelihood(x, 5, batch_size=0),
            "batch_size must be a positive",
        ),
        (lambda m, x: m.interpolate(x, x, steps=1), "steps must be at least 2"),
        (lambda m, x: m.interpolate(x, x[:3]), "hold 12 and 3"),
        (lambda m, x: m.decode(np.zeros((2, 3))), r"latent variables have shape \(2,\)"),
        (lambda m, x: m.encode(x[:, :5]), "takes batches of events"),
    ],
)
def test_senseless_questions_are_refused(ask, match):
    model = shared_vae()
    with pytest.raises(ValueError, match=match):
        ask(model, data_for(model))


def test_a_seed_may_be_a_numpy_integer():
    model = shared_vae()
    np.testing.assert_array_equal(
        model.sample(2, seed=np.int64(3)), model.sample(2, seed=3)
    )


def test_an_unset_seed_of_samples_comes_from_the_global_one():
    model, samples = shared_vae(), []
    for seed in (3, 3, 4):
        keras.utils.set_random_seed(seed)
        samples.append(model.sample(4, seed=None, draw=True))
    np.testing.assert_array_equal(samples[0], samples[1])
    assert (samples[0] != samples[2]).any()
    assert (model.sample(4, seed=None) != model.sample(4, seed=None)).any()
