"""The sharpness of images, and the accuracy of reconstructions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tensorflow as tf

from keras_vae.core.batches import in_batches
from keras_vae.evaluation.errors import mean_and_error
from keras_vae.evaluation.held_out import limited
from keras_vae.models import LatentVariableModel

# The window of structural similarity, and the number of images at a time.
_WINDOW, _AT_A_TIME = 11, 100
# The error of an exact reconstruction has no logarithm.
_MOST_DECIBELS = 100.0


def sharpness(images) -> np.ndarray:
    """Returns the variance of the Laplacian of each image, a common measure of focus.

    Args:
        images: Array [N, height, width, channels] of at least 3 x 3 pixels.

    Returns:
        Array [N], squared units of the images. Noise counts as sharpness, too: look at
        the pictures.

    Raises:
        ValueError: If the array holds no images.

    Example:
        >>> sharpness(vae.reconstruct(x)).mean() / sharpness(x).mean()

    Source:
        Pech-Pacheco et al. 2000, "Diatom autofocusing in brightfield microscopy".
    """
    images = np.asarray(images)
    if images.ndim != 4 or min(images.shape[1:3]) < 3:
        raise ValueError(
            "sharpness is of images [N, height, width, channels] with at least 3 x 3 "
            f"pixels, but got shape {images.shape}."
        )
    starts = range(0, max(len(images), 1), _AT_A_TIME)
    return np.concatenate([_sharpness(images[i : i + _AT_A_TIME]) for i in starts])


def _sharpness(images):
    grey = images.astype(np.float64).mean(axis=-1)
    middle = grey[:, 1:-1, 1:-1]
    beside = grey[:, 1:-1, :-2] + grey[:, 1:-1, 2:]
    above = grey[:, :-2, 1:-1] + grey[:, 2:, 1:-1]
    return (beside + above - 4.0 * middle).var(axis=(1, 2))


def grain(images) -> np.ndarray:
    """Returns how much of an image's detail is in single pixels, not in larger structures.

    This is the variance of the Laplacian divided by that of the image at half its size,
    where each pixel is the mean of 2 x 2. It is 4 for independent noise and 1/16 for smooth
    images; noise on an image raises it, and blur lowers it, whatever the contrast.
    `sharpness` measures how much detail there is, and this measures its kind: samples
    should have the grain of the data.

    Args:
        images: Array [N, height, width, channels] of at least 6 x 6 pixels.

    Returns:
        Array [N], without a unit; 0 if an image has no detail at half its size.

    Raises:
        ValueError: If the array holds no such images.

    Example:
        >>> grain(vae.sample(100)).mean(), grain(x).mean()
    """
    images = np.asarray(images)
    if images.ndim != 4 or min(images.shape[1:3]) < 6:
        raise ValueError(
            "grain is of images [N, height, width, channels] with at least 6 x 6 pixels, "
            f"but got shape {images.shape}."
        )
    n, height, width, channels = images.shape
    even = images[:, : height // 2 * 2, : width // 2 * 2].astype(np.float64)
    halves = even.reshape(n, height // 2, 2, width // 2, 2, channels).mean(axis=(2, 4))
    coarse = sharpness(halves)
    ratio = np.zeros(n)
    return np.divide(sharpness(images), coarse, out=ratio, where=coarse > 1e-12)


def peak_signal_to_noise(x, other, value_range=(0.0, 1.0)) -> np.ndarray:
    """Returns the peak signal-to-noise ratio of images, in decibels.

    Args:
        x: Images [N, height, width, channels].
        other: As many others.
        value_range: Values of black and white.

    Returns:
        Array [N]: 10 log10(range^2 / mean squared error); infinite if they are equal.

    Raises:
        ValueError: If the shapes differ.

    Example:
        >>> black = np.zeros((1, 28, 28, 1))
        >>> peak_signal_to_noise(black, black + 0.1).round(3)
        array([20.], dtype=float32)
    """
    return _of_two(tf.image.psnr, x, other, value_range)


def structural_similarity(x, other, value_range=(0.0, 1.0)) -> np.ndarray:
    """Returns the similarity of means, contrasts and patterns in small windows of images.

    Args:
        x: Images [N, height, width, channels] of at least 11 x 11 pixels.
        other: As many others.
        value_range: Values of black and white.

    Returns:
        Array [N], at most 1, the value of equal images.

    Raises:
        ValueError: If the shapes differ, or are not those of large enough images.

    Example:
        >>> structural_similarity(x, vae.reconstruct(x)).mean()

    Source:
        Wang et al. 2004, "Image quality assessment: from error visibility to structural
        similarity", equation 13, with its Gaussian window of 11 x 11 pixels and sigma 1.5.
    """
    if np.ndim(x) != 4 or min(np.shape(x)[1:3]) < _WINDOW:
        raise ValueError(
            "Structural similarity is of two arrays of images [N, height, width, channels] "
            f"with at least {_WINDOW} x {_WINDOW} pixels, but got shape {np.shape(x)}."
        )
    return _of_two(tf.image.ssim, x, other, value_range)


def _of_two(function, x, other, value_range):
    """Applies a function of TensorFlow to some images at a time."""
    x, other = np.asarray(x), np.asarray(other)
    if x.shape != other.shape:
        raise ValueError(f"The images have shapes {x.shape} and {other.shape}.")
    black, white = value_range

    def score(images, _):
        first, second = (tf.cast(one, tf.float32) - black for one in images)
        return function(first, second, max_val=float(white - black))

    return in_batches(score, (x, other), _AT_A_TIME)


def image_scores(
    model: LatentVariableModel,
    x,
    num_samples: int = 500,
    seed: int = 0,
    limit: int | None = None,
    y=None,
) -> dict[str, Any]:
    """Scores the images of a model: reconstructions of held-out images, and samples.

    Args:
        model: The model.
        x: Images [N, height, width, channels], or sounds, whose spectrograms are scored.
        num_samples: Number of samples from the prior.
        seed: Same seed, same scores.
        limit: Number of images to score, drawn at random; None scores all.
        y: The condition of each image, for a model that has one; samples have the same
            conditions in turn.

    Returns:
        `num_examples`, `num_samples`, and `{"mean", "standard_error"}` of `psnr`
        (decibels, 100 for exact reconstructions), `ssim` (of images of at least 11 x 11 pixels),
        `sharpness_of_reconstructions` and `sharpness_of_samples` (mean variance of the
        Laplacian over that of the originals; 1 is as sharp), and scores that only this kind
        of model has (`own_scores`), such as a VAE-GAN's `feature_distance` (nats). Values
        beyond black and white are clipped, as in a picture.

    Example:
        >>> image_scores(vae_gan, x_test)["sharpness_of_samples"]
    """
    x, y = limited((x, y), limit, seed)
    value_range = model.shown_range
    reconstructions = np.clip(model.pictures(model.reconstruct(x, y)), *value_range)
    of_samples = None if y is None else np.asarray(y)[np.arange(num_samples) % len(y)]
    samples = model.pictures(model.sample(num_samples, of_samples, seed))
    samples = np.clip(samples, *value_range)
    own = model.own_scores(x, seed)
    x = model.pictures(x)
    originals = sharpness(x)
    scores = {
        "num_examples": len(x),
        "num_samples": num_samples,
        "psnr": mean_and_error(
            np.minimum(
                peak_signal_to_noise(x, reconstructions, value_range), _MOST_DECIBELS
            )
        ),
        "sharpness_of_reconstructions": ratio_of_means(
            sharpness(reconstructions), originals, paired=True
        ),
        "sharpness_of_samples": ratio_of_means(sharpness(samples), originals, paired=False),
    }
    if min(x.shape[1:3]) >= _WINDOW:
        scores["ssim"] = mean_and_error(
            structural_similarity(x, reconstructions, value_range)
        )
    for name, values in own.items():
        scores[name] = mean_and_error(values)
    return scores


def ratio_of_means(values, originals, paired: bool) -> dict[str, float | None]:
    """Returns a ratio of means and its standard error, to first order (the delta method).

    Args:
        values: Numerators, [N].
        originals: Denominators, [M].
        paired: Whether the i-th value and the i-th original belong together.

    Returns:
        `mean`, the ratio, and `standard_error`, which is None for a single example.

    Example:
        >>> ratio_of_means(np.array([1.0, 3.0]), np.array([2.0, 6.0]), paired=True)
        {'mean': 0.5, 'standard_error': 0.0}
    """
    ratio = float(values.mean() / originals.mean())
    if len(values) < 2 or len(originals) < 2:
        return {"mean": ratio, "standard_error": None}
    if paired:
        variance = (values - ratio * originals).var(ddof=1) / len(values)
    else:
        variance = values.var(ddof=1) / len(values)
        variance += ratio**2 * originals.var(ddof=1) / len(originals)
    error = math.sqrt(variance) / originals.mean()
    return {"mean": ratio, "standard_error": float(error)}
