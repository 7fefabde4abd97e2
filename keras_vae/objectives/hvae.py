"""The Hamiltonian bound."""

from __future__ import annotations

import keras
import tensorflow as tf

from keras_vae.core.seeds import fold
from keras_vae.core.support import REAL
from keras_vae.objectives.base import Objective


@keras.saving.register_keras_serializable("keras_vae")
class HVAE(Objective):
    """Minimises -ELBO of a posterior whose draws are moved towards p(z|x) by leapfrog steps.

    z_0 ~ q(z|x) and a momentum of standard normal noise follow the gradient of log p(x, z)
    for the K steps of the model's `networks.Leapfrog`, which preserve volume. The bound is
    the mean of log p(x, z_K) + log N(momentum_K; 0, I) - log q(z_0|x) - log N(noise; 0, I);
    with K = 0 it is the ELBO. It trains encoder, decoder, step sizes and the annealing's
    beta_0. Beside the pass whose `elbo` is logged, the decoder and its gradient are
    evaluated K + 1 times. All steps must follow the same function of z, so models whose
    decoder changes from call to call (by dropout, noise or batch normalization) are
    refused.

    Only training moves draws. All methods of the trained model, and the logged `elbo`, use
    q(z|x) itself.

    Args:
        num_samples: Latent draws S for each example.

    Example:
        >>> vae = keras_vae.DenseVAE(6, 2, leapfrog=3)
        >>> vae.compile("adam", objective=HVAE())

    Source:
        Caterini, Doucet and Sejdinovic 2018, "Hamiltonian variational auto-encoder",
        equation 13 and Algorithm 1. (The paper puts the expectation in the place of the
        noise's density; with the density the bound has less variance near K = 0.)
    """

    part_name = "hvae"
    needs = ("leapfrog",)

    def check(self, latent):
        """Refuses latent variables that gradients would lead out of their support."""
        super().check(latent)
        if latent.support != REAL:
            raise ValueError(
                f"HVAE moves latent variables along straight steps in R^D, but those of the "
                f"posterior {latent.name} live on {latent.support}. Use objectives.ELBO(), "
                "or a posterior in R^D, such as IndependentNormal."
            )

    def call(self, trace, step):
        """The negative bound."""
        noise = tf.random.stateless_normal(
            tf.shape(trace.z), fold(trace.seed, 1), dtype=trace.z.dtype
        )
        moved = trace.extras.leapfrog(noise)
        axes = list(range(2, trace.z.shape.rank))
        momentum = 0.5 * tf.reduce_sum(moved.momentum**2 - noise**2, axis=axes)
        return -tf.reduce_mean(moved.value - trace.log_q - momentum, axis=0)
