"""The invertible functions that a `Flow` is made of, by name."""

from keras_vae.layers.bijectors.autoregressive import IAF, MAF
from keras_vae.layers.bijectors.base import ROOM, FlowBijector, get
from keras_vae.layers.bijectors.coupling import AffineCoupling, SplineCoupling
from keras_vae.layers.bijectors.residual import Planar, Radial
from keras_vae.layers.bijectors.sylvester import Householder, Sylvester

__all__ = [
    "IAF",
    "MAF",
    "ROOM",
    "AffineCoupling",
    "FlowBijector",
    "Householder",
    "Planar",
    "Radial",
    "SplineCoupling",
    "Sylvester",
    "get",
]
