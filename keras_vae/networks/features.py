"""The inputs of an encoder: gaps, counts, classes."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from keras_vae.core.dtypes import float_dtype
from keras_vae.core.numbers import sizes

KINDS = ("number", "count", "positive", "classes")


@keras.saving.register_keras_serializable("keras_vae")
class Gaps(keras.layers.Layer):
    """Puts zeros where an observation is missing (NaN).

    The first layer of an encoder whose model is to take gaps.

    Args:
        mask: Whether to append a mask to the last axis, with ones for known and zeros for
            missing values.
        **kwargs: Arguments of `keras.layers.Layer`.

    Example:
        >>> Gaps(mask=True)(np.array([[1.0, np.nan]])).numpy()
        array([[1., 0., 1., 0.]], dtype=float32)

    Source:
        Mattei and Frellsen 2019, "MIWAE: deep generative modelling and imputation of
        incomplete data sets" (zeros); Nazabal et al. 2020, "Handling incomplete
        heterogeneous data using VAEs".
    """

    # Models look for it, to know that NaN may be passed to them.
    takes_gaps = True

    def __init__(self, mask: bool = False, **kwargs):
        """Creates the layer."""
        super().__init__(**kwargs)
        self.mask = bool(mask)

    def call(self, x):
        """Replaces NaN.

        Args:
            x: Observations [B, *event].

        Returns:
            Tensor of the same shape; with the mask the last axis is twice as long.
        """
        missing = keras.ops.isnan(x)
        filled = keras.ops.where(missing, keras.ops.zeros_like(x), x)
        if not self.mask:
            return filled
        known = keras.ops.cast(keras.ops.logical_not(missing), filled.dtype)
        return keras.ops.concatenate([filled, known], axis=-1)

    def compute_output_shape(self, input_shape):
        """Shape of a call's result."""
        *front, last = input_shape
        return (*front, 2 * last if self.mask else last)

    def get_config(self):
        """Returns the constructor's arguments."""
        return {**super().get_config(), "mask": self.mask}


@keras.saving.register_keras_serializable("keras_vae")
class ColumnFeatures(keras.layers.Layer):
    """Reads the columns of a table: classes one-hot, amounts by their logarithms.

    Gaps (NaN) become zeros, as do amounts that are not positive, and counts below zero.
    Its precision is at least single.

    Args:
        kinds: Kind of each column: "number" (as it is), "count" (log(1 + x)), "positive"
            (log x), "classes" (one-hot).
        num_classes: Number of classes of each column, or 0.
        rescale: Factor of each column of numbers.
        shift: Number added to each column of numbers after that.
        mask: Whether to append which columns are known.
        dtype: Dtype or policy; None takes Keras's global one.
        **kwargs: Arguments of `keras.layers.Layer`.

    Raises:
        ValueError: If a kind is not known, or the lists have different lengths.

    Example:
        >>> read = ColumnFeatures(["number", "classes"], [0, 3])
        >>> read(np.array([[0.5, 2.0], [np.nan, np.nan]])).numpy()
        array([[0.5, 0. , 0. , 1. ],
               [0. , 0. , 0. , 0. ]], dtype=float32)
    """

    takes_gaps = True

    def __init__(
        self,
        kinds: Sequence[str],
        num_classes: Sequence[int],
        rescale: Sequence[float] | None = None,
        shift: Sequence[float] | None = None,
        mask: bool = False,
        dtype=None,
        **kwargs,
    ):
        """Creates the layer."""
        # Half precision holds neither large amounts nor the numbers of many classes.
        super().__init__(dtype=float_dtype(dtype), **kwargs)
        self.kinds, self.num_classes = list(kinds), list(map(int, num_classes))
        self.rescale = list(rescale or [1.0] * len(self.kinds))
        self.shift = list(shift or [0.0] * len(self.kinds))
        self.mask = bool(mask)
        lengths = {len(self.num_classes), len(self.rescale), len(self.shift)}
        if lengths != {len(self.kinds)} or not set(self.kinds) <= set(KINDS):
            raise ValueError(
                "kinds, num_classes, rescale and shift must be lists of the same length, "
                f"with kinds among {', '.join(KINDS)}, but are {kinds}, {num_classes}, "
                f"{rescale} and {shift}."
            )
        sizes([n for n in self.num_classes if n] or [1], "num_classes")

    def call(self, x):
        """Makes the features.

        Args:
            x: Rows [B, D].

        Returns:
            Tensor [B, F].
        """
        ops = keras.ops
        missing = ops.isnan(x)
        if "positive" in self.kinds:
            # A corruption's zeros have no logarithm either.
            low = [0.0 if one == "positive" else float("-inf") for one in self.kinds]
            missing = ops.logical_or(missing, x <= ops.cast(low, x.dtype))
        known = ops.cast(ops.logical_not(missing), x.dtype)
        parts = []
        for kind in ("number", "count", "positive"):
            if columns := [i for i, one in enumerate(self.kinds) if one == kind]:
                # The logarithm of a gap is that of one, so that no NaN has a gradient.
                filled = ops.where(missing, 1.0 if kind == "positive" else 0.0, x)
                part = ops.take(filled, columns, axis=-1)
                if kind != "number":
                    part = (
                        ops.log1p(ops.maximum(part, 0.0))
                        if kind == "count"
                        else ops.log(part)
                    )
                scale = ops.cast([self.rescale[i] for i in columns], part.dtype)
                shift = ops.cast([self.shift[i] for i in columns], part.dtype)
                part = part * scale + shift
                parts.append(part * ops.take(known, columns, axis=-1))
        for i, n in enumerate(self.num_classes):
            if self.kinds[i] == "classes":
                # No class has the number -1.
                number = ops.where(missing[..., i], -1.0, x[..., i])
                parts.append(ops.one_hot(ops.cast(number, "int32"), n, dtype=x.dtype))
        if self.mask:
            parts.append(known)
        return ops.concatenate(parts, axis=-1)

    def compute_output_shape(self, input_shape):
        """Shape of a call's result."""
        classes = [k == "classes" for k in self.kinds]
        size = sum(n if c else 1 for n, c in zip(self.num_classes, classes, strict=True))
        return (*input_shape[:-1], size + self.mask * len(self.kinds))

    def get_config(self):
        """Returns the constructor's arguments."""
        names = ("kinds", "num_classes", "rescale", "shift", "mask")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
