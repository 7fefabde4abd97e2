"""Bounds between the ELBO and the importance-weighted one."""

from __future__ import annotations

import math

import keras
import tensorflow as tf

from keras_vae.core.numbers import finite, fraction, positive_int
from keras_vae.objectives.base import Number, Objective


def importance_weighted(log_weight: tf.Tensor) -> tf.Tensor:
    """Log of the mean importance weight.

    Args:
        log_weight: Nats, [S, ...].

    Returns:
        Nats, [...].
    """
    num_samples = tf.cast(tf.shape(log_weight)[0], log_weight.dtype)
    return tf.reduce_logsumexp(log_weight, axis=0) - tf.math.log(num_samples)


@keras.saving.register_keras_serializable("keras_vae")
class MIWAE(Objective):
    """Minimises minus the mean of M importance-weighted bounds of K draws each.

    More bounds lower the variance of the encoder's gradient, more draws in each tighten
    them: M = 1 is `IWAE(K)`, K = 1 the ELBO with sampled rate and M draws.

    Args:
        num_bounds: Number M of bounds that are averaged.
        draws_per_bound: Number K of latent draws of each bound.

    Raises:
        ValueError: If a number is not a positive integer.

    Example:
        >>> MIWAE(num_bounds=8, draws_per_bound=8).num_samples
        64

    Source:
        Rainforth et al. 2018, "Tighter variational bounds are not necessarily better",
        equation 11.
    """

    def __init__(self, num_bounds: int = 8, draws_per_bound: int = 8):
        """Creates the objective."""
        self.num_bounds = positive_int(num_bounds, "num_bounds")
        self.draws_per_bound = positive_int(draws_per_bound, "draws_per_bound")
        super().__init__(self.num_bounds * self.draws_per_bound)

    def call(self, trace, step):
        """The negative mean bound."""
        return -self._mean_bound(trace)

    def _mean_bound(self, trace):
        log_weight = trace.log_weight
        batch = tf.shape(log_weight)[1:]
        shape = tf.concat([[self.draws_per_bound, self.num_bounds], batch], axis=0)
        return tf.reduce_mean(importance_weighted(tf.reshape(log_weight, shape)), axis=0)

    def get_config(self):
        """Returns the constructor's arguments."""
        return {"num_bounds": self.num_bounds, "draws_per_bound": self.draws_per_bound}


@keras.saving.register_keras_serializable("keras_vae")
class PIWAE(MIWAE):
    """Trains the decoder on `IWAE(M * K)`, and the encoder on `MIWAE(M, K)`.

    The decoder gains from the tightest bound; the encoder from the one whose gradient has
    more signal in its noise. Encoder and decoder are two players with an optimizer each;
    the prior belongs to the decoder. See `MIWAE` for the arguments.

    Example:
        >>> vae.compile("adam", objective=PIWAE(num_bounds=4, draws_per_bound=4))

    Source:
        Rainforth et al. 2018, "Tighter variational bounds are not necessarily better",
        section 5.
    """

    players = ("decoder", "encoder")

    def call(self, trace, step):
        """The negative bound of all draws, and the mean of smaller ones."""
        losses = -importance_weighted(trace.log_weight), -self._mean_bound(trace)
        return dict(zip(self.players, losses, strict=True))


@keras.saving.register_keras_serializable("keras_vae")
class CIWAE(Objective):
    """Minimises minus a mixture of ELBO and importance-weighted bound.

        beta * ELBO + (1 - beta) * IWAE, both of the same draws

    Args:
        beta: Share of the ELBO, from 0 to below 1. It may be set while the model trains.
        num_samples: Latent draws S for each example.

    Raises:
        ValueError: If `beta` is not a share.

    Example:
        >>> vae.compile("adam", objective=CIWAE(beta=0.05, num_samples=8))

    Source:
        Rainforth et al. 2018, "Tighter variational bounds are not necessarily better",
        equation 12.
    """

    beta = Number(fraction)

    def __init__(self, beta: float = 0.05, num_samples: int = 5):
        """Creates the objective."""
        super().__init__(num_samples)
        self.beta = beta

    def call(self, trace, step):
        """The negative mixture of bounds."""
        log_weight = trace.log_weight
        beta = tf.cast(self.beta, log_weight.dtype)
        elbo = tf.reduce_mean(log_weight, axis=0)
        return -beta * elbo - (1.0 - beta) * importance_weighted(log_weight)

    def get_config(self):
        """Returns the constructor's arguments."""
        return {**super().get_config(), "beta": self.beta}


@keras.saving.register_keras_serializable("keras_vae")
class Renyi(Objective):
    """Minimises minus the variational Renyi bound.

        1 / (1 - alpha) * log of the mean of weight ** (1 - alpha)

    alpha = 0 is `IWAE`, and towards 1 the bound becomes the ELBO; a negative alpha gives an
    upper bound of log p(x) for many draws.

    Args:
        alpha: Order of the divergence, any number but 1.
        num_samples: Latent draws S for each example.

    Raises:
        ValueError: If `alpha` is 1 or not finite.

    Example:
        >>> vae.compile("adam", objective=Renyi(alpha=0.5, num_samples=5))

    Source:
        Li and Turner 2016, "Renyi divergence variational inference", equation 14.
    """

    def __init__(self, alpha: float = 0.5, num_samples: int = 5):
        """Creates the objective."""
        super().__init__(num_samples)
        self.alpha = finite(alpha, "alpha")
        if math.isclose(self.alpha, 1.0, abs_tol=1e-4):
            raise ValueError(
                f"alpha must not be 1, but is {alpha!r}: the bound would be the ELBO. Use "
                "ELBO(exact_kl=False)."
            )

    def call(self, trace, step):
        """The negative bound."""
        power = 1.0 - self.alpha
        return -importance_weighted(power * trace.log_weight) / power

    def get_config(self):
        """Returns the constructor's arguments."""
        return {**super().get_config(), "alpha": self.alpha}
