"""Priors p(z). VampPrior, flows and others take their place here, one file each."""

from keras_vae.priors.base import Prior
from keras_vae.priors.mixture_of_normals import MixtureOfNormals
from keras_vae.priors.standard_normal import StandardNormal

__all__ = ["MixtureOfNormals", "Prior", "StandardNormal"]
