"""Static binarization: grey values drawn once as black or white."""

from __future__ import annotations

import math
import operator

import numpy as np

from keras_vae.core.support import UNIT_INTERVAL


def binarize(x: np.ndarray, seed: int, rows: np.ndarray | None = None) -> np.ndarray:
    """Draws every element as 1 with its grey value as the probability.

    The same `x` and `seed` give the same draw, so a score on the result can be
    repeated. (Dynamic binarization, a new draw every epoch, belongs to the input
    pipeline.)

    Args:
        x: Numbers in [0, 1], any shape.
        seed: Seed of the draw, a whole number; report it with the score.
        rows: Numbers of the rows in a larger array, [N], so that they are drawn as in the
            whole array; None is 0 to N - 1.

    Returns:
        Array of 0 and 1 of the shape of `x`, uint8.

    Raises:
        TypeError: If `seed` is not a whole number.
        ValueError: If `x` has values outside [0, 1] or `seed` is negative.

    Example:
        >>> binarize(np.array([0.0, 1.0]), seed=0)
        array([0, 1], dtype=uint8)
    """
    try:
        seed = operator.index(seed)
    except TypeError as error:
        raise TypeError(
            "seed must be a whole number, so that the draw can be repeated, but is "
            f"{seed!r}."
        ) from error
    x = np.asarray(x)
    UNIT_INTERVAL.check(x)
    # Draws lie in [0, 1): a 0 never turns white and a 1 always does.
    if rows is None:
        draws = np.random.default_rng(seed).random(x.shape, dtype=np.float32)
    else:
        draws = np.stack([_draws_of(row, x.shape[1:], seed) for row in rows])
    return (draws < x).astype(np.uint8)


def _draws_of(row: int, shape: tuple[int, ...], seed: int) -> np.ndarray:
    """The draws of one row of a large array."""
    # The generator, that of `default_rng`, makes two of these numbers at a time.
    steps, odd = divmod(int(row) * math.prod(shape), 2)
    rng = np.random.Generator(np.random.PCG64(seed).advance(steps))
    rng.random(odd, dtype=np.float32)
    return rng.random(shape, dtype=np.float32)
