"""The ELBO with a target for the rate."""

from __future__ import annotations

import keras
import tensorflow as tf
from keras.optimizers.schedules import LearningRateSchedule

from keras_vae.objectives.base import Number, Objective


@keras.saving.register_keras_serializable("keras_vae")
class Capacity(Objective):
    """Minimises distortion + gamma * |rate - capacity|, which leads the rate to a target.

    A capacity that rises from zero lets the model learn one factor after another.

    Args:
        capacity: Target of the rate, nats per example: a number, which may be set while the
            model trains, or a schedule, such as "warm_up:steps=100000,end=25".
        gamma: Weight of the distance from the target. It may be set while the model trains.
        num_samples: Latent draws S for each example.

    Raises:
        ValueError: If a number is negative or not finite.

    Example:
        >>> vae.compile("adam", objective=Capacity("warm_up:steps=1000,end=25"))
        >>> vae.compile("adam", "capacity:capacity=(warm_up:steps=1000,end=25)")

    Source:
        Burgess et al. 2018, "Understanding disentangling in beta-VAE", equation 8.
    """

    capacity = Number(scheduled=True)
    gamma = Number()

    def __init__(
        self,
        capacity: float | str | LearningRateSchedule = 25.0,
        gamma: float = 1000.0,
        num_samples: int = 1,
    ):
        """Creates the objective."""
        super().__init__(num_samples)
        self.capacity = capacity
        self.gamma = gamma

    def call(self, trace, step):
        """Distortion, and the distance of the rate from the capacity."""
        rate = tf.reduce_mean(trace.rate, axis=0)
        capacity = tf.cast(self.number_at("capacity", step), rate.dtype)
        gamma = tf.cast(self.gamma, rate.dtype)
        distortion = tf.reduce_mean(trace.distortion, axis=0)
        return distortion + gamma * tf.abs(rate - capacity)

    def get_config(self):
        """Returns the constructor's arguments."""
        config = {"capacity": self.number_config("capacity"), "gamma": self.gamma}
        return {**super().get_config(), **config}
