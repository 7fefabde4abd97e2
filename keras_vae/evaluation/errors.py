"""Means over examples, with their standard errors."""

from __future__ import annotations

import math

import numpy as np


def mean_and_error(values: np.ndarray) -> dict[str, float | None]:
    """Returns a mean and its standard error over examples.

    Args:
        values: One number for each example.

    Returns:
        `mean` and `standard_error`, which is None for a single example.

    Raises:
        ValueError: If there are no examples.

    Example:
        >>> mean_and_error([1.0, 3.0])
        {'mean': 2.0, 'standard_error': 1.0}
    """
    values = np.asarray(values, np.float64)
    if not values.size:
        raise ValueError("There is no example to average over.")
    # A single example gives no error.
    error = values.std(ddof=1) / math.sqrt(len(values)) if len(values) > 1 else None
    return {
        "mean": float(values.mean()),
        "standard_error": None if error is None else float(error),
    }
