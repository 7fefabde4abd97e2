"""From images as models see them to pixels, and pixels laid out as one picture."""

from __future__ import annotations

import math

import numpy as np

from keras_vae.core.numbers import positive_int

# What shows between the images: the colour of a page.
BACKGROUND = 255

# A picture is enlarged to this width, unless it would become taller than that height.
_MIN_WIDTH = 600
_MAX_HEIGHT = 1800

# Bytes up to this value are greys of 4 bits, as in scikit-learn's digits: with 255 as
# white, the images would be black.
_FEW_GREYS = 16


def check_event(shape: tuple[int, ...], what: str) -> None:
    """Refuses events that are not images.

    Args:
        shape: Shape of one observation.
        what: Name of the observations in the message.

    Raises:
        ValueError: If the shape is not [H, W, 1] or [H, W, 3].
    """
    shape = tuple(shape)
    if len(shape) == 1:
        raise ValueError(
            f"{what} are vectors of {shape[0]} numbers, which cannot be shown as images. "
            "Images have the shape (height, width, channels)."
        )
    if len(shape) != 3:
        raise ValueError(
            f"{what} have the shape {shape}, but images have (height, width, channels). "
            "If the channel axis is missing, add it: images[..., np.newaxis]."
        )
    if 0 in shape:
        raise ValueError(f"{what} have the shape {shape}: there are no pixels.")
    if shape[-1] not in (1, 3):
        raise ValueError(
            f"{what} have {shape[-1]} channels, shape {shape}; a picture has 1 (grey) or "
            "3 (red, green, blue). Pick the channels to show: images[..., :3]."
        )


def to_pixels(
    images: np.ndarray,
    value_range: tuple[float, float] | None = None,
    name: str = "images",
) -> np.ndarray:
    """Turns images of any range into bytes of red, green and blue.

    Args:
        images: Numbers [N, H, W, C], C = 1 or 3.
        value_range: Values shown as black and as white; those beyond are clipped. None
            is (0, 255) for uint8, (0, 16) where no byte is larger, as in 4-bit greys, and
            (0, 1) for booleans and for floats within [0, 1].
        name: Name of the images in messages.

    Returns:
        Array uint8 [N, H, W, 3].

    Raises:
        ValueError: If these are not images, there are none, a value is NaN or infinite,
            or a range must be given.
    """
    images = np.asarray(images)
    check_event(images.shape[1:], name)
    if not len(images):
        raise ValueError(f"{name} is empty: it has shape {images.shape}.")
    if images.dtype.kind not in "biuf":
        raise ValueError(f"{name} must hold numbers, but has dtype {images.dtype}.")
    bad = np.count_nonzero(~np.isfinite(images))
    if bad:
        raise ValueError(
            f"{name} has {bad} of {images.size} values that are NaN or infinite, which "
            "have no colour."
        )
    low, high = _guess_range(images, name) if value_range is None else value_range
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError(
            "value_range must be (low, high) with low < high, both finite, but is "
            f"({low!r}, {high!r})."
        )
    unit = (images.astype(np.float64) - low) / (high - low)
    pixels = np.round(np.clip(unit, 0.0, 1.0) * 255.0).astype(np.uint8)
    return np.broadcast_to(pixels, (*pixels.shape[:-1], 3))


def _guess_range(images, name):
    low, high = images.min(), images.max()
    if images.dtype == np.uint8:
        # 0 and 1 in bytes are binary data or all but black.
        if high != 1:
            return 0, 255 if high > _FEW_GREYS else _FEW_GREYS
    elif images.dtype == bool or (images.dtype.kind == "f" and low >= 0.0 and high <= 1.0):
        return 0, 1
    raise ValueError(
        f"{name} ({images.dtype}) hold values from {low:g} to {high:g}, which does not "
        "tell what is black and what is white. Give value_range=(low, high), such as "
        "(0, 1), (-1, 1) or (0, 255)."
    )


def lay_out(
    tiles: np.ndarray,
    row_gaps: list[int],
    padding: int = 2,
    scale: int | None = None,
) -> np.ndarray:
    """Joins tiles to one picture.

    Args:
        tiles: Pixels, uint8 [rows, columns, h, w, 3].
        row_gaps: Pixels between each row and the next, rows - 1 numbers.
        padding: Pixels between columns.
        scale: Side of the square of pixels that each pixel of a tile becomes. None is
            the smallest that makes the picture 600 pixels wide, as long as it stays
            below 1800 in height.

    Returns:
        Array uint8 [H, W, 3]. Gaps have no part in the enlarging, and there are none
        around the picture.

    Raises:
        ValueError: If `padding` or `scale` is not a whole number of pixels.
    """
    rows, columns, h, w, _ = tiles.shape
    if isinstance(padding, bool) or not hasattr(padding, "__index__") or padding < 0:
        raise ValueError(f"padding must be an integer of at least 0, but is {padding!r}.")
    if scale is None:
        scale = math.ceil((_MIN_WIDTH - (columns - 1) * padding) / (columns * w))
        scale = max(1, min(scale, (_MAX_HEIGHT - sum(row_gaps)) // (rows * h)))
    positive_int(scale, "scale")
    tiles = tiles.repeat(scale, axis=2).repeat(scale, axis=3)
    h, w = h * scale, w * scale
    picture = np.full(
        (rows * h + sum(row_gaps), columns * (w + padding) - padding, 3),
        BACKGROUND,
        np.uint8,
    )
    top = 0
    for row, gap in zip(tiles, [*row_gaps, 0], strict=True):
        for column, tile in enumerate(row):
            left = column * (w + padding)
            picture[top : top + h, left : left + w] = tile
        top += h + gap
    return picture


def in_rows(pixels: np.ndarray, columns: int) -> np.ndarray:
    """Breaks a sequence of tiles into rows, the last filled up with background.

    Args:
        pixels: Tiles, uint8 [N, h, w, 3].
        columns: Tiles in a row.

    Returns:
        Array uint8 [rows, columns, h, w, 3].

    Raises:
        ValueError: If `columns` is not a positive whole number.
    """
    positive_int(columns, "columns")
    n, *shape = pixels.shape
    rows = math.ceil(n / columns)
    filled = np.full((rows * columns, *shape), BACKGROUND, np.uint8)
    filled[:n] = pixels
    return filled.reshape(rows, columns, *shape)
