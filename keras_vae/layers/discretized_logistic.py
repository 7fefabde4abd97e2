"""The discretized logistic likelihood of 8-bit images."""

from __future__ import annotations

from numbers import Real

import keras
import numpy as np
import tensorflow as tf
from tensorflow_probability import distributions as tfd

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


class DiscretizedLogisticDistribution(tfd.Distribution):
    """A logistic variable rounded to the nearest level and clipped to `low` ... `high`.

    P(x) = F(x + 1/2) - F(x - 1/2), where the lowest and the highest level take the
    tails.

    Args:
        loc: Location in levels, a tensor.
        scale: Scale in levels, a positive tensor that broadcasts with `loc`.
        low: Lowest level.
        high: Highest level.
        validate_args: As in TFP.
        name: As in TFP.
    """

    def __init__(
        self, loc, scale, low, high, validate_args=False, name="DiscretizedLogistic"
    ):
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

    def _batch_shape(self):
        return tf.broadcast_static_shape(self.loc.shape, self.scale.shape)

    def _batch_shape_tensor(self):
        return tf.broadcast_dynamic_shape(tf.shape(self.loc), tf.shape(self.scale))

    def _event_shape(self):
        return tf.TensorShape([])

    def _event_shape_tensor(self):
        return tf.constant([], tf.int32)

    def _log_prob(self, x):
        # F(b) - F(a) = s(b) s(-a) (1 - exp(a - b)) for the logistic function s: exact,
        # and finite where the difference of two numbers near 0 or 1 is not.
        x = tf.cast(x, self.dtype)
        above = (x + 0.5 - self.loc) / self.scale
        below = (x - 0.5 - self.loc) / self.scale
        width = tf.math.log(-tf.math.expm1(-1.0 / self.scale))
        zero = tf.zeros([], self.dtype)
        log_below_upper = tf.where(x >= self.high, zero, tf.math.log_sigmoid(above))
        log_above_lower = tf.where(x <= self.low, zero, tf.math.log_sigmoid(-below))
        inner = (x > self.low) & (x < self.high)
        return log_below_upper + log_above_lower + tf.where(inner, width, zero)

    def _sample_n(self, n, seed=None):
        shape = tf.concat([[n], self._batch_shape_tensor()], 0)
        noise = tfd.Logistic(tf.zeros([], self.dtype), 1.0).sample(shape, seed=seed)
        return self._nearest_level(self.loc + self.scale * noise)

    def _nearest_level(self, x):
        return tf.clip_by_value(tf.round(x), self.low, self.high)

    def _mode(self):
        return self._nearest_level(self.loc + tf.zeros_like(self.scale))

    def _mean(self):
        # E x = low + sum of P(x >= k) over the levels k above low. For a wide logistic
        # the sum is an integral by the midpoint rule with its first correction, the
        # densities at the ends (Euler and Maclaurin); what remains is below 2e-4 of a
        # level. For a narrow one only a few levels differ from a step.
        integral = self.scale * (
            tf.nn.softplus((self.loc - self.low) / self.scale)
            - tf.nn.softplus((self.loc - self.high) / self.scale)
        )
        ends = self._density(self.high) - self._density(self.low)
        wide = self.low + integral + ends / 24.0
        middle = self._nearest_level(self.loc)
        narrow = tf.maximum(middle - _WINDOW, self.low)
        for offset in np.arange(1 - _WINDOW, _WINDOW + 1):
            level = middle + float(offset)
            tail = tf.sigmoid((self.loc - level + 0.5) / self.scale)
            inside = (level > self.low) & (level <= self.high)
            narrow += tf.where(inside, tail, tf.zeros([], self.dtype))
        return tf.where(self.scale < _NARROW, narrow, wide)

    def _density(self, x):
        below = tf.sigmoid((x - self.loc) / self.scale)
        return below * (1.0 - below) / self.scale


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
        convert_to_tensor_fn: What a call returns; see `DistributionLayer`.
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
        """Discretized logistic with location and scale turned into levels."""
        half = (self.high - self.low) / 2.0
        return DiscretizedLogisticDistribution(
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
        scale = np.maximum(std * np.sqrt(3.0) / np.pi / half, 1e-3)
        return np.concatenate([loc, inverse_softplus(scale)]).astype(np.float32)

    @property
    def support(self) -> Support:
        """The levels."""
        return levels(self.low, self.high)

    def get_config(self):
        """Returns the constructor's arguments."""
        return {**super().get_config(), "low": self.low, "high": self.high}
