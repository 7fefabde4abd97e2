"""Distances of sounds: against NumPy, and what they do not hear."""

from dataclasses import replace

import numpy as np
import pytest

import keras_vae
from keras_vae.data import Preprocessor, Scaling, Spectrogram
from keras_vae.data.spectrogram import LEVELS
from keras_vae.evaluation import (
    HeldOut,
    evaluate_metrics,
    log_spectral_distance,
    metrics,
    spectral_convergence,
)

RATE, SAMPLES = 2000, 512
SPECTROGRAM = Spectrogram(RATE, SAMPLES, 128, 32, 16)
RNG = np.random.default_rng(0)
X = (0.1 * RNG.normal(size=(6, SAMPLES))).astype("f4")


@pytest.mark.parametrize("distance", [spectral_convergence, log_spectral_distance])
def test_equal_spectra_are_at_no_distance_whatever_the_phase(distance):
    np.testing.assert_allclose(distance(SPECTROGRAM, X, X), 0)
    np.testing.assert_allclose(distance(SPECTROGRAM, X, -X), 0, atol=1e-6)
    assert (distance(SPECTROGRAM, X, X[::-1]) > 0.1).all()
    with pytest.raises(ValueError, match="shapes"):
        distance(SPECTROGRAM, X, X[:3])


@pytest.mark.parametrize("factor", [0.0, 0.5, 0.9, 2.0])
def test_louder_sounds_are_as_far_as_they_are_louder(factor):
    found = spectral_convergence(SPECTROGRAM, X, factor * X)
    np.testing.assert_allclose(found, abs(factor - 1), rtol=1e-5)
    if factor:
        # Noise is far above the floor, and here below the loudest level.
        found = log_spectral_distance(SPECTROGRAM, X, factor * X)
        np.testing.assert_allclose(found, abs(20 * np.log10(factor)), rtol=0.02)


def test_the_magnitudes_are_those_of_numpy():
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(128) / 128)
    padded = np.pad(X, [(0, 0), (48, 48)])
    frames = np.stack([padded[:, i : i + 128] for i in range(0, SAMPLES, 32)], axis=1)
    expected = np.abs(np.fft.rfft(frames * window)) * 2 / window.sum()
    np.testing.assert_allclose(SPECTROGRAM.magnitudes(X), expected, atol=1e-6)


@pytest.fixture(scope="module")
def on():
    likelihood = {"name": "discretized_logistic", "low": 0, "high": 255}
    shape = SPECTROGRAM.event_shape
    options = {"filters": (4,), "dense_units": 8, "condition": 2, "seed": 0}
    vae = keras_vae.ConvVAE(shape, 2, likelihood, **options)
    prepare = Preprocessor(Scaling(shape), levels=LEVELS, spectrogram=SPECTROGRAM)
    vae.preprocessor = prepare
    y = np.arange(6) % 2
    return HeldOut(vae, X, y, lambda: (X, y), num_samples=3)


@pytest.mark.parametrize("name", ["sounds", "classes", "images", "frechet"])
def test_metrics_of_sounds(on, name, monkeypatch):
    monkeypatch.setattr(metrics, "_SOUNDS_OF_EACH_CLASS", 2)
    monkeypatch.setattr(metrics, "_READER_STEPS", 2)
    monkeypatch.setattr(metrics, "_READER_EPOCHS", 1)
    found = evaluate_metrics(name, on)[name]
    scores = [one for one in found.values() if isinstance(one, dict)]
    assert scores and all(np.isfinite(one["mean"]) for one in scores)
    if name == "sounds":
        there_and_back = SPECTROGRAM.inverse(SPECTROGRAM(X))
        expected = spectral_convergence(SPECTROGRAM, X, there_and_back).mean()
        assert found["round_trip_convergence"]["mean"] == pytest.approx(expected)
        # A model that has learned nothing is farther off.
        assert (
            found["reconstruction_distance"]["mean"] > found["round_trip_distance"]["mean"]
        )
    if name == "classes":
        assert {"round_trip_accuracy", "reconstruction_accuracy"} <= set(found)


def test_silence_is_left_out_and_counted(on):
    x = np.concatenate([np.zeros((2, SAMPLES), "f4"), X])
    silent = replace(on, x=x, y=np.concatenate([[1, 0], on.y]))
    found = evaluate_metrics("sounds", silent)["sounds"]
    assert (found.pop("num_examples"), found.pop("num_silent")) == (6, 2)
    expected = evaluate_metrics("sounds", on)["sounds"]
    for name, score in found.items():
        assert score["mean"] == pytest.approx(expected[name]["mean"], rel=1e-4)
    with pytest.raises(ValueError, match="All 2 sounds are silent"):
        evaluate_metrics("sounds", replace(on, x=x[:2], y=on.y[:2]))
    with pytest.raises(ValueError, match="x holds silent sounds"):
        spectral_convergence(SPECTROGRAM, x, x)


def test_models_of_other_data_have_no_such_metric():
    vae = keras_vae.DenseVAE((8, 8, 1), 2, hidden_units=(4,))
    with pytest.raises(ValueError, match="'sounds' is for sounds"):
        evaluate_metrics("sounds", HeldOut(vae, np.zeros((2, 8, 8, 1))))
