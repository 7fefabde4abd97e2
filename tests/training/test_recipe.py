"""Recipes: every value is checked, parts have one form, and JSON holds them all."""

import dataclasses
import json

import pytest
from runs import table_set

from keras_vae import models
from keras_vae.training.recipe import PARTS, Recipe

OTHER = Recipe(
    model="conv_vae:latent_dim=3,filters=4-8",
    data="some/folder",
    posterior="flow:num_layers=2",
    prior="learned:layer=(flow:num_layers=8),trainable=true",
    likelihood="normal:scale=shared",
    objective="elbo:beta=0.5,num_samples=2",
    optimizer="adam:learning_rate=0.01",
    binarize="none",
    warmup_epochs=4,
    epochs=7,
    patience=6,
    batch_size=9,
    schedule="constant",
    seed=8,
    image_size=(32, 24),
    channels=3,
    levels=(0, 16),
    skip_damaged=True,
    stream=True,
    sample_rate=8000,
    seconds=1.5,
    label="income",
    augment="flip,shift=2",
    library_size=True,
    labels=20,
    condition="age,job",
    columns={"age": "count"},
    header=True,
    mixed_precision=True,
    skip_threshold=200.0,
    deterministic=True,
    jit=False,
)
TUNED = Recipe("digits", from_preset="other")
WHOLE = ["warmup_epochs", "epochs", "patience", "batch_size", "seed", "labels"]
WHOLE += ["sample_rate"]
WORDS = ["binarize", "schedule"]
FLAGS = ["mixed_precision", "jit", "header", "skip_damaged", "stream", "library_size"]
FLAGS += ["deterministic"]
OTHERS = [
    "data",
    "image_size",
    "channels",
    "levels",
    "seconds",
    "skip_threshold",
    "label",
    "condition",
    "augment",
    "columns",
    "from_preset",
]


def make(**values):
    return Recipe(**{"model": "dense_vae", "data": "digits", **values})


def test_the_values_that_these_tests_break_are_all_there_are():
    names = {field.name for field in dataclasses.fields(Recipe)}
    assert names == {*PARTS, *WHOLE, *WORDS, *FLAGS, *OTHERS}
    # And the recipes above differ from the defaults in each.
    default = make()
    for name in names:
        values = [getattr(one, name) for one in (OTHER, TUNED)]
        assert any(value != getattr(default, name) for value in values), name


@pytest.mark.parametrize("recipe", [make(), OTHER, TUNED])
def test_a_recipe_survives_json(recipe, tmp_path):
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps(recipe.to_config()))
    assert Recipe.from_json(path) == recipe


@pytest.mark.parametrize("name", PARTS)
def test_a_part_as_a_dict_is_its_text(name):
    text = "some_part:a=3,b=0.5,c=true,d=none,e=word,f=4-8,g=(inner:h=1)"
    inner = {"name": "inner", "h": 1}
    same = {"name": "some_part", "a": 3, "b": 0.5, "c": True, "d": None, "e": "word"}
    same |= {"f": [4, 8], "g": inner}
    assert make(**{name: text}) == make(**{name: same})
    assert make(**{name: same}).to_config()[name] == text


def test_defaults_are_filled_in(tmp_path):
    path = tmp_path / "recipe.json"
    path.write_text('{"model": "dense_vae", "data": "digits", "seed": 2}')
    assert Recipe.from_json(path) == make(seed=2)


@pytest.mark.parametrize(
    "text, words",
    [
        ('{"model": "dense_vae"', "damaged"),
        ('["dense_vae"]', "JSON object"),
        ('{"data": "digits"}', "must name the model"),
        ('{"model": "dense_vae"}', "must have an entry 'data'"),
        ('{"model": "dense_vae", "data": "digits", "epoch": 3}', "'epoch'.*mean 'epochs'"),
        ('{"model": "dense_vae", "data": "digits", "beta": 3}', "Unknown entry .*'beta'"),
        ('{"model": "dense_vae:a", "data": "digits"}', "'a' in .* is not ARG=VALUE"),
    ],
)
def test_a_bad_file_is_refused(tmp_path, text, words):
    path = tmp_path / "recipe.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=words):
        Recipe.from_json(path)


def refused(name, value, words=None):
    with pytest.raises(ValueError, match=words or name):
        make(**{name: value})


@pytest.mark.parametrize("value", [-1, 1.5, "3", True, [3], float("nan")])
@pytest.mark.parametrize("name", WHOLE)
def test_a_bad_whole_number_is_refused(name, value):
    refused(name, value)


@pytest.mark.parametrize("name", WHOLE[1:4])
def test_zero_is_refused_where_it_has_no_meaning(name):
    refused(name, 0)


@pytest.mark.parametrize("value", ["other", 1, ["cosine"], {}])
@pytest.mark.parametrize("name", WORDS)
def test_a_bad_word_is_refused(name, value):
    refused(name, value)


@pytest.mark.parametrize("value", [1, 0, "true", [True]])
@pytest.mark.parametrize("name", FLAGS)
def test_a_bad_flag_is_refused(name, value):
    refused(name, value)


@pytest.mark.parametrize("value", [1, 0.5, True, ["elbo"], {"beta": 4}, "a:b", "a:b=(c"])
@pytest.mark.parametrize("name", PARTS)
def test_what_is_no_part_is_refused(name, value):
    refused(name, value, "must be NAME:ARG=VALUE|dict of 'name'|ARG=VALUE|parentheses")


@pytest.mark.parametrize("value", [5, "", ["digits"], None])
def test_bad_data_are_refused(value):
    refused("data", value)


@pytest.mark.parametrize("value", [3, "33", [28], [28, 28, 1], [0, 3], [1.5, 2], {"3": 3}])
def test_bad_sizes_are_refused(value):
    refused("image_size", value)


@pytest.mark.parametrize("value", [0, -1.0, "3", [1], True])
def test_bad_thresholds_are_refused(value):
    refused("skip_threshold", value, "skip_threshold must be")


@pytest.mark.parametrize("value", [2, 0, "3", [1], True])
def test_bad_channels_are_refused(value):
    refused("channels", value)


def test_null_stands_for_nothing_but_values_that_may_be_left_out():
    for field in dataclasses.fields(Recipe):
        if field.name == "model":
            refused("model", None)
        elif field.default is None and field.name != "data":
            assert getattr(make(**{field.name: None}), field.name) is None
        else:
            refused(field.name, None)


@pytest.mark.parametrize("name", ["posterior", "prior", "likelihood", "seed"])
def test_nothing_is_said_in_two_places(name):
    words = f"{name} is an option of its own.*--{name}"
    refused("model", f"dense_vae:latent_dim=2,{name}=3", words)


@pytest.mark.parametrize("name", ["model", "likelihood", "condition"])
def test_a_preset_decides_what_the_model_is(name):
    words = f"'other' decides the model, so {name} cannot be given, too"
    with pytest.raises(ValueError, match=words):
        Recipe(**{"data": "digits", "from_preset": "other", name: "normal"})


@pytest.mark.parametrize(
    "values, words",
    [
        ({"from_preset": 3}, "name or path"),
        ({"from_preset": "other", "mixed_precision": True}, "exclude each other"),
    ],
)
def test_a_bad_start_is_refused(values, words):
    with pytest.raises(ValueError, match=words):
        Recipe("digits", **values)


@pytest.mark.parametrize("n, size", [(40, 32), (19_999, 32), (20_000, 128)])
def test_small_data_get_small_batches(n, size):
    resolved = make().resolve(table_set(n=n))
    assert resolved.batch_size == size and resolved.resolve(table_set()) == resolved
    assert make(batch_size=7).resolve(table_set(n=n)).batch_size == 7
    # Nothing else but the epochs is filled in.
    assert dataclasses.replace(resolved, batch_size=None, epochs=None) == make()


@pytest.mark.parametrize(
    "model, epochs", [("dense_vae", 50), ("vae_gan", 20), ("autoencoder_kl", 50)]
)
def test_a_game_is_shorter_since_no_score_ends_it(model, epochs):
    images = table_set((8, 8, 3))
    assert make(model=model).resolve(images).epochs == epochs
    assert make(model=model, epochs=3).resolve(images).epochs == 3
    before = models.get(model, (8, 8, 3))
    tuned = make(model=None, from_preset="there")
    assert tuned.resolve(images, before).epochs == epochs
