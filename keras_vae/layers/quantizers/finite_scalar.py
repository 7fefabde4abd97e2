"""Quantization without a codebook: each number is rounded to few levels."""

from __future__ import annotations

import math
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from keras_vae.core.numbers import sizes
from keras_vae.layers.quantizers.base import Quantizer


@keras.saving.register_keras_serializable("keras_vae")
class FiniteScalarQuantizer(Quantizer):
    """Each element of a vector is bounded, and rounded to its number of levels.

    There is no codebook to learn, no commitment, and no code that dies.

    Args:
        event_shape: Shape (*positions, D) of the vectors of one observation.
        convert_to_tensor_fn: Output of a call; see `DistributionLayer`.
        levels: Number of levels of each of the D elements, at least 2.
        gradient: See `Quantizer`.
        **kwargs: Arguments of `DistributionLayer`.

    Raises:
        ValueError: If `levels` does not have D numbers, one is 1, or there are more than
            2^31 - 1 codes.

    Example:
        >>> FiniteScalarQuantizer((8, 8, 3), levels=(8, 6, 5)).num_codes
        240

    Source:
        Mentzer et al. 2024, "Finite scalar quantization: VQ-VAE made simple", section 3.
    """

    def __init__(
        self,
        event_shape,
        convert_to_tensor_fn="sample",
        *,
        levels: Sequence[int] = (8, 6, 5),
        gradient: str = "straight_through",
        **kwargs,
    ):
        """Creates the layer."""
        super().__init__(event_shape, convert_to_tensor_fn, gradient=gradient, **kwargs)
        self.levels = sizes(levels, "levels")
        if len(self.levels) != self.event_shape[-1] or min(self.levels) < 2:
            raise ValueError(
                f"levels is {self.levels}, but one number of at least 2 is needed for each "
                f"of {self.event_shape[-1]} elements, the last axis of event_shape."
            )
        self.num_codes = math.prod(self.levels)
        if self.num_codes > np.iinfo(np.int32).max:
            raise ValueError(
                f"levels {self.levels} have {self.num_codes:,} codes, more than int32 can "
                "number. Take fewer elements or levels."
            )

    def round_to_codes(self, inputs, training):
        """Bounds the elements and rounds them."""
        count = np.array(self.levels)
        half = (count - 1) * (1 + 1e-3) / 2
        offset = np.where(count % 2 == 0, 0.5, 0.0)
        bounded = tf.tanh(inputs + np.arctanh(offset / half)) * half - offset
        bounded /= count // 2
        indices = self.indices(tf.stop_gradient(bounded))
        return bounded, self.lookup(indices), indices

    def indices(self, z):
        """Indices of the nearest codes; see `Quantizer`."""
        middle = np.array(self.levels) // 2
        digits = tf.round(tf.cast(z, self.compute_dtype) * middle) + middle
        digits = tf.clip_by_value(digits, 0, np.array(self.levels) - 1)
        return tf.reduce_sum(tf.cast(digits, tf.int32) * self._places, axis=-1)

    def lookup(self, indices):
        """The codes of indices; see `Quantizer`."""
        digits = (indices[..., tf.newaxis] // self._places) % np.array(self.levels)
        middle = np.array(self.levels) // 2
        return tf.cast(digits - middle, self.compute_dtype) / middle

    @property
    def _places(self):
        """The place value of each element's digit."""
        return np.cumprod([1, *self.levels[:-1]]).astype(np.int32)

    def get_config(self):
        """Returns the constructor's arguments."""
        return {**super().get_config(), "levels": list(self.levels)}
