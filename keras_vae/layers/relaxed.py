"""Continuous relaxations of discrete distributions."""

from __future__ import annotations

import math

import keras
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from keras_vae.core.numbers import positive_int
from keras_vae.core.support import OPEN_SIMPLEX, SIMPLEX, Support
from keras_vae.layers.base import DistributionLayer


@keras.saving.register_keras_serializable("keras_vae")
class RelaxedOneHotCategorical(DistributionLayer):
    """The Concrete (Gumbel-softmax) distribution on the simplex; parameters: logits.

    Draws are softmax((logits + Gumbel noise) / temperature): nearly one-hot vectors if the
    temperature is low, and with a gradient. As a posterior it needs a prior on the simplex,
    such as the default of `keras_vae.VAE`, which is the family at equal logits.

    Args:
        event_size: Number of categories.
        convert_to_tensor_fn: Output of a call; see `DistributionLayer`.
        temperature: Distance of draws from one-hot vectors; above 0.
        **kwargs: Arguments of `DistributionLayer`.

    Raises:
        ValueError: If the temperature is not positive and finite.

    Example:
        >>> q = RelaxedOneHotCategorical(10).distribution(tf.zeros([4, 10]))
        >>> q.sample(seed=(0, 1)).shape
        TensorShape([4, 10])

    Source:
        Maddison, Mnih and Teh 2017, "The Concrete distribution"; Jang, Gu and Poole 2017,
        "Categorical reparameterization with Gumbel-softmax".
    """

    takes_logits = True

    def __init__(
        self, event_size, convert_to_tensor_fn="sample", *, temperature=0.5, **kwargs
    ):
        """Creates the layer."""
        super().__init__(convert_to_tensor_fn=convert_to_tensor_fn, **kwargs)
        self.event_size = positive_int(event_size, "event_size")
        self.event_shape = (self.event_size,)
        if isinstance(temperature, bool) or not 0 < temperature < math.inf:
            raise ValueError(
                f"temperature must be positive and finite, but is {temperature!r}."
            )
        self.temperature = float(temperature)

    def compute_params_size(self) -> int:
        """One logit for each category."""
        return self.event_size

    def make_distribution(self, params):
        """Concrete by logits."""
        return tfd.RelaxedOneHotCategorical(
            tf.constant(self.temperature, params.dtype),
            logits=params,
            validate_args=self.validate_args,
        )

    def center(self, distribution):
        """The softmax of the logits, the draw without noise at temperature 1."""
        return tf.nn.softmax(distribution.logits)

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

    def get_config(self):
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "event_size": self.event_size,
            "temperature": self.temperature,
        }
