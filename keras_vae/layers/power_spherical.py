"""Distributions of directions, on the unit sphere."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp
from tensorflow_probability import distributions as tfd

from keras_vae.core.numbers import not_negative, positive_int
from keras_vae.core.support import SPHERE, Support
from keras_vae.layers.base import DistributionLayer

# The smooth upper limit of the concentration's logarithm: beyond it, all draws round to the
# mean direction.
_LARGEST_LOG = 14.0
# The cosine of a draw and the mean direction is nearer to 0 than 1 minus this.
_NEAREST = 1e-6


class _PowerSpherical(tfd.PowerSpherical):
    """TFP's, with finite gradients where a draw rounds to the mean direction.

    On the circle this happens to one draw in a hundred at a concentration of 1,000: the
    root of 1 - cosine^2 is 0 there, and its slope infinite.
    """

    def _sample_n(self, n, seed=None):
        mean, size = self.mean_direction, self.mean_direction.shape[-1]
        of_cosine, of_side = tfp.random.split_seed(seed, salt="power_spherical")
        half = tf.cast((size - 1) / 2, self.dtype)
        concentration = tf.broadcast_to(self.concentration, tf.shape(mean)[:-1])
        beta = tfd.Beta(half + concentration, half).sample(n, of_cosine)
        cosine = tf.clip_by_value(2.0 * beta - 1.0, _NEAREST - 1.0, 1.0 - _NEAREST)
        cosine = cosine[..., tf.newaxis]
        shape = tf.concat([tf.shape(beta), [size - 1]], axis=0)
        side = tf.random.stateless_normal(shape, of_side, dtype=self.dtype)
        side = tf.math.l2_normalize(side, axis=-1) * tf.sqrt(1.0 - tf.square(cosine))
        around_first = tf.concat([cosine, side], axis=-1)
        # The reflection that takes the first axis to the mean direction.
        axis = tf.one_hot(0, size, dtype=self.dtype) - mean
        axis = tf.math.l2_normalize(axis, axis=-1)
        along = tf.reduce_sum(around_first * axis, axis=-1, keepdims=True)
        return tf.math.l2_normalize(around_first - 2.0 * along * axis, axis=-1)


@keras.saving.register_keras_serializable("keras_vae")
class PowerSpherical(DistributionLayer):
    """The power spherical distribution; parameters: a direction, a concentration.

    The density at z is proportional to (1 + mean . z) ** concentration. Like the von
    Mises-Fisher distribution it has one peak, but draws have gradients in any dimension,
    and the divergence from the uniform prior has a closed form. As a posterior it goes
    with `keras_vae.priors.UniformOnSphere`.

    Args:
        event_size: Length D of the vectors, at least 2; the sphere has D - 1 dimensions.
        convert_to_tensor_fn: Output of a call; see `DistributionLayer`.
        floor: Smallest concentration, which is floor + exp(u); 0 is uniform. (u has a smooth
            limit of 14.)
        **kwargs: Arguments of `DistributionLayer`.

    Raises:
        ValueError: If the size is below 2.

    Example:
        >>> PowerSpherical(3).params_size
        4

    Source:
        De Cao and Aziz 2020, "The power spherical distribution"; Davidson et al. 2018,
        "Hyperspherical variational auto-encoders".
    """

    def __init__(self, event_size, convert_to_tensor_fn="sample", *, floor=1e-3, **kwargs):
        """Creates the layer."""
        super().__init__(convert_to_tensor_fn=convert_to_tensor_fn, **kwargs)
        self.event_size = positive_int(event_size, "event_size")
        if self.event_size < 2:
            raise ValueError(
                "event_size must be at least 2, but is 1: a sphere in one dimension is two "
                "points."
            )
        self.event_shape = (self.event_size,)
        self.floor = not_negative(floor, "floor")

    def compute_params_size(self) -> int:
        """D numbers of the direction and one of the concentration."""
        return self.event_size + 1

    def initial_params(self, seed=0):
        """The first axis, with a low concentration."""
        return np.eye(1, self.params_size, dtype=np.float32)[0]

    def make_distribution(self, params):
        """Power spherical with a normalised direction, and a concentration from its logarithm."""
        direction, concentration = params[..., :-1], params[..., -1]
        # A network's zero vector has no direction, so it becomes the first axis. (So does a
        # shorter one than TensorFlow stretches to length 1.)
        axis = tf.one_hot(0, self.event_size, dtype=params.dtype)
        square = tf.reduce_sum(tf.square(direction), axis=-1, keepdims=True)
        is_zero = square < 1e-12
        direction = tf.where(is_zero, direction + axis, direction)
        # Posteriors need concentrations of hundreds; their logarithm is learned sooner.
        log_concentration = _LARGEST_LOG - tf.nn.softplus(_LARGEST_LOG - concentration)
        return _PowerSpherical(
            tf.math.l2_normalize(direction, axis=-1),
            self.floor + tf.exp(log_concentration),
            validate_args=self.validate_args,
        )

    def center(self, distribution):
        """The direction."""
        return distribution.mean_direction

    expectation = center

    def summary(self, distribution):
        """The direction alone: the mean lies inside of the sphere."""
        return {"center": self.center(distribution)}

    @property
    def support(self) -> Support:
        """Unit vectors."""
        return SPHERE

    def get_config(self):
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "event_size": self.event_size,
            "floor": self.floor,
        }


@keras.saving.register_keras_serializable("keras_vae")
class VonMisesFisher(PowerSpherical):
    """The von Mises-Fisher distribution; parameters: a direction, a concentration.

    The density at z is proportional to exp(concentration * mean . z). Draws have gradients
    only in three dimensions; in others use a score-function objective, or `PowerSpherical`.

    Args:
        event_size: Length D of the vectors, from 2 to 5.
        convert_to_tensor_fn: Output of a call; see `DistributionLayer`.
        floor: Smallest concentration, which is floor + exp(u); 0 is uniform. (u has a smooth
            limit of 14.)
        **kwargs: Arguments of `DistributionLayer`.

    Raises:
        ValueError: If the size is not from 2 to 5.

    Example:
        >>> VonMisesFisher(3).params_size
        4

    Source:
        Davidson et al. 2018, "Hyperspherical variational auto-encoders".
    """

    def __init__(
        self, event_size=3, convert_to_tensor_fn="sample", *, floor=1e-3, **kwargs
    ):
        """Creates the layer."""
        super().__init__(event_size, convert_to_tensor_fn, floor=floor, **kwargs)
        if self.event_size > 5:
            raise ValueError(
                f"event_size must be at most 5, but is {self.event_size}: in more dimensions "
                "take PowerSpherical ('power_spherical')."
            )

    def make_distribution(self, params):
        """Von Mises-Fisher around the direction of the power spherical distribution."""
        same = super().make_distribution(params)
        return tfd.VonMisesFisher(
            same.mean_direction, same.concentration, validate_args=self.validate_args
        )
