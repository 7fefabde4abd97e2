"""The building blocks of a hierarchy's convolutional networks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import keras

from keras_vae.core.dtypes import float_dtype
from keras_vae.core.replicas import num_replicas
from keras_vae.networks.conv import surplus


def batch_normalization(name: str) -> keras.layers.BatchNormalization:
    """Makes a batch normalization whose statistics are those of all replicas.

    Args:
        name: Its name.

    Returns:
        The layer. A single replica has the plain one: Keras's sums over replicas lose
        digits where a mean is large beside the spread.
    """
    several = num_replicas() > 1
    return keras.layers.BatchNormalization(synchronized=several, name=name)


class Blocks(NamedTuple):
    """Makes hidden layers with common settings.

    Attributes:
        depth: Number of residual blocks.
        activation: Name of the hidden layers' activation.
        normalize: Whether hidden layers are batch-normalized.
    """

    depth: int
    activation: str
    normalize: bool

    def active(self, x, name: str):
        """Activates an image [B, height, width, filters], after its normalization."""
        if self.normalize:
            x = batch_normalization(f"{name}_norm")(x)
        return keras.layers.Activation(self.activation, name=f"{name}_active")(x)

    def residual(self, x, name: str):
        """Adds gated residual blocks to an image, without changing its shape."""
        for i in range(self.depth):
            one, filters = f"{name}_{i + 1}", x.shape[-1]
            h = self.active(x, f"{one}_a")
            h = conv(
                h,
                max(filters // 2, 1),
                kernel(x.shape),
                f"{one}_conv",
                # Normalization has its own offset.
                use_bias=not self.normalize,
            )
            h = self.active(h, f"{one}_b")
            value = conv(h, filters, 1, f"{one}_value")
            gate = conv(h, filters, 1, f"{one}_gate", activation="sigmoid")
            h = keras.layers.Multiply(name=f"{one}_gated")([value, gate])
            x = keras.layers.Add(name=one)([x, h])
        return x

    def params(self, x, channels: int, name: str = "params"):
        """Parameters of a level, [B, channels * height * width], packed as `image` reads."""
        # Exponentials follow, for which half precision is too coarse.
        precise = float_dtype()
        x = self.active(x, name)
        x = conv(x, channels, 1, f"{name}_conv", dtype=precise)
        x = keras.layers.Permute((3, 1, 2), dtype=precise, name=f"{name}_channels")(x)
        flatten = keras.layers.Flatten(
            data_format="channels_last", dtype=precise, name=name
        )
        return flatten(x)


def conv(x, filters: int, kernel_size, name: str, **arguments):
    """Convolves an image.

    Args:
        x: Symbolic tensor [B, height, width, channels].
        filters: Channels of the output.
        kernel_size: Side of the kernel, or both.
        name: The layer's name.
        **arguments: Others of `keras.layers.Conv2D`.

    Returns:
        Symbolic tensor [B, height, width, filters], smaller with strides.
    """
    arguments = {"padding": "same", "data_format": "channels_last", **arguments}
    return keras.layers.Conv2D(filters, kernel_size, name=name, **arguments)(x)


def kernel(shape: Sequence[int]) -> tuple[int, int]:
    """Returns the kernel for an image: 3 x 3, but 1 along sides of one pixel.

    Args:
        shape: Shape [B, height, width, channels].

    Returns:
        Its sides.
    """
    _, height, width, _ = shape
    return min(3, 2 * height - 1), min(3, 2 * width - 1)


def image(x, shape: Sequence[int], name: str):
    """Reshapes an image that is packed one channel after the other.

    Args:
        x: Symbolic tensor [B, channels * height * width].
        shape: Height, width and channels.
        name: Start of the layers' names.

    Returns:
        Symbolic tensor [B, height, width, channels].
    """
    *grid, channels = shape
    x = keras.layers.Reshape((channels, *grid), name=f"{name}_channels")(x)
    return keras.layers.Permute((2, 3, 1), name=f"{name}_image")(x)


def enlarged(x, filters: int, factor: int, grid, name: str, kernel_size=None, dtype=None):
    """Enlarges an image, and crops superfluous rows and columns.

    Args:
        x: Symbolic tensor [B, height, width, channels].
        filters: Channels of the output.
        factor: Factor of the enlargement.
        grid: Height and width of the output.
        name: Start of the layers' names.
        kernel_size: Side of the kernel; None is the factor.
        dtype: Dtype of the layers; None is that of Keras's policy.

    Returns:
        Symbolic tensor [B, *grid, filters].
    """
    common = {"data_format": "channels_last", "dtype": dtype}
    x = keras.layers.Conv2DTranspose(
        filters, kernel_size or factor, factor, "same", name=f"{name}_enlarged", **common
    )(x)
    crop = surplus(x.shape[1:3], grid)
    return keras.layers.Cropping2D(crop, name=f"{name}_cropped", **common)(x)
