"""The sources of the arrays of named sets: your own folder, or Keras."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from keras_vae.core.files import sha256_of
from keras_vae.data.arrays import read_npz

FOLDER_VARIABLE = "KERAS_VAE_DATA"


class Fetched(NamedTuple):
    """Arrays by name, where they were read, and the SHA-256 of the file or None."""

    arrays: dict[str, np.ndarray]
    source: str
    sha256: str | None


# The contents of a set's arrays, by NumPy's kind of type.
_KINDS = {"u": "uint8", "i": "whole numbers", "U": "text"}


def fetch(
    name: str,
    layout: Mapping[str, tuple[int, ...]],
    where: str,
    in_keras: bool = False,
    kinds: Mapping[str, str] | None = None,
) -> Fetched:
    """Reads the arrays of a set from `$KERAS_VAE_DATA/<name>.npz`, or through Keras.

    Args:
        name: Name of the set.
        layout: The required arrays, and their shapes.
        where: Source of the set, for the error.
        in_keras: Whether `keras.datasets` has it (read from its cache or downloaded).
        kinds: Kind of the type of arrays that do not hold bytes: "i" or "U".

    Returns:
        The arrays.

    Raises:
        FileNotFoundError: If the set is nowhere.
        NotADirectoryError: If `$KERAS_VAE_DATA` is not a folder.
        ConnectionError: If Keras cannot download it.
        ValueError: If the file is damaged or has other arrays.
    """
    path = own_file(name)
    if path is not None and path.is_file():
        arrays = read_npz(path, only=layout)
        _check_layout(arrays, layout, str(path), kinds or {})
        return Fetched(arrays, str(path), sha256_of(path))
    if in_keras:
        arrays = _through_keras(name, layout)
        _check_layout(arrays, layout, f"keras.datasets.{name}", kinds or {})
        return Fetched(arrays, f"keras.datasets.{name}", None)
    raise FileNotFoundError(
        f"The data set {name!r} is not available{f': there is no {path}' if path else ''}. "
        f"{_how_to(name, layout)} The set is available from {where}."
    )


def own_file(name: str) -> Path | None:
    """Returns the path of a set's file.

    Args:
        name: Name of the set.

    Returns:
        `$KERAS_VAE_DATA/<name>.npz`, whether it exists or not; None if the variable is not
        set.

    Raises:
        NotADirectoryError: If the variable is set, but not to a folder.
    """
    folder = os.environ.get(FOLDER_VARIABLE)
    if not folder:
        return None
    if not Path(folder).is_dir():
        raise NotADirectoryError(
            f"${FOLDER_VARIABLE} is {folder!r}, which is not a folder. Set it to the "
            f"folder that holds {name}.npz, or unset it."
        )
    return Path(folder) / f"{name}.npz"


def _through_keras(name: str, layout: Mapping) -> dict[str, np.ndarray]:
    import keras

    try:
        train, test = getattr(keras.datasets, name).load_data()
    # Keras raises a bare Exception if a download fails.
    except Exception as error:
        raise ConnectionError(
            f"Keras could not read or download {name!r}: {error}. "
            f"Without a connection: {_how_to(name, layout)}"
        ) from error
    arrays = dict(
        zip(("x_train", "y_train", "x_test", "y_test"), train + test, strict=True)
    )
    for key in ("y_train", "y_test"):
        arrays[key] = arrays[key].reshape(-1)
    if keras.config.image_data_format() == "channels_first":
        for key in ("x_train", "x_test"):
            if arrays[key].ndim == 4:
                arrays[key] = np.moveaxis(arrays[key], 1, -1)
    return arrays


def _how_to(name: str, layout: Mapping[str, tuple[int, ...]]) -> str:
    arrays = ", ".join(f"{key} {list(shape)}" for key, shape in layout.items())
    return (
        f"Set ${FOLDER_VARIABLE} to a folder that holds {name}.npz with the arrays "
        f"{arrays}."
    )


def _check_layout(arrays, layout, source: str, kinds: Mapping[str, str]) -> None:
    for key, shape in layout.items():
        if key not in arrays:
            raise ValueError(
                f"{source} lacks the array {key} {list(shape)}; it holds "
                f"{', '.join(arrays) or 'none of the expected arrays'}. Replace it."
            )
        array = arrays[key]
        kind = kinds.get(key, "u")
        if array.shape != shape or array.dtype.kind != kind:
            expected = _KINDS[kind]
            raise ValueError(
                f"{key} in {source} is {array.dtype} of shape {list(array.shape)}; "
                f"expected {expected} of shape {list(shape)}. Replace the file."
            )
