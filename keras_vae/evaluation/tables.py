"""The distance of samples from a table, and the accuracy of imputed cells."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from keras_vae.evaluation.errors import mean_and_error
from keras_vae.models import LatentVariableModel

_ROWS, _HIDDEN = 10_000, 0.3


def table_scores(
    model: LatentVariableModel, x, fill: Callable | None = None, seed: int = 0, y=None
) -> dict[str, Any]:
    """Compares samples with held-out rows, and fills in hidden cells.

    Args:
        model: A model of tables.
        x: Rows [N, D], raw if the model has a preprocessor.
        fill: Function that fills the gaps of rows, given the rows (NaN marks gaps) and
            booleans (True marks known cells); None leaves `imputation_error` out.
        seed: Same seed, same scores.
        y: The condition of each row, for a model that has one; samples have the same ones.

    Returns:
        `num_rows`, the number of samples, and `{"mean", "standard_error"}` of
        `marginal_distance`, the distance of the samples of a column from its held-out
        values (for numbers the largest difference of the distribution functions, for
        classes the total variation), over columns; `marginal_distance_by_chance`, the
        distance from other samples instead of the held-out rows; and `imputation_error`,
        over rows: 30% of the numbers are hidden, and the squared error of the filled values
        is divided by the variance of the column. Columns with a single value are left out
        of it; without others, so is the score. Columns without any known value are left out
        of the distances.

    Raises:
        ValueError: If these are not tables, or y does not fit.

    Example:
        >>> vae = keras_vae.VAE.from_preset("dense_vae_breast_cancer")
        >>> rows = keras_vae.data.load("breast_cancer").x_test
        >>> table_scores(vae, rows)["num_rows"]
        10000

    Source:
        Xu et al. 2019, "Modeling tabular data using conditional GAN" (what is compared).
    """
    if len(model.event_shape) != 1:
        raise ValueError(
            f"These scores are of tables, but the model's observations have shape "
            f"{tuple(model.event_shape)}. Take image_scores."
        )
    x = np.asarray(x if model.preprocessor is None else model.preprocessor.codes(x))
    y = model.check_condition(y, len(x))
    drawn = [_samples(model, n, seed + i, y) for i, n in enumerate((_ROWS, len(x)))]
    is_number, is_known = model.has_mean, ~np.isnan(x).all(axis=0)

    def apart(rows):
        pairs = zip(drawn[0].T, rows.T, is_number, is_known, strict=True)
        return np.array([_distance(*pair) for *pair, known in pairs if known])

    scores = {
        "num_rows": _ROWS,
        "marginal_distance": mean_and_error(apart(x)),
        "marginal_distance_by_chance": mean_and_error(apart(drawn[1])),
    }
    errors = None if fill is None else _imputation_errors(model, x, fill, is_number, seed)
    if errors is not None:
        scores["imputation_error"] = mean_and_error(errors)
    return scores


def _imputation_errors(model, x, fill, is_number, seed):
    """The mean error of a row's filled values, if some of its numbers can be hidden."""
    hidden = np.random.default_rng(seed).random(x.shape) < _HIDDEN
    # Rounding gives a constant column a tiny variance.
    varies = np.array([len(np.unique(column[~np.isnan(column)])) > 1 for column in x.T])
    hidden &= is_number & varies & ~np.isnan(x)
    if not hidden.any():
        return None
    filled = fill(np.where(hidden, np.nan, x), ~hidden & ~np.isnan(x))
    filled = filled if model.preprocessor is None else model.preprocessor.codes(filled)
    variance = np.where(varies, np.nanvar(np.where(varies, x, 0.0), axis=0), 1.0)
    errors = np.square(np.asarray(filled) - x) / variance
    # Rows are independent, cells are not.
    pairs = zip(errors, hidden, strict=True)
    return np.array([row[gaps].mean() for row, gaps in pairs if gaps.any()])


def _samples(model, n, seed, y):
    """Draws from p(x|z), as rows of numbers; conditions follow one another."""
    told = None if y is None else np.resize(y, (n, *y.shape[1:]))
    rows = model.sample(n, told, seed, draw=True)
    return np.asarray(
        rows if model.preprocessor is None else model.preprocessor.codes(rows), float
    )


def _distance(a, b, is_number):
    """Kolmogorov and Smirnov's distance, or the total variation of classes."""
    a, b = a[~np.isnan(a)], b[~np.isnan(b)]
    values = np.unique(np.concatenate([a, b]))
    if is_number:
        below = [
            np.searchsorted(np.sort(one), values, "right") / len(one) for one in (a, b)
        ]
        return np.abs(below[0] - below[1]).max()
    shares = [(one == values[:, np.newaxis]).mean(axis=1) for one in (a, b)]
    return 0.5 * np.abs(shares[0] - shares[1]).sum()
