"""Many images as one picture."""

from __future__ import annotations

import math
import os

import numpy as np

from keras_vae.plots.pixels import in_rows, lay_out, to_pixels
from keras_vae.plots.saving import save_image

# The gap below a pair of rows, in gaps within it: what belongs together stands together.
_PAIR_GAP = 5


def image_grid(
    images: np.ndarray,
    columns: int | None = None,
    value_range: tuple[float, float] | None = None,
    padding: int = 2,
    scale: int | None = None,
) -> np.ndarray:
    """Makes one picture of many images, row by row.

    Args:
        images: Numbers [N, H, W, C]; C = 1 is grey, C = 3 red, green and blue.
        columns: Images in a row. None makes the picture about as wide as high, or a
            little wider where that leaves no empty place.
        value_range: Values (low, high) shown as black and as white, such as a model's
            `shown_range`; those beyond are clipped. None is (0, 255) for uint8, (0, 16)
            where no byte is larger, as in 4-bit greys, and (0, 1) for booleans and for
            floats within [0, 1]. Bytes that are all 0 or 1 could be meant either way, so
            there it must be given.
        padding: Pixels between images.
        scale: How many times to enlarge, without blurring. None is as often as it takes
            to make the picture 600 pixels wide, but not more than 1800 high.

    Returns:
        The picture, uint8 [height, width, 3].

    Raises:
        ValueError: If these are not images of 1 or 3 channels, there are none, a value
            is NaN or infinite, or a range must be given.

    Example:
        >>> image_grid(vae.sample(64)).shape
        (686, 686, 3)
    """
    pixels = to_pixels(images, value_range)
    tiles = in_rows(pixels, _columns(len(pixels)) if columns is None else columns)
    return lay_out(tiles, [padding] * (len(tiles) - 1), padding, scale)


def save_image_grid(
    images: np.ndarray,
    path: str | os.PathLike,
    columns: int | None = None,
    value_range: tuple[float, float] | None = None,
    padding: int = 2,
    scale: int | None = None,
) -> None:
    """Writes the picture of `image_grid` as a PNG file, as `save_image` does.

    Args:
        images: Numbers [N, H, W, C].
        path: Where to write; must end in `.png`.
        columns: See `image_grid`.
        value_range: See `image_grid`.
        padding: See `image_grid`.
        scale: See `image_grid`.

    Raises:
        ValueError: As `image_grid` and `save_image`.

    Example:
        >>> save_image_grid(vae.sample(64), "samples.png")
    """
    save_image(image_grid(images, columns, value_range, padding, scale), path)


def reconstruction_pairs(
    originals: np.ndarray,
    reconstructions: np.ndarray,
    columns: int | None = None,
    value_range: tuple[float, float] | None = None,
    padding: int = 2,
    scale: int | None = None,
) -> np.ndarray:
    """Makes one picture of originals, each with its reconstruction below it.

    Args:
        originals: Numbers [N, H, W, C], C = 1 or 3.
        reconstructions: As many, of the same shape; the i-th belongs to the i-th.
        columns: Pairs in a row; None is at most 12.
        value_range: Values (low, high) shown as black and as white in both. None finds
            it for each of the two as `image_grid` does.
        padding: Pixels between images; below a row of pairs there are five times as
            many.
        scale: How many times to enlarge; None as in `image_grid`.

    Returns:
        The picture, uint8 [height, width, 3].

    Raises:
        ValueError: As `image_grid`, or if the two differ in shape.

    Example:
        >>> picture = reconstruction_pairs(x_test[:20], vae.reconstruct(x_test[:20]))
    """
    shapes = np.shape(originals), np.shape(reconstructions)
    if shapes[0] != shapes[1]:
        raise ValueError(
            "originals and reconstructions must have the same shape, but have "
            f"{shapes[0]} and {shapes[1]}."
        )
    above = to_pixels(originals, value_range, "originals")
    below = to_pixels(reconstructions, value_range, "reconstructions")
    columns = _pair_columns(len(above)) if columns is None else columns
    tiles = np.stack([in_rows(above, columns), in_rows(below, columns)], axis=1)
    gaps = [padding, _PAIR_GAP * padding] * len(tiles)
    return lay_out(tiles.reshape(-1, *tiles.shape[2:]), gaps[:-1], padding, scale)


def save_reconstruction_pairs(
    originals: np.ndarray,
    reconstructions: np.ndarray,
    path: str | os.PathLike,
    columns: int | None = None,
    value_range: tuple[float, float] | None = None,
    padding: int = 2,
    scale: int | None = None,
) -> None:
    """Writes the picture of `reconstruction_pairs` as a PNG file, as `save_image` does.

    Args:
        originals: Numbers [N, H, W, C].
        reconstructions: As many, of the same shape.
        path: Where to write; must end in `.png`.
        columns: See `reconstruction_pairs`.
        value_range: See `reconstruction_pairs`.
        padding: See `reconstruction_pairs`.
        scale: See `reconstruction_pairs`.

    Raises:
        ValueError: As `reconstruction_pairs` and `save_image`.

    Example:
        >>> save_reconstruction_pairs(x, vae.reconstruct(x), "reconstructions.png")
    """
    picture = reconstruction_pairs(
        originals, reconstructions, columns, value_range, padding, scale
    )
    save_image(picture, path)


def _columns(n):
    """The width nearest to a square that leaves no empty place, if there is one."""
    square = math.isqrt(n - 1) + 1
    widths = [c for c in range(square, 2 * square + 1) if n % c == 0]
    return widths[0] if widths else square


def _pair_columns(n):
    widths = [c for c in range(6, 13) if n % c == 0]
    return widths[-1] if widths else min(n, 10)
