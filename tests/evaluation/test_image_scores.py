"""Sharpness, nearness and attributes of images."""

import keras
import numpy as np
import pytest
from scipy import ndimage

import keras_vae
from keras_vae import evaluation
from keras_vae.core.seeds import fold
from keras_vae.evaluation import (
    attribute_features,
    attribute_reader,
    attribute_similarity,
    describe_scores,
    grain,
    held_out_scores,
    image_scores,
    peak_signal_to_noise,
    ratio_of_means,
    sharpness,
)

RNG = np.random.default_rng(0)
IMAGES = RNG.uniform(size=(5, 9, 7, 3))


def test_sharpness_is_the_variance_of_scipys_laplacian():
    expected = [ndimage.laplace(image.mean(axis=-1))[1:-1, 1:-1].var() for image in IMAGES]
    np.testing.assert_allclose(sharpness(IMAGES), expected, rtol=1e-12)


def test_blur_lowers_sharpness_and_brightness_does_not():
    blurred = ndimage.gaussian_filter(IMAGES, (0, 1, 1, 0))
    assert (sharpness(blurred) < 0.2 * sharpness(IMAGES)).all()
    np.testing.assert_allclose(sharpness(IMAGES + 3.0), sharpness(IMAGES), rtol=1e-9)
    ramp = np.linspace(0, 1, 9)[None, :, None, None] * np.ones((1, 9, 9, 1))
    np.testing.assert_allclose(sharpness(ramp), 0.0, atol=1e-12)


@pytest.mark.parametrize("shape", [(5, 9, 7), (5, 2, 7, 1)])
def test_sharpness_is_of_images(shape):
    with pytest.raises(ValueError, match="at least 3 x 3"):
        sharpness(np.zeros(shape))


def test_grain_of_noise_is_4_and_of_a_smooth_image_one_sixteenth():
    noise = RNG.normal(size=(40, 64, 64, 1))
    # Twenty variances of a pixel over twenty of a mean of four.
    values = grain(noise)
    assert abs(values.mean() - 4.0) < 4 * values.std() / np.sqrt(len(values))
    # Steps of two pixels make second differences of a cubic four times as large.
    cubic = np.linspace(0, 1, 256)[None, :, None, None] ** 3 * np.ones((1, 256, 256, 1))
    np.testing.assert_allclose(grain(cubic), 1 / 16, rtol=0.05)
    np.testing.assert_allclose(grain(3.0 * noise + 5.0), values, rtol=1e-9)
    assert grain(np.ones((1, 8, 8, 1))) == 0.0
    with pytest.raises(ValueError, match="at least 6 x 6"):
        grain(np.zeros((1, 5, 8, 1)))


def test_psnr_of_a_known_error():
    np.testing.assert_allclose(peak_signal_to_noise(IMAGES, IMAGES + 0.1), 20.0)
    np.testing.assert_allclose(
        peak_signal_to_noise(255 * IMAGES, 255 * IMAGES + 25.5, (0, 255)), 20.0
    )
    assert np.isinf(peak_signal_to_noise(IMAGES, IMAGES)).all()
    with pytest.raises(ValueError, match="shapes"):
        peak_signal_to_noise(IMAGES, IMAGES[:2])


@pytest.mark.parametrize("paired", [True, False])
def test_the_error_of_a_ratio_is_that_of_repetitions(paired):
    rng = np.random.default_rng(1)
    below = rng.gamma(4.0, size=(4000, 200))
    noise = rng.gamma(9.0, size=(4000, 200))
    above = below + noise if paired else noise
    found = [ratio_of_means(a, b, paired) for a, b in zip(above, below, strict=True)]
    spread = np.std([one["mean"] for one in found])
    errors = np.mean([one["standard_error"] for one in found])
    # 4,000 repetitions know their spread to about 1.1%.
    assert errors == pytest.approx(spread, rel=0.05)
    assert ratio_of_means(above[0, :1], below[0, :1], paired)["standard_error"] is None


def test_attribute_similarity_at_its_limits():
    true = np.array([[0, 1, 1], [1, 0, 0]])
    np.testing.assert_allclose(attribute_similarity(true, true), 1.0)
    np.testing.assert_allclose(attribute_similarity(1 - true, true), -1.0)
    np.testing.assert_allclose(attribute_similarity(np.full((2, 3), 0.5), true), 0.0)
    with pytest.raises(ValueError, match="shape"):
        attribute_similarity(true[:1], true)


@pytest.mark.slow
def test_a_reader_learns_what_can_be_seen():
    rng = np.random.default_rng(2)
    attributes = rng.integers(0, 2, (256, 2))
    x = rng.uniform(0, 0.2, (256, 16, 16, 1)).astype("float32")
    x[:, :8] += 0.6 * attributes[:, 0, None, None, None]
    x[:, 8:] += 0.6 * attributes[:, 1, None, None, None]
    reader = attribute_reader(x[:192], attributes[:192], epochs=12)
    read = reader.predict(x[192:], verbose=0)
    assert attribute_similarity(read, attributes[192:]).mean() > 0.8
    # The reader's head, of one place, reads off what the extractor gives.
    see = attribute_features(reader)
    features = see(x[192:])
    assert see.name == "attribute_reader" and features.shape == (64, 128)
    kernel, bias = reader.layers[-1].get_weights()
    assert kernel.shape[0] == 4 * 128
    body = next(layer for layer in reader.layers if hasattr(layer, "layers"))
    last = np.asarray(body(x[192:], training=False)[-1])
    np.testing.assert_allclose(features, last.mean(axis=(1, 2)), rtol=1e-4, atol=1e-5)
    odds = last.reshape(64, -1) @ kernel + bias
    np.testing.assert_allclose(1 / (1 + np.exp(-odds)), read, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("shape", [(6,), (5, 2)])
def test_a_reader_refuses_attributes_that_do_not_fit(shape):
    with pytest.raises(ValueError, match="images"):
        attribute_reader(np.zeros((6, 8, 8, 1)), np.zeros(shape))


def test_scores_of_a_vae_gan_are_those_of_what_it_shows():
    keras.utils.set_random_seed(0)
    model = keras_vae.VAEGAN.for_images((8, 8, 1), 2, filters=(2,))
    x = RNG.uniform(size=(12, 8, 8, 1)).astype("float32")
    scores = held_out_scores(model, x, num_samples=9, seed=1)
    assert scores == image_scores(model, x, num_samples=9, seed=1)
    shown = np.clip(model.reconstruct(x), 0, 1)
    assert scores["psnr"]["mean"] == pytest.approx(peak_signal_to_noise(x, shown).mean())
    assert scores["sharpness_of_reconstructions"]["mean"] == pytest.approx(
        sharpness(shown).mean() / sharpness(x).mean()
    )
    drawn = np.clip(model.sample(9, seed=1), 0, 1)
    assert scores["sharpness_of_samples"]["mean"] == pytest.approx(
        sharpness(drawn).mean() / sharpness(x).mean()
    )
    assert scores["feature_distance"]["mean"] == pytest.approx(
        np.mean(model.play(model.trace(x, 1, fold(1, 0))).feature_distance), rel=1e-5
    )
    text = describe_scores(scores)
    assert "12 held-out examples (and 9 samples)" in text and "feature distance" in text
    limited = image_scores(model, x, 9, seed=1, limit=5)
    assert limited["num_examples"] == 5 and limited != scores


def test_an_exact_reconstruction_has_a_finite_score(monkeypatch):
    model = keras_vae.ConvVAE((8, 8, 1), 2, filters=(2,))
    x = RNG.integers(0, 2, (6, 8, 8, 1)).astype("float32")
    monkeypatch.setattr(model, "reconstruct", lambda x, y: x)
    assert evaluation.image_scores(model, x, num_samples=2)["psnr"]["mean"] == 100


def test_images_of_a_vae_can_be_scored_too():
    model = keras_vae.ConvVAE((8, 8, 1), 2, filters=(2,))
    x = RNG.integers(0, 2, (6, 8, 8, 1)).astype("float32")
    scores = evaluation.image_scores(model, x, num_samples=4)
    assert "feature_distance" not in scores and np.isfinite(scores["psnr"]["mean"])
