"""Convolutional networks between images and grids of codes."""

from __future__ import annotations

from typing import NamedTuple

import keras

from keras_vae.core.dtypes import float_dtype
from keras_vae.networks.conv import halved_sides
from keras_vae.networks.inputs import scaled_features

_make = keras.layers


class Sizes(NamedTuple):
    """Sizes of the networks.

    Attributes:
        event_shape: Shape (height, width, channels) of one image.
        filters: Number of channels of the last layers; the first have half as many.
        halvings: Number of halvings of the image.
        blocks: Number of residual blocks, of `filters // 4` hidden channels.
        scaling: Scaling of the input, see `scaled_features`; None for no scaling.
    """

    event_shape: tuple[int, ...]
    filters: int = 128
    halvings: int = 2
    blocks: int = 2
    scaling: dict | None = None

    def grid(self, more: int = 0) -> tuple[int, int]:
        """Returns rows and columns of the halved image.

        Args:
            more: Further halvings.

        Raises:
            ValueError: If the image cannot be halved so often.
        """
        instead = "another number of halvings"
        if more:
            instead += ": the upper level of codes takes one more"
        return halved_sides(self.event_shape, self.halvings + more, instead)

    @property
    def widths(self) -> list[int]:
        """Channels of the strided layers."""
        return [self.filters // 2] * (self.halvings - 1) + [self.filters]


def vq_networks(
    sizes: Sizes, vectors: int, total: int, params: int
) -> tuple[keras.Model, keras.Model]:
    """Strided convolutions, residual blocks, and their mirror.

    Args:
        sizes: Sizes of the networks.
        vectors: Length of the vectors that are quantized.
        total: Length of the codes that the decoder reads.
        params: Parameters of the likelihood for each element of an image.

    Returns:
        Encoder and decoder.

    Raises:
        ValueError: If the image cannot be halved so often.

    Source:
        Van den Oord et al. 2017, section 4.1.
    """
    grid = sizes.grid()
    x = keras.Input(sizes.event_shape, name="x")
    outputs = _make.Conv2D(vectors, 1, name="params")(_down(x, sizes))
    z = keras.Input((*grid, total), name="z")
    return (
        keras.Model(x, outputs, name="vq_encoder"),
        keras.Model(z, _up(z, sizes, params), name="vq_decoder"),
    )


def two_level_networks(
    sizes: Sizes, size: int, params: int
) -> tuple[keras.Model, keras.Model, keras.Model]:
    """Networks for codes of two levels: a grid, and an upper one half as large.

    Args:
        sizes: Sizes of the networks.
        size: Length D of the codes of both levels.
        params: Parameters of the likelihood for each element of an image.

    Returns:
        Encoder, x -> vectors of both levels [B, N, D], the upper ones first; the network
        from upper codes to an input of the lower vectors, [B, *upper grid, D] -> [B, *lower
        grid, D]; decoder, codes of both levels [B, N, D] -> parameters.

    Raises:
        ValueError: If the image cannot be halved so often.

    Source:
        Razavi et al. 2019, "Generating diverse high-fidelity images with VQ-VAE-2",
        section 3.1 and figure 2.
    """
    (above, below), filters = (sizes.grid(1), sizes.grid()), sizes.filters
    counts = above[0] * above[1], below[0] * below[1]
    x = keras.Input(sizes.event_shape, name="x")
    lower = _down(x, sizes)
    upper = _make.Conv2D(filters, 4, 2, "same", activation="relu")(lower)
    upper = _residual(_make.Conv2D(filters, 3, padding="same")(upper), sizes)
    both = [
        _make.Reshape((count, size))(_make.Conv2D(size, 1, name=name)(one))
        for count, one, name in zip(counts, (upper, lower), ("upper", "lower"), strict=True)
    ]
    outputs = _make.Concatenate(axis=1, name="params")(both)
    encoder = keras.Model(x, outputs, name="vq_encoder")

    codes = keras.Input((*above, size), name="upper_codes")
    h = _residual(_make.Conv2D(filters, 3, padding="same")(codes), sizes)
    h = _make.Conv2DTranspose(size, 4, 2, "same", dtype=float_dtype())(h)
    told = keras.Model(codes, h, name="vq_told")

    z = keras.Input((sum(counts), size), name="z")
    upper = _make.Reshape((*above, size))(_make.Cropping1D((0, counts[1]))(z))
    lower = _make.Reshape((*below, size))(_make.Cropping1D((counts[0], 0))(z))
    upper = _make.Conv2DTranspose(size, 4, 2, "same")(upper)
    outputs = _up(_make.Concatenate()([upper, lower]), sizes, params)
    return encoder, told, keras.Model(z, outputs, name="vq_decoder")


def _down(x, sizes):
    x = scaled_features(x, **(sizes.scaling or {}))
    for one in sizes.widths:
        x = _make.Conv2D(one, 4, 2, "same", activation="relu")(x)
    return _residual(_make.Conv2D(sizes.filters, 3, padding="same")(x), sizes)


def _up(x, sizes, params):
    x = _residual(_make.Conv2D(sizes.filters, 3, padding="same")(x), sizes)
    for one in sizes.widths[-2::-1]:
        x = _make.Conv2DTranspose(one, 4, 2, "same", activation="relu")(x)
    return _make.Conv2DTranspose(
        params * sizes.event_shape[-1], 4, 2, "same", dtype=float_dtype(), name="params"
    )(x)


def _residual(x, sizes):
    for _ in range(sizes.blocks):
        h = _make.Activation("relu")(x)
        h = _make.Conv2D(max(sizes.filters // 4, 1), 3, padding="same")(h)
        h = _make.Activation("relu")(h)
        x = _make.Add()([x, _make.Conv2D(sizes.filters, 1)(h)])
    return _make.Activation("relu")(x)
