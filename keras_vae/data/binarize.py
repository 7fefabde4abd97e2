"""Static binarization: grey values drawn once as black or white."""

from __future__ import annotations

import operator

import numpy as np

from keras_vae.core.support import UNIT_INTERVAL


def binarize(x: np.ndarray, seed: int) -> np.ndarray:
    """Draws every element as 1 with the probability that its grey value states.

    The same `x` and `seed` give the same draw, so a score on the result can be
    repeated. (Dynamic binarization, a new draw every epoch, belongs to the input
    pipeline.)

    Args:
        x: Numbers in [0, 1], any shape.
        seed: Seed of the draw, a whole number; write it down beside the score.

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
            f"seed must be a whole number, so that the draw can be repeated; got {seed!r}."
        ) from error
    x = np.asarray(x)
    UNIT_INTERVAL.check(x)
    # Draws lie in [0, 1): a 0 never turns white and a 1 always does.
    draws = np.random.default_rng(seed).random(x.shape, dtype=np.float32)
    return (draws < x).astype(np.uint8)
