"""Priors p(z): distributions whose parameters do not come from the encoder."""

from typing import Any

from keras_vae.core.parts import Room
from keras_vae.core.support import REAL
from keras_vae.layers.quantizers import Quantizer
from keras_vae.priors.base import Prior
from keras_vae.priors.code_transformer import CodeTransformer
from keras_vae.priors.learned import Conditional, Learned
from keras_vae.priors.mixture_of_normals import MixtureOfNormals
from keras_vae.priors.pixel_cnn import PixelCNN
from keras_vae.priors.second_stage_vae import SecondStageVAE
from keras_vae.priors.standard_normal import StandardNormal
from keras_vae.priors.uniform_on_sphere import UniformOnSphere
from keras_vae.priors.uniform_over_codes import UniformOverCodes
from keras_vae.priors.vamp import VampPrior

__all__ = [
    "CodeTransformer",
    "Conditional",
    "Learned",
    "MixtureOfNormals",
    "PixelCNN",
    "Prior",
    "SecondStageVAE",
    "StandardNormal",
    "UniformOnSphere",
    "UniformOverCodes",
    "VampPrior",
    "default_for",
    "get",
]

ROOM = Room("prior", Prior)


def get(identifier: Any, **given: Any) -> Prior:
    """Returns a prior for a name, a description or a prior.

    Args:
        identifier: A name such as "vamp:num_components=500", or a prior.
        **given: Arguments for priors that take them, such as `seed`.

    Returns:
        The prior.

    Raises:
        ValueError: If the name or an argument is unknown, or the object is not a prior.

    Example:
        >>> get("mixture_of_normals:num_components=10").num_components
        10
    """
    return ROOM.get(identifier, **given)


def default_for(posterior) -> Prior:
    """Returns the default prior for a posterior.

    Args:
        posterior: Distribution layer.

    Returns:
        The standard normal for real numbers, the uniform distribution for a sphere and for
        the codes of a quantizer, and otherwise the posterior's own family with its initial
        parameters, such as equal probabilities or the uniform distribution on an interval.

    Example:
        >>> type(default_for(keras_vae.layers.PowerSpherical(3))).__name__
        'UniformOnSphere'
    """
    if isinstance(posterior, Quantizer):
        return UniformOverCodes(dtype=posterior.dtype)
    if posterior.support.vectors == "sphere":
        return UniformOnSphere(dtype=posterior.dtype)
    if posterior.support == REAL:
        return StandardNormal(dtype=posterior.dtype)
    return Learned(trainable=False, dtype=posterior.dtype)
