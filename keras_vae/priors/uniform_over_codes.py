"""The uniform distribution over a quantizer's codes."""

from __future__ import annotations

import math

import keras
import tensorflow as tf

from keras_vae.core.seeds import fold
from keras_vae.layers.quantizers import ChosenCode
from keras_vae.priors.over_codes import OverCodes, PriorOverCodes


class CodesAtRandom(OverCodes):
    """Codes of a quantizer, all equally probable.

    Args:
        quantizer: The quantizer.
    """

    @property
    def nats(self) -> float:
        """-log p of all codes of an observation: N log K."""
        q = self.quantizer
        return math.prod(q.index_shape) * math.log(q.num_codes)

    def draw(self, n, seed):
        """Draws code indices, [n, *index_shape]."""
        shape = tf.concat([[n], tf.constant(self.quantizer.index_shape, tf.int32)], axis=0)
        return tf.random.stateless_uniform(
            shape, fold(seed), maxval=self.quantizer.num_codes, dtype=tf.int32
        )

    def log_prob_of(self, indices):
        """-N log K, for all codes."""
        return tf.constant(-self.nats, self.dtype)


@keras.saving.register_keras_serializable("keras_vae")
class UniformOverCodes(PriorOverCodes):
    """Equal probabilities for all codes of the posterior: the default prior of quantizers.

    The rate is N log K for N positions and K codes, for every observation, so that the ELBO
    is a true bound on the likelihood.

    Args:
        event_shape: Shape of one latent variable; None takes it from the posterior.
        **kwargs: Arguments of `Prior`.

    Raises:
        ValueError: If the model's posterior is not a quantizer.

    Example:
        >>> keras_vae.DenseVAE(6, 2, posterior="vector_quantizer:num_codes=8",
        ...                    prior=UniformOverCodes())

    Source:
        Van den Oord et al. 2017, "Neural discrete representation learning", section 3.
    """

    def make_distribution(self, y=None):
        """The uniform distribution over the codes."""
        return CodesAtRandom(self.quantizer)

    def kl_divergence(self, q, p):
        """N log K."""
        if not isinstance(q, ChosenCode):
            return super().kl_divergence(q, p)
        return tf.fill(q.batch_shape_tensor(), tf.constant(p.nats, p.dtype))
