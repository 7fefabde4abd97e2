"""What the examples in docstrings find ready-made: modules, small models, data, files."""

import functools
import json
import shutil
import tempfile
import urllib.request
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from tensorflow_probability import distributions as tfd

import keras_vae
from keras_vae import (
    data,
    evaluation,
    explore,
    export,
    generation,
    layers,
    objectives,
    plots,
    priors,
)
from keras_vae.core.support import UNIT_INTERVAL
from keras_vae.data import tables
from keras_vae.presets.building import build_preset
from keras_vae.presets.configs import plain_config
from keras_vae.training import Recipe, train

SHAPE, CODES, ROWS = (28, 28, 1), 2, 32
# What is made once, and copied.
_KEPT = tempfile.TemporaryDirectory()


@functools.cache
def data_set():
    """Images of a bright corner: which one is the label."""
    images = np.random.default_rng(0).integers(0, 80, (2 * ROWS, *SHAPE), np.uint8)
    labels = np.arange(2 * ROWS) % 4
    for row, label in enumerate(labels):
        top, left = 14 * (label // 2), 14 * (label % 2)
        images[row, top : top + 14, left : left + 14] += 150
    splits = {
        "train": slice(ROWS),
        "validation": slice(ROWS, -20),
        "test": slice(-20, None),
    }
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
def vae(shape=SHAPE, likelihood="bernoulli"):
    """A compiled model."""
    model = keras_vae.DenseVAE(shape, CODES, likelihood, hidden_units=(8,), seed=0)
    model.compile("adam")
    return model


@functools.cache
def history():
    """What `fit` returns."""
    held_out = split("validation")
    model = keras_vae.DenseVAE(SHAPE, CODES, hidden_units=(8,), seed=0)
    model.compile("adam", run_eagerly=True)
    return model.fit(split("train"), validation_data=held_out, epochs=2, verbose=0)


@functools.cache
def vae_gan():
    """A compiled VAE-GAN."""
    model = keras_vae.VAEGAN.for_images(SHAPE, CODES, filters=(4, 8), seed=0)
    model.compile("adam")
    return model


@functools.cache
def semi_supervised():
    """A compiled model of four classes."""
    model = keras_vae.SemiSupervisedVAE(SHAPE, CODES, 4, hidden_units=(8,), seed=0)
    model.compile("adam")
    return model


@functools.cache
def ladder():
    """A compiled model of two levels."""
    model = keras_vae.LadderVAE(SHAPE, (4, 2), hidden_units=(8, 6), seed=0)
    model.compile("adam")
    return model


@functools.cache
def sequential():
    """A Keras model that ends in a distribution layer."""
    return keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(6), layers.IndependentNormal(3)]
    )


def factors():
    """Settings of three factors of variation."""
    return np.random.default_rng(0).integers(0, 3, (ROWS, 3))


def frame():
    """A table with columns of several kinds."""
    rng = np.random.default_rng(0)
    n = 40
    colours = rng.choice(["red", "white"], n)
    return pd.DataFrame({"alcohol": rng.normal(12, 1, n).round(1), "colour": colours})


OBJECTS = {
    "pd": lambda: pd,
    "layers": lambda: layers,
    "objectives": lambda: objectives,
    "frame": frame,
    "columns": lambda: tables.infer_columns(frame()),
    "codes": lambda: tables.to_codes(frame(), tables.infer_columns(frame())),
    "functools": lambda: functools,
    "json": lambda: json,
    "keras": lambda: keras,
    "keras_vae": lambda: keras_vae,
    "np": lambda: np,
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
    "others": lambda: 1.0 - split("test"),
    "scaling": lambda: data.Scaling(SHAPE, 0.0, 255.0),
    "UNIT_INTERVAL": lambda: UNIT_INTERVAL,
    "plain_config": lambda: plain_config,
    "images": lambda: faces().x_train[:4],
    "x_a": lambda: faces().x_train[:2],
    "x_b": lambda: faces().x_train[2:4],
    # Models.
    "epochs": lambda: 1,
    "history": history,
    "model": sequential,
    "vae": vae,
    "vae_gan": vae_gan,
    "semi_supervised": semi_supervised,
    "ladder": ladder,
}
# The public names of the package.
for _room in (
    data,
    evaluation,
    explore,
    export,
    generation,
    layers,
    objectives,
    plots,
    priors,
):
    for _name in set(_room.__all__) - {"get"}:
        OBJECTS.setdefault(_name, functools.partial(getattr, _room, _name))


@functools.cache
def faces():
    """Colour images with attributes, as CelebA has them."""
    images = np.random.default_rng(0).integers(0, 256, (16, 64, 64, 3), np.uint8)
    smiling = np.arange(16) % 2
    attributes = np.stack([1 - smiling, smiling], axis=1)
    return data.DataSet(
        name="faces",
        **{f"x_{one}": images for one in ("train", "validation", "test")},
        **{f"y_{one}": attributes for one in ("train", "validation", "test")},
        likelihood="discretized_logistic",
        levels=(0, 255),
        label_names=("Eyeglasses", "Smiling"),
    )


def photos(folder):
    """A folder of images in two sizes."""
    (folder / "photos").mkdir()
    for row, image in enumerate(faces().x_train):
        size = (40 + 10 * (row % 2), 64)
        keras.utils.save_img(folder / "photos" / f"{row}.png", image[: size[0], : size[1]])


def records(folder):
    """A TFRecord file of images."""
    with tf.io.TFRecordWriter(str(folder / "digits.tfrecord")) as writer:
        for image in faces().x_train:
            example = tf.train.Example()
            png = tf.io.encode_png(image).numpy()
            example.features.feature["image"].bytes_list.value.append(png)
            writer.write(example.SerializeToString())


def arrays(folder):
    """The two kinds of NumPy's files."""
    np.save(folder / "faces.npy", faces().x_train)
    np.savez(folder / "mnist.npz", x_train=split("train"), x_test=split("test"))


def table(folder):
    """A table with a line of names."""
    (folder / "wine.csv").write_text("alcohol,colour\n12.5,3\n13,4.5\n11,2\n")


@functools.cache
def finished_run():
    """A finished run of an epoch on the digits."""
    folder = Path(_KEPT.name) / "run"
    recipe = Recipe(
        "digits",
        "dense_vae:latent_dim=2,hidden_units=8",
        epochs=1,
        batch_size=500,
        jit=False,
    )
    train(recipe, folder, say=lambda line: None)
    return folder


def runs(folder):
    """Two finished runs."""
    for name in ("faces", "mnist_5k"):
        shutil.copytree(finished_run(), folder / "runs" / name)


def zoo(folder):
    """A zoo of one preset, without a SavedModel."""
    build_preset(finished_run(), "conv_vae_mnist", folder / "zoo")


@functools.cache
def exported():
    """A SavedModel."""
    folder = Path(_KEPT.name) / "exported"
    vae((8, 8, 1)).export(folder)
    return folder


def saved_model(folder):
    """Two versions of a SavedModel."""
    for version in "12":
        shutil.copytree(exported(), folder / "models" / "digits" / version)


def clip(folder):
    """A sound file."""
    data.sounds.write_sounds(np.zeros((1, 8000)), 8000, folder / "clip.wav")


# What lies in the working directory of the examples of a module.
FILES = {
    "keras_vae.cli.opening": runs,
    "keras_vae.data.arrays": arrays,
    "keras_vae.data.images": photos,
    "keras_vae.data.loading": photos,
    "keras_vae.data.own_data": photos,
    "keras_vae.data.streaming.files": photos,
    "keras_vae.data.streaming.records": records,
    "keras_vae.data.streaming.streamed": photos,
    "keras_vae.data.sounds": clip,
    "keras_vae.data.tables.reading": table,
    "keras_vae.export.local_server": saved_model,
    "keras_vae.export.local_server.models": saved_model,
    "keras_vae.export.reading": saved_model,
    "keras_vae.presets.building": lambda folder: (runs(folder), zoo(folder)),
    "keras_vae.presets.lookup": runs,
    "keras_vae.presets.tables": zoo,
    "keras_vae.training.logs": lambda folder: (folder / "runs" / "a").mkdir(parents=True),
}
# What is something else in the examples of a module.
OBJECTS_OF = {
    "keras_vae.evaluation.disentanglement.interventions": {
        "vae": lambda: vae(data.Sprites.event_shape)
    },
    "keras_vae.data.streaming.streamed": {
        "x": lambda: data.load("photos", stream=True).x_train
    },
    "keras_vae.evaluation.images.attributes": {
        "y_train": lambda: np.eye(4)[data_set().y_train],
        "y_test": lambda: np.eye(4)[data_set().y_test],
    },
    "keras_vae.generation.attributes": {
        "data": faces,
        "vae": lambda: vae((64, 64, 3), "discretized_logistic"),
        "vectors": lambda: {"smiling": np.ones(CODES)},
    },
    "keras_vae.training.logs": {"recipe": lambda: Recipe("digits", "dense_vae")},
    # The example changes the model, so it has its own.
    "keras_vae.training.pictures": {"vae": vae.__wrapped__},
}
