"""Models of sounds: waveforms go in and come out of everything that takes raw data."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_vae
from keras_vae.data import Preprocessor, Scaling, Spectrogram
from keras_vae.data.spectrogram import LEVELS
from keras_vae.generation import attribute_vectors, edit_attribute, impute

RATE, SAMPLES, ROWS = 2000, 512, 12
RNG = np.random.default_rng(0)
TIME = np.arange(SAMPLES) / RATE
HERTZ = np.where(np.arange(ROWS) % 2, 200, 700)[:, np.newaxis]
X = (
    0.4 * np.sin(2 * np.pi * HERTZ * TIME) + 0.01 * RNG.normal(size=(ROWS, SAMPLES))
).astype("f4")


def make(condition=None):
    """A model of sounds, small and not trained."""
    spectrogram = Spectrogram.fit(X, RATE, frame_length=128, hop_length=32, num_mels=16)
    vae = keras_vae.ConvVAE(
        spectrogram.event_shape,
        2,
        {"name": "discretized_logistic", "low": 0, "high": 255},
        filters=(4,),
        dense_units=8,
        condition=condition,
        seed=0,
    )
    scaling = Scaling(spectrogram.event_shape)
    vae.preprocessor = Preprocessor(scaling, levels=LEVELS, spectrogram=spectrogram)
    vae.compile("adam:learning_rate=0.01")
    return vae


@pytest.fixture(scope="module")
def vae():
    return make()


@pytest.mark.thinned
@pytest.mark.parametrize(
    "ask, shape",
    [
        (lambda vae: vae.embed(X), (ROWS, 2)),
        (lambda vae: vae.reconstruct(X), X.shape),
        (lambda vae: vae.predict(X, verbose=0), X.shape),
        (lambda vae: vae.sample(3), (3, SAMPLES)),
        (lambda vae: vae.decode_codes(np.zeros((3, 2))), (3, SAMPLES)),
        (lambda vae: vae.interpolate(X[:2], X[2:4], 3), (2, 3, SAMPLES)),
        (lambda vae: vae.elbo(X), (ROWS,)),
        (lambda vae: vae.log_likelihood(X, 3), (ROWS,)),
        (lambda vae: edit_attribute(vae, X[:2], np.ones(2)), (2, 4, SAMPLES)),
        (lambda vae: attribute_vectors(vae, X, HERTZ > 500), (1, 2)),
        (lambda vae: vae.pictures(X), (ROWS, 16, 16, 1)),
    ],
)
def test_waveforms_go_in_and_come_out(vae, ask, shape):
    found = ask(vae)
    assert found.shape == shape and np.isfinite(found).all()
    if shape[-1] == SAMPLES:
        assert np.abs(found).max() <= 1.0


def test_raw_and_prepared_are_the_same(vae):
    units = vae.to_units(X)
    assert units.shape == (ROWS, *vae.event_shape) and vae.raw_shape == (SAMPLES,)
    np.testing.assert_array_equal(units, vae.preprocessor.spectrogram(X))
    np.testing.assert_allclose(vae.embed(X), np.asarray(vae.codes(units)), rtol=1e-5)
    np.testing.assert_allclose(vae.embed(X.astype("f8")), vae.embed(X), atol=1e-5)


@pytest.mark.slow
def test_it_trains_on_arrays_and_on_streams_of_waveforms():
    arrays, streams = make(), make()
    before = arrays.elbo(X).mean()
    arrays.fit(X, batch_size=4, epochs=3, verbose=0)
    stream = tf.data.Dataset.from_tensor_slices(X).batch(4)
    streams.fit(stream, epochs=3, verbose=0)
    for model in (arrays, streams):
        assert model.elbo(X).mean() > before + 30


def test_a_preset_keeps_the_spectrogram(vae, tmp_path):
    vae.save_to_preset(tmp_path)
    again = keras_vae.VAE.from_preset(tmp_path)
    assert again.preprocessor == vae.preprocessor
    np.testing.assert_allclose(again.sample(2), vae.sample(2), atol=1e-4)
    vae.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded.embed(X), vae.embed(X), atol=1e-5)


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda vae: vae.embed(X[:, :-1]), "shape"),
        (lambda vae: vae.embed(vae.preprocessor.spectrogram(X)), "shape"),
        (lambda vae: vae.embed(np.where(TIME > 0.1, np.nan, X)), "NaN"),
        (lambda vae: vae.embed((2**15 * X).astype("i2")), "by 32768"),
        (lambda vae: vae.embed(X[:0]), "empty"),
        (lambda vae: impute(vae, X), "this model sees spectrograms"),
    ],
)
def test_what_does_not_fit_is_refused(vae, call, words):
    with pytest.raises(ValueError, match=words):
        call(vae)
