"""Training that starts from a preset: its model, its weights, its preprocessor."""

import dataclasses
import json
import shutil

import keras
import numpy as np
import pandas as pd
import pytest
from PIL import Image
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

from keras_vae import VAE, DenseVAE, layers
from keras_vae.data import Preprocessor, Scaling, load
from keras_vae.models import LatentVariableModel
from keras_vae.models.new_parts import with_new_parts
from keras_vae.presets.files import read_metadata
from keras_vae.training import fine_tuning
from keras_vae.training.building import build_model
from keras_vae.training.reading import load_to_train
from keras_vae.training.recipe import Recipe


def tuned(preset, **values):
    given = {"data": "digits", "epochs": 1, "batch_size": 128, "jit": False, **values}
    return Recipe(**given, from_preset=str(preset))


def saved(folder, one, data):
    """A preset of an untrained model, as a run would have left it."""
    model, _ = build_model(one.resolve(data), data)
    model.save_to_preset(folder)
    return model


def started(preset, source, **values):
    before = VAE.from_preset(preset)
    one = tuned(preset, **values).resolve(source, before)
    return fine_tuning.start(one, source, before)


@pytest.mark.parametrize(
    "one",
    [
        recipe(),
        binarized(prior="mixture_of_normals:num_components=3", posterior="full_normal"),
        recipe(model="conv_vae:latent_dim=2,filters=4,condition=10"),
        recipe(model="vae_gan:latent_dim=2,filters=4-6"),
        recipe(prior="vamp:num_components=4"),
        recipe(posterior="flow:num_layers=1,hidden_units=4"),
    ],
    ids=["dense", "full", "condition", "vae_gan", "vamp", "flow"],
)
def test_the_weights_are_those_of_the_preset(tmp_path, one):
    data = load("digits")
    model = saved(tmp_path, one, data)
    # Another seed: new weights would be others.
    start, binarize = started(tmp_path, data, seed=9)
    assert type(start) is type(model) and start.seed == 9 != model.seed
    for new, old in zip(start.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(new, old)
    x, y = data.x_test[:4], data.y_test[:4]
    rest = (y,) if model.condition_shape else ()
    np.testing.assert_allclose(start.embed(x, *rest), model.embed(x, *rest), rtol=1e-5)
    assert start.preprocessor.scaling == model.preprocessor.scaling
    assert binarize == ("dynamic" if one.binarize else "none")


@pytest.mark.parametrize(
    "posterior, prior",
    [
        ("iaf:num_layers=2,hidden_units=4", None),
        ("flow:num_layers=2,hidden_units=4,context_size=2", None),
        ("iaf:num_layers=1,hidden_units=4", None),
        ("sylvester:rank=1,num_layers=3,kind=triangular", None),
        ("householder:num_layers=2", "learned:layer=(flow:num_layers=3,hidden_units=4)"),
        (None, "mixture_of_normals:num_components=3"),
        (None, "vamp:num_components=3"),
    ],
)
def test_a_new_posterior_or_prior_leaves_the_other_parts(tmp_path, posterior, prior):
    """A flow begins as the normal that it continues, and a prior at the codes."""
    data = load("digits")
    before = saved(tmp_path, binarized(), data)
    bias = before.encoder.layers[-1].bias
    bias.assign(np.random.default_rng(0).normal(size=bias.shape))
    before.save_to_preset(tmp_path)
    start, _ = started(tmp_path, data, posterior=posterior, prior=prior)
    x = data.x_test[:8]
    mine, old = (one.posterior_params(one.to_units(x)) for one in (start, before))
    # A flow of an odd number of layers reverses them.
    np.testing.assert_allclose(np.sort(mine[:, : old.shape[1]]), np.sort(old), rtol=1e-5)
    z = np.random.default_rng(1).normal(size=(8, 2)).astype(np.float32)
    mine, old = (one.decode(z).mean() for one in (start, before))
    np.testing.assert_allclose(mine, old, rtol=1e-5)
    if prior is None:
        mine, old = (one.encode(one.to_units(x)).log_prob(z) for one in (start, before))
        np.testing.assert_allclose(mine, old, rtol=1e-3)
    else:
        codes = before.encode(before.to_units(data.x_train)).sample(seed=2)
        drawn = start.prior.distribution(None).sample(4000, seed=3)
        error = np.std(codes, 0) / np.sqrt(100)
        assert (np.abs(np.mean(drawn, 0) - np.mean(codes, 0)) < 5 * error).all()
    start.compile("adam")
    start.fit(x, verbose=0)


VECTORS = "ladder_vae:latent_dims=4-2,hidden_units=8-8"


@pytest.mark.parametrize(
    "one, given, words",
    [
        (recipe(), {"posterior": "full_normal"}, "cannot continue.*IndependentNormal"),
        (recipe(posterior="full_normal"), {"posterior": "iaf"}, "MultivariateNormalTriL"),
        (recipe(posterior="iaf"), {"posterior": "iaf"}, "cannot continue.*Flow"),
        (recipe(posterior="normal:scale=0.1"), {"posterior": "iaf"}, "cannot continue"),
        (recipe(), {"prior": "uniform_on_sphere"}, "sphere"),
        (recipe(model=VECTORS), {"posterior": "iaf"}, "LadderVAE keeps its posterior"),
        (
            recipe(model=VECTORS),
            {"posterior": "iaf", "prior": "standard_normal"},
            "keeps its posterior and prior",
        ),
        (
            recipe(model="vq_vae:num_codes=4,code_size=2,filters=4"),
            {"posterior": "vector_quantizer:num_codes=4"},
            "VQVAE keeps its posterior",
        ),
    ],
)
def test_new_parts_that_do_not_fit_are_refused(tmp_path, one, given, words):
    data = load("digits")
    saved(tmp_path, one, data)
    with pytest.raises(ValueError, match=words):
        before = LatentVariableModel.from_preset(tmp_path)
        fine_tuning.start(tuned(tmp_path, **given).resolve(data, before), data, before)


def test_frozen_networks_stay_so_but_for_the_new_outputs():
    vae = DenseVAE((3,), latent_dim=2, hidden_units=4)
    frozen = vae.with_prior("mixture_of_normals:num_components=2")
    richer = with_new_parts(frozen, 0, "iaf:num_layers=2,hidden_units=4")
    assert len(richer.encoder.trainable_variables) == 2
    assert not richer.decoder.trainable_variables
    assert richer.posterior.trainable_variables


def test_an_encoder_that_ends_otherwise_gets_no_new_outputs():
    encoder = keras.Sequential([keras.layers.Dense(4), keras.layers.LeakyReLU()])
    decoder = keras.Sequential([keras.layers.Dense(3)])
    parts = layers.IndependentNormal(2), layers.IndependentBernoulli(3)
    vae = VAE(encoder, decoder, *parts)
    with pytest.raises(ValueError, match="ends with the layer 'leaky_re_lu.*dense layer"):
        with_new_parts(vae, 0, "iaf:num_layers=2")


def test_a_table_is_prepared_as_the_presets_data_were(tmp_path):
    data = table_set(likelihood="normal:scale=shared")
    model = saved(tmp_path, recipe(data="made"), data)
    moved = dataclasses.replace(data, x_train=data.x_train + 5.0)
    start, _ = started(tmp_path, moved, data="made")
    assert start.preprocessor.scaling == model.preprocessor.scaling
    with pytest.raises(ValueError, match="examples of shape .4,., .* shape .5,."):
        started(tmp_path, table_set((5,)), data="made")
    with pytest.raises(ValueError, match="real values, but .* levels from 0 to 1"):
        started(tmp_path, dataclasses.replace(moved, levels=(0, 1)), data="made")


def test_the_columns_of_a_table_are_those_of_the_preset(tmp_path):
    table = pd.DataFrame({"n": np.arange(30) / 7, "k": list("ABC") * 10})
    source = load(table)
    before = saved(tmp_path / "preset", recipe(data="made"), source)
    others = table[table.k != "A"]
    with pytest.raises(
        ValueError, match="made for a table with Column.*'A'.*settings_like"
    ):
        started(tmp_path / "preset", load(others), data="made")
    started(tmp_path / "preset", load(others, columns=source.columns), data="made")
    others.to_csv(tmp_path / "new.csv", index=False)
    given = {"data": str(tmp_path / "new.csv"), "columns": {"n": "real"}}
    with pytest.raises(ValueError, match="decides how a table is read"):
        load_to_train(tuned(tmp_path / "preset", **given), before)


GREY = table_set((4, 4, 1), likelihood="bernoulli")


@pytest.mark.parametrize(
    "before, asked, found",
    [
        (None, None, "none"),
        (None, "dynamic", "dynamic"),
        (None, "static", "static"),
        (True, None, "dynamic"),
        (True, "static", "static"),
        (True, "none", "none"),
        (False, None, "none"),
        (False, "dynamic", "dynamic"),
    ],
)
def test_a_model_saved_from_python_is_trained_on(tmp_path, before, asked, found):
    """With a preprocessor that binarizes or does not, or with none."""
    model = DenseVAE((4, 4, 1), latent_dim=2, hidden_units=4)
    if before is not None:
        model.preprocessor = Preprocessor(Scaling((4, 4, 1)), before)
    model.save_to_preset(tmp_path)
    start, binarize = started(tmp_path, GREY, binarize=asked, seed=3)
    assert binarize == found
    assert start.preprocessor.binarize == (found != "none")
    assert start.preprocessor.seed == 3
    np.testing.assert_array_equal(start.to_units(GREY.x_test), GREY.x_test)
    assert start.shown_range == model.shown_range == (0.0, 1.0)


@pytest.mark.parametrize(
    "likelihood, values, words",
    [
        ("bernoulli", {}, "x_train has .* outside"),
        ("normal", {"binarize": "dynamic"}, "makes 0/1 pixels, which fit .* real"),
    ],
)
def test_data_in_other_units_are_refused(tmp_path, likelihood, values, words):
    DenseVAE((4, 4, 1), 2, likelihood, hidden_units=4).save_to_preset(tmp_path)
    data = dataclasses.replace(GREY, x_train=3 * GREY.x_train)
    with pytest.raises(ValueError, match=words):
        started(tmp_path, data, **values)


@pytest.mark.slow
def test_a_run_goes_on_where_the_preset_stood(finished, tmp_path):
    one = tuned(finished, seed=4, optimizer="adam:learning_rate=0.001")
    said = run(one, tmp_path / "run")
    assert "best of 1 epochs" in said and "dense_vae with" in said
    first, after = history(finished)["elbo"], history(tmp_path / "run")["elbo"]
    # Of a new run the first epoch would be as that of the preset.
    assert after[0] > first[0] + 2 and after[0] > first[-1] - 1
    kept, before = read_metadata(tmp_path / "run"), read_metadata(finished)
    sha256 = before["files"]["model.weights.h5"]["sha256"]
    assert kept["from_preset"] == {"name": str(finished), "sha256": sha256}
    for name in ("model", "likelihood"):
        assert kept[name] == before[name]
    config = json.loads((tmp_path / "run" / "recipe.json").read_text())
    assert Recipe(**config) == one and "model" not in config


def test_images_are_brought_to_the_size_of_the_preset(tmp_path, finished):
    folder = tmp_path / "photos"
    folder.mkdir()
    for i in range(3):
        Image.new("RGB", (20, 16), (i, i, i)).save(folder / f"{i}.png")
    before = LatentVariableModel.from_preset(finished)
    one = tuned(finished, data=str(folder))
    assert load_to_train(one, before).event_shape == (8, 8, 1)
    # What the recipe says is taken, and refused as another form later.
    other = dataclasses.replace(one, image_size=(4, 4))
    assert load_to_train(other, before).event_shape == (4, 4, 1)
    # A named set has the size that it has.
    assert load_to_train(tuned(finished), before).event_shape == (8, 8, 1)


@pytest.mark.slow
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
    model.set_weights([weight + 1 for weight in model.get_weights()])
    shutil.copytree(preset, tmp_path / "kept")
    model.save_to_preset(preset)
    with pytest.raises(ValueError, match="preset that the run .* has changed"):
        run(resumed, tmp_path / "run", resume=True)
    shutil.rmtree(preset)
    shutil.copytree(tmp_path / "kept", preset)
    run(resumed, tmp_path / "run", resume=True)
    same_run(tmp_path / "run", tmp_path / "whole")


def test_a_preset_is_trained_further_from_python(finished):
    vae, data = VAE.from_preset(finished), load("digits")
    before = vae.elbo(data.x_test).mean()
    vae.compile("adam", objective="elbo")
    vae.fit(data.x_train, epochs=2, batch_size=128, verbose=0)
    assert vae.elbo(data.x_test).mean() > before


def test_a_preset_is_not_trained_over_itself(finished):
    before = contents(finished)
    with pytest.raises(ValueError, match="is the preset that training starts from"):
        run(tuned(finished), finished, overwrite=True)
    assert contents(finished) == before
