"""Gradients only along the path of the draws, with less noise than full gradients."""

from __future__ import annotations

import keras
import tensorflow as tf

from keras_vae.core.latent import Latent
from keras_vae.objectives.base import Objective
from keras_vae.objectives.multisample import importance_weighted
from keras_vae.objectives.score_function import with_gradient_of


def _refuse_surrogates(objective: Objective, latent: Latent) -> None:
    # Codes of a codebook are chosen without noise, and have no score.
    if latent.is_discrete and latent.support.vectors != "codes":
        raise ValueError(
            f"{type(objective).__name__} holds for draws that depend smoothly on the "
            f"parameters, but {latent.name} draws discrete values and passes on a surrogate "
            "gradient. Use objectives.ELBO(), or objectives.VIMCO()."
        )


@keras.saving.register_keras_serializable("keras_vae")
class STL(Objective):
    """The ELBO without the score of q: sticking the landing.

    The derivative of log q with respect to its own parameters is zero in expectation, so it
    is only noise. Without it the gradient has no variance if q is the true posterior. Only
    the encoder's part of the score is left out: where the posterior has weights of its own,
    such as a flow's, their part stays. See `Objective` for the argument.

    Example:
        >>> vae.compile("adam", objective=STL())

    Source:
        Roeder, Wu and Duvenaud 2017, "Sticking the landing: simple, lower-variance
        gradient estimators for variational inference", equation 6.
    """

    needs = ("frozen_log_q",)

    def check(self, latent):
        """Refuses draws whose gradient is a surrogate."""
        super().check(latent)
        _refuse_surrogates(self, latent)

    def call(self, trace, step):
        """The negative ELBO of the draws."""
        return -tf.reduce_mean(trace.log_joint - trace.extras.frozen_log_q(), axis=0)


@keras.saving.register_keras_serializable("keras_vae")
class DReG(Objective):
    """The importance-weighted bound, with the doubly reparameterized gradient of the encoder.

    Draw i counts with the square of its share of the weights, and only along its path, so
    the gradient's signal does not vanish in its noise for many draws. Encoder and decoder
    are two players with an optimizer each; the prior belongs to the decoder.

    Args:
        num_samples: Latent draws S for each example.

    Example:
        >>> vae.compile("adam", objective=DReG(64))

    Source:
        Tucker, Lawson, Gu and Maddison 2019, "Doubly reparameterized gradient estimators
        for Monte Carlo objectives", equation 8.
    """

    part_name = "dreg"
    needs = ("frozen_log_q",)
    players = ("decoder", "encoder")

    def __init__(self, num_samples: int = 5):
        """Creates the objective."""
        super().__init__(num_samples)

    def check(self, latent):
        """Refuses weights that are neither the encoder's alone nor the decoder's."""
        super().check(latent)
        _refuse_surrogates(self, latent)
        if not latent.is_encoded:
            raise ValueError(
                "DReG needs a posterior whose parameters all come from the encoder, and a "
                f"prior that does not use the encoder, but the posterior {latent.name} has "
                "its own weights, or the prior uses the encoder. Use objectives.IWAE(), or "
                "another posterior or prior."
            )

    def call(self, trace, step):
        """The negative bound, with each player's own gradient."""
        log_weight = trace.log_joint - trace.extras.frozen_log_q()
        bound = importance_weighted(log_weight)
        shares = tf.stop_gradient(tf.nn.softmax(log_weight, axis=0))
        path = tf.reduce_sum(tf.square(shares) * log_weight, axis=0)
        losses = -bound, with_gradient_of(-tf.stop_gradient(bound), -path)
        return dict(zip(self.players, losses, strict=True))
