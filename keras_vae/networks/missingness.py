"""Models of missingness p(s|x): which values are missing, given the values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from keras_vae.core.dtypes import float_dtype
from keras_vae.core.names import unknown
from keras_vae.core.numbers import sizes
from keras_vae.core.parts import Room


class Missingness(keras.layers.Layer):
    """p(s|x): each element is missing with a probability that depends on x.

    Derive from it and define `logits` (and `build`), and `bias`, a weight of one number
    for each element. Its precision is at least single.

    Args:
        dtype: Dtype or policy; None takes Keras's global one.
        **kwargs: Arguments of `keras.layers.Layer`.

    Example:
        >>> class AtRandom(Missingness):
        ...     def build(self, shape):
        ...         self.bias = self.add_weight((math.prod(shape[1:]),), name="bias")
        ...     def logits(self, x):
        ...         return 0 * x + self.bias
    """

    def __init__(self, dtype=None, **kwargs):
        """Creates the layer."""
        # It reads values as they are, which may be too large for half precision.
        super().__init__(dtype=float_dtype(dtype), **kwargs)

    def logits(self, x):
        """Log-odds that each element is missing.

        Args:
            x: Whole observations as vectors, [N, D].

        Returns:
            Tensor [N, D].
        """
        raise NotImplementedError

    def call(self, x, known):
        """Scores where the gaps are.

        Args:
            x: Complete observations [..., *event]: known values, and draws of the others.
            known: Booleans that broadcast to x.

        Returns:
            log p(s|x) of each element, nats, [..., *event].
        """
        size = int(self.bias.shape[0])
        logits = self.logits(keras.ops.reshape(x, (-1, size)))
        logits = keras.ops.reshape(logits, keras.ops.shape(x))
        return -keras.ops.softplus(keras.ops.where(known, logits, -logits))

    def start_from(self, x: np.ndarray) -> None:
        """Starts at each element's share of gaps.

        Args:
            x: Observations [N, *event]; NaN is missing.
        """
        # A gap more and a gap less, so that no share is 0 or 1.
        gaps = np.isnan(x).reshape(len(x), -1).sum(axis=0)
        self.bias.assign(np.log(gaps + 1.0) - np.log(len(x) - gaps + 1.0))


@keras.saving.register_keras_serializable("keras_vae")
class SelfMasking(Missingness):
    """Each value's own size decides whether it is missing: logits w x + b.

    Args:
        direction: Which values are missing, if this is known: "high" or "low" ones. None
            learns it.
        **kwargs: Arguments of `keras.layers.Layer`.

    Raises:
        ValueError: If there is no such direction.

    Example:
        >>> layer = SelfMasking("high")
        >>> layer.build((None, 2))
        >>> known = np.array([[True, False]])
        >>> layer(np.zeros((1, 2)), known).numpy().round(3)
        array([[-0.693, -0.693]], dtype=float32)

    Source:
        Ipsen, Mattei and Frellsen 2021, "not-MIWAE: deep generative modelling with missing
        not at random data", section 3.
    """

    def __init__(self, direction: str | None = None, **kwargs):
        """Creates the layer."""
        super().__init__(**kwargs)
        if direction not in (None, "high", "low"):
            raise unknown("direction of missingness", direction, ["high", "low"])
        self.direction = direction

    def build(self, shape):
        """Makes the weights: a slope and a bias for each element."""
        size = (math.prod(shape[1:]),)
        self.slope = self.add_weight(size, "zeros", name="slope")
        self.bias = self.add_weight(size, "zeros", name="bias")

    def logits(self, x):
        """Log-odds that each element is missing, by itself; see `Missingness.logits`."""
        slope = keras.ops.convert_to_tensor(self.slope)
        if self.direction is not None:
            slope = keras.ops.softplus(slope) * (1 if self.direction == "high" else -1)
        return slope * x + self.bias

    def get_config(self):
        """Returns the constructor's arguments."""
        return {**super().get_config(), "direction": self.direction}


@keras.saving.register_keras_serializable("keras_vae")
class LinearMissingness(Missingness):
    """All values decide which are missing: logits W x + b.

    Example:
        >>> layer = LinearMissingness()
        >>> layer.build((None, 2))
        >>> layer(np.zeros((1, 2)), np.array([[True, False]])).shape
        TensorShape([1, 2])

    Source:
        Ipsen, Mattei and Frellsen 2021, section 3 ("agnostic").
    """

    part_name = "linear"

    def build(self, shape):
        """Makes the weights."""
        size = math.prod(shape[1:])
        self.kernel = self.add_weight((size, size), "glorot_uniform", name="kernel")
        self.bias = self.add_weight((size,), "zeros", name="bias")

    def logits(self, x):
        """Log-odds that each element is missing; see `Missingness.logits`."""
        return x @ self.kernel + self.bias


@keras.saving.register_keras_serializable("keras_vae")
class NonlinearMissingness(Missingness):
    """All values decide which are missing: a multilayer perceptron from x to the logits.

    Args:
        hidden_units: Width of each hidden layer (tanh).
        **kwargs: Arguments of `keras.layers.Layer`.

    Raises:
        ValueError: If the widths are not positive integers.

    Example:
        >>> layer = NonlinearMissingness((8,))
        >>> layer.build((None, 2))
        >>> layer(np.zeros((1, 2)), np.array([[True, False]])).shape
        TensorShape([1, 2])

    Source:
        Ipsen, Mattei and Frellsen 2021, section 3 ("agnostic").
    """

    part_name = "nonlinear"

    def __init__(self, hidden_units: Sequence[int] = (128,), **kwargs):
        """Creates the layer."""
        super().__init__(**kwargs)
        self.hidden_units = sizes(hidden_units, "hidden_units")

    def build(self, shape):
        """Makes the network."""
        size = math.prod(shape[1:])
        x = inputs = keras.Input((size,), dtype=self.compute_dtype)
        for n in self.hidden_units:
            x = keras.layers.Dense(n, "tanh", dtype=self.dtype_policy)(x)
        outputs = keras.layers.Dense(size, dtype=self.dtype_policy)(x)
        self.network = keras.Model(inputs, outputs)

    @property
    def bias(self):
        """The last layer's."""
        return self.network.layers[-1].bias

    def logits(self, x):
        """Log-odds that each element is missing; see `Missingness.logits`."""
        return self.network(x)

    def get_config(self):
        """Returns the constructor's arguments."""
        return {**super().get_config(), "hidden_units": list(self.hidden_units)}


MISSINGNESS = Room("model of missingness", Missingness)


def get_missingness(identifier: Any) -> Missingness:
    """Returns a model of missingness for a name, a description or an object.

    Args:
        identifier: Such as "self_masking", "linear", "nonlinear:hidden_units=64", or an
            object.

    Returns:
        The layer.

    Raises:
        ValueError: If the name or an argument is not known.

    Example:
        >>> get_missingness("self_masking:direction=low").direction
        'low'
    """
    return MISSINGNESS.get(identifier)
