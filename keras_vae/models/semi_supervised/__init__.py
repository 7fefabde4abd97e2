"""The semi-supervised VAE: its model, its networks, and the joint of class and code."""

from keras_vae.models.semi_supervised.model import SemiSupervisedVAE

__all__ = ["SemiSupervisedVAE"]
