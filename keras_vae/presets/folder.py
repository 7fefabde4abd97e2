"""Models as folders: config and weights, with checksums of both."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import keras

from keras_vae.core.files import read_json, sha256_of, write_atomically, write_json
from keras_vae.presets.files import (
    CONFIG,
    FORMAT,
    METADATA,
    WEIGHTS,
    check_file,
    describe_file,
    read_metadata,
)
from keras_vae.presets.lookup import find_preset
from keras_vae.presets.screen import screen
from keras_vae.version import __version__

# Names of folders that are being filled, inside the preset's.
_UNFINISHED = ".new-preset."


def load(cls: type, name_or_folder: str | os.PathLike):
    """Reads a model from a folder; see `from_preset` of the model.

    Args:
        cls: The class that the model must be of.
        name_or_folder: The folder, or a preset's name.

    Returns:
        The model.

    Raises:
        FileNotFoundError: If there is no such preset, or one of its files is missing.
        ValueError: If a file is damaged, or not a model of this class.
    """
    folder = find_preset(name_or_folder)
    files = read_metadata(folder)["files"]
    for name in (CONFIG, WEIGHTS):
        check_file(folder / name, files[name])
    model = _model_of(folder / CONFIG)
    if not isinstance(model, cls):
        kind = type(model).__name__
        raise ValueError(
            f"{os.fspath(name_or_folder)!r} holds a {kind}, not a {cls.__name__}. Use "
            f"{kind}.from_preset, or VAE.from_preset for whatever it holds."
        )
    model.load_weights(folder / WEIGHTS)
    return model


def save(
    model: keras.Model, folder: str | os.PathLike, metadata: dict[str, Any] | None = None
) -> None:
    """Writes a model into a folder; see `save_to_preset` of the model.

    Args:
        model: The model.
        folder: The folder; made if missing.
        metadata: What else to write into `metadata.json`.

    Raises:
        ValueError: If `metadata` has an entry that is written here.
    """
    folder, metadata = Path(folder), metadata or {}
    if reserved := {"format", "versions", "files"} & set(metadata):
        raise ValueError(f"metadata must not have {', '.join(sorted(reserved))}.")
    folder.mkdir(parents=True, exist_ok=True)
    for leftover in folder.glob(f"{_UNFINISHED}*"):
        shutil.rmtree(leftover)
    plain = _without_optimizer(model) if model.compiled else model
    with tempfile.TemporaryDirectory(dir=folder, prefix=_UNFINISHED) as new:
        write_json(Path(new) / CONFIG, keras.saving.serialize_keras_object(plain))
        write_atomically(Path(new) / WEIGHTS, plain.save_weights)
        files = {name: describe_file(Path(new) / name) for name in (CONFIG, WEIGHTS)}
        for name in files:
            if (folder / name).exists():
                files[name]["replaces"] = sha256_of(folder / name)
        versions = {"keras_vae": __version__, "keras": keras.version()}
        about = {"format": FORMAT, "versions": versions, "files": files, **metadata}
        write_json(folder / METADATA, about)
        for name in files:
            os.replace(Path(new) / name, folder / name)


def _model_of(path: Path) -> keras.Model:
    """Makes the model of a config, of which nothing has been trusted yet."""
    config = read_json(path)
    try:
        kind = keras.saving.get_registered_object(config["registered_name"])
        if not hasattr(kind, "from_preset"):
            raise TypeError(f"{config['registered_name']!r} is not a model of keras_vae")
        screen(config)
        return keras.saving.deserialize_keras_object(config, safe_mode=True)
    # Keras raises many kinds for configs that are not as it writes them.
    except Exception as error:
        raise ValueError(f"{path} does not describe a model: {error}") from error


def _without_optimizer(model):
    """A copy with the same weights that was never compiled: slots triple the file."""
    copy = type(model).from_config(model.get_config())
    copy.set_weights(model.get_weights())
    return copy
