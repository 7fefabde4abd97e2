"""The model, data and options of metrics."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from keras_vae.core.numbers import positive_int
from keras_vae.data import Streamed, rows_of
from keras_vae.models import LatentVariableModel


@dataclass(frozen=True, eq=False)
class HeldOut:
    """A model, and the held-out data and options that metrics are computed with.

    Attributes:
        model: The model.
        x: Observations [N, *event], raw if the model has a preprocessor.
        y: Labels [N], or [N, A] of attributes or factors, or None; the condition of a
            model that has one.
        train: Function that returns the training observations and labels; only metrics that
            learn from them call it.
        factors: An object that draws images with known factors, such as
            `keras_vae.data.Sprites`, if the data are of that kind.
        anomalies: Observations [M, *event] of another kind, or None.
        num_samples: Importance samples for each observation, or samples from the prior.
        seed: Same seed, same scores.
        limit: Score that many observations, drawn at random; None scores all.
        verbose: 1 shows progress bars.

    Raises:
        ValueError: If there are not as many labels as observations, or the limit is not
            positive.

    Example:
        >>> evaluate_metrics(["active_units", "gaps"], HeldOut(vae, x_test, limit=100))
    """

    model: LatentVariableModel
    x: np.ndarray
    y: np.ndarray | None = None
    train: Callable | None = None
    factors: Any = None
    anomalies: np.ndarray | None = None
    num_samples: int = 500
    seed: int = 0
    limit: int | None = None
    verbose: int = 0

    def __post_init__(self):
        """Checks for errors that would otherwise appear only after some work."""
        if self.limit is not None:
            positive_int(self.limit, "limit")
        if self.y is not None and len(self.y) != len(self.x):
            raise ValueError(
                f"There are {len(self.x)} observations x, but {len(self.y)} labels y."
            )

    @cached_property
    def cut(self) -> HeldOut:
        """The same with `limit` observations, for metrics that have no such option."""
        x, y = limited((self.x, self.y), self.limit, self.seed)
        return self if x is self.x else replace(self, x=x, y=y, limit=None)

    @property
    def condition(self) -> np.ndarray | None:
        """The labels if the model has a condition, which they are; otherwise None."""
        return None if self.model.condition_shape is None else self.y


def drawn_once(model: LatentVariableModel, x) -> Any:
    """Draws grey values as black or white, if the model's scores do.

    The draws of a row depend on its place, but black and white are not drawn again. So rows
    that are taken from the result are scored as in the whole.

    Args:
        model: The model.
        x: Raw observations [N, *event].

    Returns:
        Raw observations, black or white; x itself where nothing is drawn, and for sounds,
        which a spectrogram does not give back.
    """
    prepare = model.preprocessor
    if prepare is None or not prepare.binarize or prepare.spectrogram is not None:
        return x
    units = model.to_units(x, scores=True)
    if isinstance(units, Streamed):
        return units.mapped(lambda rows, _: model.from_units(rows), x.dtype)
    return model.from_units(units)


def limited(arrays: tuple, limit: int | None, seed: int) -> tuple:
    """Draws a limited number of rows, without replacement, in their order.

    Args:
        arrays: Arrays [N, ...], the first of which is not None.
        limit: Number of rows to draw; None takes all.
        seed: Same seed, same rows.

    Returns:
        The rows of each; None stays None.
    """
    n = len(arrays[0])
    if limit is None or limit >= n:
        return arrays
    rows = np.sort(np.random.default_rng(seed).choice(n, limit, replace=False))
    return tuple(None if one is None else rows_of(one, rows) for one in arrays)
