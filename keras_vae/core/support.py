"""The values that a likelihood gives a probability to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_SCALE = (
    "Scale the data to that range (keras_vae.data.Scaling does it) or choose a likelihood "
    "that fits it."
)


@dataclass(frozen=True)
class Support:
    """A set of numbers, the same for every element of an observation.

    Likelihood layers say with it what they accept, data sets are scaled to it, and
    models refuse what lies outside before any training step is taken.

    Attributes:
        low: Smallest value, or None where there is no lower bound.
        high: Largest value, or None where there is no upper bound.
        integer: Whether only whole numbers belong to it.
        is_open: Whether the bounds themselves are excluded.

    Example:
        >>> UNIT_INTERVAL.check(np.array([[0.0, 1.0]]))
        >>> UNIT_INTERVAL.check(np.array([[0.0, 255.0]]))
        Traceback (most recent call last):
        ValueError: x has 1 of 2 values outside [0, 1]; the first is 255 at [0, 1]. ...
    """

    low: float | None = None
    high: float | None = None
    integer: bool = False
    is_open: bool = False

    def __str__(self) -> str:
        """Plain words: `[0, 1]`, `whole numbers in [0, 255]`, `the real numbers`."""
        numbers = "whole numbers" if self.integer else "the real numbers"
        if self.low is None and self.high is None:
            return numbers
        left, right = "()" if self.is_open else "[]"
        start = "(-infinity" if self.low is None else f"{left}{self.low:g}"
        end = "infinity)" if self.high is None else f"{self.high:g}{right}"
        interval = f"{start}, {end}"
        return f"{numbers} in {interval}" if self.integer else interval

    def contains(self, x: np.ndarray) -> np.ndarray:
        """Tells for each element of `x` whether it belongs to the set.

        Args:
            x: Array of numbers, any shape. NaN and infinities belong to no set.

        Returns:
            Array of bools of the shape of `x`.
        """
        inside = np.isfinite(x)
        if self.low is not None:
            inside &= (x > self.low) if self.is_open else (x >= self.low)
        if self.high is not None:
            inside &= (x < self.high) if self.is_open else (x <= self.high)
        if self.integer and not np.issubdtype(x.dtype, np.integer):
            with np.errstate(invalid="ignore"):
                inside &= np.floor(x) == x
        return inside

    def check(self, x: np.ndarray, name: str = "x", advice: str = _SCALE) -> None:
        """Raises an error unless every element of `x` belongs to the set.

        Args:
            x: Array of numbers, any shape.
            name: What to call the array in the message.
            advice: What to do about values outside, the end of the message.

        Raises:
            ValueError: If a value is NaN, infinite or outside the set.
        """
        x = np.asarray(x)
        finite = np.isfinite(x)
        if not finite.all():
            where = np.argwhere(~finite)[0].tolist()
            raise ValueError(
                f"{name} has {np.count_nonzero(~finite)} of {x.size} values that are "
                f"NaN or infinite; the first is at {where}. Remove or replace them."
            )
        inside = self.contains(x)
        if not inside.all():
            where = np.argwhere(~inside)[0]
            raise ValueError(
                f"{name} has {np.count_nonzero(~inside)} of {x.size} values outside "
                f"{self}; the first is {x[tuple(where)]:g} at {where.tolist()}. {advice}"
            )


REAL = Support()
UNIT_INTERVAL = Support(0.0, 1.0)
OPEN_UNIT_INTERVAL = Support(0.0, 1.0, is_open=True)
COUNTS = Support(0.0, None, integer=True)
BINARY = Support(0.0, 1.0, integer=True)


def levels(low: float, high: float) -> Support:
    """The whole numbers from `low` to `high`, both included.

    Args:
        low: Smallest level.
        high: Largest level.

    Returns:
        The support.
    """
    return Support(float(low), float(high), integer=True)
