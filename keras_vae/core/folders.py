"""Folders that are either whole or not there."""

from __future__ import annotations

import ctypes
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from keras_vae.core.disk import NEW, OLD, check_room, full_disk_is_said
from keras_vae.core.files import flush

# Linux's numbers for "relative to the working directory" and "let both change places".
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


def write_folder_atomically(
    folder: str | os.PathLike,
    write: Callable[[Path], Any],
    overwrite: bool = False,
    replaceable: Callable[[str], bool] = lambda name: False,
    needed: int = 0,
) -> None:
    """Writes a folder beside its place and moves it there when it is complete.

    A half-written folder is never visible, and if the process is killed, either the earlier
    folder or the new one is there. (Where the system cannot let two folders change places,
    as Linux can, there may be none for a moment; then the next call brings the earlier one
    back.) What a killed process leaves is hidden, and deleted by the next call.

    Args:
        folder: Path of the folder.
        write: Called with the empty folder to write into.
        overwrite: Whether an earlier folder may be replaced.
        replaceable: Says of the path of a file in it, such as "a/b.txt", whether that may
            be lost.
        needed: How many bytes will be written at least, if that is known.

    Raises:
        DiskFullError: If there is too little room.
        FileExistsError: If there is a file, a folder with anything in it and not
            `overwrite`, or one with anything else than what is replaceable.

    Example:
        >>> def write(folder):
        ...     size = (folder / "note.txt").write_text("new")
        >>> write_folder_atomically("notes", write)
    """
    folder = Path(folder).resolve()
    new, old = (folder.with_name(f"{state}{folder.name}") for state in (NEW, OLD))
    _sweep(folder, new, old)
    _check_place(folder, overwrite, replaceable)
    with full_disk_is_said(folder):
        check_room(folder, needed)
        try:
            new.mkdir(parents=True)
            write(new)
            for path in new.rglob("*"):
                if path.is_file():
                    flush(path)
            # Files that arrived during the writing are not lost either.
            _check_place(folder, overwrite, replaceable)
            _put(new, folder, old)
        finally:
            _sweep(folder, new, old)


def _put(new: Path, folder: Path, old: Path) -> None:
    if not folder.exists():
        os.replace(new, folder)
    elif not _exchange(new, folder):
        os.replace(folder, old)
        os.replace(new, folder)


def _exchange(one: Path, other: Path) -> bool:
    """Lets two folders change places in one step; False where that cannot be done."""
    if sys.platform != "linux":
        return False
    exchange = getattr(ctypes.CDLL(None), "renameat2", None)
    places = (_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other))
    return exchange is not None and exchange(*places, _RENAME_EXCHANGE) == 0


def _sweep(folder: Path, new: Path, old: Path) -> None:
    """Deletes files that are not needed any more, or that a killed process has left."""
    if old.exists() and not folder.exists():
        os.replace(old, folder)
    for leftover in (new, old):
        shutil.rmtree(leftover, ignore_errors=True)


def _check_place(folder, overwrite, replaceable):
    if folder.exists() and not folder.is_dir():
        raise FileExistsError(f"{folder} is a file. Choose another name for the folder.")
    held = sorted(path.name for path in folder.iterdir()) if folder.exists() else []
    if held and not overwrite:
        raise FileExistsError(
            f"{folder} exists and holds {held[0]}. Choose another folder, or allow to "
            "replace it (overwrite=True, --overwrite)."
        )
    if foreign := [name for name in _files_in(folder) if not replaceable(name)]:
        raise FileExistsError(
            f"{folder} holds {foreign[0]}, which is not a file of this program and would "
            "be lost. Choose another folder, or move it away."
        )


def _files_in(folder: Path) -> list[str]:
    """All that deleting the folder would lose but what killed processes have left."""
    found = (p for p in folder.rglob("*") if p.is_symlink() or not p.is_dir())
    paths = sorted(path.relative_to(folder) for path in found)
    return [
        path.as_posix()
        for path in paths
        if not any(part.startswith((NEW, OLD)) for part in path.parts)
    ]
