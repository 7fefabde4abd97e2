"""Presets of the Hugging Face Hub, in the layout of its own cache, without a network."""

import importlib
import os
import shutil
from pathlib import Path

import pytest

from keras_vae import VAE, DenseVAE
from keras_vae.cli.zoo import upload as upload_command
from keras_vae.core.disk import NEW
from keras_vae.core.files import write_json
from keras_vae.presets.card_data import card_data
from keras_vae.presets.files import METADATA, WEIGHTS, describe_file, read_metadata
from keras_vae.presets.hub import download, is_handle, read_handle, upload
from keras_vae.presets.lookup import _PACKAGE, find_preset, short_name

hub = pytest.importorskip("huggingface_hub", reason="needs the extra 'hub'")
constants = importlib.import_module("huggingface_hub.constants")
REPOSITORY = "somebody/digits"
ZOO = _PACKAGE.parent / "zoo"


@pytest.fixture(scope="module")
def model():
    return DenseVAE((4,), 2, hidden_units=(3,), likelihood="normal", seed=0)


@pytest.fixture
def preset(model, tmp_path):
    model.save_to_preset(tmp_path / "preset", {"data": "made up"})
    return tmp_path / "preset"


@pytest.fixture
def cache(preset, tmp_path, monkeypatch):
    """The cache with the preset at the branch main and at the tag v1."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    home = tmp_path / "cache" / "models--somebody--digits"
    commit = "0123456789abcdef0123456789abcdef01234567"
    (home / "blobs").mkdir(parents=True)
    (home / "snapshots" / commit).mkdir(parents=True)
    (home / "refs").mkdir()
    for reference in ("main", "v1"):
        (home / "refs" / reference).write_text(commit)
    for number, path in enumerate(sorted(preset.iterdir())):
        shutil.copy(path, home / "blobs" / str(number))
        os.symlink(f"../../blobs/{number}", home / "snapshots" / commit / path.name)
    return home / "snapshots" / commit


@pytest.mark.parametrize("revision", ["", "@main", "@v1"])
def test_a_model_comes_from_the_cache(cache, model, revision):
    handle = f"hf://{REPOSITORY}{revision}"
    loaded = VAE.from_preset(handle)
    x = model.sample(5)
    assert (loaded.embed(x) == model.embed(x)).all()
    assert find_preset(handle) == cache


def test_a_path_made_of_a_handle_is_one(cache, tmp_path):
    assert find_preset(Path(f"hf://{REPOSITORY}")) == cache


def test_damage_in_the_cache_is_found(cache):
    blob = (cache / WEIGHTS).resolve()
    blob.write_bytes(blob.read_bytes()[:-1] + b"?")
    with pytest.raises(ValueError, match="is damaged"):
        VAE.from_preset(f"hf://{REPOSITORY}")


@pytest.mark.parametrize("name", ["somebody/faces", f"{REPOSITORY}@v2"])
def test_what_is_not_in_the_cache_needs_the_network(cache, name):
    with pytest.raises(FileNotFoundError, match="cannot be read.*network"):
        download(f"hf://{name}")


@pytest.mark.parametrize("name", ["hf://digits", "hf://a/b/c", "hf://a/b@", "hf:///b"])
def test_handles_have_one_form(name):
    assert is_handle(name)
    with pytest.raises(ValueError, match="hf://user/name"):
        read_handle(name)


@pytest.mark.parametrize(
    "name, short",
    [
        ("dense_vae_digits", "dense_vae_digits"),
        ("runs/my run/", "my run"),
        ("/there/runs/../mine", "mine"),
        (".", Path.cwd().name),
        (Path("hf://user/faces"), "faces"),
        ("hf://user/faces@branch/v2", "faces"),
        ("kaggle://user/faces/keras/small/2", "small"),
        (Path("kaggle://user/faces/keras/small"), "small"),
    ],
)
def test_a_copy_is_called_by_one_part_of_a_path(name, short):
    assert short_name(name) == short


class Api:
    """Notes what would be sent."""

    def create_repo(self, repository, exist_ok, private):
        self.repository = repository, exist_ok, private

    def create_commit(self, operations, **options):
        self.sent = {one.path_in_repo: one.path_or_fileobj for one in operations}
        return "https://hub/commit"


def test_what_is_whole_is_uploaded(preset):
    api = Api()
    address = upload(f"hf://{REPOSITORY}", preset, private=True, api=api)
    assert address == "https://hub/commit"
    assert api.repository == (REPOSITORY, True, True)
    assert set(api.sent) == {*read_metadata(preset)["files"], METADATA}
    with pytest.raises(ValueError, match="revision"):
        upload(f"hf://{REPOSITORY}@v1", preset, api=Api())
    (preset / WEIGHTS).write_bytes(b"?")
    with pytest.raises(ValueError, match="is damaged"):
        upload(f"hf://{REPOSITORY}", preset, api=Api())
    assert {one.name for one in upload_command.params} == {"folder", "handle", "private"}


def test_the_files_that_the_metadata_mean_are_uploaded(preset):
    # A save that was killed before its files were in their places, and a name that is a pattern.
    (preset / f"{NEW}preset").mkdir()
    (preset / WEIGHTS).rename(preset / f"{NEW}preset" / WEIGHTS)
    (preset / WEIGHTS).write_bytes(b"earlier")
    metadata = read_metadata(preset)
    (preset / "a[1].png").write_bytes(b"picture")
    metadata["files"]["a[1].png"] = describe_file(preset / "a[1].png")
    write_json(preset / METADATA, metadata)
    (preset / "README.md").write_text("a card of one's own")
    (preset / "checkpoint-3.weights.h5").write_bytes(b"slots of an optimizer")
    api = Api()
    upload(f"hf://{REPOSITORY}", preset, api=api)
    assert api.sent["README.md"] == str(preset / "README.md")
    assert not any(name.startswith((".", "checkpoint")) for name in api.sent)
    for name, about in metadata["files"].items():
        assert describe_file(Path(api.sent[name])) == about


@pytest.mark.parametrize(
    "path", sorted(ZOO.glob("*/README.md")), ids=lambda p: p.parent.name
)
def test_the_hub_reads_the_cards_of_the_zoo(path):
    metadata = read_metadata(path.parent)
    data = hub.ModelCard.load(path).data
    assert data.license == "apache-2.0" or (data.license, data.license_name) == (
        "other",
        metadata["data"]["licence"],
    )
    assert data.library_name == "keras_vae" and "vae" in data.tags
    assert data.datasets == [metadata["data"]["name"]] and data.metrics
    assert data.model_name == metadata["name"]
    found = {one.metric_type: one.metric_value for one in data.eval_results}
    scores = {k: v for k, v in metadata["scores"].items() if isinstance(v, dict)}
    assert found == {k.replace("_", "-"): v["mean"] for k, v in scores.items()}
    assert all(one.metric_name and one.dataset_split for one in data.eval_results)
    # Made again by the hub's own class, it says the same.
    again = hub.ModelCardData(**data.to_dict())
    assert again.to_dict() == data.to_dict()


def test_the_hub_reads_every_name_of_data():
    metadata = read_metadata(ZOO / "dense_vae_digits")
    for name in ("No", "NULL", "my: data", "Möbel \U0001f600", "1e5", "plain"):
        metadata["data"]["name"] = name
        assert hub.ModelCard(card_data(metadata)).data.datasets == [name]
