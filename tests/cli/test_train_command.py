"""`keras-vae train`: options, recipes, folders."""

import dataclasses
import json
import os
import sys

import click
import numpy as np
import pytest
from commands import MODEL, SMALL, write_images

from keras_vae import VAE, training
from keras_vae.cli.main import commands
from keras_vae.presets.files import read_metadata
from keras_vae.training.recipe import Recipe

OPTIONS = {one.name: one for one in commands.commands["train"].params}
FIELDS = [field for field in dataclasses.fields(Recipe) if field.name != "model"]

# An option's text, and the value of the recipe that it stands for.
VALUES = {
    "data": ("mine.npy", "mine.npy"),
    "posterior": ("full_normal", "full_normal"),
    "prior": ("mixture_of_normals:num_components=4",) * 2,
    "likelihood": ("normal", "normal"),
    "objective": ("iwae:num_samples=4", "iwae:num_samples=4"),
    "optimizer": ("adam:learning_rate=0.01", "adam:learning_rate=0.01"),
    "schedule": ("constant", "constant"),
    "warmup_epochs": ("2", 2),
    "binarize": ("static", "static"),
    "epochs": ("7", 7),
    "patience": ("3", 3),
    "batch_size": ("64", 64),
    "seed": ("5", 5),
    "image_size": ("32x24", (32, 24)),
    "channels": ("3", 3),
    "levels": ("0:16", (0, 16)),
    "skip_damaged": ((), True),
    "stream": ((), True),
    "sample_rate": ("8000", 8000),
    "seconds": ("1.5", 1.5),
    "library_size": ((), True),
    "augment": ("flip,shift=2", "flip,shift=2"),
    "label": ("income", "income"),
    "condition": ("age,job", "age,job"),
    "labels": ("100", 100),
    "header": ((), True),
    "mixed_precision": ((), True),
    "skip_threshold": ("200", 200.0),
    "deterministic": ([], True),
    "jit": ((), True),
}


@pytest.fixture
def asked(monkeypatch):
    """Calls of `training.train`, which does nothing."""
    calls = []

    def record(recipe, output, **options):
        calls.append((recipe, str(output), options))

    monkeypatch.setattr(training, "train", record)
    return calls


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_every_value_of_a_recipe_has_an_option_with_a_text(field):
    option = OPTIONS[field.name]
    assert f"--{field.name.replace('_', '-')}" in option.opts
    about = option.help.split("  [default")[0]
    assert len(about) > 15 and about.endswith(".") and "\n" not in about
    # Nothing of the next entry, and nothing that click would read as a value.
    assert not any(f"{other.name}:" in about for other in FIELDS)
    assert option.default is None
    if field.default not in (None, dataclasses.MISSING):
        assert option.help.endswith(f"[default: {field.default}]")


def test_there_are_no_options_that_stand_for_nothing():
    names = {field.name for field in FIELDS}
    others = {"model", "output", "resume", "overwrite", "kinds", "quiet", "verbose", "log"}
    others |= {"log_images"}
    assert set(OPTIONS) == names | others
    assert all(one.help for one in OPTIONS.values() if isinstance(one, click.Option))


def test_every_option_is_tried():
    # What --from-preset and --columns do is in test_zoo_command.py, test_table_commands.py.
    assert set(VALUES) == {field.name for field in FIELDS} - {"from_preset", "columns"}


@pytest.mark.parametrize("name", VALUES)
def test_each_option_sets_its_value(command, asked, name):
    text, value = VALUES[name]
    texts = [text] if isinstance(text, str) else text
    model = "dense_vae"
    option = [f"--{name.replace('_', '-')}", *texts]
    data = [] if name == "data" else ["--data", "digits"]
    assert command("train", model, *data, *option).code == 0
    ((recipe, _, _),) = asked
    expected = {"model": model, "data": "digits", name: value}
    assert recipe == Recipe(**expected) and getattr(recipe, name) == value


@pytest.mark.parametrize("name", ["jit", "mixed-precision"])
def test_flags_can_be_turned_off(command, asked, name):
    command("train", "dense_vae", "--data", "digits", f"--no-{name}")
    assert getattr(asked[0][0], name.replace("-", "_")) is False


@pytest.mark.parametrize(
    "options, resume, overwrite",
    [([], False, False), (["--resume"], True, False), (["--overwrite"], False, True)],
)
def test_folder_and_what_may_be_done_to_it(command, asked, options, resume, overwrite):
    command("train", "dense_vae", "--data", "some/photos/", *options)
    command("train", "dense_vae", "--data", "digits", "--output", "x", *options)
    # Shells leave it as it is.
    command("train", "dense_vae", "--data", "digits", "--output=~/x", *options)
    home = os.path.expanduser("~/x")
    assert [call[1] for call in asked] == ["runs/dense_vae_photos", "x", home]
    for _, _, given in asked:
        assert given["resume"] == resume and given["overwrite"] == overwrite


def test_options_change_single_values_of_a_recipe(command, asked, tmp_path):
    recipe = Recipe(model="dense_vae", data="digits", objective="elbo:beta=2.0", epochs=3)
    (tmp_path / "r.json").write_text(json.dumps(recipe.to_config()))
    command("train", "r.json")
    command("train", "r.json", "--objective", "elbo", "--data", "mnist_5k")
    changed = dataclasses.replace(recipe, objective="elbo", data="mnist_5k")
    assert [call[0] for call in asked] == [recipe, changed]


def test_a_run_is_resumed_by_its_folder_alone(command, asked, digits_run):
    command("train", "--resume", "--output", digits_run)
    assert asked[0][0] == Recipe.from_json(digits_run / "recipe.json")


def test_ctrl_c_before_the_first_epoch_says_that_nothing_is_kept(command, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("keras_vae.training.run._fit", interrupted)
    options = ["train", "dense_vae", "--data", "digits", *SMALL, "--output", "run"]
    result = command(*options)
    assert result.code == 130
    assert "before the end of the first epoch; nothing was saved" in result.err
    assert "--resume" not in result.err
    # What is there does not stand in the way.
    monkeypatch.undo()
    monkeypatch.setattr(training, "train", lambda recipe, output, **_: None)
    assert command(*options).code == 0


@pytest.mark.parametrize("data", [[], ["--data", "digits"]])
def test_a_run_is_resumed_by_its_model_and_folder(command, asked, digits_run, data):
    """The recipe in the folder is taken where no data are named."""
    command("train", MODEL, *data, "--resume", "--output", digits_run)
    kept = Recipe.from_json(digits_run / "recipe.json")
    assert asked[0][0] == (Recipe("digits", MODEL) if data else kept)


def test_progress_is_shown_and_a_finished_run_is_left(command, digits_run, tmp_path):
    options = ["train", digits_run / "recipe.json", "--output", "again"]
    result = command(*options)
    assert result.code == 0 and "training on 1" in result.out
    first, second = (one for one in result.out.splitlines() if one.startswith("epoch "))
    assert first.startswith("epoch 1/2, ELBO -") and first.endswith(" left")
    assert ", validation -" in second and ", best -" in second and second.endswith(" s")
    # Nothing is overwritten in a file.
    assert "\r" not in result.out and "\x1b" not in result.out
    assert "scores of 180 held-out examples (probability)" in result.out
    before = (tmp_path / "again" / "metadata.json").read_bytes()
    assert "is finished" in command(*options, "--resume").out
    assert command(*options).code == 1
    assert (tmp_path / "again" / "metadata.json").read_bytes() == before


@pytest.mark.parametrize("kind", ["csv", "folder"])
def test_own_data_are_trained_on_and_used(command, tmp_path, kind):
    table = np.random.default_rng(0).normal(3, 2, (40, 4)).astype("f4")
    if kind == "folder":
        data, shape = write_images(tmp_path / "own", 30), (8, 8, 1)
    else:
        data, shape = tmp_path / "own.csv", (4,)
        np.savetxt(data, table, delimiter=",")
    model = ["conv_vae:filters=4,latent_dim=2"] if kind == "folder" else [MODEL, *SMALL]
    given = ["--data", data, "--epochs", "1", "--no-jit"]
    assert command("train", *model, *given, "--output", "run").code == 0
    assert VAE.from_preset("run").event_shape == shape
    assert read_metadata("run")["data"]["licence"] == "unknown (own data)"
    result = command("evaluate", "run", "--num-samples", "5", "--split", "all")
    assert result.code == 0
    assert f"of {30 if kind == 'folder' else 40} held-out examples" in result.out


@pytest.mark.slow
def test_quiet_verbose_and_logs(command, digits_run, tmp_path, monkeypatch):
    options = ["train", digits_run / "recipe.json", "--epochs", "1", "--output"]
    with monkeypatch.context() as patch:
        # Where steps would be counted.
        patch.setattr(sys.stdout, "isatty", lambda: True)
        assert command(*options, "quiet", "--quiet", "--log", "csv") == (0, "", "")
    header, row = (tmp_path / "quiet" / "log.csv").read_text().splitlines()
    assert "val_elbo" in header.split(",") and row.startswith("0,")
    assert "val_elbo:" in command(*options, "verbose", "--verbose").out
    for given, words in [
        (["--quiet", "--verbose"], "exclude each other"),
        (["--log", "cvs"], "Did you mean 'csv'"),
        (["--log-images", "-1"], "x>=0"),
        (["--image-size", "big"], "such as 64"),
    ]:
        result = command(*options, "refused", *given)
        assert result.code and words in result.err
    assert not (tmp_path / "refused").exists()
