"""The affine map from raw data to the numbers that a likelihood accepts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from keras_vae.core.support import POSITIVE, REAL, Columns, Support
from keras_vae.core.support import levels as whole_levels


@dataclass(frozen=True)
class Scaling:
    """Maps raw values to model units by `(x - offset) / scale`.

    `Scaling.fit` makes it; the model keeps it, so that new data get the same map. It works
    on NumPy arrays and on TensorFlow tensors, so also inside `tf.data.Dataset.map`.

    Attributes:
        event_shape: Shape of one example.
        offset: One number, or one for each column of the last axis.
        scale: One positive number, or one for each column of the last axis.

    Raises:
        ValueError: If `scale` has values that are not positive, or the sizes do not
            fit `event_shape`.

    Example:
        >>> x_train = np.array([[0, 51, 255]], np.uint8)
        >>> scaling = Scaling.fit(x_train, UNIT_INTERVAL, levels=(0, 255))
        >>> scaling(x_train)
        array([[0. , 0.2, 1. ]], dtype=float32)
    """

    event_shape: tuple[int, ...]
    offset: float | tuple[float, ...] = 0.0
    scale: float | tuple[float, ...] = 1.0

    def __post_init__(self):
        """Turns lists (from JSON) and NumPy numbers into plain Python and checks."""
        shape = tuple(int(size) for size in self.event_shape)
        object.__setattr__(self, "event_shape", shape)
        for name in ("offset", "scale"):
            value = np.asarray(getattr(self, name), np.float64)
            if value.ndim > 1 or (value.ndim == 1 and value.shape != shape[-1:]):
                raise ValueError(
                    f"{name} of a Scaling for examples of shape {shape} must be one "
                    f"number or one for each of the last axis; got shape {value.shape}."
                )
            if not np.isfinite(value).all():
                raise ValueError(f"{name} of a Scaling must be finite; got {value}.")
            plain = value.tolist()
            object.__setattr__(
                self, name, tuple(plain) if isinstance(plain, list) else plain
            )
        if np.min(self.scale) <= 0.0:
            raise ValueError(
                f"scale of a Scaling must be positive; got {np.min(self.scale):g}."
            )

    @classmethod
    def fit(
        cls,
        x_train: np.ndarray,
        support: Support,
        levels: tuple[int, int] | None = None,
    ) -> Scaling:
        """Chooses the map that takes training data into a likelihood's support.

        - Whole-number support (0/1, counts, levels): the identity; the data must
          already be such numbers.
        - Bounded interval: `levels` are spread over it, end to end, or, if it is open,
          to the middles of as many equal cells. Real data stay as they are and must
          already lie inside: their true bounds are unknown, and the smallest and
          largest training value would leave held-out values outside.
        - NaN is missing: it counts nowhere.
        - Columns of different kinds: real numbers are standardised,
          positive ones divided by their geometric mean, all others unchanged.
        - All real numbers: `levels` go to [0, 1]; images already in [0, 1] stay as
          they are, other images get one mean and standard deviation over all pixels;
          tables are standardised column by column (a constant column is only centred).

        Args:
            x_train: Training data `[N, *event]`; no other data may be used.
            support: The support of the likelihood.
            levels: Smallest and largest possible value of whole-number data.

        Returns:
            The scaling.

        Raises:
            ValueError: If no map fits: values outside `levels`, or outside a bounded
                `support` with no levels to scale them by.

        Example:
            >>> scaling = Scaling.fit(x_train, vae.support)
            >>> scaling.inverse(vae.sample(64)).shape
            (64, 28, 28, 1)
        """
        x = np.asarray(x_train)
        if x.ndim < 2 or len(x) == 0 or x.dtype.kind not in "buif":
            raise ValueError(
                "x_train must be an array of numbers of shape [N, *event] with N >= 1; "
                f"got {x.dtype} of shape {x.shape}."
            )
        if isinstance(support, Columns):
            return cls._by_column(x, support)
        if x.dtype.kind == "f" and (gaps := np.isnan(x)).any() and not gaps.all():
            if levels is None and support == REAL:
                return cls._standardise_known(x, ~gaps)
            # Any known value, since it changes neither the smallest nor the largest one.
            x = np.where(gaps, x[~gaps][0], x)
        if levels is not None:
            _check_levels(x, levels)
        if support.integer:
            return cls._unchanged(x, support, levels)
        if levels is not None:
            return cls._from_levels(x, support, levels)
        if support.low is None and support.high is None:
            support.check(x, "x_train")
            return cls._standardise(x)
        return cls._already_inside(x, support)

    @classmethod
    def _by_column(cls, x, support) -> Scaling:
        offsets, scales = np.zeros(x.shape[1:]), np.ones(x.shape[1:])
        for i, of_column in enumerate(support.columns):
            known = x[~np.isnan(x[:, i]), i]
            of_column.check(known, f"column {i} of x_train")
            if of_column == REAL and len(known):
                one = cls._standardise(known[:, np.newaxis])
                offsets[i], scales[i] = np.ravel(one.offset)[0], np.ravel(one.scale)[0]
            elif of_column == POSITIVE and len(known):
                scales[i] = np.exp(np.log(known).mean())
        return cls(x.shape[1:], tuple(offsets.tolist()), tuple(scales.tolist()))

    @classmethod
    def _unchanged(cls, x, support, levels) -> Scaling:
        if levels is not None and support.high is not None:
            if tuple(levels) != (support.low, support.high):
                raise ValueError(
                    f"The data have the levels {levels[0]} to {levels[1]}, but the "
                    f"likelihood is one of {support}. Give the likelihood the levels "
                    "of the data; for 0/1 pixels, scale to [0, 1] and binarize "
                    "(keras_vae.data.binarize, or binarize='dynamic')."
                )
        support.check(x, "x_train")
        return cls(x.shape[1:])

    @classmethod
    def _from_levels(cls, x, support, levels) -> Scaling:
        low, high = levels
        if (support.low is None) != (support.high is None):
            return cls._already_inside(x, support)
        bottom, top = (0.0, 1.0) if support.low is None else (support.low, support.high)
        # Cell middles keep the ends of an open interval out of reach.
        margin = 0.5 if support.is_open and support.low is not None else 0.0
        scale = (high - low + 2 * margin) / (top - bottom)
        return cls(x.shape[1:], low - margin - bottom * scale, scale)

    @classmethod
    def _standardise(cls, x) -> Scaling:
        if x.ndim > 2:
            low, high = float(x.min()), float(x.max())
            if low >= 0.0 and high <= 1.0:
                return cls(x.shape[1:])
            if low == high:
                return cls(x.shape[1:], low)
            # Row by row: NumPy's own std would hold a float64 copy of all images.
            mean = float(x.mean(dtype=np.float64))
            squares = sum(float(np.square(row - mean).sum()) for row in x)
            return cls(x.shape[1:], mean, math.sqrt(squares / x.size))
        # By range, not by standard deviation: rounding in the mean gives a constant
        # column a tiny deviation, and dividing by that would blow up held-out values.
        constant = x.max(axis=0) == x.min(axis=0)
        mean = np.where(constant, x[0], x.mean(axis=0, dtype=np.float64))
        std = np.where(constant, 1.0, x.std(axis=0, dtype=np.float64))
        return cls(x.shape[1:], tuple(mean), tuple(std))

    @classmethod
    def _standardise_known(cls, x, known) -> Scaling:
        REAL.check(x[known], "x_train")
        if x.ndim > 2:
            one = cls._standardise(x[known].reshape(-1, 1, 1))
            return cls(x.shape[1:], one.offset, one.scale)
        # A column without any known value does not change.
        offsets, scales = np.zeros(x.shape[1]), np.ones(x.shape[1])
        for i, rows in enumerate(known.T):
            if rows.any():
                one = cls._standardise(x[rows, i : i + 1])
                offsets[i], scales[i] = np.ravel(one.offset)[0], np.ravel(one.scale)[0]
        return cls(x.shape[1:], tuple(offsets.tolist()), tuple(scales.tolist()))

    @classmethod
    def _already_inside(cls, x, support) -> Scaling:
        support_ok = support.contains(x)
        if support_ok.all() or not np.isfinite(x).all():
            support.check(x, "x_train")
            return cls(x.shape[1:])
        raise ValueError(
            f"x_train runs from {x.min():g} to {x.max():g}, but the likelihood accepts "
            f"{support}, and data without levels have no known bounds to scale by (the "
            "smallest and largest training value would leave held-out values outside). "
            "Divide by bounds that you know, give levels=(smallest, largest) for "
            "whole-number data, or choose a likelihood for real numbers such as "
            "'normal'."
        )

    @property
    def log_scale(self) -> float:
        """Sum over one example of log |d x_model / d x_raw|, in nats.

        `log p(x_raw) = log p(x_model) + log_scale`, for densities. It is 0 for the
        identity.
        """
        per_column = -np.log(np.asarray(self.scale))
        return float(np.broadcast_to(per_column, self.event_shape).sum())

    def __call__(self, x: Any) -> Any:
        """Maps raw values to model units.

        Args:
            x: Array or tensor `[..., *event_shape]`, any numeric type.

        Returns:
            Float32 array, or tensor if `x` is one, of the same shape.

        Raises:
            ValueError: If `x` does not end in `event_shape`.
        """
        x, offset, scale = self._as_floats(x)
        return _float32((x - offset) / scale)

    def inverse(self, x: Any) -> Any:
        """Maps model units back to raw values (not rounded to levels).

        Args:
            x: Array or tensor `[..., *event_shape]`.

        Returns:
            Float32 array, or tensor if `x` is one, of the same shape.

        Raises:
            ValueError: If `x` does not end in `event_shape`.
        """
        x, offset, scale = self._as_floats(x)
        return _float32(x * scale + offset)

    def log_scale_by_element(self) -> np.ndarray:
        """Log |d x_model / d x_raw| of each element of one example, [*event_shape]."""
        return np.broadcast_to(-np.log(np.asarray(self.scale)), self.event_shape)

    def _as_floats(self, x):
        x = x if tf.is_tensor(x) else np.asarray(x)
        # Numbers with more digits than float32 holds are first brought near zero.
        kind = np.dtype(x.dtype.as_numpy_dtype if tf.is_tensor(x) else x.dtype)
        wide = kind.itemsize > 4 or (kind.kind in "iu" and kind.itemsize > 2)
        dtype = np.float64 if wide else np.float32
        rank = len(self.event_shape)
        if tf.is_tensor(x):
            x = tf.cast(x, dtype)
            fits = x.shape[-rank:].is_compatible_with(self.event_shape)
        else:
            x = x.astype(dtype, copy=False)
            fits = x.shape[-rank:] == self.event_shape
        if not fits:
            raise ValueError(
                f"x must end in the shape of one example, {self.event_shape}; "
                f"got {tuple(x.shape)}."
            )
        return x, np.asarray(self.offset, dtype), np.asarray(self.scale, dtype)

    def to_config(self) -> dict[str, Any]:
        """Returns the map as plain values for JSON.

        Example:
            >>> Scaling.from_config(json.loads(json.dumps(scaling.to_config())))
        """
        plain = {"event_shape": list(self.event_shape)}
        for name in ("offset", "scale"):
            value = getattr(self, name)
            plain[name] = list(value) if isinstance(value, tuple) else value
        return plain

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Scaling:
        """Builds the map that `to_config` described."""
        return cls(**config)


def _float32(x):
    return tf.cast(x, tf.float32) if tf.is_tensor(x) else x.astype(np.float32, copy=False)


def _check_levels(x: np.ndarray, levels: tuple[int, int]) -> None:
    if len(levels) != 2 or not all(math.isfinite(v) for v in levels):
        raise ValueError(f"levels must be (smallest, largest); got {levels!r}.")
    if levels[0] >= levels[1]:
        raise ValueError(
            f"levels must be (smallest, largest) with smallest < largest; got {levels!r}."
        )
    whole_levels(*levels).check(x, "x_train")
