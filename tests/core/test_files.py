"""Files are whole or not there."""

import hashlib
import json
import os

import h5py
import keras
import numpy as np
import pytest

from keras_vae.core.files import (
    read_json,
    sha256_of,
    write_atomically,
    write_json,
    write_weights,
)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_written_and_folders_are_made(tmp_path):
    path = tmp_path / "a" / "b" / "note.txt"
    write_atomically(path, lambda p: p.write_text("new"))
    assert path.read_text() == "new" and names(path.parent) == ["note.txt"]


def test_an_earlier_file_is_replaced(tmp_path):
    path = tmp_path / "note.txt"
    path.write_text("a long old text")
    write_atomically(str(path), lambda p: p.write_text("new"))
    assert path.read_text() == "new" and names(tmp_path) == ["note.txt"]


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_a_failure_leaves_the_earlier_file_and_no_litter(tmp_path, error):
    path = tmp_path / "note.txt"
    path.write_text("old")

    def half(p):
        p.write_text("ne")
        raise error

    with pytest.raises(type(error)):
        write_atomically(path, half)
    assert path.read_text() == "old" and names(tmp_path) == ["note.txt"]


def test_contents_are_on_the_disk_before_the_file_has_its_name(tmp_path, monkeypatch):
    path, flushed = tmp_path / "note.txt", []

    def fsync(number):
        flushed.append(os.fstat(number).st_size)
        assert not path.exists()

    monkeypatch.setattr("keras_vae.core.files.os.fsync", fsync)
    write_atomically(path, lambda p: p.write_text("new"))
    assert flushed == [3] and path.read_text() == "new"


def test_the_leftover_of_a_kill_is_hidden_and_used_up(tmp_path):
    path = tmp_path / "note.txt"
    (tmp_path / ".new.note.txt").write_text("a much longer leftover")
    write_atomically(path, lambda p: p.write_text(p.name))
    assert path.read_text() == ".new.note.txt" and names(tmp_path) == ["note.txt"]


def test_a_failure_makes_no_file(tmp_path):
    with pytest.raises(ZeroDivisionError):
        write_atomically(tmp_path / "note.txt", lambda p: 1 / 0)
    assert names(tmp_path) == []


def test_the_file_is_not_seen_before_it_is_complete(tmp_path):
    path = tmp_path / "model.weights.h5"

    def write(p):
        p.write_text("half")
        # Beside its place (a move between disks is no single step), under its suffix.
        assert p.parent == path.parent and p.name.endswith(".weights.h5")
        assert not path.exists()

    write_atomically(path, write)
    assert path.read_text() == "half"


@pytest.mark.parametrize("value", [{"a": [1, 2.5, None, "ä"]}, [], "text", 0.1])
def test_json_round_trip(tmp_path, value):
    write_json(tmp_path / "v.json", value)
    assert read_json(tmp_path / "v.json") == value


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {"a": {1, 2}}])
def test_what_json_cannot_hold_is_refused_and_nothing_is_lost(tmp_path, value):
    path = tmp_path / "v.json"
    write_json(path, "old")
    with pytest.raises((ValueError, TypeError)):
        write_json(path, value)
    assert json.loads(path.read_text()) == "old" and names(tmp_path) == ["v.json"]


@pytest.mark.parametrize(
    "content",
    [b"", b'{"a": 1', b"\xff\xfe{}", b"{} {}", b"[" * 100_000, b"1" * 5000],
    ids=lambda content: content[:8].decode("latin-1"),
)
def test_a_damaged_json_file_is_named(tmp_path, content):
    path = tmp_path / "recipe.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="recipe.json is damaged"):
        read_json(path)


def test_a_missing_json_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="recipe.json"):
        read_json(tmp_path / "recipe.json")


@pytest.mark.parametrize("size", [0, 1, 1 << 20, (1 << 20) + 1, 3_000_000])
def test_checksums_are_those_of_the_whole_file(tmp_path, size):
    content = (bytes(range(251)) * (size // 251 + 1))[:size]
    (tmp_path / "f").write_bytes(content)
    assert sha256_of(tmp_path / "f") == hashlib.sha256(content).hexdigest()


def test_weights_are_those_that_keras_writes(tmp_path):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.compile("adam", "mse")
    model.fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0)
    write_weights(model, tmp_path / "memory.weights.h5")
    model.save_weights(tmp_path / "keras.weights.h5")
    files = [h5py.File(tmp_path / f"{name}.weights.h5") for name in ("memory", "keras")]
    found = [{}, {}]
    for file, values in zip(files, found, strict=True):
        file.visititems(
            lambda name, one, values=values: (
                values.update({name: one[()]}) if isinstance(one, h5py.Dataset) else None
            )
        )
    assert found[0].keys() == found[1].keys() and len(found[0]) > 5
    for name in found[0]:
        np.testing.assert_array_equal(found[0][name], found[1][name])
    # And Keras reads them.
    before = model.get_weights()
    model.set_weights([0 * w for w in before])
    model.load_weights(tmp_path / "memory.weights.h5")
    np.testing.assert_array_equal(model.get_weights()[0], before[0])
