"""Distributions on intervals: the truncated normal, beta and Kumaraswamy's."""

from __future__ import annotations

import math

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp
from tensorflow_probability import distributions as tfd

from keras_vae.core.support import OPEN_UNIT_INTERVAL, Support
from keras_vae.layers.independent import (
    PositiveLayer,
    element_moments,
    inverse_softplus,
    logit,
    raw_ones,
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


def inside_unit_interval(x: tf.Tensor) -> tf.Tensor:
    """Moves draws that rounding put on 0 or 1, where densities are infinite, inside.

    Args:
        x: Draws from (0, 1).

    Returns:
        Tensor of the same shape; moved draws have no gradient.
    """
    about = np.finfo(x.dtype.as_numpy_dtype)
    return tf.clip_by_value(x, about.tiny, 1.0 - about.epsneg)


def log_of_gamma(concentration: tf.Tensor, n, seed) -> tf.Tensor:
    """Draws logarithms of gamma variables of rate 1, with finite gradients.

    Gradients of TFP's own are NaN where a draw, not its logarithm, is too small for the
    precision: one in a thousand at a concentration of 0.1.

    Args:
        concentration: Positive tensor.
        n: Number of draws for each element.
        seed: As TFP takes it.

    Returns:
        Tensor [n, *shape of the concentration].

    Source:
        Marsaglia and Tsang 2000, "A simple method for generating gamma variables", section
        6: a draw of one concentration more, times u^(1 / concentration).
    """
    of_larger, of_factor = tfp.random.split_seed(seed, salt="log_of_gamma")
    larger = tfd.Gamma(concentration + 1.0, tf.ones([], concentration.dtype))
    draws = larger.sample(n, seed=of_larger)
    tiny = tf.constant(np.finfo(draws.dtype.as_numpy_dtype).tiny, draws.dtype)
    uniform = tfd.Uniform(tiny, 1.0).sample(tf.shape(draws), seed=of_factor)
    return tf.math.log(draws) + tf.math.log(uniform) / concentration


class _Beta(tfd.Beta):
    """TFP's, whose draws are never 0 or 1, and have finite gradients."""

    def _sample_n(self, n, seed=None):
        both = tf.stack([self.concentration1, self.concentration0])
        one, other = tf.unstack(log_of_gamma(both, n, seed), axis=1)
        return inside_unit_interval(tf.sigmoid(one - other))


@keras.saving.register_keras_serializable("keras_vae")
class IndependentBeta(PositiveLayer):
    """Independent beta distributions; parameters: concentrations of 1 and of 0.

    The density at 0 and at 1 is zero or infinite, so observations must lie strictly between
    them; `keras_vae.data.Scaling` scales grey levels to this range. The floor keeps both
    concentrations away from zero. See `PositiveLayer` for the arguments.

    Example:
        >>> print(IndependentBeta(3).support)
        (0, 1)
    """

    def __init__(
        self, event_shape=(), convert_to_tensor_fn="sample", *, floor=1e-3, **kwargs
    ):
        """Creates the layer."""
        super().__init__(event_shape, convert_to_tensor_fn, floor=floor, **kwargs)

    def make_elements(self, concentration1, concentration0):
        """Beta with softplus concentrations."""
        return _Beta(
            self.positive(concentration1),
            self.positive(concentration0),
            self.validate_args,
        )

    def initial_params(self, seed=0):
        """The uniform distribution's."""
        return raw_ones(self.params_size, self.floor)

    def marginal_params(self, x):
        """By mean and variance."""
        mean, std = element_moments(x)
        # At the ends no density has such a mean.
        mean = np.clip(mean, 1e-3, 1 - 1e-3)
        total = np.maximum(mean * (1 - mean) / std**2 - 1, 0.1)
        return np.concatenate(
            [inverse_softplus(mean * total), inverse_softplus((1 - mean) * total)]
        )

    @property
    def support(self) -> Support:
        """Between 0 and 1, both excluded."""
        return OPEN_UNIT_INTERVAL


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
        return raw_ones(self.params_size, self.floor)

    def marginal_params(self, x):
        """A = 1 and the b that gives the mean, 1 / (1 + b)."""
        mean = np.clip(element_moments(x)[0], 1e-2, 1 - 1e-2)
        one = raw_ones(mean.size, self.floor)
        b = np.maximum(1.0 / mean - 1.0 - self.floor, 1e-2)
        return np.concatenate([one, inverse_softplus(b)])

    @property
    def support(self) -> Support:
        """Between 0 and 1, both excluded."""
        return OPEN_UNIT_INTERVAL
