"""The encoder of a semi-supervised VAE, which handles all classes at once."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from keras_vae.networks import PlusCondition
from keras_vae.networks.inputs import scaled_features


def class_encoder(
    event_shape: Sequence[int],
    output_size: int,
    hidden_units: Sequence[int],
    activation: str,
    num_classes: int,
    rescale: float = 1.0,
    shift: float = 0.0,
    log_scale: bool = False,
    features: keras.layers.Layer | None = None,
) -> keras.Model:
    """A multilayer perceptron of an observation and a class.

    Args:
        event_shape: Shape of one observation.
        output_size: Number of outputs, the posterior's `params_size`.
        hidden_units: Width of each hidden layer, at least one.
        activation: Name of the hidden layers' activation.
        num_classes: Number of classes.
        rescale: Factor of the input; see `dense_encoder` for this and what follows.
        shift: Number added to the input after the rescaling.
        log_scale: Whether to take log(1 + x) of the input first.
        features: Layer that reads the scaled input first; None for none.

    Returns:
        A model of [x, y], x [B, *event_shape] and y one-hot [M * B, num_classes].
    """
    x = inputs = keras.Input(tuple(event_shape), name="x")
    y = keras.Input((num_classes,), name="y")
    x = scaled_features(x, rescale, shift, log_scale, features)
    x = keras.layers.Flatten(data_format="channels_last", name="flatten")(x)
    first, *others = hidden_units
    x = keras.layers.Dense(first, name="hidden_1")(x)
    x = PlusCondition(name="x_and_y")([x, y])
    x = keras.layers.Activation(activation, name="activation_1")(x)
    for i, units in enumerate(others):
        x = keras.layers.Dense(units, activation, name=f"hidden_{i + 2}")(x)
    outputs = keras.layers.Dense(output_size, name="params")(x)
    return keras.Model([inputs, y], outputs, name="class_encoder")


def serves_all_classes(network: keras.layers.Layer) -> bool:
    """Tells whether a network takes several classes for each observation.

    Args:
        network: Keras model of [x, y].

    Returns:
        Whether y enters the network through `PlusCondition`.
    """
    inner = getattr(network, "layers", ())
    return isinstance(network, PlusCondition) or any(map(serves_all_classes, inner))
