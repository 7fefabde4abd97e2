"""The base of all priors over latent vectors."""

from __future__ import annotations

import keras
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from keras_vae.core.divergence import exact_kl
from keras_vae.core.dtypes import float_dtype
from keras_vae.core.numbers import positive_int


class Prior(keras.layers.Layer):
    """p(z): a Keras layer, so that its weights are trained and saved with the model.

    Subclasses define `make_distribution`, and `make_weights` where they have weights.

    Args:
        event_size: Length D of the latent vector; None takes it from the posterior of
            the model that the prior becomes part of.
        dtype: Dtype or policy. Probabilities are float32, also in mixed precision.
        **kwargs: Arguments of `keras.layers.Layer`.

    Raises:
        ValueError: If `event_size` is not a positive integer.
    """

    def __init__(self, event_size: int | None = None, dtype=None, **kwargs):
        """Creates the prior, and builds it where the size is known."""
        super().__init__(dtype=float_dtype(dtype), **kwargs)
        if event_size is not None:
            event_size = positive_int(event_size, "event_size")
        self.event_size = event_size

    def build(self, event_shape):
        """Creates the weights, unless an earlier call did.

        A prior may be built by itself, by a saved model's record of it and by the model
        that it becomes part of.

        Args:
            event_shape: Shape (D,) of a latent vector.

        Raises:
            ValueError: If D is not the `event_size` given, or the shape not a vector's.
        """
        event_shape = tuple(event_shape)
        if len(event_shape) != 1:
            raise ValueError(
                f"{type(self).__name__} is a prior over vectors, but the latent variable "
                f"has event shape {event_shape}."
            )
        if self.event_size not in (None, event_shape[0]):
            raise ValueError(
                f"{type(self).__name__} has event size {self.event_size}, but the "
                f"posterior's latent vectors have size {event_shape[0]}. Make them equal."
            )
        if self.built:
            return
        self.event_size = int(event_shape[0])
        self.make_weights()
        self.built = True

    def make_weights(self):
        """Creates the weights; called once, when `event_size` is known."""

    def make_distribution(self, temperature: float) -> tfd.Distribution:
        """Builds p(z) with its standard deviations multiplied by `temperature`."""
        raise NotImplementedError

    def distribution(self, temperature: float = 1.0) -> tfd.Distribution:
        """Returns p(z).

        Args:
            temperature: Factor of the standard deviations; below 1 draws are nearer to
                the typical.

        Returns:
            A distribution with event shape [D].

        Raises:
            ValueError: If the size is not known yet, or `temperature` is not positive.
        """
        if not temperature > 0:
            raise ValueError(f"temperature must be positive, but is {temperature!r}.")
        if not self.built:
            if self.event_size is None:
                raise ValueError(
                    f"{type(self).__name__} does not know its size yet: give it "
                    "event_size, or make it part of a model."
                )
            self.build((self.event_size,))
        return self.make_distribution(temperature)

    def kl_divergence(self, q: tfd.Distribution) -> tf.Tensor | None:
        """KL(q, p) in closed form.

        Args:
            q: Posterior, batch [B], event [D].

        Returns:
            Nats, [B]; None where there is no closed form.
        """
        return exact_kl(q, self.distribution())

    def call(self, inputs=None):
        """Refused: a prior has no input."""
        raise TypeError(
            f"{type(self).__name__} is not called on tensors; use its distribution()."
        )

    def get_config(self):
        """Returns the constructor's arguments."""
        return {**super().get_config(), "event_size": self.event_size}

    def get_build_config(self):
        """Returns what rebuilds the weights when a model is loaded."""
        return {"event_shape": [self.event_size]} if self.built else None

    def build_from_config(self, config):
        """Builds with the result of `get_build_config`."""
        if config:
            self.build(config["event_shape"])
