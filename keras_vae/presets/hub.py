"""Presets on the Hugging Face Hub: `hf://user/name`, read and written."""

from __future__ import annotations

import importlib
import os
import re
from pathlib import Path
from typing import Any

from keras_vae.presets.files import METADATA, RECIPE, check_all, files_in

# A path made from a handle has one slash.
_HANDLE = re.compile(r"hf:/{1,2}([\w.-]+/[\w.-]+?)(?:@([\w./-]+))?")
# What is published beside the files of a model.
_BESIDE = (".md", ".png", ".csv")
_FORM = "hf://user/name, or hf://user/name@revision to read a branch, tag or commit"


def is_handle(name: str | os.PathLike) -> bool:
    """Whether a name is meant for the hub.

    Args:
        name: A path, the name of a preset, or a handle.

    Returns:
        Whether it begins with `hf:/`.

    Example:
        >>> is_handle("hf://user/name"), is_handle("runs/mine")
        (True, False)
    """
    return os.fspath(name).startswith("hf:/")


def read_handle(handle: str | os.PathLike) -> tuple[str, str | None]:
    """Splits a handle into its parts.

    Args:
        handle: `hf://user/name` or `hf://user/name@revision`.

    Returns:
        The repository, and the revision or None.

    Raises:
        ValueError: If it has another form.

    Example:
        >>> read_handle("hf://user/faces@v2")
        ('user/faces', 'v2')
    """
    match = _HANDLE.fullmatch(os.fspath(handle))
    if match is None:
        raise ValueError(f"{os.fspath(handle)!r} is not a handle of the hub: give {_FORM}.")
    return match[1], match[2]


def download(handle: str | os.PathLike) -> Path:
    """Finds a preset of the hub, in the local cache or by download.

    The loader compares its files with the checksums in `metadata.json`. Without a network,
    or with `HF_HUB_OFFLINE=1`, the preset is taken from the cache.

    Args:
        handle: See `read_handle`.

    Returns:
        Its folder in the cache of huggingface_hub.

    Raises:
        FileNotFoundError: If there is no such preset, or it is not in the cache and the
            hub cannot be reached.
        ImportError: If the package huggingface_hub is missing.
        ValueError: If the handle has another form.

    Example:
        >>> folder = download("hf://user/faces@v2")
    """
    hub = hub_module("huggingface_hub")
    errors = hub_module("huggingface_hub.errors")
    repository, revision = read_handle(handle)
    try:
        folder = hub.snapshot_download(repository, revision=revision)
    except (errors.HfHubHTTPError, errors.LocalEntryNotFoundError) as error:
        raise FileNotFoundError(
            f"{os.fspath(handle)} cannot be read: {error} Check the name, the revision and "
            "the network; for private models, log in (hf auth login)."
        ) from error
    return Path(folder)


def upload(
    handle: str, folder: str | os.PathLike, private: bool = False, api: Any = None
) -> str:
    """Publishes a model's folder on the hub, after checking that the model is undamaged.

    A README.md, pictures (.png), tables (.csv) and the recipe in the folder are published
    with it; other files that do not belong to the model, such as checkpoints, are not.

    Args:
        handle: `hf://user/name`; the repository is created if there is none.
        folder: A folder of `save_to_preset`, `keras-vae train` or `keras-vae zoo build`;
            the latter has a card that the hub reads.
        private: Whether a new repository is private.
        api: A `huggingface_hub.HfApi` to use instead of that of the logged-in user.

    Returns:
        The address of the commit.

    Raises:
        FileNotFoundError: If a file of the model is missing.
        ImportError: If the package huggingface_hub is missing.
        ValueError: If a file is damaged, or the handle has another form or a revision.

    Example:
        >>> keras_vae.presets.upload("hf://user/faces", "zoo/conv_vae_celeba")
    """
    repository, revision = read_handle(handle)
    if revision is not None:
        raise ValueError(
            f"{handle!r} has a revision, which is only for reading. Leave it out."
        )
    # One by one: names may hold what a pattern of names reads as something else, and files of
    # an interrupted save are in another place.
    folder = Path(folder)
    checked = check_all(folder, ignore=files_in(folder))
    beside = [
        one for one in folder.iterdir() if one.suffix in _BESIDE or one.name == RECIPE
    ]
    files = {one.name: one for one in (*beside, folder / METADATA)} | checked
    hub = hub_module("huggingface_hub")
    api = hub.HfApi() if api is None else api
    api.create_repo(repository, exist_ok=True, private=private)
    commit = api.create_commit(
        repo_id=repository,
        operations=[
            hub.CommitOperationAdd(name, os.fspath(path)) for name, path in files.items()
        ],
        commit_message=f"Upload {Path(folder).name}",
    )
    return str(commit)


def hub_module(name: str) -> Any:
    """Imports a module of a hub's own package, which the extra `hub` installs.

    Args:
        name: The module's name.

    Returns:
        The module.

    Raises:
        ImportError: If the package is missing.

    Example:
        >>> hub_module("json").dumps([1])
        '[1]'
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        raise ImportError(
            f"The hub needs the package {package}, which is not installed: pip install "
            '-e ".[hub]" in the clone of keras_vae.'
        ) from error
