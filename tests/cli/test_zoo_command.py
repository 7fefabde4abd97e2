"""`keras-vae zoo`, presets in the place of runs, and fine-tuning."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from keras_vae import VAE, training
from keras_vae.data import load
from keras_vae.evaluation import describe_scores, held_out_scores
from keras_vae.export import read_signatures
from keras_vae.models import LatentVariableModel
from keras_vae.presets import lookup
from keras_vae.presets.building import build_preset
from keras_vae.training.recipe import Recipe

NAME = "digits_vae"


@pytest.fixture(scope="module")
def whole_zoo(digits_run, tmp_path_factory):
    """A zoo with the run as a preset; only to be read."""
    folder = tmp_path_factory.mktemp("zoo")
    build_preset(digits_run, NAME, folder)
    return folder


@pytest.fixture(autouse=True)
def zoo(whole_zoo, monkeypatch):
    """The zoo that the command knows, and no other."""
    monkeypatch.setenv("KERAS_VAE_ZOO", str(whole_zoo))
    monkeypatch.setattr(lookup, "_own_zoo", lambda: [])
    return whole_zoo


def test_list_show_and_verify(command, zoo):
    listed = command("zoo", "list")
    assert listed == (0, f"{NAME}  DenseVAE of digits, latent size 2\n", "")
    card = (zoo / NAME / "README.md").read_text()
    assert command("zoo", "show", NAME).out == card
    every, one = command("zoo", "verify"), command("zoo", "verify", NAME)
    assert every.code == one.code == 0 and "7 files are undamaged" in one.out
    assert every.out == f"{one.out}checked: 1 preset(s)\n"


def test_an_empty_zoo_is_said(command, tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("KERAS_VAE_ZOO", str(tmp_path / "empty"))
    assert "no pretrained models here" in command("zoo", "list").out
    assert command("zoo", "verify").out == "checked: 0 preset(s)\n"


def test_what_has_no_card_is_shown_by_its_metadata(command, digits_run):
    shown = command("zoo", "show", digits_run).out
    assert "model: dense_vae" in shown and "log-likelihood" in shown


def test_every_damaged_preset_is_reported(command, zoo, tmp_path, monkeypatch):
    for name in ("one", "two", "whole"):
        shutil.copytree(zoo / NAME, tmp_path / "zoo" / name)
    (tmp_path / "zoo/one/samples.png").write_bytes(b"")
    (tmp_path / "zoo/two/recipe.json").unlink()
    monkeypatch.setenv("KERAS_VAE_ZOO", str(tmp_path / "zoo"))
    result = command("zoo", "verify")
    assert result.code == 1 and "whole: 7 files are undamaged" in result.out
    for words in (
        "samples.png is damaged",
        "recipe.json is missing",
        "2 of 3 presets are damaged",
    ):
        assert words in result.err


def test_a_card_that_was_altered_is_not_shown(command, zoo, tmp_path):
    shutil.copytree(zoo / NAME, tmp_path / "copy")
    (tmp_path / "copy/README.md").write_text("The best model there is.")
    result = command("zoo", "show", "copy")
    assert result.code == 1 and "README.md is damaged" in result.err


def test_build_add_files_and_table(command, digits_run, tmp_path):
    options = ["zoo", "build", digits_run, "mine", "--description", "My digits"]
    assert command(*options).out == "wrote zoo/mine\n"
    again = command(*options)
    assert again.code == 1 and "--overwrite" in again.err
    assert command(*options, "--overwrite").code == 0
    (tmp_path / "zoo/mine/walks.png").write_bytes(b"picture")
    assert "walks.png" in command("zoo", "add-files", "zoo/mine").out
    assert command("zoo", "table").out == "wrote zoo/README.md\n"
    assert "My digits" in (tmp_path / "zoo/README.md").read_text()
    assert command("zoo", "verify", "zoo/mine").code == 0


@pytest.mark.slow
def test_the_zoo_is_exported_as_a_model_repository(command, tmp_path):
    said = command("zoo", "export", "models").out
    assert said == f"wrote models/{NAME}/1\nwrote models/models.config\n"
    assert "sample" in read_signatures(tmp_path / "models" / NAME / "1")
    assert f'"/models/{NAME}"' in (tmp_path / "models/models.config").read_text()
    again = command("zoo", "export", "models", NAME)
    assert again.code == 1 and "--overwrite" in again.err
    assert command("zoo", "export", "models", NAME, "--overwrite").code == 0


def test_an_empty_zoo_is_not_exported(command, tmp_path, monkeypatch):
    monkeypatch.setattr("keras_vae.cli.zoo.preset_folders", dict)
    answer = command("zoo", "export", "models")
    assert answer.code == 1 and "no pretrained models" in answer.err
    assert not any(tmp_path.iterdir())


def test_what_is_not_in_the_zoo_is_exported_into_the_folder_too(
    command, digits_run, tmp_path, monkeypatch
):
    written = []

    def export(self, folder, **options):
        written.append(folder)
        folder.mkdir(parents=True)
        (folder / "saved_model.pb").touch()

    for number in ("2", "10"):
        export(None, Path("models/earlier") / number)
    written.clear()

    monkeypatch.setattr(LatentVariableModel, "export", export)
    before = sorted(digits_run.iterdir())
    assert command("zoo", "export", "models", digits_run, NAME).code == 0
    assert written == [Path("models", name, "1") for name in (digits_run.name, NAME)]
    assert sorted(digits_run.iterdir()) == before
    config = (tmp_path / "models/models.config").read_text()
    assert f'base_path: "/models/{digits_run.name}"' in config
    # Models that are there already are served as before.
    earlier = config.partition('base_path: "/models/earlier"')[2]
    assert earlier.index('"latest" value: 10') < earlier.index('"previous" value: 2')
    twice = command("zoo", "export", "models", digits_run, digits_run)
    assert twice.code == 2 and "the same name" in twice.err


def test_scores_are_measured_anew_for_the_card(command, digits_run, zoo, tmp_path):
    shutil.copytree(zoo / NAME, tmp_path / "zoo" / NAME)
    options = ["zoo", "score", f"zoo/{NAME}", "--num-samples", "7", "--limit", "5"]
    said = command(*options).out
    scores = json.loads((tmp_path / f"zoo/{NAME}/metadata.json").read_text())["scores"]
    assert scores["num_samples"] == 7 and scores["num_examples"] == 5
    x = load("digits").x_test
    expected = held_out_scores(VAE.from_preset(zoo / NAME), x, 7, limit=5)
    assert scores == {**expected, "split": "test"}
    assert describe_scores(expected) in said
    assert "7 importance samples each" in command("zoo", "show", f"zoo/{NAME}").out
    assert command("zoo", "verify", f"zoo/{NAME}").code == 0
    refused = command("zoo", "score", digits_run)
    assert refused.code == 1 and "not a preset of the zoo" in refused.err


@pytest.mark.thinned
@pytest.mark.parametrize(
    "subcommand, options",
    [
        ("info", []),
        ("evaluate", ["--num-samples", "2"]),
        ("sample", ["--output", "a.npy"]),
        ("reconstruct", ["--output", "a.npy"]),
        ("embed", ["--output", "a.npz"]),
        ("edit", ["--attribute", "3", "--output", "a.png"]),
    ],
)
def test_every_command_takes_a_preset(
    command, digits_run, zoo, tmp_path, monkeypatch, subcommand, options
):
    by_name = command(subcommand, NAME, *options)
    files = {path.name: path.read_bytes() for path in tmp_path.glob("a.*")}
    by_folder = command(subcommand, digits_run, *options)
    assert by_name.code == 0 and by_name == by_folder
    if not subcommand.startswith("e"):
        assert files == {path.name: path.read_bytes() for path in tmp_path.glob("a.*")}
    unknown = command(subcommand, "digit_vae", *options)
    assert unknown.code == 1 and "Did you mean 'digits_vae'" in unknown.err
    shutil.copytree(zoo / NAME, tmp_path / "zoo" / NAME)
    (tmp_path / "zoo" / NAME / "config.json").write_text("{}")
    monkeypatch.setenv("KERAS_VAE_ZOO", str(tmp_path / "zoo"))
    damaged = command(subcommand, NAME, *options)
    assert damaged.code == 1 and "config.json is damaged" in damaged.err


TUNE = ["train", "--from-preset", NAME, "--data", "digits", "--epochs", "1", "--no-jit"]


def test_the_preset_says_what_the_model_is(command, monkeypatch):
    calls = []
    monkeypatch.setattr(training, "train", lambda r, o, **_: calls.append((r, str(o))))
    assert command(*TUNE).code == 0
    ((recipe, output),) = calls
    assert output == f"runs/{NAME}_digits"
    assert recipe == Recipe("digits", from_preset=NAME, epochs=1, jit=False)


@pytest.mark.parametrize(
    "arguments, code, words",
    [
        (["train", "dense_vae", *TUNE[1:]], 1, "decides the model, so model cannot"),
        ([*TUNE, "--likelihood", "normal"], 1, "so likelihood cannot be given, too"),
        ([*TUNE, "--posterior", "full_normal"], 1, "cannot continue the trained Indep"),
        (
            [*TUNE, "--likelihood", "normal", "--condition", "labels"],
            1,
            "so likelihood and condition cannot be given, too. Leave them out",
        ),
        (["train", "--from-preset", NAME], 2, "--data"),
        (["train", "--from-preset", "digit", "--data", "digits"], 1, "'digits_vae'"),
        ([*TUNE[:3], "--data", "other.npy"], 1, "shape (8, 8, 1), but"),
        (
            [*TUNE[:3], "--data", "bright.npy"],
            1,
            "levels from 0 to 255",
        ),
    ],
)
def test_what_contradicts_the_preset_is_refused(command, tmp_path, arguments, code, words):
    np.save("other.npy", np.random.default_rng(0).random((40, 4)))
    np.save("bright.npy", np.full((40, 8, 8), 200, np.uint8))
    result = command(*arguments, "--output", "run")
    assert result.code == code and words in result.err
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_fine_tuning_goes_on_from_the_weights(command, digits_run, tmp_path):
    frozen = ["--optimizer", "adam:learning_rate=0", "--output", "run"]
    assert command(*TUNE, *frozen).code == 0
    for one, other in zip(
        VAE.from_preset("run").get_weights(),
        VAE.from_preset(digits_run).get_weights(),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)
    recipe = json.loads((tmp_path / "run/recipe.json").read_text())
    assert recipe["from_preset"] == NAME
    assert "is finished" in command("train", "--resume", "--output", "run").out
