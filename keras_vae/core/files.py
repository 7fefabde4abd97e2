"""Files that are either whole or not there."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any


def write_atomically(path: str | os.PathLike, write: Callable[[Path], Any]) -> None:
    """Writes a file beside its place and moves it there when it is complete.

    A process that is killed, a power cut or a full disk leaves the earlier file
    untouched.

    Args:
        path: Where the file is to be.
        write: Called with the path to write to, which has the suffix of `path`.

    Example:
        >>> write_atomically("weights.h5", model.save_weights)
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".new.{path.name}")
    try:
        write(temporary)
        _flush(temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_folder_atomically(
    folder: str | os.PathLike,
    write: Callable[[Path], Any],
    overwrite: bool = False,
    replaceable: Collection[str] = (),
) -> None:
    """Writes a folder beside its place and moves it there when it is complete.

    Whoever watches the place sees no half-written folder. (An earlier one is moved away
    first, so for a moment there may be none.)

    Args:
        folder: Where the folder is to be.
        write: Called with the empty folder to write into.
        overwrite: Whether an earlier folder may be replaced.
        replaceable: Names of the files and folders that may be lost by that.

    Raises:
        FileExistsError: If there is a file, a folder with anything in it and not
            `overwrite`, or one with anything else than what is replaceable.

    Example:
        >>> write_folder_atomically("models/digits/1", vae_archive.write_out)
    """
    folder = Path(folder).resolve()
    _check_place(folder, overwrite, replaceable)
    new, old = (folder.with_name(f".{state}.{folder.name}") for state in ("new", "old"))
    if old.exists() and not folder.exists():
        # A process was killed between the two moves.
        os.replace(old, folder)
    for leftover in (new, old):
        shutil.rmtree(leftover, ignore_errors=True)
    new.mkdir(parents=True)
    try:
        write(new)
        for path in new.rglob("*"):
            if path.is_file():
                _flush(path)
        if folder.exists():
            os.replace(folder, old)
        os.replace(new, folder)
    except BaseException:
        if old.exists() and not folder.exists():
            os.replace(old, folder)
        raise
    finally:
        shutil.rmtree(new, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def _check_place(folder, overwrite, replaceable):
    if folder.exists() and not folder.is_dir():
        raise FileExistsError(f"{folder} is a file. Choose another name for the folder.")
    held = sorted(path.name for path in folder.iterdir()) if folder.exists() else []
    if held and not overwrite:
        raise FileExistsError(
            f"{folder} exists and holds {held[0]}. Choose another folder, or allow to "
            "replace it (overwrite=True, --overwrite)."
        )
    if foreign := [name for name in held if name not in replaceable]:
        raise FileExistsError(
            f"{folder} holds {foreign[0]}, which was not written here and would be lost. "
            "Choose another folder, or take that away."
        )


def _flush(path: Path) -> None:
    """Waits until a file's contents are on the disk, so that its new name never lies."""
    with open(path, "rb+") as file:
        os.fsync(file.fileno())


def write_json(path: str | os.PathLike, value: Any) -> None:
    """Writes a value as indented JSON, atomically.

    Args:
        path: Where the file is to be.
        value: What JSON can hold; NaN is refused.
    """
    text = json.dumps(value, indent=2, allow_nan=False) + "\n"
    write_atomically(path, lambda p: p.write_text(text, encoding="utf-8"))


def read_json(path: str | os.PathLike) -> Any:
    """Reads a JSON file.

    Args:
        path: The file.

    Returns:
        Its value.

    Raises:
        ValueError: If the file is not JSON; it is named.
    """
    path = Path(path)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(
            f"{path} is damaged or not JSON: {error}. Copy it again from its source."
        ) from error


def sha256_of(path: str | os.PathLike) -> str:
    """Returns the SHA-256 of a file, in hexadecimal.

    Args:
        path: The file.

    Returns:
        64 hexadecimal digits.
    """
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
