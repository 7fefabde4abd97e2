"""Training that starts from a preset: its model, its weights, its preprocessor."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
from runs import (
    binarized,
    break_in_batch,
    contents,
    history,
    recipe,
    run,
    same_run,
    table_set,
)

from keras_vae import VAE, VAEGAN
from keras_vae.data import Preprocessor, load
from keras_vae.presets.files import read_metadata
from keras_vae.training import fine_tuning
from keras_vae.training.building import build_model
from keras_vae.training.fine_tuning import MODEL_OPTIONS, fine_tuning_recipe
from keras_vae.training.recipe import Recipe

# What does not decide which weights a model has.
FREE = (
    "data from_preset binarize objective num_samples beta warmup_epochs free_bits epochs "
)
FREE += "patience batch_size learning_rate schedule seed image_size channels jit r1 gamma "
FREE += "mixed_precision generator_loss margin label_smoothing sample_weight"


def test_no_value_of_a_recipe_is_forgotten():
    names = {field.name for field in dataclasses.fields(Recipe)}
    assert {*MODEL_OPTIONS, *FREE.split()} == names


def tuned(preset, **values):
    given = {"data": "digits", "epochs": 1, "batch_size": 128, "jit": False, **values}
    return fine_tuning_recipe(str(preset), given)


def saved(folder, one, data):
    """A preset of an untrained model, as a run would have left it."""
    one = one.resolve(data)
    model = build_model(one, data)
    binarize = one.binarize != "none"
    preprocessor = Preprocessor.fit(data, model.support, binarize).to_config()
    about = {"event_shape": list(data.event_shape), "preprocessor": preprocessor}
    metadata = {"model": one.model, "data": about, "training": {"finished": True}}
    model.save_to_preset(folder, metadata)
    (folder / "recipe.json").write_text(json.dumps(one.to_config()))
    return model


def test_model_options_come_from_the_preset_and_the_rest_does_not(finished):
    before, after = Recipe.from_json(finished / "recipe.json"), tuned(finished, seed=3)
    for name in MODEL_OPTIONS:
        assert getattr(after, name) == getattr(before, name)
    assert (after.epochs, after.seed, after.learning_rate) == (1, 3, None)


@pytest.mark.parametrize(
    "values",
    [
        {"model": "conv_vae"},
        {"latent_dim": 3},
        {"likelihood": "normal"},
        {"posterior": "full_covariance"},
        {"prior": "mixture_of_normals", "prior_components": 3},
        {"hidden_units": [9]},
    ],
)
def test_a_contradiction_is_refused(finished, values):
    with pytest.raises(ValueError, match=f"contradict it: {next(iter(values))}"):
        tuned(finished, **values)


def test_what_a_default_means_is_no_contradiction(tmp_path):
    one = Recipe("conv_vae", "digits", filters=None, prior="mixture_of_normals")
    saved(tmp_path, one, load("digits"))
    same = tuned(tmp_path, filters=[32], prior_components=10, model="conv_vae")
    assert same.filters == (32,) and same.prior == "mixture_of_normals"
    with pytest.raises(ValueError, match="prior_components 9 .the preset's is 10"):
        tuned(tmp_path, prior_components=9)


@pytest.mark.parametrize(
    "one",
    [
        recipe(),
        binarized(prior="mixture_of_normals", posterior="full_covariance"),
        recipe(model="conv_vae", hidden_units=None, filters=(4,)),
        recipe(model="vae_gan", hidden_units=None, filters=(4, 6)),
    ],
    ids=lambda one: one.model,
)
def test_the_weights_are_those_of_the_preset(tmp_path, one):
    data = load("digits")
    model = saved(tmp_path, one, data)
    # Another seed: new weights would be others.
    start, preprocessor = fine_tuning.start(tuned(tmp_path, seed=9).resolve(data), data)
    assert type(start) is type(model) and start.seed != model.seed
    assert isinstance(start, VAEGAN) == (one.model == "vae_gan")
    for new, old in zip(start.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(new, old)
    x = preprocessor(data.x_test[:4])
    np.testing.assert_allclose(start.embed(x), model.embed(x), rtol=1e-5)
    assert preprocessor.scaling == Preprocessor.from_preset(tmp_path).scaling


def test_a_table_is_prepared_as_the_presets_data_were(tmp_path):
    data = table_set(likelihood="normal:scale=shared")
    saved(tmp_path, recipe(data="made"), data)
    moved = dataclasses.replace(data, x_train=data.x_train + 5.0)
    one = tuned(tmp_path, data="made").resolve(moved)
    _, preprocessor = fine_tuning.start(one, moved)
    assert preprocessor.scaling == Preprocessor.from_preset(tmp_path).scaling
    with pytest.raises(ValueError, match="examples of shape .4,. .* shape .5,."):
        fine_tuning.start(one, table_set((5,), likelihood="normal:scale=shared"))


def test_a_run_goes_on_where_the_preset_stood(finished, tmp_path):
    said = run(tuned(finished, seed=4, learning_rate=1e-3), tmp_path / "run")
    assert "best of 1 epochs" in said
    first, after = history(finished)["elbo"], history(tmp_path / "run")["elbo"]
    # Of a new run the first epoch would be as that of the preset.
    assert after[0] > first[0] + 2 and after[0] > first[-1] - 1
    kept = read_metadata(tmp_path / "run")
    files = read_metadata(finished)["files"]
    sha256 = files["model.weights.h5"]["sha256"]
    assert kept["from_preset"] == {"name": str(finished), "sha256": sha256}


def test_a_recipe_file_may_leave_the_model_to_the_preset(finished, tmp_path):
    path = tmp_path / "recipe.json"
    values = {"model": "dense_vae", "data": "digits", "from_preset": str(finished)}
    path.write_text(json.dumps(values))
    after = fine_tuning.inherit(Recipe.from_json(path))
    assert after.hidden_units == (8,) and after.latent_dim == 2
    # All that is decided is the same when it is read again.
    assert fine_tuning.inherit(after) == after
    path.write_text(json.dumps({**values, "latent_dim": 5}))
    with pytest.raises(ValueError, match="latent_dim 5 .the preset's is 2"):
        run(Recipe.from_json(path), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_an_interrupted_run_goes_on_unless_its_preset_changed(
    finished, tmp_path, monkeypatch
):
    preset = shutil.copytree(finished, tmp_path / "preset")
    one = tuned(preset, epochs=2)
    run(one, tmp_path / "whole")
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        break_in_batch(patch, 1, 0)
        run(one, tmp_path / "run")
    resumed = Recipe.from_json(tmp_path / "run" / "recipe.json")
    model = VAE.from_preset(preset)
    metadata = read_metadata(preset)
    rest = {key: metadata[key] for key in ("model", "data", "training")}
    model.set_weights([weight + 1 for weight in model.get_weights()])
    shutil.copytree(preset, tmp_path / "kept")
    model.save_to_preset(preset, rest)
    with pytest.raises(ValueError, match="preset that the run .* has changed"):
        run(resumed, tmp_path / "run", resume=True)
    shutil.rmtree(preset)
    shutil.copytree(tmp_path / "kept", preset)
    run(resumed, tmp_path / "run", resume=True)
    same_run(tmp_path / "run", tmp_path / "whole")


def test_a_preset_is_trained_further_from_python(finished):
    vae, prepare = VAE.from_preset(finished), Preprocessor.from_preset(finished)
    data = load("digits")
    before = vae.elbo(prepare(data.x_test)).mean()
    vae.compile("adam", objective="elbo")
    vae.fit(prepare(data.x_train), epochs=2, batch_size=128, verbose=0)
    assert vae.elbo(prepare(data.x_test)).mean() > before


def test_a_preset_is_not_trained_over_itself(finished):
    before = contents(finished)
    with pytest.raises(ValueError, match="is the preset that training starts from"):
        run(tuned(finished), finished, overwrite=True)
    assert contents(finished) == before
