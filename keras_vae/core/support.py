"""The sets on which distributions live."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

_SCALE = (
    "Scale the data to that range (keras_vae.data.Scaling does it) or choose a likelihood "
    "that fits the data."
)
_CHOOSE = "Choose a likelihood that fits the data, or correct these values."
_VECTORS = {
    "sphere": "the unit sphere",
    "simplex": "numbers that add up to 1",
    "one_hot": "one-hot vectors",
    "codes": "the codes of a codebook",
    "ball": "the inside of a ball",
}
# How far the sum of a vector in single precision may be from 1.
_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Support:
    """A set of arrays: the numbers that each element may have, and how they go together.

    Distribution layers and priors say with it where their events lie, data sets are scaled
    to it, and models refuse values outside before the first training step.

    Attributes:
        low: Smallest value, or None if there is no lower bound.
        high: Largest value, or None if there is no upper bound.
        integer: Whether only whole numbers belong to it.
        is_open: Whether the bounds themselves are excluded.
        vectors: Kind of the vectors along the last axis: "sphere" (unit vectors), "ball"
            (vectors shorter than `high`), "simplex" (numbers that add up to 1), "one_hot",
            "codes" (see `Codes`); None if the elements do not depend on each other.

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
    vectors: str | None = None

    def __str__(self) -> str:
        """Plain words: `[0, 1]`, `whole numbers in [0, 255]`, `the real numbers`."""
        if self.vectors is not None:
            strictly = "positive " if self == OPEN_SIMPLEX else ""
            return strictly + _VECTORS[self.vectors]
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
        # An element of a unit vector may round beyond 1; the sum below has a tolerance.
        is_bounded = self.vectors != "sphere"
        if is_bounded and self.low is not None:
            inside &= (x > self.low) if self.is_open else (x >= self.low)
        if is_bounded and self.high is not None:
            inside &= (x < self.high) if self.is_open else (x <= self.high)
        if self.integer and not np.issubdtype(x.dtype, np.integer):
            with np.errstate(invalid="ignore"):
                inside &= np.floor(x) == x
        if self.vectors == "ball":
            norm = np.linalg.norm(x, axis=-1, keepdims=True)
            inside &= norm < self.high
        elif self.vectors is not None:
            size = np.square(x) if self.vectors == "sphere" else x
            total = size.sum(axis=-1, keepdims=True, dtype=np.float64)
            inside &= np.abs(total - 1.0) < _TOLERANCE
        return inside

    def includes(self, other: Support) -> bool:
        """Tells whether a distribution on this set gives a probability to all of another.

        Args:
            other: The other set.

        Returns:
            True where each array of `other` belongs to this set and both are measured
            alike: a sphere has no volume in the space around it, so that space does not
            include it.
        """
        if isinstance(other, Columns):
            return all(map(self.includes, other.columns))
        if self.vectors is not None or other.vectors not in (None, "one_hot"):
            same = self.vectors == other.vectors
            return same and (self.vectors != "ball" or self.high == other.high)
        if self.integer != other.integer:
            return False
        low = self.low is None or (other.low is not None and self._above(other))
        high = self.high is None or (other.high is not None and self._below(other))
        return low and high

    def _above(self, other):
        return other.low > self.low or (
            other.low == self.low and (other.is_open or not self.is_open)
        )

    def _below(self, other):
        return other.high < self.high or (
            other.high == self.high and (other.is_open or not self.is_open)
        )

    def some_value(self) -> float | np.ndarray:
        """Returns a value that belongs to the set, whatever stands beside it."""
        if self.low is None:
            return 0.0
        if not self.is_open:
            return self.low
        return self.low + 1.0 if self.high is None else 0.5 * (self.low + self.high)

    def path(self, start: np.ndarray, end: np.ndarray, steps: int) -> np.ndarray:
        """Walks from one point to another without leaving the set.

        Args:
            start: Points [N, *event].
            end: As many others.
            steps: Points of each walk, both ends included.

        Returns:
            Array [N, steps, *event]: points of a straight line; on a sphere of a great
            circle; of whole numbers, the elements (of one-hot vectors, the vectors) change
            one after another.
        """
        dtype = np.result_type(start.dtype, np.float32)
        start, end = start.astype(dtype), end.astype(dtype)
        t = np.linspace(0.0, 1.0, steps, dtype=dtype)
        if self.vectors == "sphere":
            return _great_circle(start, end, t)
        if self.integer:
            return _one_after_another(start, end, t, self.vectors == "one_hot")
        t = t.reshape(-1, *[1] * (start.ndim - 1))
        return (1 - t) * start[:, np.newaxis] + t * end[:, np.newaxis]

    def check(self, x: np.ndarray, name: str = "x", advice: str | None = None) -> None:
        """Raises an error unless every element of `x` belongs to the set.

        Args:
            x: Array of numbers, any shape.
            name: What to call the array in the message.
            advice: What to do about values outside, the end of the message. By default it
                is to scale them, where that is possible.

        Raises:
            ValueError: If a value is NaN, infinite or outside the set.
        """
        x = np.asarray(x)
        # What is good needs no more memory than it takes itself.
        if all(self.contains(piece).all() for piece in pieces(x)):
            return
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
            # No map makes whole numbers of others, and half a line has no other end.
            scales = not self.integer and None not in (self.low, self.high)
            advice = advice or (_SCALE if scales and not self.vectors else _CHOOSE)
            raise ValueError(
                f"{name} has {np.count_nonzero(~inside)} of {x.size} values outside "
                f"{self}; the first is {x[tuple(where)]:g} at {where.tolist()}. {advice}"
            )


def pieces(x: np.ndarray, size: int = 1 << 20) -> Iterator[np.ndarray]:
    """Cuts an array into rows that are looked at together.

    Args:
        x: Array [N, ...].
        size: Elements at a time.

    Yields:
        Views, together all of x.
    """
    if x.ndim == 0 or x.size <= size:
        yield x
        return
    step = max(1, size * len(x) // x.size)
    for start in range(0, len(x), step):
        yield x[start : start + step]


def _great_circle(start, end, t):
    """Points of the shorter arc between unit vectors, at shares t of its length."""
    cosine = np.sum(start * end, axis=-1, keepdims=True)
    aside = end - cosine * start
    # Opposite points have many arcs: any direction at a right angle will do.
    axis = np.eye(start.shape[-1], dtype=start.dtype)[np.abs(start).argmin(axis=-1)]
    axis -= np.sum(axis * start, axis=-1, keepdims=True) * start
    length = np.linalg.norm(aside, axis=-1, keepdims=True)
    aside = np.where(length > _TOLERANCE, aside, axis)
    aside /= np.linalg.norm(aside, axis=-1, keepdims=True)
    angle = np.arccos(np.clip(cosine, -1.0, 1.0))[:, np.newaxis]
    angle = angle * t.reshape(-1, *[1] * (start.ndim - 1))
    return np.cos(angle) * start[:, np.newaxis] + np.sin(angle) * aside[:, np.newaxis]


def _one_after_another(start, end, t, whole_vectors):
    """Points whose elements, or whole vectors, switch from start to end in their order."""
    differs = start != end
    if whole_vectors:
        differs = differs.any(axis=-1, keepdims=True)
    flat = differs.reshape(len(start), -1)
    number = np.cumsum(flat, axis=1) - 0.5
    total = np.maximum(flat.sum(axis=1, keepdims=True), 1)
    switch = (number / total).reshape(differs.shape)[:, np.newaxis]
    t = t.reshape(-1, *[1] * (start.ndim - 1))
    return np.where(t >= switch, end[:, np.newaxis], start[:, np.newaxis])


@dataclass(frozen=True)
class Columns(Support):
    """The set of rows with a separate set for each column.

    Attributes:
        columns: The set of each column.

    Example:
        >>> Columns(columns=(REAL, BINARY)).contains(np.array([[0.5, 0.5]]))
        array([[ True, False]])
    """

    columns: tuple[Support, ...] = ()

    def __str__(self) -> str:
        """The sets, one after another."""
        return f"rows of ({', '.join(map(str, self.columns))})"

    def contains(self, x: np.ndarray) -> np.ndarray:
        """Tells for each element of `x` whether it belongs to the set of its column.

        Args:
            x: Array [..., D].

        Returns:
            Array of bools of the shape of `x`.
        """
        inside = [one.contains(x[..., i]) for i, one in enumerate(self.columns)]
        return np.stack(inside, axis=-1)

    def includes(self, other: Support) -> bool:
        """Tells whether each column's set includes that of the other.

        Args:
            other: The other set.

        Returns:
            Whether it does.
        """
        if not isinstance(other, Columns) or len(other.columns) != len(self.columns):
            return False
        pairs = zip(self.columns, other.columns, strict=True)
        return all(one.includes(of_other) for one, of_other in pairs)

    def some_value(self) -> np.ndarray:
        """Returns a row of the set, [D]."""
        return np.array([one.some_value() for one in self.columns], np.float32)


@dataclass(frozen=True)
class Joined(Support):
    """The set of concatenated vectors with a separate set for each block.

    Attributes:
        blocks: Size and set of each block.

    Example:
        >>> Joined(blocks=((1, REAL), (2, ONE_HOT))).contains(np.array([[0.5, 0.0, 1.0]]))
        array([[ True,  True,  True]])
    """

    blocks: tuple[tuple[int, Support], ...] = ()

    def __str__(self) -> str:
        """The sets, one behind the other."""
        return "vectors of " + ", then ".join(
            f"{size} numbers in {one}" for size, one in self.blocks
        )

    def split(self, x):
        """Takes vectors apart.

        Args:
            x: Array or tensor [..., size].

        Returns:
            A part [..., size of the block] for each block.
        """
        ends = np.cumsum([size for size, _ in self.blocks])
        return [
            x[..., end - size : end]
            for end, (size, _) in zip(ends, self.blocks, strict=True)
        ]

    def contains(self, x: np.ndarray) -> np.ndarray:
        """Tells for each element of `x` whether it belongs to the set of its block.

        Args:
            x: Array [..., size].

        Returns:
            Array of bools of the shape of `x`.
        """
        pairs = zip(self.blocks, self.split(x), strict=True)
        inside = [
            np.broadcast_to(one.contains(part), part.shape) for (_, one), part in pairs
        ]
        return np.concatenate(inside, axis=-1)

    def includes(self, other: Support) -> bool:
        """Tells whether each block's set includes that of the other.

        Args:
            other: The other set.

        Returns:
            Whether it does.
        """
        if not isinstance(other, Joined):
            return False
        sizes, others = ([size for size, _ in one.blocks] for one in (self, other))
        pairs = zip(self.blocks, other.blocks, strict=False)
        return sizes == others and all(a.includes(b) for (_, a), (_, b) in pairs)

    def some_value(self) -> np.ndarray:
        """Returns a vector of the set, [size]."""
        values = [
            np.eye(size)[0] if one.vectors == "one_hot" else np.full(size, one.some_value())
            for size, one in self.blocks
        ]
        return np.concatenate(values).astype(np.float32)

    def path(self, start: np.ndarray, end: np.ndarray, steps: int) -> np.ndarray:
        """Walks from one point to another, each block within its set.

        Args:
            start: Points [N, size].
            end: As many others.
            steps: Points of each walk, both ends included.

        Returns:
            Array [N, steps, size].
        """
        ends = zip(self.split(start), self.split(end), strict=True)
        pairs = zip(self.blocks, ends, strict=True)
        return np.concatenate([one.path(*both, steps) for (_, one), both in pairs], axis=-1)


# Codes nearer to each other than this share of their length cannot be told apart by
# distances in single precision: either may be the nearest to both.
CODES_APART = 1e-3


@dataclass(frozen=True)
class Codes(Support):
    """The set of arrays of vectors that are codes of one codebook.

    Attributes:
        nearest: Function of arrays [..., *event] to the nearest of the set.
    """

    # Fields with a default stand before it.
    nearest: Callable = np.asarray

    def contains(self, x: np.ndarray) -> np.ndarray:
        """Tells for each element of `x` whether its vector is the nearest code.

        Args:
            x: Array [..., *event].

        Returns:
            Array of bools of the shape of `x`.
        """
        finite = np.isfinite(x)
        x = np.where(finite, x, 0.0).astype(np.float32)
        nearest = np.asarray(self.nearest(x))
        away, length = (np.linalg.norm(v, axis=-1, keepdims=True) for v in (x - nearest, x))
        return finite & (away <= CODES_APART * length + 1e-6)

    def includes(self, other: Support) -> bool:
        """Tells whether the other set is of the same codebook."""
        return isinstance(other, Codes) and self.nearest == other.nearest

    def path(self, start: np.ndarray, end: np.ndarray, steps: int) -> np.ndarray:
        """Walks from one point to another; the vectors change one after another."""
        t = np.linspace(0.0, 1.0, steps, dtype=start.dtype)
        return _one_after_another(start, end, t, whole_vectors=True)


REAL = Support()
UNIT_INTERVAL = Support(0.0, 1.0)
OPEN_UNIT_INTERVAL = Support(0.0, 1.0, is_open=True)
POSITIVE = Support(0.0, None, is_open=True)
COUNTS = Support(0.0, None, integer=True)
BINARY = Support(0.0, 1.0, integer=True)
SPHERE = Support(-1.0, 1.0, vectors="sphere")
SIMPLEX = Support(0.0, 1.0, vectors="simplex")
# A share beside tiny ones rounds to 1.
OPEN_SIMPLEX = Support(0.0, None, is_open=True, vectors="simplex")
ONE_HOT = Support(0.0, 1.0, integer=True, vectors="one_hot")


def levels(low: float, high: float) -> Support:
    """The whole numbers from `low` to `high`, both included.

    Args:
        low: Smallest level.
        high: Largest level.

    Returns:
        The support.
    """
    return Support(float(low), float(high), integer=True)
