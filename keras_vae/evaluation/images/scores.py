"""How sharp images are, and how near reconstructions come."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from keras_vae.core.seeds import fold
from keras_vae.evaluation.errors import mean_and_error
from keras_vae.evaluation.held_out import draw_rows
from keras_vae.evaluation.images.ssim import in_chunks, structural_similarity
from keras_vae.models import VAE, VAEGAN


def sharpness(images) -> np.ndarray:
    """Returns the variance of the Laplacian of each image, the usual measure of focus.

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
    return in_chunks(_sharpness, images)


def _sharpness(images):
    grey = images.astype(np.float64).mean(axis=-1)
    middle = grey[:, 1:-1, 1:-1]
    beside = grey[:, 1:-1, :-2] + grey[:, 1:-1, 2:]
    above = grey[:, :-2, 1:-1] + grey[:, 2:, 1:-1]
    return (beside + above - 4.0 * middle).var(axis=(1, 2))


def peak_signal_to_noise(x, other, value_range=(0.0, 1.0)) -> np.ndarray:
    """Returns how near images come to others, in decibels.

    Args:
        x: Images [N, *event].
        other: As many others.
        value_range: Values of black and white.

    Returns:
        Array [N]: 10 log10(range^2 / mean squared error); infinite where they are equal.

    Raises:
        ValueError: If the shapes differ.
    """
    x, other = np.asarray(x), np.asarray(other)
    if x.shape != other.shape:
        raise ValueError(f"The images have shapes {x.shape} and {other.shape}.")
    error = in_chunks(_squared_error, x, other)
    with np.errstate(divide="ignore"):
        return 10.0 * np.log10((value_range[1] - value_range[0]) ** 2 / error)


def _squared_error(x, other):
    difference = x.astype(np.float64) - other
    return np.square(difference).reshape(len(x), -1).mean(axis=1)


def image_scores(
    model: VAE,
    x,
    num_samples: int = 500,
    seed: int = 0,
    limit: int | None = None,
    value_range: tuple[float, float] = (0.0, 1.0),
) -> dict[str, Any]:
    """Scores what a model shows: reconstructions of held-out images, and samples.

    Args:
        model: The model.
        x: Images [N, height, width, channels], in the model's units.
        num_samples: Number of samples from the prior.
        seed: Same seed, same scores.
        limit: Score that many images, drawn at random; None scores all.
        value_range: Values of black and white; what lies outside is cut off, as a
            picture does.

    Returns:
        `num_examples`, `num_samples`, and `{"mean", "standard_error"}` of `psnr`
        (decibels), `ssim` (of images of at least 11 x 11 pixels),
        `sharpness_of_reconstructions` and `sharpness_of_samples` (mean variance of the
        Laplacian over that of the originals; 1 is as sharp), and of a VAE-GAN
        `feature_distance` (nats, at one draw of z for each image).

    Example:
        >>> image_scores(vae_gan, x_test)["sharpness_of_samples"]
    """
    if limit is not None and limit < len(x):
        x = x[draw_rows(len(x), limit, seed)]
    reconstructions = np.clip(model.reconstruct(x), *value_range)
    samples = np.clip(model.sample(num_samples, seed=seed), *value_range)
    originals = sharpness(x)
    scores = {
        "num_examples": len(x),
        "num_samples": num_samples,
        "psnr": mean_and_error(peak_signal_to_noise(x, reconstructions, value_range)),
        "sharpness_of_reconstructions": ratio_of_means(
            sharpness(reconstructions), originals, paired=True
        ),
        "sharpness_of_samples": ratio_of_means(sharpness(samples), originals, paired=False),
    }
    if min(x.shape[1:3]) >= 11:
        scores["ssim"] = mean_and_error(
            structural_similarity(x, reconstructions, value_range)
        )
    if isinstance(model, VAEGAN):
        distances = [
            model.play(x[i : i + 100], seed=fold(seed, i)).feature_distance.numpy()
            for i in range(0, len(x), 100)
        ]
        scores["feature_distance"] = mean_and_error(np.concatenate(distances))
    return scores


def ratio_of_means(values, originals, paired: bool) -> dict[str, float | None]:
    """Returns a ratio of means and its standard error, to first order (the delta method).

    Args:
        values: Numbers above the line, [N].
        originals: Numbers below it, [M].
        paired: Whether value and original of the same place belong together.

    Returns:
        `mean`, the ratio, and `standard_error`; None of a single example.
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
