"""DataSet itself, and `load` as the door to all data."""

import ast
import dataclasses
from pathlib import Path

import numpy as np
import pytest

import keras_vae.data
from keras_vae.data import DataSet, load


def make(**changes):
    x = np.arange(12, dtype=np.float32).reshape(6, 2)
    parts = {
        "name": "toy",
        "x_train": x[:3],
        "x_validation": x[3:4],
        "x_test": x[4:],
        "likelihood": "normal:scale=shared",
    }
    return DataSet(**parts | changes)


def test_arrays_need_not_be_loaded():
    with pytest.raises(TypeError, match="given a ndarray. Pass arrays to fit"):
        load(np.zeros((3, 2)))


def test_split_returns_x_and_y():
    data = make(
        y_train=np.array([0, 1, 2]), y_validation=np.array([3]), y_test=np.array([4, 5])
    )
    x, y = data.split("test")
    np.testing.assert_array_equal(x, [[8, 9], [10, 11]])
    np.testing.assert_array_equal(y, [4, 5])
    assert data.event_shape == (2,)
    assert make().split("train")[1] is None


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_the_fingerprint_tells_every_value_of_every_split(split):
    data, name = make(), f"x_{split}"
    assert data.fingerprint() == make().fingerprint() and len(data.fingerprint()) == 64
    x = getattr(data, name).copy()
    x[0, 1] += 0.25
    assert make(**{name: x}).fingerprint() != data.fingerprint()
    # What is said of the data is not part of them, nor how they lie in memory.
    fortran = {name: np.asfortranarray(getattr(data, name))}
    assert make(**fortran, name="b").fingerprint() == data.fingerprint()


def test_the_fingerprint_tells_labels_where_it_is_asked():
    splits = ("train", "validation", "test")
    y = {f"y_{one}": np.arange(len(getattr(make(), f"x_{one}"))) for one in splits}
    data = make(**y)
    assert data.fingerprint() == make().fingerprint() != data.fingerprint(labels=True)
    assert make().fingerprint(labels=True) == make().fingerprint()
    for name in y:
        other = make(**{**y, name: y[name] + 1})
        assert other.fingerprint() == data.fingerprint()
        assert other.fingerprint(labels=True) != data.fingerprint(labels=True)


def test_the_fingerprint_tells_the_order_and_the_splits():
    data = make()
    swapped = make(x_train=data.x_train[::-1])
    # A row goes from the end of one split to the start of the next.
    both = np.concatenate([data.x_train, data.x_validation])
    moved = make(x_train=both[:2], x_validation=both[2:])
    prints = {one.fingerprint() for one in (data, swapped, moved)}
    assert len(prints) == 3


@pytest.mark.parametrize(
    "given, meant", [("validate", "validation"), ("Test", "test"), ("trian", "train")]
)
def test_unknown_split_names_the_nearest(given, meant):
    with pytest.raises(ValueError, match=f"{given}.*Did you mean '{meant}'"):
        make().split(given)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"x_test": np.zeros((0, 2), np.float32)}, "N >= 1"),
        ({"x_test": np.zeros((2, 3), np.float32)}, r"shape \(3,\), but x_train"),
        ({"x_test": np.zeros((2, 2), np.uint8)}, "holds uint8 examples"),
        ({"x_train": np.array([[None]])}, "array of numbers; got object"),
        ({"x_train": [[1.0, 2.0]]}, "NumPy array of numbers; got list"),
        ({"y_train": np.zeros(3, int)}, "labels for only some splits"),
        ({"y_train": np.zeros(2, int)}, "has 3 rows, but y_train has 2"),
        ({"binarize": "static"}, "must be 'dynamic' or None"),
    ],
)
def test_splits_must_fit_together(changes, message):
    with pytest.raises(ValueError, match=message):
        make(**changes)


def test_data_set_is_frozen_and_short_in_print():
    data = make()
    with pytest.raises(dataclasses.FrozenInstanceError):
        data.name = "other"
    assert repr(data) == (
        "<DataSet 'toy': 3/1/2 x (2,) float32, likelihood='normal:scale=shared', "
        "levels=None>"
    )


def test_unknown_name_suggests_the_nearest():
    with pytest.raises(ValueError, match=r"Did you mean 'fashion_mnist'.*\.csv"):
        load("fashion-mnist")


@pytest.mark.parametrize("given", ["zzz", ""])
def test_unknown_name_lists_the_names(given):
    with pytest.raises(ValueError, match="Known: .*digits, .*mnist, mnist_5k"):
        load(given)


@pytest.mark.parametrize("options", [{"image_size": (8, 8)}, {"channels": 1}])
def test_named_sets_have_their_own_size(options):
    with pytest.raises(ValueError, match="named set 'digits' has its own"):
        load("digits", **options)


def test_name_wins_over_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits").mkdir()
    assert load("digits").source == "sklearn.datasets.load_digits"
    with pytest.raises(ValueError, match="no images"):
        load("./digits")


def test_what_looks_like_a_path_is_one(tmp_path):
    with pytest.raises(FileNotFoundError, match="no file or folder"):
        load("some/where.npy")
    with pytest.raises(FileNotFoundError, match="no file or folder"):
        load(tmp_path / "digits")


@pytest.mark.parametrize(
    "path",
    sorted(Path(keras_vae.data.__file__).parent.glob("*.py")),
    ids=lambda p: p.stem,
)
def test_import_needs_no_slow_package(path):
    imported = [
        alias.name if isinstance(node, ast.Import) else node.module
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in node.names
    ]
    found = {name.split(".")[0] for name in imported}
    assert not found & {"sklearn", "mlxtend", "PIL"}
