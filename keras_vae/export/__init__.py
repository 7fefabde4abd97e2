"""Models for servers and other runtimes: writing them, and reading them back."""

from keras_vae.export.reading import read_signatures
from keras_vae.export.writing import write

__all__ = ["read_signatures", "write"]
