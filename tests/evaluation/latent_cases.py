"""Models whose posteriors are known: the encoder only hands its input on."""

import keras
import numpy as np

import keras_vae
from keras_vae import layers


def given_posterior(size, layer=None, prior=None):
    """A model whose observations are the parameters of its posterior.

    Rows of x are raw parameters of `layer`, by default an IndependentNormal of `size`.
    """
    layer = layer or layers.IndependentNormal(size)
    keras.utils.set_random_seed(0)
    return keras_vae.VAE(
        encoder=keras.Sequential(
            [keras.Input((layer.params_size,)), keras.layers.Identity()]
        ),
        decoder=keras.Sequential(
            [keras.Input((size,)), keras.layers.Dense(layer.params_size)]
        ),
        posterior=layer,
        likelihood=layers.IndependentNormal(layer.params_size, scale=1.0),
        prior=prior,
        seed=0,
    )


def params(means, stddevs):
    """Observations for `given_posterior` with these means [N, D] and deviations."""
    raw = np.log(np.expm1(np.broadcast_to(stddevs, means.shape) - 1e-5))
    return np.concatenate([means, raw], axis=1).astype("float32")
