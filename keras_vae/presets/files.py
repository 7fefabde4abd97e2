"""The files of a preset: their names, checksums and metadata."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Collection
from pathlib import Path, PurePosixPath
from typing import Any

from keras_vae.core.disk import NEW, full_disk_is_said
from keras_vae.core.files import read_json, sha256_of, write_json
from keras_vae.version import __version__

FORMAT = 2
CONFIG, WEIGHTS, METADATA = "config.json", "model.weights.h5", "metadata.json"
RECIPE, CARD = "recipe.json", "README.md"
# The recipe of the run from which that of the preset started.
FIRST_RECIPE = "first_recipe.json"
# Folder of files that `metadata.json` may name already, before they are in their places.
_PENDING = f"{NEW}preset"


def read_metadata(folder: str | os.PathLike) -> dict[str, Any]:
    """Reads and checks `metadata.json` of a folder.

    Args:
        folder: The folder of a model.

    Returns:
        Its contents.

    Raises:
        FileNotFoundError: If there is no model in the folder.
        ValueError: If the file is damaged or of a newer format.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"There is no folder {folder}.")
    if not (folder / METADATA).exists():
        raise FileNotFoundError(
            f"{folder} holds no model: it has no {METADATA}. A folder of "
            "`keras-vae train` has one from the end of the first epoch on."
        )
    metadata = read_json(folder / METADATA)
    files = metadata.get("files") if isinstance(metadata, dict) else None
    if not isinstance(files, dict) or not {CONFIG, WEIGHTS} <= set(files):
        raise ValueError(f"{folder / METADATA} is damaged: it does not name the files.")
    for name, about in files.items():
        if not isinstance(about, dict) or not _is_inside(name):
            raise ValueError(
                f"{folder / METADATA} is damaged: its entry for the file {name!r} is not "
                "one that keras_vae writes."
            )
    if metadata.get("format") != FORMAT:
        raise ValueError(
            f"{folder} has format {metadata.get('format')!r}; this version of keras_vae "
            f"({__version__}) reads format {FORMAT}. Update keras_vae, or train again."
        )
    return metadata


def _is_inside(name: str) -> bool:
    """Whether a name can only mean a file in the folder."""
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and "\\" not in name


def describe_file(path: Path) -> dict[str, Any]:
    """Describes a file by its checksum and size.

    Args:
        path: The file.

    Returns:
        `sha256` and `bytes`, as `metadata.json` holds them.
    """
    return {"sha256": sha256_of(path), "bytes": path.stat().st_size}


def check_file(folder: Path, name: str, expected: dict[str, Any]) -> Path:
    """Finds a file of a preset, and refuses it if it differs from `metadata.json`.

    Args:
        folder: The preset's folder.
        name: The file's name in it.
        expected: Its entry in `metadata.json`.

    Returns:
        The file's path: its place, or the temporary one if `write_files` was killed before
        it moved the file.

    Raises:
        FileNotFoundError: If it is missing.
        ValueError: If its checksum differs.
    """
    for path in (folder / name, folder / _PENDING / name):
        if path.is_file() and sha256_of(path) == expected.get("sha256"):
            return path
    path = folder / name
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing.")
    raise ValueError(
        f"{path} is damaged: it has {path.stat().st_size} bytes (written were "
        f"{expected.get('bytes')}) and its checksum differs from the one in {METADATA}. "
        "Copy it again from its source, resume the training, or train again."
    )


def write_files(
    folder: Path, write: Callable[[Path], Any], metadata: dict[str, Any]
) -> None:
    """Writes files of a preset and its metadata as if in one step.

    That step is the replacement of `metadata.json`: before it the preset is the earlier
    one, after it the new one, even if the process is killed before the new files are in
    their places. `check_file` finds them, and the next call moves them.

    Args:
        folder: The preset's folder; it is created if missing. Other files in it stay.
        write: Called with an empty folder, to write the files there.
        metadata: The contents of `metadata.json`, with the checksums of other files under
            `files`; those of the new files are added.

    Raises:
        DiskFullError: If there is too little room.
    """
    settle(folder)
    pending = folder / _PENDING
    with full_disk_is_said(folder):
        pending.mkdir(parents=True)
        try:
            write(pending)
            new = {name: describe_file(pending / name) for name in files_in(pending)}
            files = {**metadata.get("files", {}), **new}
            write_json(folder / METADATA, {**metadata, "files": files})
        finally:
            settle(folder)


def settle(folder: Path) -> None:
    """Completes an interrupted call of `write_files`: moves files in, or deletes them.

    Args:
        folder: The preset's folder.
    """
    pending = folder / _PENDING
    if not pending.exists():
        return
    recorded = read_metadata(folder)["files"] if (folder / METADATA).exists() else {}
    for name in files_in(pending):
        if describe_file(pending / name) == recorded.get(name):
            os.replace(pending / name, folder / name)
    shutil.rmtree(pending)


def files_in(folder: Path) -> list[str]:
    """Names all files of a folder except `metadata.json` and hidden files.

    Args:
        folder: The folder.

    Returns:
        Sorted paths within the folder, with forward slashes.
    """
    paths = (p.relative_to(folder) for p in folder.rglob("*") if p.is_file())
    shown = (p for p in paths if not any(part[0] == "." for part in p.parts))
    return sorted(p.as_posix() for p in shown if p.as_posix() != METADATA)


def check_all(folder: str | os.PathLike, ignore: Collection[str] = ()) -> dict[str, Path]:
    """Checks every file of a preset against the checksums in `metadata.json`.

    Args:
        folder: The preset's folder.
        ignore: Files that need no checksum.

    Returns:
        The files that were checked: the path of each by name; see `check_file`.

    Raises:
        FileNotFoundError: If one is missing.
        ValueError: If a file is damaged, or has no checksum.
    """
    folder = Path(folder)
    recorded = read_metadata(folder)["files"]
    paths = {name: check_file(folder, name, about) for name, about in recorded.items()}
    if unknown := set(files_in(folder)) - set(recorded) - set(ignore):
        raise ValueError(
            f"{folder} holds files without a checksum in {METADATA}: "
            f"{', '.join(sorted(unknown))}. Delete them, or, if they belong to the preset, "
            f"run `keras-vae zoo add-files {folder}`."
        )
    return paths
