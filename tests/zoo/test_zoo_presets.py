"""The presets of this repository's zoo: what each must have, and that it is itself."""

import os
from pathlib import Path

import numpy as np
import pytest
from golden import FOLDER, ZOO, outputs

import keras_vae
from keras_vae import evaluation
from keras_vae.data import load
from keras_vae.presets.files import FIRST_RECIPE, check_all, read_metadata
from keras_vae.training.recipe import Recipe
from keras_vae.training.splits import split_for

NAMES = sorted(path.parent.name for path in ZOO.glob("[!.]*/metadata.json"))
FILES = {"README.md", "config.json", "model.weights.h5", "recipe.json"}
# An optimizer's state, or a layer too wide, would show here.
MOST_BYTES, MOST_BYTES_OF_ALL = 12e6, 75e6

pytestmark = pytest.mark.skipif(not ZOO.is_dir(), reason="installed without a clone")


def size(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_the_zoo_is_small_enough_for_a_wheel():
    assert size(ZOO) < MOST_BYTES_OF_ALL


def test_a_class_knows_its_presets():
    every = keras_vae.VAE.presets
    assert set(NAMES) <= set(every) and set(every) <= set(keras_vae.presets())
    of_conv = keras_vae.ConvVAE.presets
    assert "conv_vae_mnist" in of_conv and "dense_vae_digits" not in of_conv
    assert set(keras_vae.VAEGAN.presets) & set(NAMES) == {"vae_gan_celeba"}


def test_every_preset_has_golden_outputs_and_no_other():
    assert sorted(path.stem for path in FOLDER.glob("*.npz")) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_is_complete_and_small(name):
    files = set(check_all(ZOO / name))
    assert files >= FILES and len(files & {"samples.png", "samples.csv"}) == 1
    assert size(ZOO / name) < MOST_BYTES
    metadata, recipe = (
        read_metadata(ZOO / name),
        Recipe.from_json(ZOO / name / "recipe.json"),
    )
    assert metadata["training"]["finished"] and metadata["scores"]["split"] == "test"
    assert recipe.data == metadata["data"]["name"]
    if recipe.from_preset is not None:
        # The run that it started from can be made again, too.
        preset = ZOO / recipe.from_preset / "recipe.json"
        first = Recipe.from_json(preset if preset.exists() else ZOO / name / FIRST_RECIPE)
        assert first.data == recipe.data and first.from_preset is None
    assert type(keras_vae.VAE.from_preset(ZOO / name)).__name__ == metadata["class"]


@pytest.mark.parametrize("name", NAMES)
def test_golden_outputs_are_reproduced(name):
    model = keras_vae.VAE.from_preset(ZOO / name)
    golden = np.load(FOLDER / f"{name}.npz")
    for key, value in outputs(model, golden["z"], golden["x"]).items():
        assert np.ptp(golden[key]) > 0
        # Single precision, summed in the order of another machine.
        scale = np.abs(golden[key]).max()
        np.testing.assert_allclose(value, golden[key], rtol=1e-4, atol=1e-5 * scale)


def data_of(preset):
    """The data that it was trained on, never over the network."""
    name = Recipe.from_json(preset / "recipe.json").data
    if (
        name not in ("digits", "breast_cancer")
        and not Path(os.getenv("KERAS_VAE_DATA", ""), f"{name}.npz").exists()
    ):
        pytest.skip(f"needs $KERAS_VAE_DATA/{name}.npz")
    return load(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_score_on_the_card_is_found_again(name):
    preset = ZOO / name
    data = data_of(preset)
    metadata = read_metadata(preset)
    model, card = keras_vae.VAE.from_preset(preset), metadata["scores"]
    labels = model.condition_shape is not None
    assert data.fingerprint(labels) == metadata["data"]["fingerprint"]
    x, y = split_for(model, data, "test")
    # Colour images take ten times as long.
    limit = 60 if np.prod(model.event_shape) < 10_000 else 20
    found = evaluation.held_out_scores(
        model,
        x,
        # (With more samples it would rise by less than the errors below.)
        min(card["num_samples"], 1000),
        seed=1,
        limit=limit,
        y=y,
    )
    assert found["num_examples"] == min(limit, len(data.x_test))
    # Something is compared, whatever was added to the scores since the card was written.
    assert {"log_likelihood", "psnr"} & set(found) & set(card)
    for key, score in found.items():
        if isinstance(score, dict) and key in card:
            error = score["standard_error"]
            assert abs(score["mean"] - card[key]["mean"]) < 3 * error, key
    if "log_likelihood" in card:
        # Of the whole split: sharper than the mean of few examples, which vary.
        whole = card.get("log_likelihood_of_all", card["log_likelihood"])
        estimate = found.get("log_likelihood_of_all", found["log_likelihood"])
        difference = abs(estimate["mean"] - whole["mean"])
        assert difference < 3 * estimate["standard_error"]
