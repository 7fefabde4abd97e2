"""Training from a recipe into a run folder."""

from keras_vae.training.recipe import Recipe
from keras_vae.training.run import train

__all__ = ["Recipe", "train"]
