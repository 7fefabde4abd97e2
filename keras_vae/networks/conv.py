"""Convolutional encoders and decoders for images of any size."""

from __future__ import annotations

import math
from collections.abc import Sequence

import keras

from keras_vae.core.dtypes import float_dtype
from keras_vae.networks.inputs import (
    latent_input,
    scaled_features,
    with_condition,
    with_condition_channels,
)


def conv_encoder(
    event_shape: Sequence[int],
    output_size: int,
    filters: Sequence[int] = (32, 64),
    dense_units: int = 256,
    kernel_size: int = 4,
    activation: str = "relu",
    rescale: float = 1.0,
    shift: float = 0.0,
    log_scale: bool = False,
    normalization: bool = False,
    condition_shape: Sequence[int] | None = None,
    features: keras.layers.Layer | None = None,
) -> keras.Model:
    """Strided convolutions, one halving of the image each, then dense layers.

    Args:
        event_shape: Shape (height, width, channels) of one image, of any size.
        output_size: Number of outputs, the posterior's `params_size`.
        filters: Filters of each convolution; as many halvings as entries.
        dense_units: Width of the dense layer after the convolutions.
        kernel_size: Side of the kernels, in pixels.
        activation: Name of the hidden layers' activation.
        rescale: Factor of the input.
        shift: Number added to the input after the rescaling.
        log_scale: Whether to take log(1 + x) of the input first, for counts.
        normalization: Whether convolutions are followed by group normalization.
        condition_shape: Shape of a condition y that is read beside it; None for none.
        features: Layer that reads the scaled input first, such as `Gaps()`; None for none.

    Returns:
        A model x [B, height, width, channels] -> [B, output_size], or [x, y] with a
        condition.

    Raises:
        ValueError: If `event_shape` is not that of an image.

    Example:
        >>> conv_encoder((31, 45, 3), 32).output_shape
        (None, 32)
    """
    x = inputs = keras.Input(image_shape(event_shape), name="x")
    x = scaled_features(x, rescale, shift, log_scale, features)
    x, inputs = with_condition_channels(x, inputs, condition_shape)
    for i, n in enumerate(filters):
        conv = keras.layers.Conv2D(
            n,
            kernel_size,
            2,
            "same",
            # Normalization has its own offset.
            use_bias=not normalization,
            data_format="channels_last",
            name=f"conv_{i + 1}",
        )
        x = _activated(conv(x), activation, normalization, f"{i + 1}")
    x = keras.layers.Flatten(data_format="channels_last", name="flatten")(x)
    x = keras.layers.Dense(dense_units, activation, name="dense")(x)
    outputs = keras.layers.Dense(output_size, name="params")(x)
    return keras.Model(inputs, outputs, name="conv_encoder")


def conv_decoder(
    latent_shape: int | Sequence[int],
    event_shape: Sequence[int],
    output_size: int,
    filters: Sequence[int] = (64, 32),
    dense_units: int = 256,
    kernel_size: int = 4,
    activation: str = "relu",
    normalization: bool = False,
    condition_shape: Sequence[int] | None = None,
    latent_scale: float = 1.0,
) -> keras.Model:
    """Dense layers, then transposed convolutions, one doubling of the image each.

    It starts from the smallest image that doubles to at least `event_shape` and crops
    what is too much. It ends in an image of parameters, which a likelihood with
    independent elements brings into its own order (`DistributionLayer.flat_params`).

    Args:
        latent_shape: Shape of one latent variable; an integer means a vector.
        event_shape: Shape (height, width, channels) of one image, of any size.
        output_size: Number of outputs, the likelihood's `params_size`; a multiple of
            the number of elements of an image.
        filters: Filters of the start image and of each doubling but the last.
        dense_units: Width of the first dense layer.
        kernel_size: Side of the kernels, in pixels.
        activation: Name of the hidden layers' activation.
        normalization: Whether the start image and all convolutions but the last are
            followed by group normalization.
        condition_shape: Shape of a condition y that is read beside it; None for none.
        latent_scale: Factor of latent vectors; see `dense_decoder`.

    Returns:
        A model z [B, *latent_shape] -> [B, height, width, output_size / (height *
        width)], or [z, y] with a condition.

    Raises:
        ValueError: If `event_shape` is not that of an image, or `output_size` does not
            fit it.

    Example:
        >>> conv_decoder(16, (31, 45, 3), 31 * 45 * 3 * 2).output_shape
        (None, 31, 45, 6)
    """
    height, width, channels = image_shape(event_shape)
    outputs = outputs_per_pixel(event_shape, output_size)
    scale, precise = 2 ** len(filters), float_dtype()
    start = (math.ceil(height / scale), math.ceil(width / scale), filters[0])
    x, inputs = latent_input(latent_shape, latent_scale)
    x, inputs = with_condition(x, inputs, condition_shape)
    x = keras.layers.Dense(dense_units, activation, name="dense")(x)
    dense = keras.layers.Dense(math.prod(start), use_bias=not normalization, name="start")
    x = dense(x)
    x = keras.layers.Reshape(start, name="image")(x)
    x = _activated(x, activation, normalization, "start")
    for i, n in enumerate([*filters[1:], outputs]):
        last = i == len(filters) - 1
        conv = keras.layers.Conv2DTranspose(
            n,
            kernel_size,
            2,
            "same",
            use_bias=last or not normalization,
            # The last layer's matrix products are small; float32 keeps its outputs,
            # which exponentials follow, at full precision. So does the layer behind it,
            # which would else round them in mixed precision.
            dtype=precise if last else None,
            data_format="channels_last",
            name="params" if last else f"conv_{i + 1}",
        )
        x = conv(x) if last else _activated(conv(x), activation, normalization, f"{i + 1}")
    crop = surplus(x.shape[1:3], (height, width))
    outputs = keras.layers.Cropping2D(
        crop, data_format="channels_last", dtype=precise, name="crop"
    )(x)
    return keras.Model(inputs, outputs, name="conv_decoder")


def _activated(x, activation, normalization, name):
    if normalization:
        # Statistics of each single image, so that a row does not depend on its batch.
        groups = math.gcd(8, x.shape[-1])
        x = keras.layers.GroupNormalization(groups, name=f"norm_{name}")(x)
    return keras.layers.Activation(activation, name=f"{activation}_{name}")(x)


def image_shape(event_shape: Sequence[int]) -> tuple[int, int, int]:
    """Checks that events are images.

    Args:
        event_shape: Shape of one observation.

    Returns:
        Height, width and channels.

    Raises:
        ValueError: If it has another number of axes.
    """
    if len(tuple(event_shape)) != 3:
        raise ValueError(
            "Convolutional networks need an event shape (height, width, channels), but "
            f"got {tuple(event_shape)}. Add an axis of size 1 for greyscale images, or "
            "use dense networks."
        )
    height, width, channels = (int(n) for n in event_shape)
    return height, width, channels


def halved_sides(event_shape: Sequence[int], times: int, instead: str) -> tuple[int, int]:
    """Returns the sides of an image that is halved without a rest.

    Args:
        event_shape: Shape (height, width, channels) of one image.
        times: Number of halvings.
        instead: What else to give where this does not work.

    Returns:
        Height and width.

    Raises:
        ValueError: If the image cannot be halved so often.
    """
    height, width, _ = image_shape(event_shape)
    if height % 2**times or width % 2**times:
        raise ValueError(
            f"Images of {height}x{width} cannot be halved {times} times. Let both sides be "
            f"multiples of {2**times}, or give {instead}."
        )
    return height // 2**times, width // 2**times


def outputs_per_pixel(event_shape: Sequence[int], output_size: int) -> int:
    """Returns how many outputs a convolution has for each pixel of an image.

    Args:
        event_shape: Shape (height, width, channels) of one image.
        output_size: Number of outputs for all of it, a likelihood's `params_size`.

    Returns:
        The number, a multiple of the channels.

    Raises:
        ValueError: If it is none.
    """
    height, width, channels = image_shape(event_shape)
    outputs, rest = divmod(output_size, height * width)
    if rest or outputs % channels:
        raise ValueError(
            f"A convolutional decoder gives all elements of {tuple(event_shape)} equally "
            f"many parameters, but output_size is {output_size}, which is not a multiple "
            f"of {height * width * channels}. Use a dense decoder for this likelihood."
        )
    return outputs


def surplus(given, wanted) -> tuple[tuple[int, int], ...]:
    """What to crop off an image at both ends of each axis.

    Args:
        given: Sizes of the image.
        wanted: Sizes that it shall have, none larger.

    Returns:
        Pixels to crop before and behind, for each axis.
    """
    return tuple(
        ((g - w) // 2, (g - w) - (g - w) // 2) for g, w in zip(given, wanted, strict=True)
    )
