"""Disentangled inferred priors: the codes' covariance approaches the identity."""

from __future__ import annotations

import keras
import tensorflow as tf

from keras_vae.core.names import unknown
from keras_vae.objectives.base import Number, Objective

KINDS = ("i", "ii")


@keras.saving.register_keras_serializable("keras_vae")
class DIP(Objective):
    """Minimises -ELBO plus the distance of the codes' covariance from the identity.

        off_diagonal * sum of Cov_ij ^ 2 (i != j) + diagonal * sum of (Cov_ii - 1) ^ 2

    where Cov is, within the batch, the covariance of the posteriors' means (DIP-VAE-I), or
    of the draws: that of the means plus the mean variances (DIP-VAE-II).

    Args:
        kind: "i" or "ii".
        off_diagonal: Weight of the covariances. It may be set while the model trains.
        diagonal: Weight of the variances' distances from 1. It may be set while the model
            trains. The paper has 10 times `off_diagonal` for kind "i", and `off_diagonal`
            for "ii".
        num_samples: Latent draws S for each example.

    Raises:
        ValueError: If the kind is not known, or a weight negative or not finite.

    Example:
        >>> vae.compile("adam", objective=DIP("ii", off_diagonal=10.0, diagonal=10.0))

    Source:
        Kumar, Sattigeri and Balakrishnan 2018, "Variational inference of disentangled
        latent concepts from unlabeled observations", equations 6 and 7.
    """

    per_example = False
    terms = ("covariance_penalty",)
    off_diagonal = Number()
    diagonal = Number()

    def __init__(
        self,
        kind: str = "i",
        off_diagonal: float = 10.0,
        diagonal: float = 100.0,
        num_samples: int = 1,
    ):
        """Creates the objective."""
        super().__init__(num_samples)
        if kind not in KINDS:
            raise unknown("kind", kind, KINDS)
        self.kind = kind
        self.off_diagonal = off_diagonal
        self.diagonal = diagonal

    def check(self, latent):
        """Refuses posteriors whose elements are not independent, or have no variance."""
        super().check(latent)
        if not latent.has_moments:
            raise ValueError(
                "DIP reads the mean and variance of each element of a code, but those of the "
                f"posterior {latent.name} are not known, or not finite. Use another "
                "posterior, such as IndependentNormal."
            )
        if not latent.is_factorized:
            raise ValueError(
                "DIP reads the mean and variance of each element of a code, but those of the "
                f"posterior {latent.name} are not independent given x. Use one of the "
                "Independent... layers."
            )

    def call(self, trace, step):
        """The loss, and the penalty as a term."""
        elements = trace.q.distribution
        mean, variance = (
            tf.reshape(one, (tf.shape(one)[0], -1))
            for one in (elements.mean(), elements.variance())
        )
        centred = mean - tf.reduce_mean(mean, axis=0)
        size = tf.cast(tf.shape(mean)[0], mean.dtype)
        covariance = tf.matmul(centred, centred, transpose_a=True) / size
        if self.kind == "ii":
            covariance += tf.linalg.diag(tf.reduce_mean(variance, axis=0))
        variances = tf.linalg.diag_part(covariance)
        others = tf.reduce_sum(tf.square(covariance)) - tf.reduce_sum(tf.square(variances))
        penalty = tf.cast(self.off_diagonal, mean.dtype) * others + tf.cast(
            self.diagonal, mean.dtype
        ) * tf.reduce_sum(tf.square(variances - 1.0))
        return penalty - trace.elbo, {"covariance_penalty": penalty}

    def get_config(self):
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "kind": self.kind,
            "off_diagonal": self.off_diagonal,
            "diagonal": self.diagonal,
        }
