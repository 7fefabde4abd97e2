"""Discrete variables whose draws pass a surrogate gradient to their logits."""

from __future__ import annotations

import keras
import tensorflow as tf
from tensorflow_probability import distributions as tfd
from tensorflow_probability import util as tfu

from keras_vae.core.numbers import positive
from keras_vae.layers.base import DistributionLayer
from keras_vae.layers.bernoulli import IndependentBernoulli, StableBernoulli
from keras_vae.layers.categorical import OneHotCategorical, StableOneHotCategorical


def _passed(hard, soft):
    """Exactly the first tensor, with the gradient of the second."""
    return hard + (soft - tf.stop_gradient(soft))


class _StraightThrough(tfd.Distribution):
    """A mixin for distributions by logits: draws that are discrete, and have a gradient."""

    def __init__(self, logits, temperature=None, dtype=None, validate_args=False):
        parameters = dict(locals())
        super().__init__(logits=logits, dtype=dtype, validate_args=validate_args)
        self.temperature, self._parameters = temperature, parameters
        self._reparameterization_type = tfd.FULLY_REPARAMETERIZED

    @classmethod
    def _parameter_properties(cls, dtype, num_classes=None):
        properties = super()._parameter_properties(dtype, num_classes)
        return {"logits": properties["logits"], "temperature": tfu.ParameterProperties()}


class _Bits(_StraightThrough, StableBernoulli):
    def _sample_n(self, n, seed=None):
        logits = self.logits_parameter()
        noisy = tfd.Logistic(logits, tf.ones([], logits.dtype)).sample(n, seed=seed)
        hard = tf.cast(noisy > 0, logits.dtype)
        soft = logits if self.temperature is None else noisy / self.temperature
        return _passed(hard, tf.sigmoid(soft))


class _Choices(_StraightThrough, StableOneHotCategorical):
    def _sample_n(self, n, seed=None):
        logits = self.logits_parameter()
        noisy = tfd.Gumbel(logits, tf.ones([], logits.dtype)).sample(n, seed=seed)
        hard = tf.one_hot(tf.argmax(noisy, -1), logits.shape[-1], dtype=logits.dtype)
        soft = logits if self.temperature is None else noisy / self.temperature
        return _passed(hard, tf.nn.softmax(soft))


class StraightThroughLayer(DistributionLayer):
    """Base of discrete layers whose draws have the gradient of continuous numbers.

    The gradient is biased. It is the only gradient through discrete draws, so objectives
    such as "elbo" can use it.

    Args:
        event_shape: Shape of one event; see the other base class.
        convert_to_tensor_fn: Output of a call; see `DistributionLayer`.
        temperature: None passes the gradient on to the probabilities; a number above 0, to
            the Concrete variable of this temperature that the draw rounds.
        **kwargs: Arguments of the other base class.

    Raises:
        ValueError: If the temperature is not positive and finite.

    Example:
        >>> isinstance(StraightThroughBernoulli(3), StraightThroughLayer)
        True
    """

    def __init__(
        self,
        event_shape=(),
        convert_to_tensor_fn="sample",
        *,
        temperature: float | None = None,
        **kwargs,
    ):
        """Creates the layer."""
        super().__init__(
            event_shape=event_shape, convert_to_tensor_fn=convert_to_tensor_fn, **kwargs
        )
        given = temperature is not None
        self.temperature = positive(temperature, "temperature") if given else None

    def get_config(self):
        """Returns the constructor's arguments."""
        return {**super().get_config(), "temperature": self.temperature}


@keras.saving.register_keras_serializable("keras_vae")
class StraightThroughBernoulli(StraightThroughLayer, IndependentBernoulli):
    """Independent bits whose draws have a straight-through gradient; parameter: logits.

    Args:
        event_shape: Shape of one event; an integer means a vector.
        convert_to_tensor_fn: Output of a call; see `DistributionLayer`.
        temperature: None passes the gradient on to the probabilities; a number above 0, to
            the Concrete variable of this temperature that the draw rounds.
        **kwargs: Arguments of `DistributionLayer`.

    Raises:
        ValueError: If the temperature is not positive and finite.

    Example:
        >>> vae = keras_vae.DenseVAE(784, 200, posterior="straight_through_bernoulli")
        >>> vae.compile("adam", "elbo")

    Source:
        Bengio, Leonard and Courville 2013, "Estimating or propagating gradients through
        stochastic neurons", section 4.
    """

    def make_elements(self, logits):
        """Bernoulli by logits."""
        return _Bits(logits, self.temperature, logits.dtype, self.validate_args)


@keras.saving.register_keras_serializable("keras_vae")
class StraightThroughOneHotCategorical(StraightThroughLayer, OneHotCategorical):
    """One-hot vectors whose draws have a straight-through gradient; parameters: logits.

    Args:
        event_shape: Shape (*groups, K) of independent choices among K classes; an integer
            K means one choice.
        convert_to_tensor_fn: Output of a call; see `DistributionLayer`.
        temperature: None passes the gradient on to the probabilities; a number above 0, to
            the Concrete variable of this temperature that the draw rounds (straight-through
            Gumbel-softmax).
        **kwargs: Arguments of `DistributionLayer`.

    Raises:
        ValueError: If the temperature is not positive and finite.

    Example:
        >>> layer = StraightThroughOneHotCategorical((20, 10), temperature=1.0)
        >>> layer.is_discrete, layer.is_reparameterized
        (True, True)

    Source:
        Jang, Gu and Poole 2017, "Categorical reparameterization with Gumbel-softmax",
        section 2.2; Bengio, Leonard and Courville 2013.
    """

    def make_choices(self, logits):
        """One-hot categorical by logits."""
        return _Choices(logits, self.temperature, logits.dtype, self.validate_args)
