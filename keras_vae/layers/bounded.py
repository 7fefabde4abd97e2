"""Distributions on intervals: the truncated normal and Kumaraswamy's."""

from __future__ import annotations

import math

import keras
import numpy as np
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from keras_vae.core.support import OPEN_UNIT_INTERVAL, Support
from keras_vae.layers.independent import (
    PositiveLayer,
    element_moments,
    inside_unit_interval,
    inverse_softplus,
    logit,
)


@keras.saving.register_keras_serializable("keras_vae")
class IndependentTruncatedNormal(PositiveLayer):
    """Independent normal variables on an interval; parameters: modes, scales.

    The density is that of a normal distribution, restricted to `low` to `high`. Its mode is
    low + (high - low) sigmoid(u) for the network's output u.

    Args:
        event_shape: Shape of one observation; an integer means a vector, () a scalar.
        low: The smallest value.
        high: The largest value.
        convert_to_tensor_fn: Output of a call; see `DistributionLayer`.
        floor: Smallest scale before truncation, as a share of the interval.
        **kwargs: Arguments of `DistributionLayer`.

    Raises:
        ValueError: If `low` and `high` are not two finite numbers in order.

    Example:
        >>> print(IndependentTruncatedNormal(3, low=-1.0).support)
        [-1, 1]
    """

    def __init__(
        self,
        event_shape=(),
        low: float = 0.0,
        high: float = 1.0,
        convert_to_tensor_fn="sample",
        *,
        floor=1e-3,
        **kwargs,
    ):
        """Creates the layer."""
        super().__init__(event_shape, convert_to_tensor_fn, floor=floor, **kwargs)
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise ValueError(
                f"low and high must be finite with low < high, but are {low!r}, {high!r}."
            )
        self.low, self.high = float(low), float(high)

    def make_elements(self, loc, scale):
        """Truncated normal with its mode inside and softplus scale."""
        width = self.high - self.low
        return tfd.TruncatedNormal(
            self.low + width * tf.sigmoid(loc),
            width * self.positive(scale),
            tf.constant(self.low, loc.dtype),
            tf.constant(self.high, loc.dtype),
            self.validate_args,
        )

    def marginal_params(self, x):
        """From mean and standard deviation, ignoring the truncation."""
        width = self.high - self.low
        mean, std = element_moments(x)
        place = np.clip((mean - self.low) / width, 1e-3, 1 - 1e-3)
        scale = np.maximum(std / width, 1e-3)
        return np.concatenate([logit(place), inverse_softplus(scale)])

    @property
    def support(self) -> Support:
        """From `low` to `high`."""
        return Support(self.low, self.high)

    def get_config(self):
        """Returns the constructor's arguments."""
        return {**super().get_config(), "low": self.low, "high": self.high}


class _Kumaraswamy(tfd.Kumaraswamy):
    """TFP's, with logarithms where powers round to 0 or 1: draws have a finite density."""

    def _call_sample_n(self, sample_shape, seed, **kwargs):
        # Past TFP's own, which transforms uniform draws.
        return tfd.Distribution._call_sample_n(self, sample_shape, seed, **kwargs)

    def _sample_n(self, n, seed=None):
        a, b = self.concentration1, self.concentration0
        shape = tf.concat([[n], self.batch_shape_tensor()], axis=0)
        tiny = np.finfo(self.dtype.as_numpy_dtype).tiny
        # The probability of a larger draw.
        above = tfd.Uniform(tf.constant(tiny, self.dtype), 1.0).sample(shape, seed=seed)
        log_power = tf.math.log(-tf.math.expm1(tf.math.log(above) / b))
        return inside_unit_interval(tf.exp(log_power / a))

    def _log_prob(self, x):
        a, b = self.concentration1, self.concentration0
        log_x = tf.math.log(x)
        rest = tf.math.log(-tf.math.expm1(a * log_x))
        return tf.math.log(a) + tf.math.log(b) + (a - 1.0) * log_x + (b - 1.0) * rest


@keras.saving.register_keras_serializable("keras_vae")
class IndependentKumaraswamy(PositiveLayer):
    """Independent variables on (0, 1) with P(x <= t) = 1 - (1 - t^a)^b; parameters: a, b.

    It has the shapes of the beta distribution, but its draws need one uniform number and
    have simple gradients. See `PositiveLayer` for the arguments.

    Example:
        >>> IndependentKumaraswamy(3).params_size
        6

    Source:
        Nalisnick and Smyth 2017, "Stick-breaking variational autoencoders".
    """

    def __init__(
        self, event_shape=(), convert_to_tensor_fn="sample", *, floor=0.1, **kwargs
    ):
        """Creates the layer."""
        super().__init__(event_shape, convert_to_tensor_fn, floor=floor, **kwargs)

    def make_elements(self, concentration1, concentration0):
        """Kumaraswamy with softplus concentrations."""
        return _Kumaraswamy(
            self.positive(concentration1),
            self.positive(concentration0),
            self.validate_args,
        )

    def initial_params(self, seed=0):
        """The uniform distribution's."""
        return np.full(self.params_size, np.log(np.expm1(1.0 - self.floor)), np.float32)

    def marginal_params(self, x):
        """A = 1 and the b that gives the mean, 1 / (1 + b)."""
        mean = np.clip(element_moments(x)[0], 1e-2, 1 - 1e-2)
        one = np.full(mean.shape, inverse_softplus(1.0 - self.floor), np.float32)
        b = np.maximum(1.0 / mean - 1.0 - self.floor, 1e-2)
        return np.concatenate([one, inverse_softplus(b)])

    @property
    def support(self) -> Support:
        """Between 0 and 1, both excluded."""
        return OPEN_UNIT_INTERVAL
