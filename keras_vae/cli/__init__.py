"""The command `keras-vae`."""

from keras_vae.cli.main import main

__all__ = ["main"]
