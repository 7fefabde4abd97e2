"""The base of all priors over latent variables."""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from keras_vae.core.divergence import exact_kl
from keras_vae.core.family import Family
from keras_vae.core.seeds import fold
from keras_vae.layers.base import event_tuple


class Prior(Family):
    """p(z): a distribution whose parameters do not come from the encoder.

    It is a Keras layer, so that its weights are trained and saved with the model.
    Subclasses define `make_distribution`, `make_weights` if they have weights, `tempered`
    if other temperatures make sense, and `connect` if they need the model.

    Args:
        event_shape: Shape of one latent variable, of any rank; an integer means a vector.
            None takes it from the model's posterior.
        dtype: Dtype or policy. Probabilities are float32, also in mixed precision.
        **kwargs: Arguments of `keras.layers.Layer`.

    Raises:
        ValueError: If a size is not a positive integer.

    Example:
        >>> class StandardLogistic(Prior):
        ...     def make_distribution(self, y=None):
        ...         zeros = tf.zeros(self.event_shape)
        ...         return tfd.Independent(tfd.Logistic(zeros, 1.0), len(self.event_shape))
        >>> StandardLogistic(16).sample(5, seed=0).shape
        TensorShape([5, 16])
    """

    # Whether its parameters come from the model's encoder.
    asks_encoder = False

    def __init__(self, event_shape=None, dtype=None, **kwargs):
        """Creates the prior."""
        super().__init__(dtype=dtype, **kwargs)
        if event_shape is not None:
            event_shape = event_tuple(event_shape)
        self.event_shape = event_shape

    def connect(self, model) -> None:
        """Called by the prior's model, before `build`.

        Args:
            model: The model; its networks are built.
        """

    def start_from(self, x) -> None:
        """Called with training data before training begins.

        Args:
            x: Observations [N, *event], in the model's units.
        """

    def start_from_codes(self, z: np.ndarray) -> None:
        """Called with codes [N, *event_shape] before the prior is fitted to them."""

    def build(self, event_shape):
        """Creates the weights, unless an earlier call did.

        A prior may be built by itself, from a saved model's record, and by its model.

        Args:
            event_shape: Shape of one latent variable.

        Raises:
            ValueError: If another shape was given to the constructor.
        """
        event_shape = tuple(event_shape)
        if self.event_shape not in (None, event_shape):
            raise ValueError(
                f"{type(self).__name__} has event shape {self.event_shape}, but the "
                f"posterior's latent variables have shape {event_shape}. Make them equal."
            )
        if self.built:
            return
        self.event_shape = event_shape
        self.make_weights()
        self.freeze_parts()
        self.built = True

    def make_weights(self) -> None:
        """Creates the weights; called once, when `event_shape` is known."""

    def make_distribution(self, y=None) -> tfd.Distribution:
        """Builds p(z), or p(z|y) with batch shape [B]."""
        raise NotImplementedError

    def tempered(self, temperature: float, y=None) -> tfd.Distribution:
        """Builds p(z) with more or less spread."""
        raise ValueError(
            f"{type(self).__name__} supports only temperature 1, but {temperature!r} was "
            "given. Leave it out, or take StandardNormal or MixtureOfNormals."
        )

    def distribution(self, y=None, training: bool = False) -> tfd.Distribution:
        """Returns p(z), or p(z|y).

        Args:
            y: Condition [B, ...], for conditional priors.
            training: Whether the model is being trained; networks of priors may use it.

        Returns:
            A distribution with the prior's event shape, and batch shape [] or [B].

        Raises:
            ValueError: If the shape is not known yet.
        """
        self._require_shape()
        return self.make_distribution(y)

    def sample(self, n, seed, y=None, temperature: float = 1.0) -> tf.Tensor:
        """Draws from p(z).

        Args:
            n: Number of draws, an integer or a scalar tensor.
            seed: An integer or an int32 tensor [2].
            y: A condition for each draw, [n, ...], or None.
            temperature: Factor of the standard deviations, for priors that support it;
                below 1, draws are more typical.

        Returns:
            Tensor [n, *event_shape].

        Raises:
            ValueError: If the temperature is not positive, or the prior does not support
                it.
        """
        p = self._at(temperature, y)
        if len(p.batch_shape):
            size = p.batch_shape[0]
            if not tf.is_tensor(n) and size not in (None, n):
                raise ValueError(
                    f"{n} draws were requested, but y holds {size} conditions. Give one "
                    "for each draw."
                )
            return p.sample(seed=fold(seed))
        return p.sample(n, seed=fold(seed))

    def _at(self, temperature, y):
        """Checks the temperature, and returns the distribution at it."""
        number = isinstance(temperature, int | float | np.number)
        if not number or not 0 < temperature < math.inf:
            raise ValueError(
                f"temperature must be positive and finite, but is {temperature!r}."
            )
        self._require_shape()
        return (
            self.make_distribution(y) if temperature == 1 else self.tempered(temperature, y)
        )

    def sample_by_row(self, seeds, y=None, temperature: float = 1.0) -> tf.Tensor | None:
        """Draws for all rows at once, if this is faster than one after the other.

        Args:
            seeds: int32 tensor [n, 2], a seed for each row.
            y: A condition for each draw, [n, ...], or None.
            temperature: See `sample`.

        Returns:
            Tensor [n, *event_shape], row i the draw of `sample(1, seeds[i])`; None if a
            prior cannot do this.
        """
        return None

    def kl_divergence(self, q: tfd.Distribution, p: tfd.Distribution) -> tf.Tensor | None:
        """KL(q, p) in closed form.

        Args:
            q: Posterior, batch [B].
            p: The result of `distribution`.

        Returns:
            Nats, [B]; None if there is no closed form.
        """
        return exact_kl(q, p)

    def call(self, inputs=None):
        """Refused: a prior has no input."""
        raise TypeError(
            f"{type(self).__name__} cannot be called on tensors; use its distribution()."
        )

    def _require_shape(self):
        if self.built:
            return
        if self.event_shape is None:
            raise ValueError(
                f"{type(self).__name__} does not know its shape yet: give it event_shape, "
                "or make it part of a model."
            )
        self.build(self.event_shape)

    def get_config(self):
        """Returns the constructor's arguments."""
        shape = None if self.event_shape is None else list(self.event_shape)
        return {**super().get_config(), "event_shape": shape}

    def get_build_config(self):
        """Returns what rebuilds the weights when a model is loaded."""
        return {"event_shape": list(self.event_shape)} if self.built else None

    def build_from_config(self, config):
        """Builds with the result of `get_build_config`."""
        if config:
            self.build(config["event_shape"])
