"""Encoders, decoders and discriminators: plain Keras models, no probability."""

from keras_vae.networks.conv import conv_decoder, conv_encoder
from keras_vae.networks.dense import dense_decoder, dense_encoder
from keras_vae.networks.discriminator import conv_discriminator
from keras_vae.networks.features import ColumnFeatures, Gaps
from keras_vae.networks.larsen import (
    larsen_decoder,
    larsen_discriminator,
    larsen_encoder,
)

__all__ = [
    "ColumnFeatures",
    "Gaps",
    "conv_decoder",
    "conv_discriminator",
    "conv_encoder",
    "dense_decoder",
    "dense_encoder",
    "larsen_decoder",
    "larsen_discriminator",
    "larsen_encoder",
]
