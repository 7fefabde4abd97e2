"""Presets are found as a path, in $KERAS_VAE_ZOO, in the package's zoo, in this order."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import keras_vae
from keras_vae.data import load
from keras_vae.presets import lookup
from keras_vae.presets.lookup import find_preset, preset_folders

NAME = "tiny_digits"


def test_a_name_gives_the_model_of_the_run(own_zoo, trained):
    x = load("digits").x_test[:5].astype("f4")
    model, expected = (keras_vae.VAE.from_preset(one) for one in (NAME, trained))
    assert type(model) is keras_vae.DenseVAE and not model.compiled
    np.testing.assert_array_equal(model.reconstruct(x), expected.reconstruct(x))
    assert model.preprocessor == expected.preprocessor


def test_an_existing_folder_comes_first(own_zoo):
    assert find_preset(NAME) == own_zoo / NAME
    Path(NAME).mkdir()
    # Without a preset it hides none; one without a namesake is for who reads it to refuse.
    assert find_preset(NAME) == own_zoo / NAME
    Path("other").mkdir()
    assert find_preset("other") == Path("other")
    Path(NAME, "metadata.json").touch()
    assert find_preset(NAME) == Path(NAME)
    assert find_preset(own_zoo / NAME) == find_preset(str(own_zoo / NAME))


def test_the_variable_comes_before_the_package(own_zoo, tmp_path, monkeypatch):
    packaged = tmp_path / "packaged"
    for name in (NAME, "other"):
        shutil.copytree(own_zoo / NAME, packaged / name)
    monkeypatch.setattr(lookup, "_own_zoo", lambda: [packaged])
    assert find_preset(NAME) == own_zoo / NAME
    assert find_preset("other") == packaged / "other"
    assert list(preset_folders()) == ["other", NAME]
    monkeypatch.delenv("KERAS_VAE_ZOO")
    assert find_preset(NAME) == packaged / NAME


@pytest.mark.parametrize("in_wheel", [True, False])
def test_the_packages_zoo_is_in_the_wheel_or_beside_it_in_a_clone(
    tmp_path, monkeypatch, in_wheel
):
    package = tmp_path / "keras_vae"
    zoo = package / "_zoo" if in_wheel else tmp_path / "zoo"
    zoo.mkdir(parents=True)
    monkeypatch.setattr(lookup, "_PACKAGE", package)
    assert lookup._own_zoo() == ([zoo] if in_wheel else [])
    # A folder called zoo among installed packages is somebody else's; a clone is known.
    (tmp_path / "setup.py").touch()
    assert lookup._own_zoo() == ([] if in_wheel else [zoo])


@pytest.mark.parametrize(
    "name, words",
    [
        ("tiny_digit", "no preset of that name. Did you mean 'tiny_digits'"),
        ("Tiny-Digits", "Did you mean 'tiny_digits'"),
        ("tiny_digits/", "There is no folder tiny_digits"),
        ("../own_zoo/nothing", "There is no folder ../own_zoo/nothing"),
        ("unlike", "keras-vae zoo list"),
        ("", "no preset of that name"),
    ],
)
def test_an_unknown_name_is_told_the_nearest_and_the_list(own_zoo, name, words):
    with pytest.raises(FileNotFoundError, match=words) as error:
        keras_vae.VAE.from_preset(name)
    assert "keras-vae zoo list" in str(error.value)
    assert ("Did you mean" in str(error.value)) == ("iny" in name)


def test_a_file_is_no_preset(tmp_path):
    (tmp_path / "model.keras").touch()
    with pytest.raises(FileNotFoundError, match=r"is a file, .* keras.saving.load_model"):
        keras_vae.VAE.from_preset(tmp_path / "model.keras")


def test_a_variable_that_names_nothing_is_said(own_zoo, monkeypatch):
    monkeypatch.setenv("KERAS_VAE_ZOO", "nowhere")
    with pytest.raises(FileNotFoundError, match="KERAS_VAE_ZOO is 'nowhere'"):
        keras_vae.presets()


def test_the_list_says_what_each_preset_is(own_zoo):
    (own_zoo / "no_preset").mkdir()
    (own_zoo / ".new.x" / "half").mkdir(parents=True)
    found = keras_vae.presets()
    assert list(found) == [NAME]
    about = found[NAME]
    metadata = json.loads((own_zoo / NAME / "metadata.json").read_text())
    model = keras_vae.VAE.from_preset(NAME)
    assert about == {
        "name": NAME,
        "description": "DenseVAE of digits, latent size 2",
        "model": "dense_vae",
        "data": "digits",
        "licence": load("digits").licence,
        "parameters": model.count_params(),
        "scores": metadata["scores"],
        "folder": str(own_zoo / NAME),
    }


def test_a_model_that_says_little_is_listed_too(own_zoo):
    model = keras_vae.VAE.from_preset(NAME)
    model.save_to_preset(own_zoo / "mine", {"data": "made up"})
    about = keras_vae.presets()["mine"]
    assert about["data"] == "made up" and about["description"] is None


def test_an_empty_zoo_is_an_empty_list(own_zoo, monkeypatch):
    monkeypatch.delenv("KERAS_VAE_ZOO")
    assert keras_vae.presets() == {}


def test_presets_is_a_function_of_the_package():
    assert callable(keras_vae.presets) and "presets" in keras_vae.__all__
