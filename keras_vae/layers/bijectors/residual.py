"""Planar and radial flows: a vector plus a bend along a plane, or around a point."""

from __future__ import annotations

import keras
import tensorflow as tf
from tensorflow_probability import bijectors as tfb

from keras_vae.layers.bijectors.base import FlowBijector, root


@keras.saving.register_keras_serializable("keras_vae")
class Planar(FlowBijector):
    """f(z) = z + u tanh(w . z + b): bends the space along a plane.

    u, w and b are parameters, from the encoder; u is moved so that f is invertible. The
    inverse is found by halving an interval.

    Example:
        >>> layers.Flow(3, bijector="planar", num_layers=10).params_size
        76

    Source:
        Rezende and Mohamed 2015, "Variational inference with normalizing flows", equations
        10 to 12 and appendix A.1.
    """

    mixes = True

    def params_size(self, size):
        """U [D], w [D], b."""
        return 2 * size + 1

    def make(self, size, params, network, context):
        """The bijector."""
        u, w, b = tf.split(params, [size, size, 1], axis=-1)
        return _Planar(u, w, b[..., 0])


class _Planar(tfb.Bijector):
    def __init__(self, u, w, b):
        inner = _dot(w, u)
        square = _dot(w, w) + 1e-6
        lifted = (tf.nn.softplus(inner) - 1.0 - inner) / square
        self.u = u + lifted[..., tf.newaxis] * w
        self.w, self.b = w, b
        super().__init__(
            forward_min_event_ndims=1, parameters={"u": u, "w": w, "b": b}, name="planar"
        )

    @property
    def steepness(self):
        # Above -1, up to rounding: 1 + steepness * tanh' is the determinant.
        return tf.maximum(_dot(self.w, self.u), -1.0 + 1e-4)

    def _forward(self, x):
        bend = tf.tanh(_dot(self.w, x) + self.b)
        return x + bend[..., tf.newaxis] * self.u

    def _inverse(self, y):
        at, steepness = _dot(self.w, y) + self.b, self.steepness
        inner = root(
            lambda a: a + steepness * tf.tanh(a) - at,
            lambda a: 1.0 + steepness * (1.0 - tf.tanh(a) ** 2),
            at - tf.abs(steepness),
            at + tf.abs(steepness),
        )
        return y - tf.tanh(inner)[..., tf.newaxis] * self.u

    def _forward_log_det_jacobian(self, x):
        slope = 1.0 - tf.tanh(_dot(self.w, x) + self.b) ** 2
        return tf.math.log1p(self.steepness * slope)


@keras.saving.register_keras_serializable("keras_vae")
class Radial(FlowBijector):
    """f(z) = z + beta (z - c) / (alpha + |z - c|): bends the space around a point.

    c, alpha and beta are parameters, from the encoder; beta stays above -alpha, so that f
    is invertible.

    Example:
        >>> layers.Flow(3, bijector="radial", num_layers=2).params_size
        16

    Source:
        Rezende and Mohamed 2015, "Variational inference with normalizing flows", equation
        14 and appendix A.2.
    """

    mixes = True

    def params_size(self, size):
        """C [D], alpha, beta."""
        return size + 2

    def make(self, size, params, network, context):
        """The bijector."""
        center, raw_alpha, raw_beta = tf.split(params, [size, 1, 1], axis=-1)
        alpha = 1e-2 + tf.nn.softplus(raw_alpha[..., 0])
        # Near 0 where the network says 0.
        beta = tf.nn.softplus(raw_beta[..., 0]) / _LOG_2 * alpha - alpha
        return _Radial(center, alpha, beta)


class _Radial(tfb.Bijector):
    def __init__(self, center, alpha, beta):
        self.center, self.alpha, self.beta = center, alpha, beta
        parameters = {"center": center, "alpha": alpha, "beta": beta}
        super().__init__(forward_min_event_ndims=1, parameters=parameters, name="radial")

    def _away(self, x):
        away = x - self.center
        # The length of zero has no gradient.
        square = _dot(away, away)
        return away, tf.sqrt(tf.maximum(square, 1e-12))

    def _forward(self, x):
        away, radius = self._away(x)
        return x + (self.beta / (self.alpha + radius))[..., tf.newaxis] * away

    def _inverse(self, y):
        away, after = self._away(y)
        # r + beta r / (alpha + r) = after: the positive root of a parabola.
        half = 0.5 * (after - self.alpha - self.beta)
        before = half + tf.sqrt(half**2 + self.alpha * after)
        # (Where the sum cancels, by the other form of the root.)
        other = self.alpha * after / (tf.sqrt(half**2 + self.alpha * after) - half)
        before = tf.where(half < 0, other, before)
        return self.center + (before / after)[..., tf.newaxis] * away

    def _forward_log_det_jacobian(self, x):
        away, radius = self._away(x)
        spread = tf.math.log1p(self.beta / (self.alpha + radius))
        along = self.beta * self.alpha / (self.alpha + radius) ** 2
        return (x.shape[-1] - 1) * spread + tf.math.log1p(along)


def _dot(a, b):
    return tf.reduce_sum(a * b, axis=-1)


_LOG_2 = 0.6931471805599453
