"""The base of the invertible functions of a flow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf
from tensorflow_probability import bijectors as tfb

from keras_vae.core.parts import Room

# Halvings of an interval until single precision has no more numbers in it.
_HALVINGS = 40


class FlowBijector:
    """Base of the named bijectors, which are the layers of a flow.

    Its numbers come from a network of the flow's own (`make_network`), or from the flow's
    parameters (`params_size`), which an encoder gives.

    Attributes:
        mixes: Whether it moves all elements, so that no order has to be reversed between
            two layers.

    Example:
        >>> class Shift(FlowBijector):
        ...     mixes = True
        ...     def params_size(self, size):
        ...         return size
        ...     def make(self, size, params, network, context):
        ...         return tfb.Shift(params)
        >>> layers.Flow(3, bijector=Shift(), num_layers=2).params_size
        12
    """

    mixes = False

    def __init__(self):
        """Creates the bijector."""

    def usual_context(self, size: int) -> int:
        """How large a context its network reads where nothing is said.

        Args:
            size: Length D of the vector.

        Returns:
            Numbers; none, unless a subclass is made to read one.
        """
        return 0

    def params_size(self, size: int) -> int:
        """The numbers that a layer takes from the flow's parameters.

        Args:
            size: Length D of the vector.

        Returns:
            How many; none where all is a network's.
        """
        return 0

    def make_network(
        self, size: int, context_size: int, hidden_units: Sequence[int], dtype, name: str
    ) -> keras.Model | None:
        """Makes the network of a layer.

        Args:
            size: Length D of the vector.
            context_size: Numbers of a context that is read beside it.
            hidden_units: Widths of the hidden layers.
            dtype: Dtype of the network.
            name: Its name.

        Returns:
            The network, which is the identity at first; None where there is none.
        """
        return None

    def make(
        self, size: int, params: tf.Tensor, network: keras.Model | None, context
    ) -> tfb.Bijector:
        """Makes the bijector of a layer.

        Args:
            size: Length D of the vector.
            params: Its parameters [..., params_size].
            network: Its network, or None.
            context: The context [..., context_size], or None.

        Returns:
            A bijector of vectors.
        """
        raise NotImplementedError

    def get_config(self) -> dict:
        """Returns the constructor's arguments."""
        return {}

    @classmethod
    def from_config(cls, config):
        """Makes the bijector from the result of `get_config`."""
        return cls(**config)


ROOM = Room("bijector", FlowBijector)


class OfNetwork(tfb.Bijector):
    """Base of TFP's bijectors of vectors that apply a network, and equal themselves alone.

    TFP takes bijectors of equal parameters for equal, and looks up what one has computed
    for the other; networks are no parameters for it.

    Args:
        network: The network.
        context: What it reads beside the vector, or None.
        name: Name of the bijector.
    """

    def __init__(self, network, context, name: str):
        """Keeps the network."""
        self.network, self.context = network, context
        super().__init__(
            forward_min_event_ndims=1, parameters={"instance": object()}, name=name
        )


def get(identifier: Any) -> FlowBijector:
    """Returns a bijector for a name, a description or a bijector.

    Args:
        identifier: Such as "planar", "spline_coupling:num_bins=8", or a `FlowBijector`.

    Returns:
        The bijector.

    Raises:
        ValueError: If the name or an argument is not known.

    Example:
        >>> get("spline_coupling:num_bins=4").num_bins
        4
    """
    return ROOM.get(identifier)


def apply_network(network, inputs: tf.Tensor, context) -> tf.Tensor:
    """Applies a network of vectors, whatever the batch axes of vector and context.

    Args:
        network: Keras model, [N, inputs + context] -> [N, outputs].
        inputs: Tensor [..., inputs].
        context: Tensor [..., context], or None; its batch axes broadcast with the inputs'.

    Returns:
        Tensor [..., outputs].
    """
    parts = [inputs] if context is None else [inputs, context]
    batch = tf.shape(inputs)[:-1]
    for one in parts:
        batch = tf.broadcast_dynamic_shape(batch, tf.shape(one)[:-1])
    parts = [
        tf.broadcast_to(one, tf.concat([batch, tf.shape(one)[-1:]], axis=0))
        for one in parts
    ]
    flat = tf.reshape(tf.concat(parts, axis=-1), (-1, network.input_shape[-1]))
    outputs = network(flat)
    return tf.reshape(outputs, tf.concat([batch, [network.output_shape[-1]]], axis=0))


def root(function, slope, low: tf.Tensor, high: tf.Tensor) -> tf.Tensor:
    """Finds where increasing functions are zero, with the right gradient.

    Args:
        function: Tensor -> tensor of its shape, increasing element by element.
        slope: Its derivative.
        low: Where it is not positive.
        high: Where it is not negative.

    Returns:
        Tensor of the shape of `low`.
    """

    def halve(low, high):
        middle = 0.5 * (low + high)
        above = function(middle) > 0
        return tf.where(above, low, middle), tf.where(above, middle, high)

    low, high = tf.while_loop(
        lambda low, high: True,
        halve,
        (tf.stop_gradient(low), tf.stop_gradient(high)),
        maximum_iterations=_HALVINGS,
    )
    found = tf.stop_gradient(0.5 * (low + high))
    # A step of Newton's at the root moves nothing, and has the gradient of the root.
    return found - function(found) / tf.stop_gradient(slope(found))
