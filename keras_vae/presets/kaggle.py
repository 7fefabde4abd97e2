"""Presets among Kaggle's models: `kaggle://user/model/keras/variation`, read."""

from __future__ import annotations

import os
import re
from pathlib import Path

from keras_vae.presets.hub import hub_module

# A path made from a handle has one slash.
_HANDLE = re.compile(r"kaggle:/{1,2}([\w-]+/[\w-]+/keras/([\w-]+)(?:/\d+)?)", re.IGNORECASE)
_FORM = "kaggle://user/model/keras/variation, or with /3 after it for version 3"


def is_kaggle_handle(name: str | os.PathLike) -> bool:
    """Whether a name is meant for Kaggle.

    Args:
        name: A path, the name of a preset, or a handle.

    Returns:
        Whether it begins with `kaggle:/`.

    Example:
        >>> is_kaggle_handle("kaggle://user/faces/keras/small")
        True
    """
    return os.fspath(name).startswith("kaggle:/")


def read_kaggle_handle(handle: str | os.PathLike) -> tuple[str, str]:
    """Reads a handle.

    Args:
        handle: `kaggle://user/model/keras/variation[/version]`.

    Returns:
        What `kagglehub` calls the model, and the variation.

    Raises:
        ValueError: If the handle has another form.

    Example:
        >>> read_kaggle_handle("kaggle://user/faces/keras/small/2")
        ('user/faces/keras/small/2', 'small')
    """
    match = _HANDLE.fullmatch(os.fspath(handle))
    if match is None:
        raise ValueError(f"{os.fspath(handle)!r} is not a handle of Kaggle: give {_FORM}.")
    return match[1], match[2]


def download_from_kaggle(handle: str | os.PathLike) -> Path:
    """Finds a preset of Kaggle, in the local cache or by download.

    The loader compares its files with the checksums in `metadata.json`. A handle with a
    version that is in the cache needs no network.

    Args:
        handle: `kaggle://user/model/keras/variation[/version]`.

    Returns:
        Its folder in the cache of kagglehub.

    Raises:
        FileNotFoundError: If there is no such model, or it is not in the cache and Kaggle
            cannot be reached.
        ImportError: If the package kagglehub is missing.
        ValueError: If the handle has another form.

    Example:
        >>> folder = download_from_kaggle("kaggle://user/faces/keras/small/2")
    """
    name, _ = read_kaggle_handle(handle)
    kagglehub, errors = hub_module("kagglehub"), hub_module("kagglehub.exceptions")
    try:
        return Path(kagglehub.model_download(name))
    # Kaggle's HTTP errors are OSErrors, too.
    except (OSError, errors.NotFoundError, errors.UnauthenticatedError) as error:
        raise FileNotFoundError(
            f"{os.fspath(handle)} cannot be read: {error} Check the name, the version and "
            "the network; for private models, log in (kagglehub.login())."
        ) from error
