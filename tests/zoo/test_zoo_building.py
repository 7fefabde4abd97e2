"""From a run to a preset, its card, and the zoo's tables."""

import ast
import json
import re
import shlex
import shutil

import numpy as np
import pytest

from keras_vae.core.files import write_json
from keras_vae.data.conditions import Conditions
from keras_vae.data.tables import Column
from keras_vae.presets.building import add_files, build_preset
from keras_vae.presets.cards import card, score_text
from keras_vae.presets.files import check_all, read_metadata
from keras_vae.presets.lookup import _PACKAGE
from keras_vae.presets.tables import page, write_page
from keras_vae.training.recipe import Recipe

NAME = "tiny_digits"
REPOSITORY = _PACKAGE.parent


@pytest.fixture
def run(trained, tmp_path):
    shutil.copytree(trained, tmp_path / "run")
    return tmp_path / "run"


def test_a_preset_has_the_files_of_the_run(trained, whole_zoo):
    copied = ["config.json", "model.weights.h5", "recipe.json", "samples.png"]
    for name in copied + ["reconstructions.png", "manifold.png"]:
        expected = (trained / name).read_bytes()
        assert (whole_zoo / NAME / name).read_bytes() == expected
    left_out = {"history.csv", "loss.png"}
    assert not left_out & {path.name for path in (whole_zoo / NAME).iterdir()}


def test_the_metadata_are_those_of_the_run_and_more(trained, whole_zoo):
    metadata, before = read_metadata(whole_zoo / NAME), read_metadata(trained)
    assert metadata["name"] == NAME and metadata["class"] == "DenseVAE"
    assert metadata["parameters"] > 100 and metadata["latent_dim"] == 2
    for name in set(before) - {"files"}:
        assert metadata[name] == before[name]


def test_the_card_says_what_must_be_said(whole_zoo):
    card = (whole_zoo / NAME / "README.md").read_text()
    metadata = read_metadata(whole_zoo / NAME)
    scores = metadata["scores"]
    for words in [
        f"# {NAME}\n",
        metadata["description"],
        f"| licence of the data | {metadata['data']['licence']} |",
        f"{metadata['parameters']:,} parameters",
        "7 examples of the test split, drawn at random; 3 importance samples each",
        f'from_preset("{NAME}")',
        "dense_vae:hidden_units=8,latent_dim=2",
        "keras-vae train recipe.json",
        "the preset has the weights of epoch 1 of 1, the best by val_elbo on the validation split",
        "## Intended use and limits",
        "samples.png",
        "reconstructions.png",
        f"keras-vae export {NAME} models/{NAME}/1",
    ]:
        assert words in card, words
    for key in ("elbo", "log_likelihood", "bits_per_dimension", "elbo_of_all"):
        score = scores[key]
        number = score_text(score["mean"], score["standard_error"], "").rstrip()
        assert number in card
    assert "None" not in card and "{" not in card


def test_the_card_says_how_pixels_were_binarized(run, tmp_path):
    metadata = read_metadata(run)
    metadata["binarized"] = 5
    write_json(run / "metadata.json", metadata)
    recipe = json.loads((run / "recipe.json").read_text())
    recipe |= {"likelihood": "bernoulli", "binarize": "dynamic"}
    write_json(run / "recipe.json", recipe)
    card = (build_preset(run, "binary", tmp_path) / "README.md").read_text()
    assert "binarized once with seed 5 (in training: dynamic)" in card


KIND = Column("kind", "category", ("cat", "big dog"))
AGE = Column("age", "whole", low=3, high=9, integer=True)
DAY = Column("day", "date", low=18000, high=18100, integer=True)


@pytest.mark.parametrize(
    "conditions",
    [
        Conditions([KIND]),
        Conditions([AGE], gaps=True),
        Conditions([KIND, AGE, DAY]),
        Conditions([], library_size=1234.5),
        Conditions([KIND], library_size=1234.5),
    ],
)
def test_the_card_asks_for_a_condition_that_the_model_takes(whole_zoo, conditions):
    metadata = read_metadata(whole_zoo / NAME)
    text = card(metadata, {}, ["samples.png"], conditions)
    in_python = re.search(r"vae\.sample\(64, y=(.*), seed=0\)", text)[1]
    line = re.search(r"keras-vae sample .*", text)[0]
    option = shlex.split(line)[shlex.split(line).index("--y") + 1]
    coded = conditions.codes(ast.literal_eval(in_python))
    np.testing.assert_array_equal(conditions.codes(conditions.read(option)), coded)
    assert ("a row for each class" in text) == isinstance(conditions.shape, int)


def test_the_card_of_a_table_writes_tables(whole_zoo):
    metadata = read_metadata(whole_zoo / NAME)
    metadata["data"]["event_shape"] = [5]
    text = card(metadata, {}, [], Conditions([KIND]))
    assert "--y cat --output samples.csv" in text and "--data mine.csv" in text


def test_pictures_of_data_that_must_not_be_passed_on_are_left_out(run, tmp_path):
    metadata = read_metadata(run)
    metadata["data"]["licence"] = "non-commercial research only"
    write_json(run / "metadata.json", metadata)
    preset = build_preset(run, "faces", tmp_path)
    names = {path.name for path in preset.iterdir()}
    assert "reconstructions.png" not in names and "samples.png" in names
    assert "reconstructions" not in (preset / "README.md").read_text()


def test_a_description_may_be_given(trained, tmp_path):
    preset = build_preset(trained, "a1", tmp_path, "Tiny digits.")
    assert read_metadata(preset)["description"] == "Tiny digits."
    assert "\nTiny digits.\n" in (preset / "README.md").read_text()


@pytest.mark.parametrize("name", ["", "Tiny", "a-b", "a/b", "../a", "1a", ".a", "a b"])
def test_a_name_that_cannot_be_one_is_refused(trained, tmp_path, name):
    with pytest.raises(ValueError, match="cannot be a preset's name"):
        build_preset(trained, name, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_folder_of_something_else_is_never_replaced(trained, preset, own_zoo):
    shutil.copytree(preset, own_zoo / "other")
    (own_zoo / "notes").mkdir()
    for name in ("other", "notes"):
        with pytest.raises(FileExistsError):
            build_preset(trained, name, own_zoo, overwrite=True)
        assert (own_zoo / name).is_dir()


def test_a_preset_is_replaced_only_on_demand(trained, own_zoo, preset):
    before = (preset / "metadata.json").read_bytes()
    with pytest.raises(FileExistsError, match="--overwrite"):
        build_preset(trained, NAME, own_zoo)
    assert (preset / "metadata.json").read_bytes() == before
    build_preset(trained, NAME, own_zoo, overwrite=True)
    assert not (preset / "1").exists() and check_all(preset)
    assert [path.name for path in own_zoo.iterdir()] == [NAME]


def unfinished(run):
    metadata = read_metadata(run)
    metadata["training"]["finished"] = False
    write_json(run / "metadata.json", metadata)


def without_scores(run):
    metadata = read_metadata(run)
    del metadata["scores"]
    write_json(run / "metadata.json", metadata)


def not_of_the_command(run):
    metadata = read_metadata(run)
    del metadata["training"]
    write_json(run / "metadata.json", metadata)


def damaged(run):
    (run / "model.weights.h5").write_bytes(b"")


@pytest.mark.parametrize(
    "harm, words",
    [
        (unfinished, "is not finished"),
        (without_scores, "has no scores"),
        (not_of_the_command, "does not say training"),
        (damaged, "model.weights.h5 is damaged"),
    ],
)
def test_a_run_that_lacks_something_is_refused(run, tmp_path, harm, words):
    harm(run)
    with pytest.raises(ValueError, match=words):
        build_preset(run, "new", tmp_path / "zoo")
    assert not (tmp_path / "zoo").exists()


def test_adding_takes_new_files_and_nothing_that_is_damaged(preset):
    (preset / "2").mkdir()
    (preset / "2" / "saved_model.pb").write_bytes(b"another")
    assert add_files(preset) == ["2/saved_model.pb"] and "2/saved_model.pb" in check_all(
        preset
    )
    assert add_files(preset) == []
    (preset / "samples.png").write_bytes(b"other")
    (preset / "new").touch()
    with pytest.raises(ValueError, match="samples.png is damaged"):
        add_files(preset)
    assert "new" not in read_metadata(preset)["files"]


def test_files_are_not_added_to_a_run(trained):
    with pytest.raises(ValueError, match="not a preset of the zoo.*zoo build"):
        add_files(trained)


def test_the_page_has_a_row_for_each_preset(own_zoo, trained):
    build_preset(trained, "another", own_zoo)
    assert write_page(own_zoo) == own_zoo / "README.md"
    text = (own_zoo / "README.md").read_text()
    for name in ("another", NAME):
        score = read_metadata(own_zoo / name)["scores"]["log_likelihood_of_all"]
        number = score_text(score["mean"], score["standard_error"], "nats")
        (row,) = (line for line in text.splitlines() if f"[{name}]" in line)
        assert f"whole split, estimated (S=3) {number}" in row and "CC BY 4.0" in row
        assert f'src="{name}/samples.png"' in row
    before = text
    write_page(own_zoo)
    assert (own_zoo / "README.md").read_text() == before


def test_a_model_without_a_likelihood_is_in_the_page_by_its_psnr():
    score = {"mean": 20.0, "standard_error": 0.5}
    scores = {"num_examples": 9, "num_samples": 5, "split": "test", "psnr": score}
    data = {"name": "faces", "licence": "none"}
    about = {"data": data, "parameters": 1234, "scores": scores, "files": {}}
    about["binarized"] = None
    text = page({"gan": about}, {"gan": Recipe("vae_gan", "faces")})
    assert "PSNR of reconstructions 20.00 +- 0.50 dB" in text and "1,234" in text
    assert "9 examples of the test split; 5 samples from the prior" in text


def test_what_is_not_a_preset_of_its_name_is_named(own_zoo):
    (own_zoo / NAME).rename(own_zoo / "renamed")
    with pytest.raises(ValueError, match="renamed is not a preset of that name"):
        write_page(own_zoo)


def test_a_zoo_without_models_says_so(tmp_path):
    write_page(tmp_path)
    assert "No models are here yet" in (tmp_path / "README.md").read_text()
    with pytest.raises(FileNotFoundError, match="no folder .*nowhere"):
        write_page(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "error, text",
    [
        (0.0123, "-1.235 +- 0.012 u"),
        (0.5, "-1.23 +- 0.50 u"),
        (1.26, "-1.2 +- 1.3 u"),
        (None, "-1.235 +- n/a u"),
    ],
)
def test_a_score_has_as_many_digits_as_its_error_allows(error, text):
    assert score_text(-1.2346, error, "u") == text


@pytest.mark.skipif(not (REPOSITORY / "zoo").is_dir(), reason="installed without a clone")
def test_the_zoo_of_this_repository_is_whole_and_its_tables_are_made_from_it(tmp_path):
    zoo = REPOSITORY / "zoo"
    for metadata in zoo.glob("[!.]*/metadata.json"):
        check_all(metadata.parent)
        for name in ("metadata.json", "recipe.json"):
            (tmp_path / metadata.parent.name).mkdir(exist_ok=True)
            shutil.copy(metadata.parent / name, tmp_path / metadata.parent.name)
    write_page(tmp_path)
    assert (zoo / "README.md").read_text() == (tmp_path / "README.md").read_text()
