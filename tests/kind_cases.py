"""Models of every kind of latent variable, on binary images of 8 x 8 pixels."""

import functools
from typing import NamedTuple

import keras
import numpy as np

import keras_vae
from keras_vae import layers, objectives, priors
from keras_vae.data import DataSet, Preprocessor

SHAPE, ROWS, CLASSES = (8, 8, 1), 12, 3


class Kind(NamedTuple):
    """A trained model, observations [12, 8, 8, 1], and its condition or None."""

    model: keras_vae.models.LatentVariableModel
    x: np.ndarray
    y: np.ndarray | None


def dense(posterior="normal", latent_dim=3, likelihood="bernoulli", **arguments):
    return keras_vae.DenseVAE(
        SHAPE, latent_dim, likelihood, (4,), "tanh", posterior, seed=0, **arguments
    )


def of_several_axes():
    """A model whose latent variables are matrices."""
    posterior, likelihood = layers.IndependentNormal((2, 2)), layers.get("bernoulli", SHAPE)
    encoder = [keras.Input(SHAPE), keras.layers.Flatten(), keras.layers.Dense(8)]
    decoder = [keras.Input((2, 2)), keras.layers.Flatten(), keras.layers.Dense(64)]
    networks = keras.Sequential(encoder), keras.Sequential(decoder)
    return keras_vae.VAE(*networks, posterior, likelihood, seed=0)


def raw():
    """A model of bytes, whose preprocessor scales them."""
    model = dense(likelihood="normal:scale=shared")
    x = images("uint8")
    parts = {f"x_{name}": x for name in ("train", "validation", "test")}
    data = DataSet(name="bytes", likelihood="normal", levels=(0, 255), **parts)
    model.preprocessor = Preprocessor.fit(data, model.support)
    return model


# Name: (makes the model, objective).
KINDS = {
    "normal": (dense, "elbo"),
    "matrix": (of_several_axes, "elbo"),
    "flow": (lambda: dense("flow:num_layers=2,hidden_units=4"), "elbo"),
    "flow as prior": (
        lambda: dense(prior=priors.Learned(layers.Flow(3, num_layers=2))),
        "elbo",
    ),
    "VampPrior": (lambda: dense(prior="vamp:num_components=3"), "elbo"),
    "sphere": (lambda: dense("power_spherical"), "elbo"),
    "bits": (lambda: dense("bernoulli"), objectives.VIMCO(4)),
    "one-hot": (lambda: dense("one_hot_categorical", (2, 3)), objectives.VIMCO(4)),
    "simplex": (
        lambda: dense("relaxed_one_hot_categorical:temperature=(exponential:steps=2)"),
        "elbo",
    ),
    "between 0 and 1": (lambda: dense("beta"), "elbo"),
    "condition": (lambda: dense(condition=CLASSES), "elbo"),
    "prior of a condition": (
        lambda: dense(condition=CLASSES, prior=priors.Conditional()),
        "elbo",
    ),
    "autoencoder": (lambda: dense("deterministic"), "reconstruction"),
    "bytes": (raw, "elbo"),
    "classes to learn": (
        lambda: keras_vae.SemiSupervisedVAE(
            SHAPE, 3, CLASSES, hidden_units=(6,), likelihood="bernoulli", seed=0
        ),
        "elbo",
    ),
    "levels": (
        lambda: keras_vae.LadderVAE(SHAPE, (4, 2), hidden_units=(6, 5), depth=1, seed=0),
        "elbo:free_bits=0.1",
    ),
    "VAE-GAN": (
        lambda: keras_vae.VAEGAN.for_images(SHAPE, 3, filters=(2,), seed=0),
        "adversarial",
    ),
    "maps": (
        lambda: keras_vae.AutoencoderKL.for_images(SHAPE, 2, filters=(4, 4), seed=0),
        None,
    ),
}


def images(dtype="float32"):
    """Bright halves, and some noise."""
    rng = np.random.default_rng(0)
    x = rng.uniform(size=(ROWS, *SHAPE)) < 0.2
    x[::2, :4] ^= True
    return (x * 200).astype("uint8") if dtype == "uint8" else x.astype(dtype)


@functools.cache
def kind(name):
    """The model of a kind after two steps, made once."""
    keras.utils.set_random_seed(0)
    make, objective = KINDS[name]
    model, x = make(), images("uint8" if name == "bytes" else "float32")
    has_classes = model.condition_shape is not None or model.learns_labels
    y = np.arange(ROWS) % CLASSES if has_classes else None
    model.compile("adam", objective, run_eagerly=True)
    model.fit(x, y, batch_size=ROWS // 2, verbose=0)
    return Kind(model, x, y)
