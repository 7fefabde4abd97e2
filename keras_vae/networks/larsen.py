"""The networks of the VAE-GAN's paper, for images of any size.

Larsen et al. 2016, "Autoencoding beyond pixels using a learned similarity metric", table
1. Batch normalization is over all replicas together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import keras

from keras_vae.core.dtypes import float_dtype
from keras_vae.networks.conv import image_shape, surplus
from keras_vae.networks.inputs import scaled_features


def larsen_encoder(
    event_shape: Sequence[int], output_size: int, rescale: float = 1.0, shift: float = 0.0
) -> keras.Model:
    """5x5 convolutions with 64, 128 and 256 filters, a dense layer of 2048.

    Args:
        event_shape: Shape (height, width, channels) of one image.
        output_size: Number of outputs, the posterior's `params_size`.
        rescale: Factor of the input.
        shift: Number added to the input after the rescaling.

    Returns:
        A model [B, height, width, channels] -> [B, output_size].

    Raises:
        ValueError: If `event_shape` is not that of an image.

    Example:
        >>> larsen_encoder((64, 64, 3), 256).output_shape
        (None, 256)
    """
    inputs = keras.Input(image_shape(event_shape), name="x")
    x = scaled_features(inputs, rescale, shift)
    for i, n in enumerate((64, 128, 256)):
        conv = keras.layers.Conv2D(
            n,
            5,
            2,
            "same",
            use_bias=False,
            data_format="channels_last",
            name=f"conv_{i + 1}",
        )
        x = _normalised(conv(x), f"{i + 1}")
    x = keras.layers.Flatten(data_format="channels_last", name="flatten")(x)
    x = _normalised(keras.layers.Dense(2048, use_bias=False, name="dense")(x), "dense")
    outputs = keras.layers.Dense(output_size, name="params")(x)
    return keras.Model(inputs, outputs, name="larsen_encoder")


def larsen_decoder(
    latent_dim: int,
    event_shape: Sequence[int],
    low: float = 0.0,
    high: float = 1.0,
) -> keras.Model:
    """A dense layer, 5x5 transposed convolutions with 256, 128 and 32 filters, tanh.

    Args:
        latent_dim: Size D of the latent vector.
        event_shape: Shape (height, width, channels) of one image.
        low: Value of a pixel where tanh is -1.
        high: Value of a pixel where tanh is 1.

    Returns:
        A model [B, D] -> [B, height * width * channels].

    Raises:
        ValueError: If `event_shape` is not that of an image.

    Example:
        >>> larsen_decoder(128, (64, 64, 3)).output_shape
        (None, 12288)
    """
    height, width, channels = image_shape(event_shape)
    start = (math.ceil(height / 8), math.ceil(width / 8), 256)
    inputs = keras.Input((latent_dim,), name="z")
    x = keras.layers.Dense(math.prod(start), use_bias=False, name="start")(inputs)
    x = keras.layers.Reshape(start, name="image")(_normalised(x, "start"))
    for i, n in enumerate((256, 128, 32)):
        conv = keras.layers.Conv2DTranspose(
            n,
            5,
            2,
            "same",
            use_bias=False,
            data_format="channels_last",
            name=f"conv_{i + 1}",
        )
        x = _normalised(conv(x), f"{i + 1}")
    crop = surplus(x.shape[1:3], (height, width))
    x = keras.layers.Cropping2D(crop, data_format="channels_last", name="crop")(x)
    precise = float_dtype()
    last = keras.layers.Conv2D(
        channels,
        5,
        padding="same",
        activation="tanh",
        dtype=precise,
        data_format="channels_last",
        name="pixels",
    )
    half = (high - low) / 2.0
    middle = keras.layers.Rescaling(half, low + half, dtype=precise, name="rescaling")
    outputs = keras.layers.Flatten(data_format="channels_last", dtype=precise, name="flat")(
        middle(last(x))
    )
    return keras.Model(inputs, outputs, name="larsen_decoder")


def larsen_discriminator(
    event_shape: Sequence[int], rescale: float = 1.0, shift: float = 0.0
) -> keras.Model:
    """5x5 convolutions with 32, 128, 256 and 256 filters, a dense layer of 512, a logit.

    The layer "features" is the last convolution, before its normalization, as in the
    authors' code.

    Args:
        event_shape: Shape (height, width, channels) of one image.
        rescale: Factor of the input.
        shift: Number added to the input after the rescaling.

    Returns:
        A model [B, height, width, channels] -> logit [B, 1] with a layer "features".

    Raises:
        ValueError: If `event_shape` is not that of an image.

    Example:
        >>> larsen_discriminator((64, 64, 3)).get_layer("features").output.shape
        (None, 8, 8, 256)
    """
    inputs = keras.Input(image_shape(event_shape), name="x")
    x = scaled_features(inputs, rescale, shift)
    x = keras.layers.Conv2D(
        32, 5, 1, "same", activation="relu", data_format="channels_last", name="conv_1"
    )(x)
    for i, n in enumerate((128, 256, 256)):
        name = "features" if i == 2 else f"conv_{i + 2}"
        conv = keras.layers.Conv2D(
            n, 5, 2, "same", use_bias=False, data_format="channels_last", name=name
        )
        x = _normalised(conv(x), f"{i + 2}")
    x = keras.layers.Flatten(data_format="channels_last", name="flatten")(x)
    x = _normalised(keras.layers.Dense(512, use_bias=False, name="dense")(x), "dense")
    logit = keras.layers.Dense(1, dtype=float_dtype(), name="logit")
    return keras.Model(inputs, logit(x), name="larsen_discriminator")


def _normalised(x, name):
    """Batch normalization, with the momentum of the authors' code, and ReLU."""
    norm = keras.layers.BatchNormalization(
        momentum=0.9, epsilon=1e-6, synchronized=True, name=f"norm_{name}"
    )
    return keras.layers.ReLU(name=f"relu_{name}")(norm(x))
