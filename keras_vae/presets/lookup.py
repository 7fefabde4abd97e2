"""Looks up presets: by path, in $KERAS_VAE_ZOO, in the package's own zoo."""

from __future__ import annotations

import difflib
import os
from pathlib import Path

from keras_vae.presets.files import METADATA
from keras_vae.presets.hub import download, is_handle, read_handle
from keras_vae.presets.kaggle import (
    download_from_kaggle,
    is_kaggle_handle,
    read_kaggle_handle,
)

VARIABLE = "KERAS_VAE_ZOO"
_PACKAGE = Path(__file__).parents[1]


def zoo_folders() -> list[Path]:
    """Finds the folders that hold presets, in the order of the search.

    Returns:
        `$KERAS_VAE_ZOO` if it is set, and the zoo of the package.

    Raises:
        FileNotFoundError: If the variable names a folder that does not exist.
    """
    folders = []
    if given := os.environ.get(VARIABLE):
        folders.append(Path(os.path.expanduser(given)))
        if not folders[0].is_dir():
            raise FileNotFoundError(
                f"${VARIABLE} is {given!r}, but there is no such folder. Set it to a "
                "folder of presets, or unset it."
            )
    return [*folders, *_own_zoo()]


def _own_zoo() -> list[Path]:
    """The zoo in the wheel, or in a clone with an editable install."""
    clone = _PACKAGE.parent
    # A folder called zoo among installed packages belongs to another package.
    zoo = clone / "zoo" if (clone / "setup.py").exists() else _PACKAGE / "_zoo"
    return [zoo] if zoo.is_dir() else []


def preset_folders() -> dict[str, Path]:
    """Finds all presets that can be loaded by name.

    Returns:
        The folder of each; if two have the same name, the one that is loaded.
    """
    found: dict[str, Path] = {}
    for zoo in reversed(zoo_folders()):
        found |= {path.parent.name: path.parent for path in zoo.glob(f"*/{METADATA}")}
    return dict(sorted((n, path) for n, path in found.items() if n[0] != "."))


def find_preset(name_or_folder: str | os.PathLike) -> Path:
    """Finds the folder of a preset: an existing folder, a name in a zoo, or a hub's handle.

    Args:
        name_or_folder: The folder's path, a name, `hf://user/name[@revision]`, or
            `kaggle://user/model/keras/variation[/version]`.

    Returns:
        The folder.

    Raises:
        FileNotFoundError: If there is no such preset; the error lists the nearest names.

    Example:
        >>> find_preset("runs/mnist_5k")
        PosixPath('runs/mnist_5k')
    """
    if is_handle(name_or_folder):
        return download(name_or_folder)
    if is_kaggle_handle(name_or_folder):
        return download_from_kaggle(name_or_folder)
    path = Path(os.path.expanduser(name_or_folder))
    name, known = os.fspath(name_or_folder), preset_folders()
    # A folder without a preset, such as that of an export, does not hide one of its name.
    if name and path.is_dir() and ((path / METADATA).exists() or name not in known):
        return path
    if name in known:
        return known[name]
    if path.is_file():
        raise FileNotFoundError(
            f"{name} is a file, but a preset is a folder. Load a .keras file with "
            "keras.saving.load_model."
        )
    nearest = difflib.get_close_matches(name.lower(), known, n=3, cutoff=0.5)
    hint = f" Did you mean {' or '.join(map(repr, nearest))}?" if nearest else ""
    raise FileNotFoundError(
        f"There is no folder {name}, and no preset of that name.{hint} "
        "`keras-vae zoo list` shows the presets."
    )


def short_name(name_or_folder: str | os.PathLike) -> str:
    """The name for a copy of a preset in another folder or form.

    Args:
        name_or_folder: See `find_preset`.

    Returns:
        The name of the folder, of the preset, of the repository on the hub or of Kaggle's
        variation: one part of a path. (What is downloaded lies in a folder named by its
        commit or version.)

    Raises:
        ValueError: If a handle has another form.

    Example:
        >>> short_name("runs/mine/"), short_name("hf://user/faces@v2")
        ('mine', 'faces')
    """
    if is_handle(name_or_folder):
        return read_handle(name_or_folder)[0].rpartition("/")[2]
    if is_kaggle_handle(name_or_folder):
        return read_kaggle_handle(name_or_folder)[1]
    # The absolute path, for the sake of "." and "..".
    return Path(os.path.abspath(os.path.expanduser(name_or_folder))).name
