"""Concrete distributions: discrete ones, relaxed by a temperature."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras.optimizers.schedules import LearningRateSchedule, serialize
from tensorflow_probability import bijectors as tfb
from tensorflow_probability import distributions as tfd

from keras_vae.core.numbers import positive
from keras_vae.core.schedules import schedule_of
from keras_vae.core.support import (
    OPEN_SIMPLEX,
    OPEN_UNIT_INTERVAL,
    SIMPLEX,
    UNIT_INTERVAL,
    Support,
)
from keras_vae.layers.base import DistributionLayer
from keras_vae.layers.bounded import inside_unit_interval
from keras_vae.layers.categorical import ChoiceLayer
from keras_vae.layers.independent import IndependentLayer

# At this step all schedules have come to their end.
_LAST_STEP = 2**31 - 1


class _Sigmoid(tfb.Sigmoid):
    """TFP's, whose inverse is finite at 0 and 1.

    TFP remembers the logits of a draw, but not of a copy of it.
    """

    def _inverse(self, y):
        return super()._inverse(inside_unit_interval(y))


class _Exp(tfb.Exp):
    """TFP's, whose inverse is finite at 0."""

    def _inverse(self, y):
        return super()._inverse(_above_zero(y))

    def _inverse_log_det_jacobian(self, y):
        return super()._inverse_log_det_jacobian(_above_zero(y))


def _above_zero(y):
    return tf.maximum(y, np.finfo(y.dtype.as_numpy_dtype).tiny)


class RelaxedLayer(DistributionLayer):
    """Base of layers with a temperature, a number or a schedule.

    The present value of a schedule is a weight, so it is saved with the model. Models
    move it on at each step of training.

    Args:
        event_shape: Shape of one event; see the other base class.
        convert_to_tensor_fn: Output of a call; see `DistributionLayer`.
        temperature: A number above 0, or a schedule of the optimizer's iterations, such as
            "exponential:steps=10000,start=1,end=0.3".
        **kwargs: Arguments of the other base class.

    Raises:
        ValueError: If a temperature is not positive and finite.

    Example:
        >>> isinstance(RelaxedBernoulli(3), RelaxedLayer)
        True
    """

    def __init__(
        self,
        event_shape=(),
        convert_to_tensor_fn="sample",
        *,
        temperature: float | str | LearningRateSchedule = 0.5,
        **kwargs,
    ):
        """Creates the layer."""
        super().__init__(
            event_shape=event_shape, convert_to_tensor_fn=convert_to_tensor_fn, **kwargs
        )
        self.temperature: Any = schedule_of(temperature, "temperature")
        self.is_scheduled = isinstance(self.temperature, LearningRateSchedule)
        if not self.is_scheduled:
            self.temperature = positive(temperature, "temperature")
            return
        start = positive(float(self.temperature(0)), "temperature at the first step")
        positive(float(self.temperature(_LAST_STEP)), "temperature at the end")
        self.present_temperature = self.add_weight(
            (),
            keras.initializers.Constant(start),
            trainable=False,
            name="present_temperature",
            aggregation="only_first_replica",
        )

    @property
    def has_own_parameters(self) -> bool:
        """Whether it has weights beside the temperature."""
        return len(self.weights) > self.is_scheduled

    def at_step(self, step) -> None:
        """Moves a schedule on.

        Args:
            step: The optimizer's iteration.
        """
        if self.is_scheduled:
            self.present_temperature.assign(self.temperature(step))

    def temperature_now(self, dtype="float32") -> tf.Tensor:
        """Returns the present temperature, a scalar.

        Args:
            dtype: Its dtype.
        """
        now = self.present_temperature if self.is_scheduled else self.temperature
        return tf.cast(tf.convert_to_tensor(now), dtype)

    def get_config(self):
        """Returns the constructor's arguments."""
        temperature = self.temperature
        if self.is_scheduled:
            temperature = serialize(temperature)
        return {**super().get_config(), "temperature": temperature}


@keras.saving.register_keras_serializable("keras_vae")
class RelaxedOneHotCategorical(RelaxedLayer, ChoiceLayer):
    """The Concrete (Gumbel-softmax) distribution on the simplex; parameters: logits.

    Draws are softmax((logits + Gumbel noise) / temperature): nearly one-hot vectors if the
    temperature is low, and with a gradient. As a posterior it needs a prior on the simplex,
    such as the default of `keras_vae.VAE`, which is the family at equal logits.

    Args:
        event_shape: Shape (*groups, K) of independent choices among K classes; an integer
            K means one choice.
        convert_to_tensor_fn: Output of a call; see `DistributionLayer`.
        temperature: Distance of draws from one-hot vectors: a number above 0, or a schedule
            of the optimizer's iterations.
        **kwargs: Arguments of `DistributionLayer`.

    Raises:
        ValueError: If the temperature is not positive and finite.

    Example:
        >>> q = RelaxedOneHotCategorical(10).distribution(tf.zeros([4, 10]))
        >>> q.sample(seed=(0, 1)).shape
        TensorShape([4, 10])
        >>> cooling = "temperature=(exponential:steps=5000)"
        >>> layers.get(f"relaxed_one_hot_categorical:{cooling}", (20, 10))

    Source:
        Maddison, Mnih and Teh 2017, "The Concrete distribution"; Jang, Gu and Poole 2017,
        "Categorical reparameterization with Gumbel-softmax".
    """

    def make_distribution(self, params):
        """Concrete by logits, joined into one event."""
        logits = self.logits_of(params)
        temperature = self.temperature_now(logits.dtype)
        choices = tfd.ExpRelaxedOneHotCategorical(temperature, logits=logits)
        # The transformation comes last, so that it remembers the logarithms of draws that
        # round to 0.
        return tfd.TransformedDistribution(
            tfd.Independent(choices, len(self.event_shape) - 1),
            _Exp(),
            validate_args=self.validate_args,
        )

    def center(self, distribution):
        """The softmax of the logits, the draw without noise at temperature 1."""
        return tf.nn.softmax(distribution.distribution.distribution.logits)

    expectation = center

    def summary(self, distribution):
        """The probabilities of the categories."""
        return {"probs": self.center(distribution)}

    @property
    def support(self) -> Support:
        """Numbers that add up to 1."""
        return SIMPLEX

    @property
    def accepts(self) -> Support:
        """Positive numbers that add up to 1: where one is 0, there may be no density."""
        return OPEN_SIMPLEX


@keras.saving.register_keras_serializable("keras_vae")
class RelaxedBernoulli(RelaxedLayer, IndependentLayer):
    """Independent binary Concrete variables on (0, 1); parameter: logits.

    Draws are sigmoid((logits + logistic noise) / temperature): nearly 0 or 1 if the
    temperature is low, and with a gradient.

    Args:
        event_shape: Shape of one event; an integer means a vector.
        convert_to_tensor_fn: Output of a call; see `DistributionLayer`.
        temperature: Distance of draws from bits: a number above 0, or a schedule of the
            optimizer's iterations.
        **kwargs: Arguments of `DistributionLayer`.

    Raises:
        ValueError: If the temperature is not positive and finite.

    Example:
        >>> vae = keras_vae.DenseVAE(784, 200, posterior="relaxed_bernoulli:temperature=0.5")

    Source:
        Maddison, Mnih and Teh 2017, "The Concrete distribution", appendix B.
    """

    takes_logits = True

    def make_distribution(self, params):
        """Binary Concrete by logits, joined into one event."""
        logits = tf.reshape(params, (*keras.ops.shape(params)[:-1], *self.event_shape))
        temperature = self.temperature_now(logits.dtype)
        logistic = tfd.Logistic(logits / temperature, 1.0 / temperature)
        # The transformation comes last, so that it remembers the logits of draws that round
        # to 1.
        return tfd.TransformedDistribution(
            tfd.Independent(logistic, len(self.event_shape)),
            _Sigmoid(),
            validate_args=self.validate_args,
        )

    def center(self, distribution):
        """The sigmoid of the logits, the draw without noise at temperature 1."""
        logistic = distribution.distribution.distribution
        return tf.sigmoid(logistic.loc / logistic.scale)

    expectation = center

    def summary(self, distribution):
        """The probabilities of 1."""
        return {"probs": self.center(distribution)}

    @property
    def support(self) -> Support:
        """From 0 to 1."""
        return UNIT_INTERVAL

    @property
    def accepts(self) -> Support:
        """Strictly between 0 and 1: the density at the bounds is infinite."""
        return OPEN_UNIT_INTERVAL
