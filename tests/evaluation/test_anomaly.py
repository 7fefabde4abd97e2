"""Anomaly scores against their definitions, and AUROC against scikit-learn."""

import io
import math

import keras
import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import roc_auc_score

import keras_vae
from keras_vae.evaluation import anomaly_scores, auroc, png_length

RNG = np.random.default_rng(0)
X = RNG.integers(0, 2, (12, 8, 8, 1)).astype("float32")


def conv_vae(seed=0, likelihood="bernoulli"):
    keras.utils.set_random_seed(seed)
    return keras_vae.ConvVAE((8, 8, 1), 2, filters=(2,), likelihood=likelihood)


MODEL = conv_vae()


def test_scores_are_what_they_are_called():
    np.testing.assert_allclose(anomaly_scores(MODEL, X, seed=3), -MODEL.elbo(X, seed=3))
    expected = -MODEL.log_likelihood(X, 7, seed=3)
    found = anomaly_scores(MODEL, X, "log_likelihood", num_samples=7, seed=3)
    np.testing.assert_allclose(found, expected)
    px = MODEL.decode(MODEL.encode(X).mean())
    found = anomaly_scores(MODEL, X, "reconstruction")
    np.testing.assert_allclose(found, -px.log_prob(X), rtol=1e-5)


def test_a_background_takes_away_what_it_knows():
    found = anomaly_scores(MODEL, X, "likelihood_ratio", 5, background=MODEL)
    np.testing.assert_allclose(found, 0.0, atol=1e-4)
    other = conv_vae(seed=1)
    found = anomaly_scores(MODEL, X, "likelihood_ratio", 5, background=other)
    expected = other.log_likelihood(X, 5) - MODEL.log_likelihood(X, 5)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_input_complexity_is_the_length_of_the_file():
    lengths = png_length(X, (0, 1))
    file = io.BytesIO()
    Image.fromarray((255 * X[0, ..., 0]).astype("u1")).save(file, "PNG", optimize=True)
    assert lengths[0] == 8 * len(file.getvalue())
    # Bytes below black do not wrap around to white.
    grey = RNG.integers(0, 256, (3, 9, 9, 1), np.uint8)
    as_floats = png_length(grey.astype(float), (16, 235))
    np.testing.assert_array_equal(png_length(grey, (16, 235)), as_floats)
    found = anomaly_scores(MODEL, X, "input_complexity", 5)
    expected = -MODEL.log_likelihood(X, 5) - math.log(2) * lengths
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_noise_is_complex_and_one_grey_is_not():
    noise = RNG.integers(0, 256, (2, 16, 16, 3))
    lengths = png_length(noise, (0, 255))
    # Noise cannot be compressed.
    assert (lengths > 8 * noise[0].size).all()
    assert (png_length(np.zeros_like(noise), (0, 255)) < 0.25 * lengths).all()
    np.testing.assert_array_equal(png_length(noise / 255.0, (0, 1)), lengths)


def test_a_trained_model_finds_other_images_anomalous():
    place = np.arange(8)
    lines = np.zeros((256, 8, 8, 1), "float32")
    lines[np.arange(256), RNG.integers(0, 8, 256)] = 1.0
    squares = np.abs(place[:, None] - 3.5) + np.abs(place - 3.5) < 3
    model = keras_vae.DenseVAE((8, 8, 1), 2, hidden_units=(32,), seed=0)
    model.compile(keras.optimizers.Adam(1e-2))
    model.fit(lines, epochs=15, verbose=0)
    others = np.repeat(squares[np.newaxis, ..., np.newaxis], 20, axis=0).astype("float32")
    for method in ("elbo", "log_likelihood", "reconstruction"):
        scores = (anomaly_scores(model, x, method) for x in (lines[:50], others))
        assert auroc(*scores)["mean"] > 0.95


def test_refusals():
    with pytest.raises(
        ValueError, match="Unknown anomaly score 'elb'. Did you mean 'elbo'"
    ):
        anomaly_scores(MODEL, X, "elb")
    with pytest.raises(ValueError, match="needs a background model"):
        anomaly_scores(MODEL, X, "likelihood_ratio")
    with pytest.raises(ValueError, match="takes no background model"):
        anomaly_scores(MODEL, X, background=MODEL)
    with pytest.raises(ValueError, match="gives densities"):
        normal = conv_vae(likelihood="normal:scale=shared")
        anomaly_scores(normal, X, "input_complexity")
    with pytest.raises(ValueError, match="1 or 3"):
        png_length(X[..., 0], (0, 1))
    with pytest.raises(ValueError, match="NaN or infinite"):
        png_length(X * np.nan, (0, 1))
    with pytest.raises(ValueError, match="outside"):
        anomaly_scores(MODEL, X + 7.0, "reconstruction")


def test_auroc_is_scikit_learns_with_ties():
    normal, anomalous = RNG.integers(0, 9, 70), RNG.integers(2, 12, 40)
    labels = np.repeat([0, 1], [70, 40])
    expected = roc_auc_score(labels, np.concatenate([normal, anomalous]))
    assert auroc(normal, anomalous)["mean"] == pytest.approx(expected)
    reverse = auroc(anomalous, normal)
    assert reverse["mean"] == pytest.approx(1 - expected)
    assert reverse["standard_error"] == auroc(normal, anomalous)["standard_error"]


def test_auroc_at_its_limits():
    assert auroc([0, 1, 2], [3, 4]) == {"mean": 1.0, "standard_error": 0.0}
    assert auroc([3, 4], [0, 1, 2])["mean"] == 0.0
    assert auroc([1, 1], [1, 1, 1]) == {"mean": 0.5, "standard_error": 0.0}
    assert auroc([1.0], [2.0]) == {"mean": 1.0, "standard_error": None}
    assert auroc([0.0, np.inf], [np.inf, np.inf])["mean"] == 0.75


def test_the_error_is_that_of_repetitions():
    found = [auroc(RNG.normal(size=60), RNG.normal(1, 2, size=90)) for _ in range(2000)]
    spread = np.std([one["mean"] for one in found])
    errors = np.mean([one["standard_error"] for one in found])
    # 2,000 repetitions know their spread to about 1.6%.
    assert errors == pytest.approx(spread, rel=0.06)


@pytest.mark.parametrize("scores", [[], [np.nan], [[1.0]]])
def test_auroc_refuses(scores):
    with pytest.raises(ValueError, match="two vectors of scores"):
        auroc([1.0, 2.0], scores)
