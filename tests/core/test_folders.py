"""Folders are whole or not there, and nothing is lost that was not written here."""

import os
import sys

import pytest

from keras_vae.core import folders
from keras_vae.core.folders import write_folder_atomically


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def write_note(text):
    return lambda folder: (folder / "note.txt").write_text(text)


def is_note(name):
    return name == "note.txt"


@pytest.fixture(params=["in one step", "in two moves"])
def every_system(request, monkeypatch):
    """Systems on which two folders can change places, and others."""
    if request.param == "in two moves":
        monkeypatch.setattr(folders, "_exchange", lambda one, other: False)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has renameat2")
def test_two_folders_change_places_in_one_step(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    assert folders._exchange(tmp_path / "a", tmp_path / "b")
    assert names(tmp_path / "a") == ["b"] and names(tmp_path / "b") == ["a"]
    assert not folders._exchange(tmp_path / "a", tmp_path / "nothing")


def test_a_folder_is_written_and_its_parents_are_made(tmp_path):
    folder = tmp_path / "a" / "1"
    write_folder_atomically(folder, write_note("new"))
    assert (folder / "note.txt").read_text() == "new" and names(folder.parent) == ["1"]
    # As any new folder: a server may run as another user.
    (tmp_path / "plain").mkdir()
    assert folder.stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_an_empty_folder_is_written_into(tmp_path, every_system):
    (tmp_path / "1").mkdir()
    write_folder_atomically(tmp_path / "1", write_note("new"))
    assert names(tmp_path / "1") == ["note.txt"]


def test_a_folder_that_holds_something_is_replaced_only_on_demand(tmp_path):
    write_folder_atomically(tmp_path / "1", write_note("old"))
    with pytest.raises(FileExistsError, match="1 exists and holds note.txt.*overwrite=Tr"):
        write_folder_atomically(tmp_path / "1", write_note("new"), False, is_note)
    assert (tmp_path / "1" / "note.txt").read_text() == "old" and names(tmp_path) == ["1"]


@pytest.mark.parametrize(
    "name", ["mine.txt", ".hidden", "sub/note.txt", "note.txt/mine", "sub/.x/deep/mine"]
)
@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_a_file_that_was_not_written_here_is_never_lost(tmp_path, name, when):
    folder = tmp_path / "1"
    folder.mkdir()

    def put():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("mine")

    def write(new):
        if when == "meanwhile":
            put()
        write_note("new")(new)

    if when == "before":
        put()
    with pytest.raises(
        FileExistsError, match=f"1 holds {name}, which is not a file of this program"
    ):
        write_folder_atomically(folder, write, True, is_note)
    assert (folder / name).read_text() == "mine" and names(tmp_path) == ["1"]


@pytest.mark.parametrize("target", ["there", "nowhere"])
def test_a_link_in_the_folder_is_a_file_of_its_own(tmp_path, target):
    (tmp_path / "there").mkdir()
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "link").symlink_to(tmp_path / target)
    with pytest.raises(
        FileExistsError, match="1 holds link, which is not a file of this program"
    ):
        write_folder_atomically(tmp_path / "1", write_note("new"), True, is_note)
    assert (tmp_path / "1" / "link").is_symlink()


def test_a_folder_is_replaced_as_a_whole(tmp_path, every_system):
    (tmp_path / "1" / "empty").mkdir(parents=True)
    (tmp_path / "1" / "old.txt").write_text("old")
    # What killed processes left, beside the folder and in it.
    for litter in (".new.1/half.txt", ".old.1/old.txt", "1/.new.old.txt"):
        (tmp_path / litter).parent.mkdir(exist_ok=True)
        (tmp_path / litter).write_text("ha")
    write_folder_atomically(tmp_path / "1", write_note("new"), True, "old.txt".__eq__)
    assert names(tmp_path) == ["1"] and names(tmp_path / "1") == ["note.txt"]


def test_a_folder_is_not_written_over_a_file(tmp_path):
    (tmp_path / "1").write_text("a file")
    with pytest.raises(FileExistsError, match="is a file"):
        write_folder_atomically(tmp_path / "1", write_note("new"), True, is_note)
    assert (tmp_path / "1").read_text() == "a file"


def test_a_link_to_a_folder_stays_a_link(tmp_path, every_system):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write_folder_atomically(tmp_path / "link", write_note("new"))
    assert (tmp_path / "link").is_symlink() and names(tmp_path / "real") == ["note.txt"]


@pytest.mark.parametrize("error", [OSError("broken"), KeyboardInterrupt()])
def test_a_failure_leaves_the_earlier_folder_and_no_litter(tmp_path, every_system, error):
    def half(folder):
        (folder / "note.txt").write_text("ne")
        raise error

    write_folder_atomically(tmp_path / "1", write_note("old"))
    with pytest.raises(type(error)):
        write_folder_atomically(tmp_path / "1", half, True, is_note)
    assert (tmp_path / "1" / "note.txt").read_text() == "old" and names(tmp_path) == ["1"]


def test_a_failed_move_brings_the_earlier_folder_back(tmp_path, monkeypatch):
    write_folder_atomically(tmp_path / "1", write_note("old"))
    replace = os.replace

    def failing(source, target):
        if ".new." in str(source):
            raise OSError("broken")
        replace(source, target)

    monkeypatch.setattr(folders, "_exchange", lambda one, other: False)
    with monkeypatch.context() as patch, pytest.raises(OSError, match="broken"):
        patch.setattr(os, "replace", failing)
        write_folder_atomically(tmp_path / "1", write_note("new"), True, is_note)
    assert (tmp_path / "1" / "note.txt").read_text() == "old" and names(tmp_path) == ["1"]


def test_what_a_killed_process_moved_away_is_found_again(tmp_path):
    write_folder_atomically(tmp_path / ".old.1", write_note("old"))
    with pytest.raises(ZeroDivisionError):
        write_folder_atomically(tmp_path / "1", lambda _: 1 / 0, True, is_note)
    assert (tmp_path / "1" / "note.txt").read_text() == "old" and names(tmp_path) == ["1"]
