"""Sprites: drawn images with known factors of variation, in the style of dSprites."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from keras_vae.core.numbers import positive_int
from keras_vae.data.dataset import SPLITS, DataSet

_SIZE = 64
_SHAPES = ("square", "ellipse", "heart")
# Half the side, the long half axis and the half width at scale 1, in pixels. The largest
# sprite fits into a stamp in every rotation. The fractions keep all pixels off the edges, so
# rounding does not matter.
_EXTENTS = (10.137, 13.171, 10.533)
# A sprite is drawn on a stamp of 31 x 31 pixels, which is then moved by whole pixels.
_STAMP = 31


class Sprites:
    """All 737,280 images of a white shape on black, drawn on demand.

    There are five independent factors; each is an index from 0:

    | factor | values |
    |---|---|
    | shape | square, ellipse, heart |
    | scale | 6, from 0.5 to 1 |
    | rotation | 40, from 0 to below 2 pi |
    | x | 32 centres, a pixel apart |
    | y | 32 |

    Pixels are 0 or 1, four rotations of a square look alike, and two of an ellipse, as in
    dSprites (Matthey et al. 2017). The images are not those of dSprites.

    Example:
        >>> sprites = keras_vae.data.Sprites()
        >>> factors = sprites.sample(64, seed=0)
        >>> sprites.draw(factors).shape
        (64, 64, 64, 1)
    """

    names = ("shape", "scale", "rotation", "x", "y")
    sizes = (3, 6, 40, 32, 32)
    event_shape = (_SIZE, _SIZE, 1)

    def __len__(self) -> int:
        """Number of different settings of the factors."""
        return int(np.prod(self.sizes))

    def sample(self, n: int, seed: int | np.random.Generator = 0) -> np.ndarray:
        """Draws factors, uniformly and independently.

        Args:
            n: Number of settings.
            seed: A seed, or a NumPy generator.

        Returns:
            Indices [n, 5].

        Raises:
            ValueError: If n is not a positive integer.
        """
        rng = np.random.default_rng(seed)
        return rng.integers(0, self.sizes, size=(positive_int(n, "n"), len(self.sizes)))

    def factors(self, indices) -> np.ndarray:
        """Returns the settings at indices of the list of all settings.

        Args:
            indices: Whole numbers [N] from 0 to below `len(self)`.

        Returns:
            Indices of factors [N, 5]; y varies fastest.
        """
        return np.stack(np.unravel_index(np.asarray(indices), self.sizes), axis=1)

    def draw(self, factors) -> np.ndarray:
        """Draws images.

        Args:
            factors: Indices [N, 5].

        Returns:
            uint8 array [N, 64, 64, 1] of 0 and 1; a pixel is 1 if its centre is inside the
            shape.

        Raises:
            ValueError: If the factors are of another shape or outside their sizes.
        """
        factors = np.asarray(factors)
        if factors.ndim != 2 or factors.shape[1] != 5 or factors.dtype.kind not in "iu":
            raise ValueError(
                f"Factors of sprites are indices [N, 5] ({', '.join(self.names)}), but "
                f"have shape {factors.shape} and dtype {factors.dtype}."
            )
        if (factors < 0).any() or (factors >= self.sizes).any():
            raise ValueError(
                f"Factors {', '.join(self.names)} have {self.sizes} values, counted from "
                f"0, but go from {factors.min(axis=0)} to {factors.max(axis=0)}."
            )
        images = np.zeros((len(factors), *self.event_shape), np.uint8)
        shape, scale, rotation, x, y = factors.T[..., np.newaxis, np.newaxis]
        example = np.arange(len(factors))[:, np.newaxis, np.newaxis]
        pixel = np.arange(_STAMP)
        # The lowest y is at the bottom, which is the last row.
        row, column = 32 - y + pixel[:, np.newaxis], 1 + x + pixel
        images[example, row, column, 0] = _stamps()[shape, scale, rotation][:, 0, 0]
        return images


def sprites_set() -> DataSet:
    """Draws the named set `sprites`.

    Returns:
        A part of the images in three splits, with their factors as labels.

    Example:
        >>> data = keras_vae.data.load("sprites")
    """
    sprites = Sprites()
    rng = np.random.default_rng(0)
    # Without repetition, so that no image is in two splits.
    rows = rng.choice(len(sprites), 24_000, replace=False)
    arrays: dict[str, Any] = {}
    for split, chosen in zip(SPLITS, np.split(rows, [20_000, 22_000]), strict=True):
        factors = sprites.factors(chosen)
        arrays[f"x_{split}"] = sprites.draw(factors)
        arrays[f"y_{split}"] = factors.astype(np.uint8)
    return DataSet(
        name="sprites",
        **arrays,
        likelihood="bernoulli",
        levels=(0, 1),
        label_names=sprites.names,
        licence="CC0 (drawn by keras_vae)",
        description=(
            "24,000 of the 737,280 images of `keras_vae.data.Sprites`, drawn once with a "
            "fixed seed: 20,000 for training, 2,000 each for validation and test. Labels "
            "are the five factors, as indices. The images imitate dSprites but are not dSprites."
        ),
        source="keras_vae.data.Sprites",
    )


@functools.cache
def _stamps():
    """All shapes in all scales and rotations, [3, 6, 40, 31, 31]."""
    shapes, scales, rotations = Sprites.sizes[:3]
    scale = np.linspace(0.5, 1.0, scales)[:, np.newaxis, np.newaxis, np.newaxis]
    angle = 2.0 * np.pi * np.arange(rotations)[:, np.newaxis, np.newaxis] / rotations
    across = np.arange(_STAMP) - _STAMP // 2
    up = -across[:, np.newaxis]
    # Coordinates along the axes of the sprite, in pixels.
    u = np.cos(angle) * across + np.sin(angle) * up
    v = np.cos(angle) * up - np.sin(angle) * across
    tests = _in_square, _in_ellipse, _in_heart
    return np.stack(
        [
            inside(u / (scale * extent), v / (scale * extent))
            for inside, extent in zip(tests, _EXTENTS, strict=True)
        ]
    ).astype(np.uint8)


def _in_square(u, v):
    return np.maximum(np.abs(u), np.abs(v)) <= 1.0


def _in_ellipse(u, v):
    return np.square(u) + np.square(2.0 * v) <= 1.0


def _in_heart(u, v):
    # The sextic heart; its half width is 1.139.
    u, v = 1.139 * u, 1.139 * v + 0.1
    return (u**2 + v**2 - 1.0) ** 3 <= u**2 * v**3
