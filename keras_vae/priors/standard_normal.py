"""The standard normal prior."""

from __future__ import annotations

import math

import keras
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from keras_vae.priors.base import Prior


@keras.saving.register_keras_serializable("keras_vae")
class StandardNormal(Prior):
    """N(0, I), the default prior of real numbers.

    See `Prior` for the arguments.

    Example:
        >>> StandardNormal(16).distribution().event_shape
        TensorShape([16])
    """

    def make_distribution(self, y=None):
        """Independent normals with mean zero and unit scale."""
        return self.tempered(1.0)

    def tempered(self, temperature, y=None):
        """Independent normals with mean zero and scale `temperature`."""
        loc = tf.zeros(self.event_shape, self.compute_dtype)
        scale = tf.fill(self.event_shape, tf.cast(temperature, self.compute_dtype))
        return tfd.Independent(tfd.Normal(loc, scale), len(self.event_shape))

    def kl_divergence(self, q, p):
        """KL(q, N(0, I)) in closed form for every q with known entropy and moments.

        -log p is quadratic, so its expectation needs the mean and variance of q only:
        KL = (sum of mean^2 + variance + log 2 pi) / 2 - entropy. TFP has closed forms for
        fewer pairs. They come first, because that for two normals loses no digits.

        Args:
            q: Posterior, batch [B].
            p: The result of `distribution`.

        Returns:
            Nats, [B]; None if q is discrete or lacks one of the three.
        """
        kl = super().kl_divergence(q, p)
        if kl is not None or q.reparameterization_type == tfd.NOT_REPARAMETERIZED:
            return kl
        try:
            square = tf.square(q.mean()) + q.variance() + math.log(2 * math.pi)
            axes = list(range(-len(self.event_shape), 0))
            return 0.5 * tf.reduce_sum(square, axis=axes) - q.entropy()
        except NotImplementedError:
            return None
