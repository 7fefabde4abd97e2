"""The inputs of encoders and decoders: latent variables and conditions."""

from __future__ import annotations

import math
from collections.abc import Sequence

import keras
import numpy as np

from keras_vae.core.dtypes import float_dtype


@keras.saving.register_keras_serializable("keras_vae")
class AddOffset(keras.layers.Layer):
    """Adds the first number of a condition to some of a likelihood's parameters.

    Where these are logarithms of means, and the number is log(size / typical size), means
    are proportional to the size: the offset of generalised linear models.

    Args:
        start: First of these parameters.
        stop: Where they end.
        **kwargs: Arguments of `keras.layers.Layer`.

    Example:
        >>> AddOffset(0, 2)([keras.ops.zeros((1, 3)), keras.ops.ones((1, 1))]).numpy()
        array([[1., 1., 0.]], dtype=float32)
    """

    def __init__(self, start: int, stop: int, **kwargs):
        """Keeps the settings."""
        super().__init__(**kwargs)
        self.start, self.stop = start, stop

    def call(self, inputs):
        """Takes parameters [B, P] and the condition [B, C]; gives parameters."""
        params, y = inputs
        places = np.arange(params.shape[-1])
        inside = (places >= self.start) & (places < self.stop)
        return params + y[:, :1] * keras.ops.cast(inside, params.dtype)

    def get_config(self):
        """Returns the constructor's arguments."""
        return {**super().get_config(), "start": self.start, "stop": self.stop}


def latent_input(latent_shape: int | Sequence[int], scale: float = 1.0):
    """Makes the input of a decoder.

    Args:
        latent_shape: Shape of one latent variable; an integer means a vector.
        scale: Factor of the vector.

    Returns:
        The variable as a vector, times the factor, and the input itself.
    """
    shape = (latent_shape,) if isinstance(latent_shape, int) else tuple(latent_shape)
    x = z = keras.Input(shape, name="z")
    if len(shape) > 1:
        x = keras.layers.Flatten(data_format="channels_last", name="flat_z")(x)
    if scale != 1.0:
        x = keras.layers.Rescaling(scale, name="scaled_z")(x)
    return x, z


def with_condition(x, inputs, condition_shape: Sequence[int] | None):
    """Puts a condition behind a vector.

    Args:
        x: Tensor [B, size].
        inputs: The input that x was computed from.
        condition_shape: Shape of the condition; None for none.

    Returns:
        Tensor [B, size + condition], and both inputs; what was given without a condition.
    """
    if condition_shape is None:
        return x, inputs
    y = keras.Input(tuple(condition_shape), name="y")
    flat = keras.layers.Flatten(data_format="channels_last", name="flat_y")(y)
    return keras.layers.Concatenate(name="x_and_y")([x, flat]), [inputs, y]


def with_condition_channels(x, inputs, condition_shape: Sequence[int] | None):
    """Puts a condition behind the channels of an image, the same at every pixel.

    Args:
        x: Tensor [B, height, width, channels].
        inputs: The input that x was computed from.
        condition_shape: Shape of the condition; None for none.

    Returns:
        Tensor [B, height, width, channels + condition], and both inputs; what was given
        without a condition.
    """
    if condition_shape is None:
        return x, inputs
    _, height, width, _ = x.shape
    y = keras.Input(tuple(condition_shape), name="y")
    flat = keras.layers.Flatten(data_format="channels_last", name="flat_y")(y)
    tiled = keras.layers.RepeatVector(height * width, name="tiled_y")(flat)
    shape = (height, width, math.prod(condition_shape))
    image = keras.layers.Reshape(shape, name="image_y")(tiled)
    return keras.layers.Concatenate(name="x_and_y")([x, image]), [inputs, y]


def scaled_features(
    x,
    rescale: float = 1.0,
    shift: float = 0.0,
    log_scale: bool = False,
    features: keras.layers.Layer | None = None,
):
    """Brings observations to what the first layer of an encoder reads.

    Args:
        x: Symbolic tensor [B, *event].
        rescale: Factor of the input.
        shift: Number added to the input after the rescaling.
        log_scale: Whether to take log(1 + x) of the input first, for counts.
        features: Layer that reads the scaled input; None for none.

    Returns:
        Symbolic tensor; x itself where nothing is asked for.
    """
    if log_scale:
        # Noise may have moved counts below zero, and a gap must have no gradient.
        x = keras.ops.log1p(keras.ops.maximum(x, 0.0))
    if (rescale, shift) != (1.0, 0.0):
        # At full precision: half precision does not hold levels of 16 bits.
        x = keras.layers.Rescaling(rescale, shift, dtype=float_dtype(), name="rescaling")(x)
    return x if features is None else features(x)
