"""The base of all objectives."""

from __future__ import annotations

import tensorflow as tf

from keras_vae.core.numbers import positive_int
from keras_vae.core.trace import Trace


class Objective:
    """What training minimises: a loss for each example, read off a `Trace`.

    Subclasses define `call` and, where they have arguments, `get_config`.

    Args:
        num_samples: Latent draws S for each example.

    Raises:
        ValueError: If `num_samples` is not a positive integer.
    """

    def __init__(self, num_samples: int = 1):
        """Creates the objective."""
        self.num_samples = positive_int(num_samples, "num_samples")

    def call(self, trace: Trace, step: tf.Tensor) -> tf.Tensor:
        """Computes the loss; see `__call__`."""
        raise NotImplementedError

    def __call__(self, trace: Trace, step: int | tf.Tensor = 0) -> tf.Tensor:
        """Computes the loss of each example.

        Args:
            trace: A pass with `num_samples` latent draws.
            step: The optimizer's iteration, which schedules read.

        Returns:
            Nats, [B]; lower is better.
        """
        return self.call(trace, step)

    def logs(self, step: int | tf.Tensor) -> dict[str, tf.Tensor]:
        """Further scalars to log, such as the current value of a schedule.

        Args:
            step: The optimizer's iteration.

        Returns:
            Scalars by name.
        """
        return {}

    def get_config(self) -> dict:
        """Returns the constructor's arguments."""
        return {"num_samples": self.num_samples}

    @classmethod
    def from_config(cls, config):
        """Makes the objective from the result of `get_config`."""
        return cls(**config)
