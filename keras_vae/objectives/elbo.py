"""The evidence lower bound."""

from __future__ import annotations

import keras
import tensorflow as tf

from keras_vae.core.numbers import not_negative
from keras_vae.objectives.base import Objective


@keras.saving.register_keras_serializable("keras_vae")
class ELBO(Objective):
    """Minimises distortion + beta * rate: the negative ELBO where beta is 1.

    Args:
        beta: Weight of the rate: a number, or a `keras.optimizers.schedules` object of
            the optimizer's `iterations` (warm-up), which count updates, not batches,
            under gradient accumulation.
        num_samples: Latent draws S for each example.
        free_bits: Rate in nats per example, of the whole latent vector, below which the
            rate is not reduced further.
        exact_kl: Whether to use the closed form of the rate where there is one. False
            takes its estimate log q(z|x) - log p(z) from the draws.

    Raises:
        ValueError: If a number is negative or not finite.

    Example:
        >>> warm_up = keras.optimizers.schedules.PolynomialDecay(
        ...     0.0, decay_steps=10_000, end_learning_rate=1.0)
        >>> vae.compile("adam", objective=ELBO(beta=warm_up))

    Source:
        Kingma and Welling 2014, equations 3 and 7; Higgins et al. 2017 (beta); Bowman
        et al. 2016 (warm-up); Kingma et al. 2016, appendix C.8 (free bits, here with one
        group and for each example).
    """

    def __init__(
        self,
        beta: float | keras.optimizers.schedules.LearningRateSchedule = 1.0,
        num_samples: int = 1,
        free_bits: float = 0.0,
        exact_kl: bool = True,
    ):
        """Creates the objective."""
        super().__init__(num_samples)
        if isinstance(beta, dict):
            beta = keras.optimizers.schedules.deserialize(beta)
        if not isinstance(beta, keras.optimizers.schedules.LearningRateSchedule):
            beta = not_negative(beta, "beta")
        self.beta = beta
        self.free_bits = not_negative(free_bits, "free_bits")
        self.exact_kl = bool(exact_kl)

    def beta_at(self, step: int | tf.Tensor) -> tf.Tensor:
        """The weight of the rate at a step of the optimizer, a scalar."""
        if isinstance(self.beta, float):
            return tf.constant(self.beta)
        return tf.cast(self.beta(step), tf.float32)

    def call(self, trace, step):
        """Distortion plus weighted rate, averaged over the draws."""
        rate = trace.rate if self.exact_kl else trace.sampled_rate
        if self.free_bits:
            # The draws are averaged first: free bits bound the divergence, not its
            # noisy one-sample estimates.
            rate = tf.reduce_mean(rate, axis=0, keepdims=True)
            rate = tf.maximum(rate, tf.cast(self.free_bits, rate.dtype))
        beta = tf.cast(self.beta_at(step), rate.dtype)
        return tf.reduce_mean(trace.distortion + beta * rate, axis=0)

    def logs(self, step):
        """The current weight of the rate where it is scheduled."""
        return {} if isinstance(self.beta, float) else {"beta": self.beta_at(step)}

    def get_config(self):
        """Returns the constructor's arguments."""
        beta = self.beta
        if not isinstance(beta, float):
            beta = keras.optimizers.schedules.serialize(beta)
        return {
            **super().get_config(),
            "beta": beta,
            "free_bits": self.free_bits,
            "exact_kl": self.exact_kl,
        }
