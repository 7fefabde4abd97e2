"""A full disk is said in one plain message, whoever noticed it."""

import errno
import os

import pytest
import tensorflow as tf

from keras_vae.core import disk
from keras_vae.core.disk import DiskFullError, check_room, full_disk_is_said
from keras_vae.core.files import write_atomically, write_json
from keras_vae.core.folders import write_folder_atomically

_TEXT = os.strerror(errno.ENOSPC)
FULL = [
    OSError(errno.ENOSPC, _TEXT),
    OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)),
    # As HDF5 reports it, in h5py's two ways.
    OSError(f"Can't write data (errno = 28, error message = '{_TEXT}', buf = 0x5)"),
    RuntimeError(f"Can't decrement id ref count (error message = '{_TEXT}')"),
    tf.errors.ResourceExhaustedError(None, None, f"/m/1/variables; {_TEXT}"),
]
OTHERS = [
    PermissionError(errno.EACCES, "Permission denied"),
    tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor"),
    ValueError("shape"),
    KeyboardInterrupt(),
]


@pytest.fixture
def free(monkeypatch):
    """A disk with so many free bytes."""

    def has(count):
        usage = type(disk.shutil.disk_usage("."))(10**9, 10**9 - count, count)
        monkeypatch.setattr(disk.shutil, "disk_usage", lambda _: usage)

    return has


def write_file(folder, write):
    write_atomically(folder / "old", write)


def write_folder(folder, write):
    everything = lambda name: True  # noqa: E731
    write_folder_atomically(folder, lambda new: write(new / "x"), True, everything)


@pytest.mark.parametrize("error", FULL, ids=repr)
@pytest.mark.parametrize("where", [write_file, write_folder])
def test_whoever_reports_it_the_message_is_the_same(tmp_path, free, error, where):
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "old").write_text("old")
    free(1234)

    def write(path):
        path.write_text("half")
        raise error

    with pytest.raises(DiskFullError) as raised:
        where(tmp_path / "m", write)
    assert str(raised.value) == (
        f"The disk of {tmp_path / 'm'} is full: 1.23 kB were free, and more is needed. Make "
        "room there, or write to another disk. The files that were there have not changed."
    )
    assert raised.value.errno == errno.ENOSPC and raised.value.__cause__ is error
    assert [path.name for path in tmp_path.rglob("*")] == ["m", "old"]
    assert (tmp_path / "m" / "old").read_text() == "old"


@pytest.mark.parametrize("error", OTHERS, ids=repr)
def test_other_errors_stay_what_they_are(tmp_path, error):
    with pytest.raises(type(error)) as raised, full_disk_is_said(tmp_path):
        raise error
    assert raised.value is error


@pytest.mark.parametrize(
    "needed, free_bytes, words",
    [
        (7, 0, "0 bytes were free, and 7 bytes are needed"),
        (1_632_272, 1_048_576, "1.05 MB were free, and 1.63 MB are needed"),
        (2_500_000_000, 999_400, "999 kB were free, and 2.5 GB are needed"),
    ],
)
def test_what_has_no_room_is_not_begun(tmp_path, free, needed, free_bytes, words):
    free(free_bytes)
    with pytest.raises(DiskFullError, match=words):
        check_room(tmp_path / "not" / "yet", needed)
    with pytest.raises(DiskFullError, match=f"disk of {tmp_path}/1 is full: {words}"):
        write_folder_atomically(tmp_path / "1", pytest.fail, needed=needed)
    assert not list(tmp_path.iterdir())
    check_room(tmp_path, free_bytes)


def test_a_folder_that_is_filled_beside_its_place_is_not_named(tmp_path):
    error = DiskFullError(tmp_path / "zoo" / ".new.mine" / "1", 5)
    assert f"The disk of {tmp_path / 'zoo'} is full" in str(error)


def test_the_inner_message_is_kept(tmp_path, free):
    free(5)

    def write(path):
        check_room(path.parent, 6)

    with pytest.raises(DiskFullError, match="6 bytes are needed"):
        write_atomically(tmp_path / "x", write)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_device_that_is_full_is_a_full_disk(tmp_path):
    def write(path):
        path.symlink_to("/dev/full")
        path.write_text("text")

    with pytest.raises(DiskFullError, match=f"disk of {tmp_path} is full"):
        write_atomically(tmp_path / "x.json", write)
    write_json(tmp_path / "x.json", 1)
    assert [path.name for path in tmp_path.iterdir()] == ["x.json"]
