"""The kind of data in an array: its stored type, its levels, its likelihood."""

from __future__ import annotations

import numpy as np

from keras_vae.core.support import REAL, pieces
from keras_vae.core.support import levels as whole_levels

# Larger whole numbers are amounts, years or identifiers and not counts of events; the
# Poisson, whose variance is its mean, is too narrow for them.
_LARGEST_COUNT = 1000
# Bits of pixels; a well-known set of digits has levels from 0 to 16.
_LARGEST_LEVELS = (1, 3, 7, 15, 16, 255, 1023, 4095, 16383, 65535)
# Variance divided by mean: 1 for Poisson counts, more for mixtures of them.
_OVERDISPERSED = 1.5


def as_observations(
    splits: dict[str, np.ndarray],
    source: str,
    levels: tuple[int, int] | None = None,
    counts: bool = False,
    gaps: bool = False,
) -> tuple[dict[str, np.ndarray], str, tuple[int, int] | None]:
    """Brings arrays to the layout of a `DataSet` and names the fitting likelihood.

    Judged by the values of all splits together, whatever type stores them:

    | values | images | tables |
    |---|---|---|
    | 0 and 1 alone | bernoulli, levels (0, 1) | bernoulli, levels (0, 1) |
    | whole, 0 to 255 | discretized_logistic, levels (0, 255) or fewer | the same if stored as uint8, else counts |
    | whole, 0 to 1000 | discretized_logistic, levels from 0 to 1023 | counts |
    | whole, 0 to 65535 | discretized_logistic, levels from 0 to 1023, 4095, 16383 or 65535 | normal:scale=shared |
    | real, in [0, 1] | continuous_bernoulli | normal:scale=shared |
    | all other | normal:scale=shared | normal:scale=shared |

    Pixels with at most 16 levels get the range that contains their largest value (3, 7, 15
    or 16), others 8, 10, 12, 14 or 16 bits. Counts are Poisson, or negative binomial if
    their variance is well above their mean.

    Args:
        splits: Arrays by split ("all" for rows still to be split): tables `[N, D]`, grey images `[N, H, W]`, images
            `[N, H, W, C]`.
        source: Name of the file, for errors.
        levels: Smallest and largest possible value of pixels, if known; None takes them
            from the values.
        counts: Whether whole numbers are known to be counts, however large.
        gaps: Whether values may be missing: NaN.

    Returns:
        The arrays (images with a channel axis), as uint8 or uint16 if these hold the
        levels, otherwise as float32, or as float64 for tables that will be standardised;
        the likelihood's name; and the levels or None.

    Raises:
        ValueError: If an array is empty, holds no numbers or NaN, or has another
            number of axes.

    Example:
        >>> as_observations({"all": np.eye(3)}, "eye.npy")[1:]
        ('bernoulli', (0, 1))
    """  # noqa: E501
    titles = {s: source if s == "all" else f"x_{s} in {source}" for s in splits}
    splits = {split: _with_channels(x, titles[split], gaps) for split, x in splits.items()}
    arrays = list(splits.values())
    low = min(np.nanmin(x) for x in arrays)
    high = max(np.nanmax(x) for x in arrays)
    # All data end in float32.
    if (largest := max(abs(float(low)), abs(float(high)))) > np.finfo(np.float32).max:
        raise ValueError(
            f"{source} has the value {largest:g}, which is too large for float32. Divide the "
            "values by a power of ten."
        )
    whole = all(x.dtype.kind in "bui" or _is_whole(x) for x in arrays)
    is_image = arrays[0].ndim == 4
    as_pixels = is_image or all(x.dtype == np.uint8 for x in arrays)
    if levels is not None:
        if not whole:
            raise ValueError(
                f"{source} has values that are not whole numbers, but levels must be. "
                "Round them, or leave levels out."
            )
        whole_levels(*levels).check(np.array([low, high]), source)
        dtype, likelihood = _stored(levels), _of_pixels(levels)
    elif counts and whole and low >= 0:
        dtype, likelihood = np.float32, _of_counts(arrays)
    else:
        dtype, likelihood, levels = _judge(arrays, low, high, whole, is_image, as_pixels)
    if np.dtype(dtype).kind == "u" and any(_has_gaps(x) for x in arrays):
        dtype = np.float32
    splits = {split: x.astype(dtype, copy=False) for split, x in splits.items()}
    return splits, likelihood, levels


def _is_whole(x) -> bool:
    return all(((np.floor(one) == one) | np.isnan(one)).all() for one in pieces(x))


def _has_gaps(x) -> bool:
    return x.dtype.kind == "f" and any(np.isnan(piece).any() for piece in pieces(x))


def _judge(arrays, low, high, whole, is_image, as_pixels):
    """Returns the type of storage, the likelihood's name and the levels."""
    counts = whole and low >= 0
    if counts and (
        high <= 1 or (as_pixels and high <= 255) or (is_image and high <= 65535)
    ):
        levels = (0, next(one for one in _LARGEST_LEVELS if high <= one))
        return _stored(levels), _of_pixels(levels), levels
    if counts and not is_image and high <= _LARGEST_COUNT:
        return np.float32, _of_counts(arrays), None
    if is_image and low >= 0 and high <= 1:
        return np.float32, "continuous_bernoulli", None
    # Tables in float64, until their mean is subtracted: times and amounts of money have
    # more digits than float32.
    return np.float32 if is_image else np.float64, "normal:scale=shared", None


def _stored(levels) -> type:
    low, high = levels
    if low < 0 or high > 65535:
        return np.float32
    return np.uint8 if high <= 255 else np.uint16


def _of_pixels(levels) -> str:
    return "bernoulli" if tuple(levels) == (0, 1) else "discretized_logistic"


def _of_counts(arrays) -> str:
    """Poisson, unless the spread of most varying columns is too large for it."""
    rows = sum(map(len, arrays))
    # Piece by piece, since a float64 copy of all would take eight bytes for each byte.
    parts = [piece for x in arrays for piece in pieces(x)]
    mean = sum(piece.sum(axis=0, dtype=np.float64) for piece in parts) / rows
    variance = sum(np.square(piece - mean).sum(axis=0) for piece in parts) / rows
    ratio = variance[mean > 0] / mean[mean > 0]
    return "negative_binomial" if np.median(ratio) > _OVERDISPERSED else "poisson"


def _with_channels(x: np.ndarray, name: str, gaps: bool) -> np.ndarray:
    if x.dtype.kind not in "buif":
        raise ValueError(
            f"{name} holds {x.dtype} values, but must hold numbers (bool, integers or "
            "floats)."
        )
    if x.ndim not in (2, 3, 4):
        raise ValueError(
            f"{name} has the shape {x.shape}; expected a table [N, D], grey images "
            "[N, H, W] or images [N, H, W, C]."
        )
    if x.size == 0:
        raise ValueError(f"{name} is empty: its shape is {x.shape}.")
    if not gaps:
        REAL.check(x, name)
    elif x.dtype.kind == "f":
        for piece in pieces(x):
            REAL.check(piece[~np.isnan(piece)], name)
        if all(np.isnan(piece).all() for piece in pieces(x)):
            raise ValueError(f"{name} has no known value: all are NaN.")
    if x.dtype == bool:
        x = x.view(np.uint8)
    if x.ndim == 3:
        return x[..., np.newaxis]
    if x.ndim == 4 and x.shape[1] <= 4 < x.shape[-1]:
        raise ValueError(
            f"{name} has the shape {x.shape}, which looks like channels first. Save it "
            "with channels last: np.moveaxis(x, 1, -1)."
        )
    return x
