"""Reading NumPy files: never with pickle, and with errors that name the file."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from keras_vae.core.memory import machine_memory

# Exceptions of NumPy and zipfile for damaged bytes, members that are encrypted or packed in
# unusual ways, and absurd shapes. OSError is left alone: a missing permission or a failing
# disk is not a damaged file.
_DAMAGE = (
    ValueError,
    EOFError,
    KeyError,
    MemoryError,
    RuntimeError,
    zipfile.BadZipFile,
    zlib.error,
)


def read_npy(path: Path) -> np.ndarray:
    """Reads a `.npy` file.

    Args:
        path: The file.

    Returns:
        The array.

    Raises:
        ValueError: If the file is damaged or holds Python objects.

    Example:
        >>> x = read_npy(Path("faces.npy"))
    """
    try:
        array = np.load(path, allow_pickle=False)
    except _DAMAGE as error:
        raise _unreadable(path, ".npy", error) from error
    if not isinstance(array, np.ndarray):
        array.close()
        raise ValueError(f"{path} is an .npz archive. Rename it to end in .npz.")
    return array


def read_npz(path: Path, only: Iterable[str] | None = None) -> dict[str, np.ndarray]:
    """Reads the arrays of an `.npz` archive.

    Args:
        path: The file.
        only: Names of the arrays to read, if the archive has them; all by default.

    Returns:
        The arrays by name. Arrays of Python objects that `only` does not name are left out,
        if there are others.

    Raises:
        ValueError: If the file is damaged, holds Python objects, or more than fits into
            this machine's memory.

    Example:
        >>> arrays = read_npz(Path("mnist.npz"), only=["x_test"])
    """
    wanted = None if only is None else set(only)
    try:
        archive = np.load(path, allow_pickle=False)
        if isinstance(archive, np.ndarray):
            raise ValueError("it is a single array, as in .npy files")
        with archive:
            names = [n for n in archive.files if wanted is None or n in wanted]
            _check_memory(archive, names)
            members = {name: _member(archive, name) for name in names}
    except _DAMAGE as error:
        raise _unreadable(path, ".npz", error) from error
    arrays = {name: one for name, one in members.items() if one is not None}
    if len(arrays) < len(members) and (wanted is not None or not arrays):
        raise _of_objects(path, [name for name in members if name not in arrays])
    return arrays


def names_in(path: Path) -> list[str]:
    """Names of the arrays of an `.npz` archive, including those of Python objects.

    Args:
        path: The file.

    Returns:
        The names, in order.

    Example:
        >>> names_in(Path("mnist.npz"))
    """
    with zipfile.ZipFile(path) as archive:
        return [name.removesuffix(".npy") for name in archive.namelist()]


def _member(archive: np.lib.npyio.NpzFile, name: str) -> np.ndarray | None:
    """An array; None if it holds Python objects."""
    try:
        return archive[name]
    except ValueError as error:
        if "Object arrays" not in str(error):
            raise
        return None


def _check_memory(archive: np.lib.npyio.NpzFile, names: list[str]) -> None:
    """Refuses arrays that cannot fit: a small archive may unpack to any size."""
    assert archive.zip is not None, "the archive is open"
    members = {info.filename.removesuffix(".npy"): info for info in archive.zip.infolist()}
    check_size(sum(members[name].file_size for name in names), "its arrays")


def check_size(size: int, what: str) -> None:
    """Refuses data that cannot fit into this machine's memory.

    Args:
        size: Bytes.
        what: Name of the data, for the error.

    Raises:
        ValueError: If it is more.
    """
    memory = machine_memory()
    if size > memory:
        raise ValueError(
            f"{what} take {size / 1e9:,.1f} GB, and this machine has "
            f"{memory / 1e9:,.1f} GB of memory"
        )


def _unreadable(path: Path, kind: str, error: Exception) -> ValueError:
    if "Object arrays" in str(error):
        return _of_objects(path)
    return ValueError(
        f"{path} is damaged or not a {kind} file: {error}. Copy or download it again."
    )


def _of_objects(path: Path, names: Iterable[str] = ()) -> ValueError:
    what = f"arrays of Python objects ({', '.join(names)})" if names else "Python objects"
    return ValueError(
        f"{path} holds {what}, which only pickle can read, and pickle can run code. Save "
        "them as an array of numbers, for example np.save(path, np.stack(images))."
    )
