"""Convolutional networks between images and small images of codes."""

from __future__ import annotations

import keras

from keras_vae.networks.conv import image_shape
from keras_vae.networks.inputs import scaled_features


def vq_networks(
    event_shape,
    vectors: int,
    total,
    params: int,
    filters: int = 128,
    halvings: int = 2,
    blocks: int = 2,
    scaling: dict | None = None,
) -> tuple[keras.Model, keras.Model]:
    """Strided convolutions, residual blocks, and their mirror.

    Args:
        event_shape: Shape (height, width, channels) of one image; its sides are multiples
            of 2 to the power of `halvings`.
        vectors: Length of the vectors that are quantized.
        total: Length of the codes that the decoder reads.
        params: Parameters of the likelihood for each element of an image.
        filters: Channels of the last layers; half as many of the first.
        halvings: How often the image is halved.
        blocks: Number of residual blocks, of `filters // 4` hidden channels.
        scaling: How the input is scaled, see `scaled_features`; None for not at all.

    Returns:
        Encoder and decoder.

    Raises:
        ValueError: If the sides do not fit.

    Source:
        Van den Oord et al. 2017, section 4.1.
    """
    height, width, channels = image_shape(event_shape)
    scale = 2**halvings
    if height % scale or width % scale:
        raise ValueError(
            f"Images of {height}x{width} cannot be halved {halvings} times. Let both sides "
            f"be multiples of {scale}, or give another number of halvings."
        )
    widths = [filters // 2] * (halvings - 1) + [filters]
    inputs = x = keras.Input((height, width, channels), name="x")
    x = scaled_features(x, **(scaling or {}))
    for one in widths:
        x = keras.layers.Conv2D(one, 4, 2, "same", activation="relu")(x)
    x = keras.layers.Conv2D(filters, 3, padding="same")(x)
    x = _residual(x, filters, blocks)
    outputs = keras.layers.Conv2D(vectors, 1, name="params")(x)
    encoder = keras.Model(inputs, outputs, name="vq_encoder")

    inputs = keras.Input((height // scale, width // scale, total), name="z")
    x = keras.layers.Conv2D(filters, 3, padding="same")(inputs)
    x = _residual(x, filters, blocks)
    for one in widths[-2::-1]:
        x = keras.layers.Conv2DTranspose(one, 4, 2, "same", activation="relu")(x)
    outputs = keras.layers.Conv2DTranspose(
        params * channels, 4, 2, "same", dtype="float32", name="params"
    )(x)
    return encoder, keras.Model(inputs, outputs, name="vq_decoder")


def _residual(x, filters, blocks):
    for _ in range(blocks):
        h = keras.layers.Activation("relu")(x)
        h = keras.layers.Conv2D(max(filters // 4, 1), 3, padding="same")(h)
        h = keras.layers.Activation("relu")(h)
        x = keras.layers.Add()([x, keras.layers.Conv2D(filters, 1)(h)])
    return keras.layers.Activation("relu")(x)
