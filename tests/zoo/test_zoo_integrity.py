"""Every file of a preset has a checksum; nothing that has another one is read."""

import json

import pytest

import keras_vae
from keras_vae.presets.files import CONFIG, METADATA, WEIGHTS, check_all, files_in
from keras_vae.training.fine_tuning import read_run

NAME = "tiny_digits"
FILES = [CONFIG, WEIGHTS, "recipe.json", "README.md", "samples.png"]
FILES += ["reconstructions.png", "manifold.png", "1/saved_model.pb"]
FILES += ["1/variables/variables.index"]


def change(preset, **values):
    metadata = json.loads((preset / METADATA).read_text())
    (preset / METADATA).write_text(json.dumps({**metadata, **values}))


def test_all_files_have_a_checksum(preset):
    assert sorted(check_all(preset)) == sorted(FILES) == sorted(files_in(preset))


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("how", ["altered", "truncated", "missing"])
def test_damage_of_any_file_is_found(preset, name, how):
    content = (preset / name).read_bytes()
    if how == "missing":
        (preset / name).unlink()
    else:
        altered = content[:-1] + bytes([content[-1] ^ 1])
        (preset / name).write_bytes(altered if how == "altered" else content[:-1])
    words = "is missing" if how == "missing" else "is damaged.*checksum differs"
    with pytest.raises((ValueError, FileNotFoundError), match=f"{name} {words}"):
        check_all(preset)
    if name in (CONFIG, WEIGHTS):
        with pytest.raises((ValueError, FileNotFoundError), match=f"{name} {words}"):
            keras_vae.VAE.from_preset(NAME)
    else:
        # What is not read does not stand in the way.
        keras_vae.VAE.from_preset(NAME)


def test_a_recipe_is_checked_before_it_is_read(preset):
    recipe = json.loads((preset / "recipe.json").read_text())
    (preset / "recipe.json").write_text(json.dumps({**recipe, "seed": 7}))
    with pytest.raises(ValueError, match="recipe.json is damaged"):
        read_run(NAME)


@pytest.mark.parametrize("name", ["extra.txt", "1/extra", "2/saved_model.pb"])
def test_a_file_without_a_checksum_is_found(preset, name):
    (preset / name).parent.mkdir(exist_ok=True)
    (preset / name).touch()
    with pytest.raises(
        ValueError, match=f"without a checksum in .*: {name}.*zoo add-files"
    ):
        check_all(preset)


def test_hidden_files_are_no_files_of_the_preset(preset):
    (preset / ".DS_Store").touch()
    check_all(preset)


@pytest.mark.parametrize("number", [3, None])
def test_a_newer_format_is_refused(preset, number):
    change(preset, format=number)
    for read in (keras_vae.VAE.from_preset, check_all, read_run):
        with pytest.raises(ValueError, match="Update keras_vae"):
            read(preset)


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "1/../../x", "..\\x"])
def test_a_name_that_leads_out_of_the_folder_is_refused(preset, name):
    files = json.loads((preset / METADATA).read_text())["files"]
    change(preset, files={**files, name: {"sha256": "0", "bytes": 0}})
    with pytest.raises(ValueError, match="metadata.json is damaged"):
        check_all(preset)
