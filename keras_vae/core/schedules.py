"""Schedules of numbers that change during training, such as beta or a temperature."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf
from keras.optimizers.schedules import LearningRateSchedule

from keras_vae.core.numbers import fraction, not_negative, positive, positive_int
from keras_vae.core.parts import Room


class _Ramp(LearningRateSchedule):
    """Base of schedules from a start value to an end value."""

    def __init__(self, steps: int, start: float, end: float):
        self.steps = positive_int(steps, "steps")
        self.start = not_negative(start, "start")
        self.end = not_negative(end, "end")

    def _between(self, share):
        return self.start + (self.end - self.start) * tf.clip_by_value(share, 0.0, 1.0)

    def get_config(self) -> dict:
        """Returns the constructor's arguments."""
        return {"steps": self.steps, "start": self.start, "end": self.end}


@keras.saving.register_keras_serializable("keras_vae")
class WarmUp(_Ramp):
    """Rises in a straight line, then stays at its end value.

    Args:
        steps: Number of updates of the rise.
        start: Value at the first step.
        end: Value after the rise.

    Raises:
        ValueError: If a number is out of its range.

    Example:
        >>> float(WarmUp(10)(5))
        0.5
        >>> objectives.get("elbo:beta=(warm_up:steps=1000)").beta.steps
        1000

    Source:
        Bowman et al. 2016, "Generating sentences from a continuous space".
    """

    def __init__(self, steps: int = 10_000, start: float = 0.0, end: float = 1.0):
        """Creates the schedule."""
        super().__init__(steps, start, end)

    def __call__(self, step):
        """Value at a step of the optimizer, a scalar."""
        return self._between(tf.cast(step, tf.float32) / self.steps)


@keras.saving.register_keras_serializable("keras_vae")
class Cyclical(_Ramp):
    """Rises again and again: annealing in cycles, after which the end value stays.

    Within each cycle the value rises in a straight line for a share of its steps, and
    keeps the end value for the rest.

    Args:
        steps: Number of updates of one cycle.
        cycles: Number of cycles.
        ramp: Share of a cycle in which the value rises, from 0 to below 1.
        start: Value at the beginning of each cycle.
        end: Value after each rise.

    Raises:
        ValueError: If a number is out of its range.

    Example:
        >>> [float(Cyclical(10, cycles=2)(step)) for step in (0, 5, 9, 10, 20)]
        [0.0, 1.0, 1.0, 0.0, 1.0]

    Source:
        Fu et al. 2019, "Cyclical annealing schedule: a simple approach to mitigating KL
        vanishing", equations 6 and 7 (R is `ramp`, M is `cycles`).
    """

    def __init__(
        self,
        steps: int = 10_000,
        cycles: int = 4,
        ramp: float = 0.5,
        start: float = 0.0,
        end: float = 1.0,
    ):
        """Creates the schedule."""
        super().__init__(steps, start, end)
        self.cycles = positive_int(cycles, "cycles")
        self.ramp = fraction(ramp, "ramp")

    def __call__(self, step):
        """Value at a step of the optimizer, a scalar."""
        # Whole numbers, which single precision cannot tell apart after many steps.
        step = tf.cast(step, tf.int64)
        place = tf.cast(step % self.steps, tf.float32) / self.steps
        rise = place / self.ramp if self.ramp else tf.ones([])
        return tf.where(step < self.cycles * self.steps, self._between(rise), self.end)

    def get_config(self):
        """Returns the constructor's arguments."""
        return {**super().get_config(), "cycles": self.cycles, "ramp": self.ramp}


@keras.saving.register_keras_serializable("keras_vae")
class Exponential(_Ramp):
    """Changes by the same factor at each step, then stays at its end value.

    Args:
        steps: Number of updates of the change.
        start: Value at the first step, above 0.
        end: Value after the change, above 0.

    Raises:
        ValueError: If a number is out of its range.

    Example:
        >>> [round(float(Exponential(10, 1.0, 0.25)(step)), 3) for step in (0, 5, 10, 20)]
        [1.0, 0.5, 0.25, 0.25]

    Source:
        Jang, Gu and Poole 2017, "Categorical reparameterization with Gumbel-softmax",
        section 4 (temperatures).
    """

    def __init__(self, steps: int = 10_000, start: float = 1.0, end: float = 0.5):
        """Creates the schedule."""
        super().__init__(steps, positive(start, "start"), positive(end, "end"))

    def __call__(self, step):
        """Value at a step of the optimizer, a scalar."""
        share = tf.clip_by_value(tf.cast(step, tf.float32) / self.steps, 0.0, 1.0)
        return self.start * (self.end / self.start) ** share


ROOM = Room("schedule", _Ramp)


def schedule_of(identifier: Any, argument: str) -> Any:
    """Reads a number or a schedule.

    Args:
        identifier: A number, a schedule, its name with arguments, such as
            "warm_up:steps=1000", or its config.
        argument: Its name in messages.

    Returns:
        The schedule, or the number itself.

    Raises:
        ValueError: If there is no such schedule.
    """
    if isinstance(identifier, dict) and "class_name" in identifier:
        return keras.optimizers.schedules.deserialize(identifier)
    if not isinstance(identifier, str | dict):
        return identifier
    try:
        return ROOM.get(identifier)
    except ValueError as error:
        raise ValueError(f"{argument} must be a number or a schedule. {error}") from error
