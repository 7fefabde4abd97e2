"""The zoo: pretrained models in folders, their list, their cards."""

from keras_vae.zoo.building import build_preset, seal
from keras_vae.zoo.listing import presets
from keras_vae.zoo.tables import write_tables

__all__ = ["build_preset", "presets", "seal", "write_tables"]
