"""Models: the parts wired together, with their training step."""

from keras_vae.models.conv_vae import ConvVAE
from keras_vae.models.dense_vae import DenseVAE
from keras_vae.models.vae import VAE
from keras_vae.models.vae_gan import VAEGAN

__all__ = ["VAE", "VAEGAN", "ConvVAE", "DenseVAE"]
