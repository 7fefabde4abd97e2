"""Structural similarity of images."""

from __future__ import annotations

import numpy as np

# Of Wang et al. 2004: the window, its standard deviation, and the two constants.
_WINDOW, _SIGMA, _K1, _K2 = 11, 1.5, 0.01, 0.03
_AT_A_TIME = 100


def structural_similarity(x, other, value_range=(0.0, 1.0)) -> np.ndarray:
    """Returns how alike images are in the means, contrasts and patterns of small windows.

    The mean over all places where the window lies inside the image, and over channels.

    Args:
        x: Images [N, height, width, channels] of at least 11 x 11 pixels.
        other: As many others.
        value_range: Values of black and white.

    Returns:
        Array [N], at most 1, which equal images have.

    Raises:
        ValueError: If the shapes differ or are not those of such images.

    Example:
        >>> structural_similarity(x, vae.reconstruct(x)).mean()

    Source:
        Wang et al. 2004, "Image quality assessment: from error visibility to structural
        similarity", equation 13, with its Gaussian window of 11 x 11 pixels and sigma 1.5.
    """
    x, other = np.asarray(x), np.asarray(other)
    if x.shape != other.shape or x.ndim != 4 or min(x.shape[1:3]) < _WINDOW:
        raise ValueError(
            "Structural similarity is of two arrays of images [N, height, width, channels] "
            f"with at least {_WINDOW} x {_WINDOW} pixels, but got shapes {x.shape} and "
            f"{other.shape}."
        )
    span = value_range[1] - value_range[0]
    return in_chunks(lambda x, other: _similarity(x, other, span), x, other)


def in_chunks(function, *images) -> np.ndarray:
    """Applies a function to some images at a time, so that memory stays bounded.

    Args:
        function: Called with arrays [B, *event], returns an array [B].
        *images: Arrays [N, *event].

    Returns:
        Array [N].
    """
    chunks = [
        slice(i, i + _AT_A_TIME) for i in range(0, max(1, len(images[0])), _AT_A_TIME)
    ]
    return np.concatenate([function(*(one[rows] for one in images)) for rows in chunks])


def _similarity(x, other, span):
    x, other = x.astype(np.float64), other.astype(np.float64)
    mean_x, mean_other = _blur(x), _blur(other)
    var_x = _blur(x * x) - mean_x**2
    var_other = _blur(other * other) - mean_other**2
    covariance = _blur(x * other) - mean_x * mean_other
    c1, c2 = (_K1 * span) ** 2, (_K2 * span) ** 2
    luminance = (2 * mean_x * mean_other + c1) / (mean_x**2 + mean_other**2 + c1)
    structure = (2 * covariance + c2) / (var_x + var_other + c2)
    return (luminance * structure).mean(axis=(1, 2, 3))


def _blur(x):
    """Weighted means over windows, along one axis and then the other."""
    place = np.arange(_WINDOW) - _WINDOW // 2
    weights = np.exp(-0.5 * np.square(place / _SIGMA))
    weights /= weights.sum()
    for axis in (1, 2):
        size = x.shape[axis] - _WINDOW + 1
        x = sum(
            weight * np.take(x, range(start, start + size), axis)
            for start, weight in enumerate(weights)
        )
    return x
