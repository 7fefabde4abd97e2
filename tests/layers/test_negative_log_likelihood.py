"""The registered loss: the formula, and a compiled model that is saved and loaded."""

import keras
import numpy as np
import pytest
from scipy import stats

from keras_vae import layers


def data():
    x = np.random.default_rng(0).normal(size=(32, 3)).astype("float32")
    return x, x.sum(axis=1, keepdims=True)


def model():
    keras.utils.set_random_seed(0)
    made = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(2), layers.IndependentNormal(1, "mean")]
    )
    made.compile("adam", loss=layers.negative_log_likelihood)
    return made


def test_it_is_the_normal_density():
    x, y = data()
    made = model()
    py = made(x)
    distribution = layers.distribution_of(py)
    expected = -stats.norm.logpdf(y, distribution.mean(), distribution.stddev())[:, 0]
    np.testing.assert_allclose(
        layers.negative_log_likelihood(y, py), expected, rtol=1e-5, atol=1e-5
    )
    assert made.evaluate(x, y, verbose=0) == pytest.approx(expected.mean(), rel=1e-5)


def test_a_compiled_model_comes_back_with_its_loss(tmp_path):
    x, y = data()
    made = model()
    before = made.evaluate(x, y, verbose=0)
    made.fit(x, y, epochs=2, verbose=0)
    assert made.evaluate(x, y, verbose=0) < before
    made.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded.predict(x, verbose=0), made.predict(x, verbose=0))
    assert loaded.evaluate(x, y, verbose=0) == pytest.approx(made.evaluate(x, y, verbose=0))
    loaded.fit(x, y, verbose=0)


def test_predictions_are_refused_with_a_hint():
    made = model()
    with pytest.raises(ValueError, match=r"ndarray of shape \(32, 1\).*model.predict"):
        layers.distribution_of(made.predict(data()[0], verbose=0))
