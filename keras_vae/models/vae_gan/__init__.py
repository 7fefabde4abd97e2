"""The VAE-GAN: its model, and the networks and optimizers of its players."""

from keras_vae.models.vae_gan.autoencoder_kl import AutoencoderKL
from keras_vae.models.vae_gan.model import NETWORKS, VAEGAN

__all__ = ["NETWORKS", "VAEGAN", "AutoencoderKL"]
