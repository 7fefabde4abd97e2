"""What the examples in docstrings find ready-made: modules, small models, data, files."""

import csv
import functools
import json
import shutil
import urllib.request
from pathlib import Path

import click
import keras
import numpy as np
import tensorflow as tf
from tensorflow_probability import distributions as tfd

import keras_vae
from keras_vae import data, evaluation, export, generation, layers, objectives, plots, priors
from keras_vae.presets.building import build_preset
from keras_vae.training import Recipe, closing, train

SHAPE, CODES, ROWS = (28, 28, 1), 2, 40
_RANDOM = np.random.default_rng(0)


@functools.cache
def data_set():
    """Images of a bright corner: which one is the label."""
    images = _RANDOM.integers(0, 80, (2 * ROWS, *SHAPE), np.uint8)
    labels = np.arange(2 * ROWS) % 4
    for row, label in enumerate(labels):
        top, left = 14 * (label // 2), 14 * (label % 2)
        images[row, top : top + 14, left : left + 14] += 150
    splits = {"train": slice(ROWS), "validation": slice(ROWS, -20), "test": slice(-20, None)}
    return data.DataSet(
        name="corners",
        **{f"x_{name}": images[rows] for name, rows in splits.items()},
        **{f"y_{name}": labels[rows] for name, rows in splits.items()},
        likelihood="bernoulli",
        levels=(0, 255),
        label_names=("north-west", "north-east", "south-west", "south-east"),
    )


def split(name):
    """One split as a Bernoulli likelihood takes it."""
    return (data_set().split(name)[0] > 100).astype("float32")


@functools.cache
def vae(shape=SHAPE):
    """A compiled model, which examples do not train."""
    model = keras_vae.DenseVAE(shape, CODES, hidden_units=(8,), seed=0)
    model.compile("adam")
    return model


@functools.cache
def vae_gan():
    """A compiled VAE-GAN."""
    model = keras_vae.VAEGAN.for_images(SHAPE, CODES, filters=(4, 8), seed=0)
    model.compile("adam")
    return model


@functools.cache
def sequential():
    """A Keras model that ends in a distribution layer."""
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(6), layers.IndependentNormal(3)])


def factors(n=ROWS):
    """Settings of three factors of variation."""
    return np.random.default_rng(0).integers(0, 3, (n, 3))


OBJECTS = {
    "Path": lambda: Path,
    "click": lambda: click,
    "functools": lambda: functools,
    "json": lambda: json,
    "keras": lambda: keras,
    "keras_vae": lambda: keras_vae,
    "layers": lambda: layers,
    "np": lambda: np,
    "tf": lambda: tf,
    "tfd": lambda: tfd,
    "urllib": lambda: urllib,
    # Data.
    "data": data_set,
    "factors": factors,
    "x": lambda: split("train"),
    "x_train": lambda: split("train"),
    "x_validation": lambda: split("validation"),
    "x_test": lambda: split("test"),
    "y_train": lambda: data_set().y_train,
    "y_test": lambda: data_set().y_test,
    # Models.
    "model": sequential,
    "vae": vae,
    "vae_gan": vae_gan,
}
# The public names of the package.
for _room in (data, evaluation, export, generation, layers, objectives, plots, priors):
    for _name in set(_room.__all__) - {"get"}:
        OBJECTS.setdefault(_name, functools.partial(getattr, _room, _name))


def of_module(module):
    """Objects that mean something else in the examples of one module."""
    return OF_MODULES.get(module, {})


OF_MODULES = {}
FILES = {}
