"""A zoo with one tiny preset, trained for a few steps."""

import shutil

import pytest

from keras_vae import training
from keras_vae.presets import building, lookup
from keras_vae.training import closing
from keras_vae.training.recipe import Recipe

NAME = "tiny_digits"
SAVED_MODEL = {"1/saved_model.pb": b"graph", "1/variables/variables.index": b"index"}


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A finished run; only to be read."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    model = "dense_vae:hidden_units=8,latent_dim=2"
    small = {"epochs": 1, "batch_size": 512}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(closing, "_MOST_EXAMPLES", 7)
        patch.setattr(closing, "_MOST_SAMPLES", 3)
        recipe = Recipe(model=model, data="digits", jit=False, **small)
        training.train(recipe, folder, say=lambda _: None)
    return folder


@pytest.fixture(scope="session")
def whole_zoo(trained, tmp_path_factory):
    """A zoo; only to be read."""
    folder = tmp_path_factory.mktemp("zoo")
    preset = building.build_preset(trained, NAME, folder)
    for name, content in SAVED_MODEL.items():
        (preset / name).parent.mkdir(parents=True, exist_ok=True)
        (preset / name).write_bytes(content)
    building.add_files(preset)
    return folder


@pytest.fixture
def own_zoo(whole_zoo, tmp_path, monkeypatch):
    """A copy of the zoo that $KERAS_VAE_ZOO names, and no other; for writing."""
    folder = tmp_path / "own_zoo"
    shutil.copytree(whole_zoo, folder)
    monkeypatch.setenv("KERAS_VAE_ZOO", str(folder))
    monkeypatch.setattr(lookup, "_own_zoo", lambda: [])
    monkeypatch.chdir(tmp_path)
    return folder


@pytest.fixture
def preset(own_zoo):
    """The preset's folder in it."""
    return own_zoo / NAME
