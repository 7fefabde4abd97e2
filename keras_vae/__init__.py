"""Variational autoencoders for Keras 3 and TensorFlow Probability."""

import keras as _keras

if _keras.config.backend() != "tensorflow":
    raise ImportError(
        f"keras_vae needs Keras's TensorFlow backend, but '{_keras.config.backend()}' is "
        "configured. Set the environment variable KERAS_BACKEND=tensorflow, or the "
        '"backend" in ~/.keras/keras.json, before Keras is imported.'
    )

from keras_vae import (
    data,
    evaluation,
    explore,
    export,
    generation,
    layers,
    networks,
    objectives,
    plots,
    priors,
    training,
)
from keras_vae.models import (
    VAE,
    VAEGAN,
    VQVAE,
    AutoencoderKL,
    ConvVAE,
    DenseVAE,
    HierarchicalVAE,
    LadderVAE,
    SemiSupervisedVAE,
)
from keras_vae.presets.hub import upload as _upload
from keras_vae.presets.listing import presets
from keras_vae.version import __version__

__all__ = [
    "VAE",
    "VAEGAN",
    "VQVAE",
    "AutoencoderKL",
    "ConvVAE",
    "DenseVAE",
    "HierarchicalVAE",
    "LadderVAE",
    "SemiSupervisedVAE",
    "__version__",
    "data",
    "evaluation",
    "explore",
    "export",
    "generation",
    "layers",
    "networks",
    "objectives",
    "plots",
    "presets",
    "priors",
    "training",
]

# `keras_vae.presets()` lists all presets, `keras_vae.presets.upload(...)` adds one.
presets.upload = _upload  # type: ignore[attr-defined]
