"""Models: the parts wired together, with their training step."""

from keras_vae.models.conv_vae import ConvVAE
from keras_vae.models.dense_vae import DenseVAE
from keras_vae.models.vae import VAE

__all__ = ["VAE", "ConvVAE", "DenseVAE"]
