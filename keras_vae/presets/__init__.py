"""Models as folders: reading and writing them, looking them up, cards, the zoo's tools."""

from keras_vae.presets.folder import load, save

__all__ = ["load", "save"]
