"""Tables: reading them, the kinds of their columns, and their numbers in a model."""

from keras_vae.data.tables.coding import (
    beyond_bounds,
    likelihood_of,
    to_codes,
    to_frame,
    write_csv,
)
from keras_vae.data.tables.columns import (
    KINDS,
    Column,
    describe_columns,
    infer_columns,
    infer_labels,
)
from keras_vae.data.tables.dates import as_text
from keras_vae.data.tables.reading import cells_as_written, read_frame

__all__ = [
    "KINDS",
    "Column",
    "as_text",
    "beyond_bounds",
    "cells_as_written",
    "describe_columns",
    "infer_columns",
    "infer_labels",
    "likelihood_of",
    "read_frame",
    "to_codes",
    "to_frame",
    "write_csv",
]
