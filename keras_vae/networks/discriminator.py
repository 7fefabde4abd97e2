"""A convolutional discriminator, small enough for CPUs."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from keras_vae.core.dtypes import float_dtype
from keras_vae.networks.conv import image_shape
from keras_vae.networks.inputs import scaled_features


def conv_discriminator(
    event_shape: Sequence[int],
    filters: Sequence[int] = (32, 64, 128),
    kernel_size: int = 4,
    rescale: float = 1.0,
    shift: float = 0.0,
    spectral_normalization: bool = False,
    patches: bool = False,
) -> keras.Model:
    """Strided convolutions to the layer "features", one more, and a logit.

    Or, with `patches`, a map of logits right behind the features: each judges a patch of
    the image, 46 x 46 pixels with three convolutions of 4 x 4, so that detail is what counts.

    The features are normalised within each image, so that distances between them keep
    their scale while the discriminator learns; no statistics of the batch are used, so
    that a row's result does not depend on the others.

    Args:
        event_shape: Shape (height, width, channels) of one image, of any size.
        filters: Filters of each convolution up to the features.
        kernel_size: Side of the kernels, in pixels.
        rescale: Factor of the input.
        shift: Number added to the input after the rescaling.
        spectral_normalization: Whether to divide each kernel by its spectral norm.
        patches: Whether to judge patches (a PatchGAN), and not the image as a whole.

    Returns:
        A model [B, height, width, channels] -> logit [B, 1] with a layer "features"; of
        patches, logits [B, height / 8, width / 8, 1] with three convolutions.

    Raises:
        ValueError: If `event_shape` is not that of an image.

    Example:
        >>> conv_discriminator((64, 64, 3)).get_layer("features").output.shape
        (None, 8, 8, 128)

    Source:
        Radford et al. 2016 (strided convolutions); Wu and He 2018 (group
        normalization); Miyato et al. 2018 (spectral normalization); Isola et al. 2017
        (patches).
    """
    # Keras divides the kernel in the layer's own precision and keeps the result: in half
    # precision that would round the weights at each step.
    dtype = float_dtype() if spectral_normalization else None

    def normed(layer):
        if not spectral_normalization:
            return layer
        name = f"spectral_{layer.name}"
        return keras.layers.SpectralNormalization(layer, dtype=dtype, name=name)

    def conv(n, name):
        layer = keras.layers.Conv2D(
            n, kernel_size, 2, "same", dtype=dtype, data_format="channels_last", name=name
        )
        return normed(layer)

    def silu(name):
        # Smooth, as the gradient penalty likes it, and as cheap as a leaky ReLU.
        return keras.layers.Activation("silu", name=name)

    x = inputs = keras.Input(image_shape(event_shape), name="x")
    x = scaled_features(x, rescale, shift)
    for i, n in enumerate(filters):
        x = conv(n, f"conv_{i + 1}")(x)
        if i < len(filters) - 1:
            x = silu(f"silu_{i + 1}")(x)
    x = keras.layers.GroupNormalization(1, name="features")(x)
    x = silu("silu_features")(x)
    if patches:
        logits = keras.layers.Conv2D(
            1,
            kernel_size,
            padding="same",
            dtype=float_dtype(),
            data_format="channels_last",
            name="logits",
        )
        return keras.Model(inputs, normed(logits)(x), name="patch_discriminator")
    x = silu("silu_top")(conv(filters[-1], "conv_top")(x))
    x = keras.layers.Flatten(data_format="channels_last", name="flatten")(x)
    logit = keras.layers.Dense(1, dtype=float_dtype(), name="logit")
    return keras.Model(inputs, normed(logit)(x), name="conv_discriminator")
