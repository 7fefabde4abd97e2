"""What kind of data an array holds: its stored type, its levels, its likelihood."""

from __future__ import annotations

import numpy as np

from keras_vae.core.support import REAL

# Larger whole numbers are amounts, years or identifiers and not counts of events; the
# Poisson, whose variance is its mean, is too narrow for them.
_LARGEST_COUNT = 1000


def as_observations(
    splits: dict[str, np.ndarray], source: str
) -> tuple[dict[str, np.ndarray], str, tuple[int, int] | None]:
    """Brings arrays to the layout of a `DataSet` and names the fitting likelihood.

    Judged by the values of all splits together, whatever type stores them:

    | values | images | tables |
    |---|---|---|
    | 0 and 1 alone | bernoulli, levels (0, 1) | bernoulli, levels (0, 1) |
    | whole, 0 to 255 | discretized_logistic, levels (0, 255) | the same if stored as uint8, else poisson |
    | whole, 0 to 1000 | discretized_logistic, levels (0, 65535) | poisson |
    | whole, 0 to 65535 | discretized_logistic, levels (0, 65535) | normal:scale=shared |
    | real, in [0, 1] | continuous_bernoulli | normal:scale=shared |
    | all other | normal:scale=shared | normal:scale=shared |

    Args:
        splits: Arrays by split ("all" for rows still to be split): tables `[N, D]`, grey images `[N, H, W]`, images
            `[N, H, W, C]`.
        source: Name of the file, for errors.

    Returns:
        The arrays (images with a channel axis: uint8, uint16 or float32; tables:
        float32, or float64 where they are to be standardised), the likelihood's name, and the levels or None.

    Raises:
        ValueError: If an array is empty, holds no numbers or NaN, or has another
            number of axes.

    Example:
        >>> as_observations({"all": np.eye(3)}, "eye.npy")[1:]
        ('bernoulli', (0, 1))
    """  # noqa: E501
    titles = {s: source if s == "all" else f"x_{s} in {source}" for s in splits}
    splits = {split: _with_channels(x, titles[split]) for split, x in splits.items()}
    arrays = list(splits.values())
    low = min(x.min() for x in arrays)
    high = max(x.max() for x in arrays)
    whole = all(x.dtype.kind in "bui" or (np.floor(x) == x).all() for x in arrays)
    is_image = arrays[0].ndim == 4
    as_pixels = is_image or all(x.dtype == np.uint8 for x in arrays)
    dtype, likelihood, levels = _judge(low, high, whole, is_image, as_pixels)
    with np.errstate(over="ignore"):
        splits = {split: x.astype(dtype, copy=False) for split, x in splits.items()}
        # Again, since a large float64 becomes infinite in float32, in which all data end.
        for split, x in splits.items():
            REAL.check(x.astype(np.float32, copy=False), titles[split])
    return splits, likelihood, levels


def _judge(low, high, whole, is_image, as_pixels):
    """Returns the type to store, the likelihood's name and the levels."""
    counts = whole and low >= 0
    if counts and high <= 1:
        return np.uint8 if is_image else np.float32, "bernoulli", (0, 1)
    if counts and as_pixels and high <= 255:
        dtype = np.uint8 if is_image else np.float32
        return dtype, "discretized_logistic", (0, 255)
    if counts and is_image and high <= 65535:
        return np.uint16, "discretized_logistic", (0, 65535)
    if counts and not is_image and high <= _LARGEST_COUNT:
        return np.float32, "poisson", None
    if is_image and low >= 0 and high <= 1:
        return np.float32, "continuous_bernoulli", None
    # Tables in float64, until their mean is subtracted: times and amounts of money have
    # more digits than float32.
    return np.float32 if is_image else np.float64, "normal:scale=shared", None


def _with_channels(x: np.ndarray, name: str) -> np.ndarray:
    if x.dtype.kind not in "buif":
        raise ValueError(
            f"{name} holds {x.dtype} values; numbers are needed (bool, integers or floats)."
        )
    if x.ndim not in (2, 3, 4):
        raise ValueError(
            f"{name} has the shape {x.shape}; expected a table [N, D], grey images "
            "[N, H, W] or images [N, H, W, C]."
        )
    if x.size == 0:
        raise ValueError(f"{name} is empty: its shape is {x.shape}.")
    REAL.check(x, name)
    if x.ndim == 3:
        return x[..., np.newaxis]
    if x.ndim == 4 and x.shape[1] in (1, 3) and x.shape[-1] > 4:
        raise ValueError(
            f"{name} has the shape {x.shape}, which looks like channels first. Save it "
            "with channels last: np.moveaxis(x, 1, -1)."
        )
    return x
