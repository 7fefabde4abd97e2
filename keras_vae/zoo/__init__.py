"""The zoo: pretrained models in folders, their list, their cards."""

from keras_vae.zoo.building import build_preset, preset_metadata, record_scores, seal
from keras_vae.zoo.listing import presets
from keras_vae.zoo.tables import write_tables

__all__ = [
    "build_preset",
    "preset_metadata",
    "presets",
    "record_scores",
    "seal",
    "write_tables",
]
