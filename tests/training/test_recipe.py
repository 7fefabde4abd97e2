"""Recipes: every value is checked, and JSON holds them all."""

import dataclasses
import json

import pytest
from runs import table_set

from keras_vae.training.recipe import Recipe

OTHER = Recipe(
    model="conv_vae",
    data="some/folder",
    latent_dim=3,
    likelihood="normal:scale=shared",
    binarize="none",
    objective="elbo",
    num_samples=2,
    beta=0.5,
    warmup_epochs=4,
    free_bits=1.5,
    posterior="full_covariance",
    prior="mixture_of_normals",
    prior_components=5,
    filters=(4, 8),
    normalization=True,
    epochs=7,
    patience=6,
    batch_size=9,
    learning_rate=0.01,
    schedule="constant",
    seed=8,
    image_size=(32, 24),
    channels=3,
    mixed_precision=True,
    jit=False,
)
# What cannot differ in the same recipe as all others.
SPECIAL = [
    Recipe("dense_vae", "digits", hidden_units=(3, 2)),
    Recipe("dense_vae", "digits", objective="iwae", num_samples=5),
    Recipe(
        "vae_gan",
        "photos",
        objective="adversarial",
        networks="paper",
        gamma=0.5,
        generator_loss="non_saturating",
        margin=0.2,
        label_smoothing=0.1,
        r1=2.0,
        sample_weight=0.5,
        spectral_normalization=True,
    ),
    Recipe("dense_vae", "digits", from_preset="other"),
]


def make(**values):
    return Recipe(**{"model": "dense_vae", "data": "digits", **values})


@pytest.mark.parametrize("recipe", [make(), OTHER, *SPECIAL])
def test_a_recipe_survives_json(recipe, tmp_path):
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps(recipe.to_config()))
    assert Recipe.from_json(path) == recipe


def test_the_recipes_of_this_test_differ_from_the_defaults_in_every_value():
    default, same = make(), []
    for field in dataclasses.fields(Recipe):
        values = [getattr(recipe, field.name) for recipe in (OTHER, *SPECIAL)]
        if all(value == getattr(default, field.name) for value in values):
            same.append(field.name)
    assert same == []


def test_defaults_are_filled_in(tmp_path):
    path = tmp_path / "recipe.json"
    path.write_text('{"model": "dense_vae", "data": "digits", "beta": 2}')
    assert Recipe.from_json(path) == make(beta=2)


@pytest.mark.parametrize(
    "text, words",
    [
        ('{"model": "dense_vae"', "damaged"),
        ('["dense_vae"]', "JSON object"),
        ('{"data": "digits"}', "must say 'model'"),
        ('{"model": "dense_vae"}', "must say 'data'"),
        ('{"model": "dense_vae", "data": "digits", "epoch": 3}', "'epoch'.*mean 'epochs'"),
        ('{"model": "dens_vae", "data": "digits"}', "'dens_vae'.*mean 'dense_vae'"),
    ],
)
def test_a_bad_file_is_refused(tmp_path, text, words):
    path = tmp_path / "recipe.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=words):
        Recipe.from_json(path)


WHOLE = ["latent_dim", "num_samples", "prior_components", "epochs", "patience"]
WHOLE += ["batch_size", "warmup_epochs", "seed"]
REAL = [
    "beta",
    "free_bits",
    "learning_rate",
    "gamma",
    "margin",
    "label_smoothing",
    "r1",
    "sample_weight",
]
SIZES = ["hidden_units", "filters", "image_size"]
CHOICES = ["model", "likelihood", "binarize", "objective", "posterior", "prior", "schedule"]
CHOICES += ["networks", "generator_loss"]
FLAGS = ["mixed_precision", "jit", "normalization", "spectral_normalization"]


def test_the_values_that_this_test_breaks_are_all_there_are():
    names = {field.name for field in dataclasses.fields(Recipe)}
    # Data and channels are checked where the data are loaded.
    elsewhere = {"data", "channels", "from_preset"}
    assert {*WHOLE, *REAL, *SIZES, *CHOICES, *FLAGS} == names - elsewhere


def refused(name, value):
    model = "conv_vae" if name == "filters" else "dense_vae"
    with pytest.raises(ValueError, match=name):
        Recipe(**{"model": model, "data": "digits", name: value})


@pytest.mark.parametrize("value", [-1, 1.5, "3", True, [3], float("nan")])
@pytest.mark.parametrize("name", WHOLE)
def test_a_bad_whole_number_is_refused(name, value):
    refused(name, value)


@pytest.mark.parametrize("name", WHOLE[:6])
def test_zero_is_refused_where_it_has_no_meaning(name):
    refused(name, 0)


@pytest.mark.parametrize("value", [-0.1, "1", True, [1], float("nan"), float("inf")])
@pytest.mark.parametrize("name", REAL)
def test_a_bad_number_is_refused(name, value):
    refused(name, value)


@pytest.mark.parametrize("value", [3, "33", [0], [1.5, 2], [True, 2], [], {"3": 3}])
@pytest.mark.parametrize("name", SIZES)
def test_bad_sizes_are_refused(name, value):
    refused(name, value)


@pytest.mark.parametrize("value", ["other", 1, ["elbo"], {}])
@pytest.mark.parametrize("name", CHOICES)
def test_a_bad_choice_is_refused(name, value):
    refused(name, value)


@pytest.mark.parametrize("value", [1, 0, "true", [True]])
@pytest.mark.parametrize("name", FLAGS)
def test_a_bad_flag_is_refused(name, value):
    refused(name, value)


@pytest.mark.parametrize("value", [5, None, ["digits"]])
def test_bad_data_are_refused(value):
    refused("data", value)


def test_null_stands_for_nothing_but_values_that_may_be_left_out():
    for field in dataclasses.fields(Recipe):
        if field.default is None:
            assert getattr(make(**{field.name: None}), field.name) is None
        else:
            refused(field.name, None)


@pytest.mark.parametrize(
    "values, words",
    [
        ({"filters": [4]}, "filters is for conv_vae"),
        ({"model": "conv_vae", "hidden_units": [4]}, "hidden_units is for dense_vae"),
        ({"model": "vae_gan", "hidden_units": [4]}, "hidden_units is for dense_vae"),
        ({"gamma": 0.5}, "gamma is for vae_gan"),
        ({"networks": "paper"}, "networks is for vae_gan"),
        ({"model": "vae_gan", "num_samples": 2}, "other models than vae_gan"),
        ({"model": "vae_gan", "likelihood": "normal"}, "other models than vae_gan"),
        ({"model": "vae_gan", "patience": 3}, "other models than vae_gan"),
        ({"model": "vae_gan", "free_bits": 1.0}, "for the objective 'elbo'"),
        ({"model": "vae_gan", "objective": "elbo"}, "'elbo' does not train vae_gan"),
        ({"objective": "adversarial"}, "'adversarial' does not train dense_vae"),
        ({"objective": "iwae", "beta": 2.0}, "other objectives than 'iwae'"),
        ({"objective": "iwae", "free_bits": 1.0}, "for the objective 'elbo'"),
        ({"objective": "iwae", "warmup_epochs": 1}, "for the objective 'elbo'"),
        ({"prior_components": 4}, "for the prior 'mixture_of_normals'"),
        ({"image_size": [28]}, "height and width"),
        ({"image_size": [28, 28, 1]}, "height and width"),
    ],
)
def test_values_that_do_not_go_together_are_refused(values, words):
    with pytest.raises(ValueError, match=words):
        make(**values)


@pytest.mark.parametrize(
    "model, expected",
    [("dense_vae", (32, 1e-3, "elbo")), ("vae_gan", (128, 5e-4, "adversarial"))],
)
def test_what_is_left_out_goes_by_the_model(model, expected):
    resolved = make(model=model).resolve(table_set(shape=(4, 4, 1)))
    found = resolved.latent_dim, resolved.learning_rate, resolved.objective
    assert found == expected and resolved.resolve(table_set()) == resolved


GREY = {"shape": (4, 4, 1), "likelihood": "bernoulli", "binarize": "dynamic"}


@pytest.mark.parametrize(
    "data, values, expected",
    [
        ({}, {}, ("normal", "none")),
        ({}, {"likelihood": "laplace"}, ("laplace", "none")),
        (GREY, {}, ("bernoulli", "dynamic")),
        (GREY, {"binarize": "static"}, ("bernoulli", "static")),
        (GREY, {"likelihood": "normal"}, ("normal", "none")),
        ({}, {"likelihood": "bernoulli"}, ("bernoulli", "none")),
    ],
)
def test_what_is_left_out_is_decided_by_the_data(data, values, expected):
    resolved = make(**values).resolve(table_set(**data))
    assert (resolved.likelihood, resolved.binarize) == expected
    assert resolved.resolve(table_set()) == resolved


@pytest.mark.parametrize("n, size", [(40, 32), (19_999, 32), (20_000, 128)])
def test_small_data_get_small_batches(n, size):
    assert make().resolve(table_set(n=n)).batch_size == size
    assert make(batch_size=7).resolve(table_set(n=n)).batch_size == 7


@pytest.mark.parametrize("how", ["dynamic", "static"])
def test_binary_pixels_need_a_likelihood_of_such(how):
    with pytest.raises(ValueError, match="fit the likelihood 'bernoulli', not 'normal'"):
        make(binarize=how).resolve(table_set())


@pytest.mark.parametrize(
    "values, monitor",
    [
        ({}, "val_elbo"),
        ({"warmup_epochs": 3}, "val_elbo"),
        ({"num_samples": 3}, "val_elbo"),
        ({"beta": 4.0}, "val_loss"),
        ({"free_bits": 0.1}, "val_loss"),
        ({"objective": "iwae"}, "val_loss"),
    ],
)
def test_the_elbo_decides_unless_something_else_is_trained(values, monitor):
    assert make(**values).monitor == monitor


def test_no_score_decides_about_a_vae_gan():
    assert make(model="vae_gan").monitor is None
