"""Presets among Kaggle's models, in the layout of its own cache, without a network."""

import shutil

import pytest

from keras_vae import VAE, DenseVAE
from keras_vae.presets.files import WEIGHTS
from keras_vae.presets.lookup import find_preset

pytest.importorskip("kagglehub", reason="needs the extra 'hub'")
HANDLE = "kaggle://somebody/digits/keras/small/2"


@pytest.fixture
def cached(tmp_path, monkeypatch):
    """A model and, as version 2, its preset in the cache, beside a network that is down."""
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path))
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    model = DenseVAE((4,), 2, hidden_units=(3,), likelihood="normal", seed=0)
    home = tmp_path / "models" / "somebody" / "digits" / "keras" / "small"
    home.mkdir(parents=True)
    model.save_to_preset(tmp_path / "preset", {"data": "made up"})
    shutil.move(tmp_path / "preset", home / "2")
    (home / "2.complete").touch()
    return model, home / "2"


def test_a_model_comes_from_the_cache_and_damage_is_found(cached):
    model, folder = cached
    assert find_preset(HANDLE) == folder
    x = model.sample(5)
    assert (VAE.from_preset(HANDLE).embed(x) == model.embed(x)).all()
    (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:-1] + b"?")
    with pytest.raises(ValueError, match="is damaged"):
        VAE.from_preset(HANDLE)


def test_what_is_not_in_the_cache_needs_the_network(cached):
    with pytest.raises(FileNotFoundError, match="cannot be read.*network"):
        find_preset(HANDLE[:-1] + "3")


@pytest.mark.parametrize(
    "name", ["digits", "a/b", "a/b/pytorch/c", "a/b/keras/c/v2", "a/b/keras/c/2/d"]
)
def test_handles_have_one_form(name):
    with pytest.raises(ValueError, match="kaggle://user/model/keras/variation"):
        find_preset(f"kaggle://{name}")
