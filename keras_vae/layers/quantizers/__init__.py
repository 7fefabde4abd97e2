"""Quantizers: posteriors whose draws are codes from a finite set."""

from keras_vae.layers.quantizers.base import ChosenCode, Quantizer
from keras_vae.layers.quantizers.finite_scalar import FiniteScalarQuantizer
from keras_vae.layers.quantizers.residual import ResidualQuantizer
from keras_vae.layers.quantizers.vector import VectorQuantizer

__all__ = [
    "ChosenCode",
    "FiniteScalarQuantizer",
    "Quantizer",
    "ResidualQuantizer",
    "VectorQuantizer",
]
