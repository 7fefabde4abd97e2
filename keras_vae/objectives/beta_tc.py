"""The decomposed ELBO that weighs the dependence between latent numbers."""

from __future__ import annotations

import keras
import tensorflow as tf

from keras_vae.objectives.base import Number, Objective


@keras.saving.register_keras_serializable("keras_vae")
class BetaTC(Objective):
    """Minimises distortion + rate + (beta - 1) * total correlation of q(z).

    The total correlation is KL(q(z), product of q(z_j)), where q(z) is the mean of the
    posteriors of all data. It is estimated within the batch: the densities of each draw
    under all posteriors of the batch are averaged. This is biased for small batches, and it
    reads the batch as a whole.

    Args:
        beta: Weight of the total correlation; 1 is the ELBO. It may be set while the model
            trains.
        num_samples: Latent draws S for each example; the estimate uses the first.

    Raises:
        ValueError: If `beta` is negative or not finite.

    Example:
        >>> vae.compile("adam", objective=BetaTC(beta=6.0))

    Source:
        Chen, Li, Grosse and Duvenaud 2018, "Isolating sources of disentanglement in
        variational autoencoders", equation 4; the estimate is that of Locatello et al.
        2019, which leaves out the constant of the data set's size.
    """

    per_example = False
    terms = ("total_correlation",)
    beta = Number()

    def __init__(self, beta: float = 6.0, num_samples: int = 1):
        """Creates the objective."""
        super().__init__(num_samples)
        self.beta = beta

    def check(self, latent):
        """Refuses posteriors whose elements are not independent."""
        super().check(latent)
        if not latent.is_factorized:
            raise ValueError(
                "BetaTC compares q(z) with the product over its elements, but those of the "
                f"posterior {latent.name} are not independent given x. Use one of the "
                "Independent... layers."
            )

    def call(self, trace, step):
        """The loss, and the total correlation as a term."""
        elements = trace.q.distribution
        # [draw, posterior, *latent], over all pairs of the batch.
        log_q = elements.log_prob(trace.z[0][:, tf.newaxis])
        log_q = tf.reshape(log_q, (tf.shape(log_q)[0], tf.shape(log_q)[1], -1))
        joint = _log_mean(tf.reduce_sum(log_q, axis=-1))
        product = tf.reduce_sum(_log_mean(log_q), axis=-1)
        correlation = joint - product
        beta = tf.cast(self.beta, correlation.dtype)
        loss = (beta - 1.0) * correlation - trace.elbo
        return loss, {"total_correlation": correlation}

    def get_config(self):
        """Returns the constructor's arguments."""
        return {**super().get_config(), "beta": self.beta}


def _log_mean(log_q):
    size = tf.cast(tf.shape(log_q)[1], log_q.dtype)
    return tf.reduce_logsumexp(log_q, axis=1) - tf.math.log(size)
