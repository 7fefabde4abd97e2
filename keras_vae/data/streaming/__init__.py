"""Images that are read from their files when they are needed."""

from keras_vae.data.streaming.files import ImageFiles
from keras_vae.data.streaming.streamed import Streamed, failures_are_said, rows_of

__all__ = ["ImageFiles", "Streamed", "failures_are_said", "rows_of"]
