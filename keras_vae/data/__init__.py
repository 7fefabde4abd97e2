"""Named data sets, your own files, and their conversion for a likelihood.

Nothing here knows a model. `load` gives a `DataSet` of raw arrays in three splits;
`Scaling` maps them to a likelihood's support; `binarize` draws 0/1 pixels once.
"""

from keras_vae.data.augmentation import diff_augment
from keras_vae.data.binarize import binarize
from keras_vae.data.conditions import Conditions
from keras_vae.data.dataset import DataSet
from keras_vae.data.few_labels import keep_labels, rows_with_more_labels
from keras_vae.data.images import load_images
from keras_vae.data.loading import (
    is_missing,
    is_table,
    load,
    load_first,
    settings_like,
)
from keras_vae.data.named import names
from keras_vae.data.pipeline import pipeline, steps_per_epoch
from keras_vae.data.preprocessor import Preprocessor
from keras_vae.data.scaling import Scaling
from keras_vae.data.spectrogram import Spectrogram
from keras_vae.data.sprites import Sprites
from keras_vae.data.streaming import Streamed, rows_of

__all__ = [
    "Conditions",
    "DataSet",
    "Preprocessor",
    "Scaling",
    "Spectrogram",
    "Sprites",
    "Streamed",
    "binarize",
    "diff_augment",
    "is_missing",
    "is_table",
    "keep_labels",
    "load",
    "load_first",
    "load_images",
    "names",
    "pipeline",
    "rows_of",
    "rows_with_more_labels",
    "settings_like",
    "steps_per_epoch",
]
