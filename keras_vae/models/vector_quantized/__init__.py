"""The VAE whose latent variables are codes of a codebook."""

from keras_vae.models.vector_quantized.model import VQVAE
from keras_vae.models.vector_quantized.two_levels import TwoLevels

__all__ = ["VQVAE", "TwoLevels"]
