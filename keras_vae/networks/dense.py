"""Fully connected encoders and decoders."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from keras_vae.core.dtypes import float_dtype
from keras_vae.networks.inputs import (
    AddOffset,
    latent_input,
    scaled_features,
    with_condition,
)


def dense_encoder(
    event_shape: Sequence[int],
    output_size: int,
    hidden_units: Sequence[int] = (500, 500),
    activation: str = "relu",
    rescale: float = 1.0,
    shift: float = 0.0,
    log_scale: bool = False,
    condition_shape: Sequence[int] | None = None,
    features: keras.layers.Layer | None = None,
) -> keras.Model:
    """A multilayer perceptron from an observation to a vector.

    Args:
        event_shape: Shape of one observation.
        output_size: Number of outputs, the posterior's `params_size`.
        hidden_units: Width of each hidden layer.
        activation: Name of the hidden layers' activation.
        rescale: Factor of the input.
        shift: Number added to the input after the rescaling.
        log_scale: Whether to take log(1 + x) of the input first, for counts.
        condition_shape: Shape of a condition y that is read beside it; None for none.
        features: Layer that reads the scaled input first, such as `Gaps()`; None for none.

    Returns:
        A model x [B, *event_shape] -> [B, output_size], or [x, y] with a condition.

    Example:
        >>> dense_encoder((28, 28, 1), 32).output_shape
        (None, 32)
    """
    x = inputs = keras.Input(tuple(event_shape), name="x")
    x = scaled_features(x, rescale, shift, log_scale, features)
    x = keras.layers.Flatten(data_format="channels_last", name="flatten")(x)
    x, inputs = with_condition(x, inputs, condition_shape)
    for i, units in enumerate(hidden_units):
        x = keras.layers.Dense(units, activation, name=f"hidden_{i + 1}")(x)
    outputs = keras.layers.Dense(output_size, name="params")(x)
    return keras.Model(inputs, outputs, name="dense_encoder")


def dense_decoder(
    latent_shape: int | Sequence[int],
    output_size: int,
    hidden_units: Sequence[int] = (500, 500),
    activation: str = "relu",
    condition_shape: Sequence[int] | None = None,
    offset: tuple[int, int] | None = None,
    latent_scale: float = 1.0,
) -> keras.Model:
    """A multilayer perceptron from a latent vector to a vector.

    Args:
        latent_shape: Shape of one latent variable; an integer means a vector.
        output_size: Number of outputs, the likelihood's `params_size`.
        hidden_units: Width of each hidden layer.
        activation: Name of the hidden layers' activation.
        condition_shape: Shape of a condition y that is read beside it; None for none.
        offset: Outputs, from the first of these places up to the second, to which the
            first number of y is added; see `AddOffset`. None for none.
        latent_scale: Factor of latent vectors; sqrt(D) brings the elements of unit vectors
            of length D near 1, without which they are learned slowly.

    Returns:
        A model z [B, *latent_shape] -> [B, output_size], or [z, y] with a condition.

    Example:
        >>> dense_decoder(16, 784).output_shape
        (None, 784)
    """
    x, inputs = latent_input(latent_shape, latent_scale)
    x, inputs = with_condition(x, inputs, condition_shape)
    for i, units in enumerate(hidden_units):
        x = keras.layers.Dense(units, activation, name=f"hidden_{i + 1}")(x)
    # Exponentials follow, for which half precision is too coarse.
    outputs = keras.layers.Dense(output_size, dtype=float_dtype(), name="params")(x)
    if offset is not None:
        add = AddOffset(*offset, dtype=float_dtype(), name="offset")
        outputs = add([outputs, inputs[1]])
    return keras.Model(inputs, outputs, name="dense_decoder")
