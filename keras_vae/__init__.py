"""Variational autoencoders for Keras 3 and TensorFlow Probability."""

import keras as _keras

if _keras.config.backend() != "tensorflow":
    raise ImportError(
        f"keras_vae needs Keras's TensorFlow backend, but '{_keras.config.backend()}' is "
        "configured. Set the environment variable KERAS_BACKEND=tensorflow, or the "
        '"backend" in ~/.keras/keras.json, before Keras is imported.'
    )

from keras_vae import layers, networks, objectives, priors  # noqa: E402
from keras_vae.models import VAE, ConvVAE, DenseVAE  # noqa: E402
from keras_vae.version import __version__  # noqa: E402

__all__ = [
    "ConvVAE",
    "DenseVAE",
    "VAE",
    "__version__",
    "layers",
    "networks",
    "objectives",
    "priors",
]
