"""A page in which a model's latent space is explored, without a server."""

from keras_vae.explore.page import write_page

__all__ = ["write_page"]
