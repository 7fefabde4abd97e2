"""Files are whole or not there."""

import hashlib
import json
import os

import pytest

from keras_vae.core.files import (
    read_json,
    sha256_of,
    write_atomically,
    write_folder_atomically,
    write_json,
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


@pytest.mark.parametrize("content", [b"", b'{"a": 1', b"\xff\xfe{}", b"{} {}"])
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


def write_note(text):
    return lambda folder: (folder / "note.txt").write_text(text)


def test_a_folder_is_written_and_its_parents_are_made(tmp_path):
    folder = tmp_path / "a" / "1"
    write_folder_atomically(folder, write_note("new"))
    assert (folder / "note.txt").read_text() == "new" and names(folder.parent) == ["1"]
    # As any new folder: a server may run as another user.
    (tmp_path / "plain").mkdir()
    assert folder.stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_an_empty_folder_is_written_into(tmp_path):
    (tmp_path / "1").mkdir()
    write_folder_atomically(tmp_path / "1", write_note("new"))
    assert names(tmp_path / "1") == ["note.txt"]


@pytest.mark.parametrize(
    "overwrite, replaceable, message",
    [
        (False, ["note.txt"], "1 exists and holds note.txt.*overwrite=True"),
        (True, [], "1 holds note.txt, which was not written here"),
    ],
)
def test_a_folder_that_may_not_be_replaced_stays(tmp_path, overwrite, replaceable, message):
    write_folder_atomically(tmp_path / "1", write_note("old"))
    with pytest.raises(FileExistsError, match=message):
        write_folder_atomically(tmp_path / "1", write_note("new"), overwrite, replaceable)
    assert (tmp_path / "1" / "note.txt").read_text() == "old" and names(tmp_path) == ["1"]


def test_a_folder_is_replaced_as_a_whole(tmp_path):
    write_folder_atomically(tmp_path / "1", lambda f: (f / "old.txt").write_text("old"))
    # What a killed process left.
    (tmp_path / ".new.1").mkdir()
    (tmp_path / ".new.1" / "half.txt").write_text("ha")
    write_folder_atomically(tmp_path / "1", write_note("new"), True, ["old.txt"])
    assert names(tmp_path) == ["1"] and names(tmp_path / "1") == ["note.txt"]


def test_a_folder_is_not_written_over_a_file(tmp_path):
    (tmp_path / "1").write_text("a file")
    with pytest.raises(FileExistsError, match="is a file"):
        write_folder_atomically(tmp_path / "1", write_note("new"), True, ["note.txt"])
    assert (tmp_path / "1").read_text() == "a file"


def test_a_link_to_a_folder_stays_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write_folder_atomically(tmp_path / "link", write_note("new"))
    assert (tmp_path / "link").is_symlink() and names(tmp_path / "real") == ["note.txt"]


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_a_failure_leaves_the_earlier_folder_and_no_litter(tmp_path, error):
    def half(folder):
        (folder / "note.txt").write_text("ne")
        raise error

    write_folder_atomically(tmp_path / "1", write_note("old"))
    with pytest.raises(type(error)):
        write_folder_atomically(tmp_path / "1", half, True, ["note.txt"])
    assert (tmp_path / "1" / "note.txt").read_text() == "old" and names(tmp_path) == ["1"]


def test_a_failed_move_brings_the_earlier_folder_back(tmp_path, monkeypatch):
    write_folder_atomically(tmp_path / "1", write_note("old"))
    replace = os.replace

    def failing(source, target):
        if ".new." in str(source):
            raise OSError("disk full")
        replace(source, target)

    with monkeypatch.context() as patch, pytest.raises(OSError, match="disk full"):
        patch.setattr(os, "replace", failing)
        write_folder_atomically(tmp_path / "1", write_note("new"), True, ["note.txt"])
    assert (tmp_path / "1" / "note.txt").read_text() == "old" and names(tmp_path) == ["1"]


def test_what_a_killed_process_moved_away_is_found_again(tmp_path):
    write_folder_atomically(tmp_path / ".old.1", write_note("old"))
    with pytest.raises(OSError, match="disk full"):
        write_folder_atomically(tmp_path / "1", _fail, True, ["note.txt"])
    assert (tmp_path / "1" / "note.txt").read_text() == "old"


def _fail(folder):
    raise OSError("disk full")
