"""The VAE-GAN: its model, its players' networks and optimizers."""

from keras_vae.models.vae_gan.model import NETWORKS, VAEGAN

__all__ = ["NETWORKS", "VAEGAN"]
