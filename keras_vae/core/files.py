"""Files that are either whole or not there."""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from keras_vae.core.disk import NEW, check_room, full_disk_is_said


def write_atomically(path: str | os.PathLike, write: Callable[[Path], Any]) -> None:
    """Writes a file beside its place and moves it there when it is complete.

    A process that is killed, a power cut or a full disk leaves the earlier file
    untouched.

    Args:
        path: Where the file is to be.
        write: Called with the path to write to, which has the suffix of `path`.

    Raises:
        DiskFullError: If there is too little room.

    Example:
        >>> write_atomically("note.txt", lambda path: path.write_text("new"))
    """
    path = Path(path)
    temporary = path.with_name(f"{NEW}{path.name}")
    with full_disk_is_said(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            write(temporary)
            flush(temporary)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


def write_weights(model, path: Path) -> None:
    """Writes the weights of a Keras model, by way of memory.

    HDF5 cannot close a file when the disk is full, and then crashes the process at its
    end. So it writes to memory, where the file's size is known, too.

    Args:
        model: The model.
        path: Where to.

    Raises:
        DiskFullError: If there is too little room.

    Example:
        >>> write_atomically("new.weights.h5", functools.partial(write_weights, model))
    """
    memory = _WeightsInMemory()
    model.save_weights(memory)
    content = memory.getbuffer()
    check_room(path.parent, content.nbytes)
    path.write_bytes(content)


class _WeightsInMemory(io.BytesIO):
    """What Keras writes weights into; it looks at the end of the name."""

    def __str__(self):
        return "memory.weights.h5"


def flush(path: Path) -> None:
    """Waits until a file's contents are on the disk, so that its new name never lies.

    Args:
        path: The file.
    """
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
    # Also for bytes that are no text, numbers of thousands of digits, and deep nesting.
    except (ValueError, RecursionError) as error:
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
