"""Space on the disk: checked before writing, with a clear error when it runs out."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

# How the names of files and folders begin that are not complete, or about to be deleted.
NEW, OLD = ".new.", ".old."
_FULL = (errno.ENOSPC, errno.EDQUOT)


class DiskFullError(OSError):
    """There is not enough room where files were to be written.

    Args:
        folder: Where they were to be.
        free: How many bytes were free before the writing.
        needed: How many bytes the files have; None where that is not known.
    """

    def __init__(self, folder: str | os.PathLike, free: int, needed: int | None = None):
        """Creates the error and its message."""
        # Nobody knows the folder beside it that is filled first.
        parts = Path(folder).parts
        shown = Path(*itertools.takewhile(lambda part: not part.startswith(NEW), parts))
        much = "more is needed" if needed is None else f"{_size(needed)} are needed"
        super().__init__(
            f"The disk of {shown} is full: {_size(free)} were free, and {much}. Make room "
            "there, or write to another disk. The files that were there have not changed."
        )
        self.errno = errno.ENOSPC


def _size(count: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 999.5:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"


def check_room(folder: str | os.PathLike, needed: int) -> None:
    """Refuses to begin if the disk has too little room.

    Args:
        folder: Where files are to be written; it need not exist.
        needed: How many bytes they have.

    Raises:
        DiskFullError: If fewer are free.

    Example:
        >>> check_room("models/digits/1", 4 * model.count_params())
    """
    if needed > (free := _free(folder)):
        raise DiskFullError(folder, free, needed)


@contextlib.contextmanager
def full_disk_is_said(folder: str | os.PathLike) -> Iterator[None]:
    """Turns every failure of a full disk in the block into a `DiskFullError`.

    Python, HDF5 and TensorFlow report it by different errors, the latter by the one that
    also means that memory ran out.

    Args:
        folder: The folder to which the block writes.

    Raises:
        DiskFullError: If the block ended because the disk was full.

    Example:
        >>> with full_disk_is_said("."):
        ...     size = Path("note.txt").write_text("new")
    """
    free = _free(folder)
    try:
        yield
    except DiskFullError:
        raise
    except Exception as error:
        if not _means_full(error):
            raise
        raise DiskFullError(folder, free) from error


def _means_full(error: Exception) -> bool:
    if isinstance(error, OSError) and error.errno in _FULL:
        return True
    return any(os.strerror(number) in str(error) for number in _FULL)


def _free(folder) -> int:
    folder = Path(folder).absolute()
    return shutil.disk_usage(next(p for p in (folder, *folder.parents) if p.exists())).free
