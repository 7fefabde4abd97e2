"""Encoders, decoders and discriminators: plain Keras models, no probability."""

from keras_vae.networks.conv import conv_decoder, conv_encoder
from keras_vae.networks.critic import Baseline, code_critic
from keras_vae.networks.dense import dense_decoder, dense_encoder
from keras_vae.networks.discriminator import conv_discriminator
from keras_vae.networks.features import ColumnFeatures, Gaps
from keras_vae.networks.inputs import AddOffset
from keras_vae.networks.larsen import (
    larsen_decoder,
    larsen_discriminator,
    larsen_encoder,
)
from keras_vae.networks.leapfrog import Leapfrog, Moved
from keras_vae.networks.missingness import (
    LinearMissingness,
    Missingness,
    NonlinearMissingness,
    SelfMasking,
    get_missingness,
)
from keras_vae.networks.perceptual import classifier, perceptual_network
from keras_vae.networks.plus_condition import PlusCondition
from keras_vae.networks.residual import (
    residual_decoder,
    residual_encoder,
    residual_map_decoder,
    residual_map_encoder,
)

__all__ = [
    "AddOffset",
    "Baseline",
    "ColumnFeatures",
    "Gaps",
    "Leapfrog",
    "LinearMissingness",
    "Missingness",
    "Moved",
    "NonlinearMissingness",
    "PlusCondition",
    "SelfMasking",
    "classifier",
    "code_critic",
    "conv_decoder",
    "conv_discriminator",
    "conv_encoder",
    "dense_decoder",
    "dense_encoder",
    "get_missingness",
    "larsen_decoder",
    "larsen_discriminator",
    "larsen_encoder",
    "perceptual_network",
    "residual_decoder",
    "residual_encoder",
    "residual_map_decoder",
    "residual_map_encoder",
]
