"""The evidence lower bound."""

from __future__ import annotations

import keras
import tensorflow as tf
from keras.optimizers.schedules import LearningRateSchedule

from keras_vae.objectives.base import Number, Objective

# A step after any schedule.
_LAST = 2**31 - 1


@keras.saving.register_keras_serializable("keras_vae")
class ELBO(Objective):
    """Minimises distortion + beta * rate: the negative ELBO where beta is 1.

    Args:
        beta: Weight of the rate: a number, which may be set while the model trains; or a
            schedule, such as "warm_up:steps=10000" or "cyclical:steps=5000,cycles=4", or
            any of `keras.optimizers.schedules`, of the optimizer's `iterations`, which
            count updates, not batches, under gradient accumulation.
        num_samples: Latent draws S for each example.
        free_bits: Rate in nats per example of each group of latent variables (the whole
            vector of a `VAE`, a level of a hierarchy) below which it is not reduced
            further.
        exact_kl: Whether to use the closed form of the rate where there is one. False
            takes its estimate log q(z|x) - log p(z) from the draws, for all groups
            together: then `free_bits` are those of the whole.

    Raises:
        ValueError: If a number is negative or not finite.

    Example:
        >>> vae.compile("adam", objective=ELBO(beta=objectives.WarmUp(10_000)))
        >>> vae.compile("adam", "elbo:beta=(cyclical:steps=5000,cycles=4)")

    Source:
        Kingma and Welling 2014, equations 3 and 7; Higgins et al. 2017 (beta); Bowman
        et al. 2016 (warm-up); Kingma et al. 2016, appendix C.8 (free bits, here for each
        example).
    """

    beta = Number(scheduled=True)
    free_bits = Number()

    def __init__(
        self,
        beta: float | str | LearningRateSchedule = 1.0,
        num_samples: int = 1,
        free_bits: float = 0.0,
        exact_kl: bool = True,
    ):
        """Creates the objective."""
        super().__init__(num_samples)
        self.beta = beta
        self.free_bits = free_bits
        self.exact_kl = bool(exact_kl)

    def call(self, trace, step):
        """Distortion plus weighted rate, averaged over the draws."""
        rates = trace.rates if self.exact_kl else trace.sampled_rate[tf.newaxis]
        # The draws are averaged first: free bits bound the divergence, not its noisy
        # one-sample estimates.
        rates = tf.reduce_mean(rates, axis=1)
        free_bits = tf.cast(self.free_bits, rates.dtype)
        rates = tf.where(free_bits > 0, tf.maximum(rates, free_bits), rates)
        beta = tf.cast(self.number_at("beta", step), rates.dtype)
        return tf.reduce_mean(trace.distortion, axis=0) + beta * tf.reduce_sum(
            rates, axis=0
        )

    @property
    def is_plain_bound(self) -> bool:
        """Whether beta is 1 in the end, and nothing is free."""
        return float(self.number_at("beta", _LAST)) == 1 and self.free_bits == 0

    def get_config(self):
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "beta": self.number_config("beta"),
            "free_bits": self.free_bits,
            "exact_kl": self.exact_kl,
        }
