"""The VAE whose latent variables are codes of a codebook."""

from keras_vae.models.vector_quantized.model import VQVAE

__all__ = ["VQVAE"]
