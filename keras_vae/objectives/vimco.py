"""The importance-weighted bound for discrete latent variables."""

from __future__ import annotations

import keras
import tensorflow as tf

from keras_vae.objectives.base import Objective


@keras.saving.register_keras_serializable("keras_vae")
class VIMCO(Objective):
    """Minimises the negative importance-weighted bound by its score function.

    The gradient needs no derivative of the draws, so z may be discrete. Each draw's
    learning signal is its contribution to the bound: the bound minus the one in which the
    geometric mean of the other weights replaces the draw's weight. The gradient stays
    unbiased, with low variance.

    Args:
        num_samples: Latent draws S for each example, at least 2.

    Raises:
        ValueError: If `num_samples` is below 2.

    Example:
        >>> vae = keras_vae.DenseVAE(784, 200, posterior="bernoulli")
        >>> vae.compile("adam", objective=VIMCO(8))

    Source:
        Mnih and Rezende 2016, "Variational inference for Monte Carlo objectives",
        equations 8 to 10.
    """

    pathwise = False

    def __init__(self, num_samples: int = 5):
        """Creates the objective."""
        super().__init__(num_samples)
        if self.num_samples < 2:
            raise ValueError(
                "num_samples of VIMCO must be at least 2: each draw is compared with the "
                "others."
            )

    def call(self, trace, step):
        """The negative bound, with the gradient of the surrogate."""
        log_weight = trace.log_weight
        size = tf.cast(tf.shape(log_weight)[0], log_weight.dtype)
        bound = tf.reduce_logsumexp(log_weight, axis=0) - tf.math.log(size)
        signal = tf.stop_gradient(bound - _bounds_without(log_weight, size))
        score = tf.reduce_sum(signal * trace.log_q, axis=0)
        # The score adds its gradient, but not its value.
        return -bound - (score - tf.stop_gradient(score))


def _bounds_without(log_weight, size):
    """For each draw the bound with its weight replaced by the others' mean, [S, B]."""
    total = tf.reduce_sum(log_weight, axis=0)
    mean_of_others = (total - log_weight) / (size - 1.0)
    # [i, j, B]: the weights, except for i = j.
    own = tf.eye(tf.shape(log_weight)[0], dtype=log_weight.dtype)[..., tf.newaxis]
    replaced = tf.where(own > 0, mean_of_others[tf.newaxis], log_weight[tf.newaxis])
    return tf.reduce_logsumexp(replaced, axis=1) - tf.math.log(size)
