"""Levels, such as those of 8-bit images: rounded logistic and normal variables."""

from __future__ import annotations

import math
from numbers import Real

import keras
import numpy as np
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from keras_vae.core.measures import WHOLE
from keras_vae.core.support import Support, levels
from keras_vae.layers.independent import (
    PositiveLayer,
    element_moments,
    inverse_softplus,
)

# For narrower logistics than this, in levels, the mean is summed over the levels near
# the location instead of integrated; beyond 12 levels their tails are below 1e-5.
_NARROW = 1.0
_WINDOW = 12
# A normal wider than this, in levels, has its density at a level for the probability, with
# an error below 1e-5; the difference of two nearly equal numbers would have a larger one.
_WIDE = 64.0
_LEAST_GAP = 1e-6


class Discretized(tfd.Distribution):
    """A variable rounded to the nearest level and clipped to `low` ... `high`.

    P(x) = F(x + 1/2) - F(x - 1/2), where the lowest and the highest level take the tails.
    Subclasses define F, for location 0 and scale 1.

    Args:
        loc: Location in levels, a tensor.
        scale: Scale in levels, a positive tensor that broadcasts with `loc`.
        low: Lowest level.
        high: Highest level.
        validate_args: As in TFP.
        name: As in TFP.
    """

    measure = WHOLE

    def __init__(self, loc, scale, low, high, validate_args=False, name="Discretized"):
        """Creates the distribution."""
        parameters = dict(locals())
        self.loc = tf.convert_to_tensor(loc)
        self.scale = tf.convert_to_tensor(scale)
        self.low, self.high = float(low), float(high)
        super().__init__(
            dtype=self.loc.dtype,
            reparameterization_type=tfd.NOT_REPARAMETERIZED,
            validate_args=validate_args,
            allow_nan_stats=False,
            parameters=parameters,
            name=name,
        )

    def _noise(self, shape, seed):
        """Draws of F."""
        raise NotImplementedError

    def _log_inner(self, x, above, below):
        """log(F(above) - F(below)), where above - below is 1 / scale."""
        raise NotImplementedError

    def _log_below(self, t):
        """Logarithm of F(t), which is symmetric: that of 1 - F(-t), too."""
        raise NotImplementedError

    def _density(self, t):
        """The density at t."""
        raise NotImplementedError

    def _integral(self, t):
        """The integral of F up to t."""
        raise NotImplementedError

    def _batch_shape(self):
        return tf.broadcast_static_shape(self.loc.shape, self.scale.shape)

    def _batch_shape_tensor(self):
        return tf.broadcast_dynamic_shape(tf.shape(self.loc), tf.shape(self.scale))

    def _event_shape(self):
        return tf.TensorShape([])

    def _event_shape_tensor(self):
        return tf.constant([], tf.int32)

    def _log_prob(self, x):
        x = tf.cast(x, self.dtype)
        above = (x + 0.5 - self.loc) / self.scale
        below = (x - 0.5 - self.loc) / self.scale
        inner = self._log_inner(x, above, below)
        is_low, is_high = x <= self.low, x >= self.high
        outer = tf.where(is_low, self._log_below(above), self._log_below(-below))
        return tf.where(is_low | is_high, outer, inner)

    def _sample_n(self, n, seed=None):
        shape = tf.concat([[n], self._batch_shape_tensor()], 0)
        return self._nearest_level(self.loc + self.scale * self._noise(shape, seed))

    def _nearest_level(self, x):
        return tf.clip_by_value(tf.round(x), self.low, self.high)

    def _mode(self):
        return self._nearest_level(self.loc + tf.zeros_like(self.scale))

    def _mean(self):
        # E x = low + sum of P(x >= k) over the levels k above low. For a wide F the sum is
        # an integral by the midpoint rule with its first correction, the densities at the
        # ends (Euler and Maclaurin); what remains is below 2e-4 of a level. For a narrow
        # one only a few levels differ from a step.
        to_low, to_high = ((self.loc - one) / self.scale for one in (self.low, self.high))
        integral = self.scale * (self._integral(to_low) - self._integral(to_high))
        ends = (self._density(to_high) - self._density(to_low)) / self.scale
        wide = self.low + integral + ends / 24.0
        middle = self._nearest_level(self.loc)
        narrow = tf.maximum(middle - _WINDOW, self.low)
        for offset in np.arange(1 - _WINDOW, _WINDOW + 1):
            level = middle + float(offset)
            tail = tf.exp(self._log_below((self.loc - level + 0.5) / self.scale))
            inside = (level > self.low) & (level <= self.high)
            narrow += tf.where(inside, tail, tf.zeros([], self.dtype))
        return tf.where(self.scale < _NARROW, narrow, wide)


class DiscretizedLogisticDistribution(Discretized):
    """A discretized logistic variable; see `Discretized`."""

    def _noise(self, shape, seed):
        return tfd.Logistic(tf.zeros([], self.dtype), 1.0).sample(shape, seed=seed)

    def _log_inner(self, x, above, below):
        # F(b) - F(a) = s(b) s(-a) (1 - exp(a - b)) for the logistic function s: exact,
        # and finite where the difference of two numbers near 0 or 1 is not.
        width = tf.math.log(-tf.math.expm1(-1.0 / self.scale))
        return tf.math.log_sigmoid(above) + tf.math.log_sigmoid(-below) + width

    def _log_below(self, t):
        return tf.math.log_sigmoid(t)

    def _density(self, t):
        return tf.sigmoid(t) * tf.sigmoid(-t)

    def _integral(self, t):
        return tf.nn.softplus(t)


class QuantizedNormalDistribution(Discretized):
    """A discretized normal variable; see `Discretized`."""

    def _noise(self, shape, seed):
        return tfd.Normal(tf.zeros([], self.dtype), 1.0).sample(shape, seed=seed)

    def _log_inner(self, x, above, below):
        # Both are taken on the lower side, where F is small and its logarithm exact.
        middle = (x - self.loc) / self.scale
        right = middle > 0
        b, a = tf.where(right, -below, above), tf.where(right, -above, below)
        log_b, log_a = self._log_below(b), self._log_below(a)
        gap = tf.maximum(log_b - log_a, _LEAST_GAP)
        # The cell of a wide normal is narrow, so the density hardly changes in it.
        sliver = tfd.Normal(tf.zeros([], self.dtype), 1.0).log_prob(middle)
        return tf.where(
            self.scale > _WIDE,
            sliver - tf.math.log(self.scale),
            log_b + tf.math.log(-tf.math.expm1(-gap)),
        )

    def _log_below(self, t):
        return tfd.Normal(tf.zeros([], self.dtype), 1.0).log_cdf(t)

    def _density(self, t):
        return tf.exp(tfd.Normal(tf.zeros([], self.dtype), 1.0).log_prob(t))

    def _integral(self, t):
        return t * tf.exp(self._log_below(t)) + self._density(t)


@keras.saving.register_keras_serializable("keras_vae")
class DiscretizedLogistic(PositiveLayer):
    """Independent discretized logistic levels; parameters: locations, scales.

    The likelihood for 8-bit images: a probability for each of the levels `low` to
    `high`, so that log-likelihoods are bits. The network works in units of half the
    range: its location u means mid-range + u * half-range, so that outputs around [-1,
    1] cover the levels. Observations, means and draws are levels, as floats.

    Args:
        event_shape: Shape of one observation; an integer means a vector, () a scalar.
        low: Lowest level.
        high: Highest level.
        convert_to_tensor_fn: Output of a call; see `DistributionLayer`.
        floor: Smallest scale in units of half the range.
        **kwargs: Arguments of `DistributionLayer`.

    Raises:
        ValueError: If `low` and `high` are not two whole numbers in order.

    Example:
        >>> DiscretizedLogistic((64, 64, 3)).params_size
        24576

    Source:
        Kingma et al. 2016, "Improved variational inference with inverse autoregressive
        flow"; Salimans et al. 2017, "PixelCNN++".
    """

    is_discrete = True
    _distribution: type[Discretized] = DiscretizedLogisticDistribution
    # Standard deviation at scale 1.
    _spread = math.pi / math.sqrt(3.0)

    def __init__(
        self,
        event_shape=(),
        low=0,
        high=255,
        convert_to_tensor_fn="sample",
        *,
        floor=1e-4,
        **kwargs,
    ):
        """Creates the layer."""
        super().__init__(event_shape, convert_to_tensor_fn, floor=floor, **kwargs)
        numbers = all(isinstance(level, Real) for level in (low, high))
        if not numbers or int(low) != low or int(high) != high or low >= high:
            raise ValueError(
                "low and high must be whole numbers with low < high, but are "
                f"{low!r} and {high!r}."
            )
        self.low, self.high = int(low), int(high)

    def make_elements(self, loc, scale):
        """Rounded variables, with location and scale turned into levels."""
        half = (self.high - self.low) / 2.0
        return self._distribution(
            (self.low + self.high) / 2.0 + half * loc,
            half * self.positive(scale),
            self.low,
            self.high,
            self.validate_args,
        )

    def marginal_params(self, x):
        """Means and scales, in units of half the range."""
        half = (self.high - self.low) / 2.0
        mean, std = element_moments(x)
        loc = (mean - (self.low + self.high) / 2.0) / half
        scale = np.maximum(std / self._spread / half, 1e-3)
        return np.concatenate([loc, inverse_softplus(scale)]).astype(np.float32)

    @property
    def support(self) -> Support:
        """The levels."""
        return levels(self.low, self.high)

    def get_config(self):
        """Returns the constructor's arguments."""
        return {**super().get_config(), "low": self.low, "high": self.high}


@keras.saving.register_keras_serializable("keras_vae")
class QuantizedNormal(DiscretizedLogistic):
    """Independent normal variables rounded to levels; parameters: locations, scales.

    As `DiscretizedLogistic`, whose arguments and units it has, with the lighter tails of
    the normal distribution: the scale is the standard deviation before rounding.

    Example:
        >>> QuantizedNormal((8, 8, 1), low=0, high=16).params_size
        128

    Source:
        Theis, van den Oord and Bethge 2016, "A note on the evaluation of generative
        models", section 3.1 (why levels need probabilities).
    """

    _distribution = QuantizedNormalDistribution
    _spread = 1.0
