"""A normal distribution in hyperbolic space, which embeds trees in few dimensions."""

from __future__ import annotations

import math

import keras
import numpy as np
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from keras_vae.core.numbers import not_negative, positive_int
from keras_vae.core.support import Support
from keras_vae.layers.base import DistributionLayer
from keras_vae.layers.independent import raw_ones

# Largest norm of a point, as a share of the radius: nearer to the edge, sums of two points
# lose all digits in single precision. The sum itself may be nearer to the edge.
_EDGE = 1.0 - 4e-3
_ALMOST_ONE = 1.0 - 1e-6
_TINY = 1e-12


def _norm(x):
    """Norms [..., 1] with a gradient at zero."""
    return tf.sqrt(tf.reduce_sum(tf.square(x), axis=-1, keepdims=True) + _TINY)


def mobius_add(x: tf.Tensor, y: tf.Tensor, curvature: float) -> tf.Tensor:
    """Adds two points of the Poincare ball.

    Args:
        x: Points [..., D].
        y: Points that broadcast with them.
        curvature: c, of a ball of radius 1 / sqrt(c).

    Returns:
        Points [..., D].

    Example:
        >>> mobius_add(tf.constant([[0.5]]), tf.constant([[-0.5]]), 1.0).numpy()
        array([[0.]], dtype=float32)

    Source:
        Ganea, Becigneul and Hofmann 2018, "Hyperbolic neural networks", equation 4.
    """
    xy = tf.reduce_sum(x * y, axis=-1, keepdims=True)
    xx = tf.reduce_sum(x * x, axis=-1, keepdims=True)
    yy = tf.reduce_sum(y * y, axis=-1, keepdims=True)
    c = curvature
    numerator = (1 + 2 * c * xy + c * yy) * x + (1 - c * xx) * y
    return numerator / (1 + 2 * c * xy + c * c * xx * yy)


class WrappedNormal(tfd.Distribution):
    """A normal distribution on a tangent space, wrapped onto the Poincare ball.

    v ~ N(0, diag(scale^2)) at the origin is carried to the tangent space of the centre and
    mapped along geodesics: z = centre (+) tanh(sqrt(c) |v| / 2) v / (sqrt(c) |v|). The
    density is that of z in the space around the ball.

    Args:
        center: Points of the ball [..., D].
        scale: Standard deviations [..., D].
        curvature: c > 0.
        validate_args: As in TFP.
        name: As in TFP.
    """

    def __init__(self, center, scale, curvature, validate_args=False, name="WrappedNormal"):
        """Creates the distribution."""
        parameters = dict(locals())
        self.center = tf.convert_to_tensor(center)
        self.scale = tf.convert_to_tensor(scale)
        self.curvature = float(curvature)
        super().__init__(
            dtype=self.center.dtype,
            reparameterization_type=tfd.FULLY_REPARAMETERIZED,
            validate_args=validate_args,
            allow_nan_stats=False,
            parameters=parameters,
            name=name,
        )

    def _batch_shape(self):
        return tf.broadcast_static_shape(self.center.shape, self.scale.shape)[:-1]

    def _batch_shape_tensor(self):
        shapes = tf.shape(self.center), tf.shape(self.scale)
        return tf.broadcast_dynamic_shape(*shapes)[:-1]

    def _event_shape(self):
        return self.center.shape[-1:]

    def _event_shape_tensor(self):
        return tf.shape(self.center)[-1:]

    def _sample_n(self, n, seed=None):
        event = self._event_shape_tensor()
        shape = tf.concat([[n], self._batch_shape_tensor(), event], axis=0)
        noise = tfd.Normal(tf.zeros([], self.dtype), 1.0).sample(shape, seed=seed)
        v, root = self.scale * noise, math.sqrt(self.curvature)
        norm = _norm(v)
        step = tf.tanh(0.5 * root * norm) * v / (root * norm)
        return self._inside(mobius_add(self.center, step, self.curvature))

    def _inside(self, z):
        """Rounding must not put a point on the edge, which is infinitely far away."""
        norm = _norm(z)
        largest = _EDGE / math.sqrt(self.curvature)
        return tf.where(norm > largest, z * (largest / norm), z)

    def _log_prob(self, z):
        root, c = math.sqrt(self.curvature), self.curvature
        w = mobius_add(-self.center, z, c)
        norm = _norm(w)
        distance = 2.0 / root * tf.atanh(tf.minimum(root * norm, _ALMOST_ONE))
        v = distance * w / norm
        normal = tfd.MultivariateNormalDiag(tf.zeros_like(self.scale), self.scale)
        # The spread of geodesics relative to lines: (c d / sinh(c d))^(D - 1).
        far = root * distance[..., 0]
        log_sinh = far + tf.math.log1p(-tf.exp(-2.0 * far) + _TINY) - math.log(2.0)
        spread = tf.where(far < 1e-2, -tf.square(far) / 6.0, tf.math.log(far) - log_sinh)
        # The ball's own measure at z, of volume in the space around it.
        size = tf.cast(tf.shape(z)[-1], self.dtype)
        room = 1.0 - c * tf.reduce_sum(tf.square(z), axis=-1)
        measure = size * (math.log(2.0) - tf.math.log(tf.maximum(room, _TINY)))
        return normal.log_prob(v) + (size - 1.0) * spread + measure


@keras.saving.register_keras_serializable("keras_vae")
class PoincareNormal(DistributionLayer):
    """A wrapped normal on the Poincare ball; parameters: a tangent vector, scales.

    Hyperbolic space grows with the distance as trees do, so that few dimensions hold a
    hierarchy. The centre is where the geodesic from the origin along the tangent vector
    ends. As a posterior, its default prior is the wrapped normal at the origin.

    Args:
        event_size: Dimension D of the ball.
        convert_to_tensor_fn: Output of a call; see `DistributionLayer`.
        curvature: c > 0, of a space of curvature -c; the ball's radius is 1 / sqrt(c).
        floor: Smallest standard deviation, which is floor + softplus(u).
        **kwargs: Arguments of `DistributionLayer`.

    Raises:
        ValueError: If the curvature is not positive and finite.

    Example:
        >>> PoincareNormal(2, curvature=0.5).params_size
        4

    Source:
        Nagano et al. 2019, "A wrapped normal distribution on hyperbolic space"; Mathieu et
        al. 2019, "Continuous hierarchical representations with Poincare variational
        auto-encoders", section 3.2.
    """

    def __init__(
        self,
        event_size,
        convert_to_tensor_fn="sample",
        *,
        curvature: float = 1.0,
        floor=1e-3,
        **kwargs,
    ):
        """Creates the layer."""
        super().__init__(convert_to_tensor_fn=convert_to_tensor_fn, **kwargs)
        self.event_size = positive_int(event_size, "event_size")
        self.event_shape = (self.event_size,)
        if isinstance(curvature, bool) or not 0 < curvature < math.inf:
            raise ValueError(f"curvature must be positive and finite: {curvature!r}.")
        self.curvature = float(curvature)
        self.floor = not_negative(floor, "floor")

    def compute_params_size(self) -> int:
        """D numbers of the tangent vector, D scales."""
        return 2 * self.event_size

    def make_distribution(self, params):
        """Wrapped normal with a centre inside the ball and softplus scales."""
        tangent, scale = tf.split(params, 2, axis=-1)
        root, norm = math.sqrt(self.curvature), _norm(tangent)
        center = tf.minimum(tf.tanh(root * norm), _EDGE) * tangent / (root * norm)
        return WrappedNormal(
            center,
            self.floor + tf.nn.softplus(scale),
            self.curvature,
            self.validate_args,
        )

    def initial_params(self, seed=0):
        """The origin, and scales of one."""
        ones = raw_ones(self.event_size, self.floor)
        return np.concatenate([np.zeros(self.event_size, np.float32), ones])

    def center(self, distribution):
        """The centre."""
        return distribution.center

    expectation = center

    def summary(self, distribution):
        """The centre alone: the mean of points in a curved space is not in that space."""
        return {"center": self.center(distribution)}

    @property
    def support(self) -> Support:
        """The inside of the ball."""
        radius = 1.0 / math.sqrt(self.curvature)
        return Support(-radius, radius, is_open=True, vectors="ball")

    def get_config(self):
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "event_size": self.event_size,
            "curvature": self.curvature,
            "floor": self.floor,
        }
