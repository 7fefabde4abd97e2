"""Residual encoders and decoders for images, whose pixels all have the same neighbours."""

from __future__ import annotations

import math
from collections.abc import Sequence

import keras

from keras_vae.core.dtypes import float_dtype
from keras_vae.networks.conv import (
    halved_sides,
    image_shape,
    outputs_per_pixel,
    surplus,
)
from keras_vae.networks.inputs import scaled_features


def residual_encoder(
    event_shape: Sequence[int],
    output_size: int,
    filters: Sequence[int] = (32, 64, 128),
    rescale: float = 1.0,
    shift: float = 0.0,
) -> keras.Model:
    """A strided convolution, then a residual block for each further halving.

    Args:
        event_shape: Shape (height, width, channels) of one image, of any size.
        output_size: Number of outputs, the posterior's `params_size`.
        filters: Filters at each size, after as many halvings.
        rescale: Factor of the input.
        shift: Number added to the input after the rescaling.

    Returns:
        A model x [B, height, width, channels] -> [B, output_size].

    Raises:
        ValueError: If `event_shape` is not that of an image.

    Example:
        >>> residual_encoder((64, 64, 3), 256, (32, 64, 128, 128)).output_shape
        (None, 256)
    """
    inputs = keras.Input(image_shape(event_shape), name="x")
    x = _halved(scaled_features(inputs, rescale, shift, False, None), filters)
    x = keras.layers.Flatten(data_format="channels_last", name="flatten")(x)
    outputs = keras.layers.Dense(output_size, name="params")(x)
    return keras.Model(inputs, outputs, name="residual_encoder")


def residual_decoder(
    latent_dim: int,
    event_shape: Sequence[int],
    output_size: int,
    filters: Sequence[int] = (128, 64, 32),
) -> keras.Model:
    """A dense layer, then for each doubling a residual block on the enlarged image.

    Images are enlarged by repeating pixels, after a convolution of 1 x 1 has brought the
    filters down, and before one of 3 x 3. So all pixels have equally many neighbours that
    contribute, which avoids the checkerboard artefacts of transposed convolutions. The
    block at full size has half as many filters as the last one before.

    Args:
        latent_dim: Size D of the latent vector.
        event_shape: Shape (height, width, channels) of one image, of any size; superfluous
            pixels are cropped.
        output_size: Number of outputs, the likelihood's `params_size`; a multiple of the
            number of elements of an image.
        filters: Filters of the start image and of each doubling but the last.

    Returns:
        A model z [B, D] -> [B, height, width, output_size / (height * width)].

    Raises:
        ValueError: If `event_shape` is not that of an image, or `output_size` does not
            fit it.

    Example:
        >>> residual_decoder(128, (64, 64, 3), 64 * 64 * 3, (128, 64, 32)).output_shape
        (None, 64, 64, 3)

    Source:
        Odena et al. 2016, "Deconvolution and checkerboard artifacts"; He et al. 2016,
        "Identity mappings in deep residual networks".
    """
    height, width, _ = image_shape(event_shape)
    outputs = outputs_per_pixel(event_shape, output_size)
    scale = 2 ** len(filters)
    start = (math.ceil(height / scale), math.ceil(width / scale), filters[0])
    inputs = keras.Input((latent_dim,), name="z")
    x = keras.layers.Dense(math.prod(start), name="start")(inputs)
    x = keras.layers.Reshape(start, name="image")(x)
    x = _doubled(x, filters, outputs)
    crop = surplus(x.shape[1:3], (height, width))
    x = keras.layers.Cropping2D(
        crop, data_format="channels_last", dtype=float_dtype(), name="crop"
    )(x)
    return keras.Model(inputs, x, name="residual_decoder")


def residual_map_encoder(
    event_shape: Sequence[int],
    outputs: int,
    filters: Sequence[int] = (64, 128),
    rescale: float = 1.0,
    shift: float = 0.0,
) -> keras.Model:
    """A `residual_encoder` without its dense layer: it ends in a map.

    Args:
        event_shape: Shape (height, width, channels) of one image; both sides are multiples
            of f = 2 ** len(filters).
        outputs: Number of outputs at each place of the map.
        filters: Filters at each size, after as many halvings.
        rescale: Factor of the input.
        shift: Number added to the input after the rescaling.

    Returns:
        A model x [B, height, width, channels] -> [B, height / f, width / f, outputs].

    Raises:
        ValueError: If `event_shape` is not that of an image, or its sides are no such
            multiples.

    Example:
        >>> residual_map_encoder((64, 64, 3), 8).output_shape
        (None, 16, 16, 8)
    """
    halved_sides(event_shape, len(filters), "fewer filters, one for each halving")
    inputs = keras.Input(image_shape(event_shape), name="x")
    x = _halved(scaled_features(inputs, rescale, shift, False, None), filters)
    return keras.Model(inputs, _conv(outputs, 3, "params")(x), name="residual_map_encoder")


def residual_map_decoder(
    latent_shape: Sequence[int],
    outputs: int,
    filters: Sequence[int] = (128, 64),
) -> keras.Model:
    """A `residual_decoder` without its dense layer: it begins with a map.

    Args:
        latent_shape: Shape (height, width, channels) of one map of codes.
        outputs: Number of outputs for each pixel.
        filters: Filters at the map's size and after each doubling but the last.

    Returns:
        A model z [B, height, width, channels] -> [B, f * height, f * width, outputs] with
        f = 2 ** len(filters).

    Example:
        >>> residual_map_decoder((16, 16, 4), 3).output_shape
        (None, 64, 64, 3)
    """
    inputs = keras.Input(tuple(latent_shape), name="z")
    x = _doubled(_conv(filters[0], 3, "start")(inputs), filters, outputs)
    return keras.Model(inputs, x, name="residual_map_decoder")


def _halved(x, filters):
    x = _conv(filters[0], 4, "conv_1", strides=2)(x)
    for i, n in enumerate(filters[1:], start=2):
        side = keras.layers.AveragePooling2D(
            2, padding="same", data_format="channels_last", name=f"pool_{i}"
        )(x)
        side = _conv(n, 1, f"side_{i}")(side)
        x = _conv(n, 4, f"down_{i}", strides=2)(_activated(x, f"down_{i}"))
        x = _conv(n, 3, f"conv_{i}")(_activated(x, f"{i}"))
        x = keras.layers.Add(name=f"sum_{i}")([side, x])
    return _activated(x, "top")


def _doubled(x, filters, outputs):
    for i, n in enumerate([*filters[1:], max(filters[-1] // 2, 1)], start=1):
        x = _conv(n, 1, f"side_{i}")(_activated(x, f"side_{i}"))
        x = keras.layers.UpSampling2D(2, data_format="channels_last", name=f"double_{i}")(x)
        residual = _conv(n, 3, f"conv_{i}")(_activated(x, f"{i}"))
        x = keras.layers.Add(name=f"sum_{i}")([x, residual])
    # The last layer's outputs, which exponentials may follow, at full precision.
    return _conv(outputs, 3, "params", dtype=float_dtype())(_activated(x, "top"))


def _conv(filters, size, name, strides=1, dtype=None):
    return keras.layers.Conv2D(
        filters,
        size,
        strides,
        "same",
        dtype=dtype,
        data_format="channels_last",
        name=name,
    )


def _activated(x, name):
    # Statistics of each single image, so that a row does not depend on its batch.
    groups = math.gcd(8, x.shape[-1])
    x = keras.layers.GroupNormalization(groups, name=f"norm_{name}")(x)
    return keras.layers.Activation("silu", name=f"silu_{name}")(x)
