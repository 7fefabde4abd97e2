"""Models to save, and ways to damage what was saved."""

import hashlib
import json

import keras
import numpy as np

import keras_vae
from keras_vae import layers, priors
from keras_vae.presets.files import CONFIG, METADATA

SHAPE = (4, 4, 1)


def dense():
    return keras_vae.DenseVAE(
        SHAPE,
        2,
        layers.DiscretizedLogistic(SHAPE, low=0, high=3),
        hidden_units=(5,),
        prior=priors.MixtureOfNormals(3, seed=1),
        seed=1,
    )


def conv():
    posterior = layers.MultivariateNormalTriL(2)
    return keras_vae.ConvVAE(
        SHAPE, 2, filters=(2,), dense_units=3, posterior=posterior, seed=1
    )


def own_networks():
    posterior = layers.IndependentNormal(2)
    likelihood = layers.IndependentBernoulli(SHAPE)
    flatten, dense = keras.layers.Flatten(), keras.layers.Dense(posterior.params_size)
    return keras_vae.VAE(
        keras.Sequential([keras.Input(SHAPE), flatten, dense]),
        keras.Sequential([keras.Input((2,)), keras.layers.Dense(likelihood.params_size)]),
        posterior,
        likelihood,
        seed=1,
    )


def observations(n=6):
    return np.random.default_rng(0).integers(0, 2, (n, *SHAPE)).astype("f4")


def moved(model):
    """The model with weights that no initializer makes."""
    rng = np.random.default_rng(2)
    model.set_weights([w + rng.normal(0, 0.1, w.shape) for w in model.get_weights()])
    return model


def saved(model, folder):
    model.save_to_preset(folder, {"data": "made up"})
    return folder


def forge(folder, change):
    """Changes a config as somebody would who also knows how to make a checksum."""
    config = json.loads((folder / CONFIG).read_text())
    (folder / CONFIG).write_text(json.dumps(change(config)))
    record_again(folder, CONFIG)


def record_again(folder, name):
    """Makes the checksum of a changed file true again."""
    content = (folder / name).read_bytes()
    metadata = json.loads((folder / METADATA).read_text())
    metadata["files"][name]["sha256"] = hashlib.sha256(content).hexdigest()
    if "bytes" in metadata["files"][name]:
        metadata["files"][name]["bytes"] = len(content)
    (folder / METADATA).write_text(json.dumps(metadata))
