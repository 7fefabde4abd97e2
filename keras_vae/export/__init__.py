"""Models for servers and other runtimes: writing them, and reading back what was written."""

from keras_vae.export.reading import export_saved_model, read_signatures

__all__ = ["export_saved_model", "read_signatures"]
