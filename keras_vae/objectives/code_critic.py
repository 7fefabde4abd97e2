"""Objectives with a critic of codes as second player."""

from __future__ import annotations

import keras
import tensorflow as tf

from keras_vae.core.seeds import fold
from keras_vae.objectives.base import Number, Objective


class _WithCritic(Objective):
    """Base of games between the model and a critic of its codes."""

    needs = ("critic",)
    players = ("vae", "critic")
    is_adversarial = True
    weight: Number

    def _critic_loss(self, extras, real, fake):
        """Half the cross-entropy of telling two kinds of codes apart, [B]."""
        # The codes are constants here: the critic judges them, but does not move them.
        real, fake = (extras.critic(tf.stop_gradient(one)) for one in (real, fake))
        return 0.5 * (tf.nn.softplus(-real) + tf.nn.softplus(fake))


@keras.saving.register_keras_serializable("keras_vae")
class FactorVAE(_WithCritic):
    """Minimises -ELBO + gamma * total correlation of q(z), estimated by a critic.

    The critic tells codes from codes whose elements were shuffled within the batch, each
    by itself; its logit estimates log q(z) - log of the product of q(z_j).

    Args:
        gamma: Weight of the total correlation. It may be set while the model trains.

    Raises:
        ValueError: If `gamma` is negative or not finite.

    Example:
        >>> vae = keras_vae.DenseVAE(6, 2, critic=(50, 50))
        >>> vae.compile("adam", objective=FactorVAE(gamma=10.0))

    Source:
        Kim and Mnih 2018, "Disentangling by factorising", Algorithm 2. (The shuffled codes
        are of the same batch, where the paper takes another one.)
    """

    per_example = False
    least_batch = 2
    terms = ("total_correlation",)
    gamma = Number()

    def __init__(self, gamma: float = 35.0):
        """Creates the objective."""
        super().__init__(1)
        self.gamma = gamma

    def call(self, trace, step):
        """Each player's loss, and the total correlation as a term."""
        z = trace.z[0]
        correlation = trace.extras.critic(z)
        loss = tf.cast(self.gamma, z.dtype) * correlation - trace.elbo
        critic = self._critic_loss(trace.extras, z, shuffled(z, trace.seed))
        losses = dict(zip(self.players, (loss, critic), strict=True))
        return losses, {"total_correlation": correlation}

    def get_config(self):
        """Returns the constructor's arguments."""
        return {"gamma": self.gamma}


@keras.saving.register_keras_serializable("keras_vae")
class AAE(_WithCritic):
    """Minimises distortion, while the codes deceive a critic that knows the prior.

    The critic learns to tell codes from draws of the prior; encoder (and decoder) minimise
    distortion + weight * -log of the critic's probability that the code is from the prior.
    No density of codes is needed: they may be points ("deterministic").

    Args:
        weight: Weight of the critic's loss relative to the distortion. It may be set while
            the model trains.

    Raises:
        ValueError: If `weight` is negative or not finite.

    Example:
        >>> aae = keras_vae.DenseVAE(6, 2, posterior="deterministic", critic=(50, 50))
        >>> aae.compile("adam", objective=AAE())

    Source:
        Makhzani et al. 2016, "Adversarial autoencoders"; Tolstikhin et al. 2018, Algorithm
        1 (WAE-GAN, where the weight is lambda).
    """

    needs_density = False
    terms = ("deception",)
    weight = Number()

    def __init__(self, weight: float = 10.0):
        """Creates the objective."""
        super().__init__(1)
        self.weight = weight

    def call(self, trace, step):
        """Each player's loss, and the critic's result as a term."""
        z, of_each = trace.z[0], len(trace.p.batch_shape) > 0
        real = trace.p.sample(() if of_each else tf.shape(z)[0], seed=trace.seed)
        deception = tf.nn.softplus(-trace.extras.critic(z))
        loss = tf.reduce_mean(trace.distortion, axis=0)
        loss += tf.cast(self.weight, loss.dtype) * deception
        critic = self._critic_loss(trace.extras, real, z)
        losses = dict(zip(self.players, (loss, critic), strict=True))
        return losses, {"deception": deception}

    def get_config(self):
        """Returns the constructor's arguments."""
        return {"weight": self.weight}


def shuffled(z: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Shuffles each element of codes within the batch, by itself.

    Args:
        z: Codes [B, *latent].
        seed: int32 tensor [2].

    Returns:
        Tensor [B, *latent]: as if drawn from the product of q(z_j).
    """
    flat = tf.reshape(z, (tf.shape(z)[0], -1))
    keys = tf.random.stateless_uniform(tf.shape(flat), fold(seed, 0))
    order = tf.argsort(tf.transpose(keys), axis=1)
    columns = tf.gather(tf.transpose(flat), order, batch_dims=1)
    return tf.reshape(tf.transpose(columns), tf.shape(z))
