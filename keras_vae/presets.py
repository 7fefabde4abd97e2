"""Folders that hold a model: config, weights, and what they were trained on."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import keras

from keras_vae.core.files import read_json, sha256_of, write_atomically, write_json
from keras_vae.models import VAE
from keras_vae.version import __version__

FORMAT = 1
CONFIG, WEIGHTS, METADATA = "config.json", "model.weights.h5", "metadata.json"


def save_to_preset(
    model: VAE, folder: str | os.PathLike, metadata: dict[str, Any] | None = None
) -> None:
    """Writes a model's config, weights and metadata into a folder.

    The optimizer is left out. Whenever the process is killed, the folder holds a model
    that can be loaded if it held one before: files are replaced as a whole, and until
    all are, `metadata.json` knows the checksums of the old ones as well.

    Args:
        model: The model.
        folder: The folder; made if missing. Its other files are left alone.
        metadata: What else to write into `metadata.json`, as JSON holds it.

    Raises:
        ValueError: If `metadata` has an entry that is written here.

    Example:
        >>> save_to_preset(vae, "runs/mine", {"data": "mnist_5k"})
    """
    folder, metadata = Path(folder), metadata or {}
    if reserved := {"format", "versions", "files"} & set(metadata):
        raise ValueError(f"metadata must not have {', '.join(sorted(reserved))}.")
    folder.mkdir(parents=True, exist_ok=True)
    for leftover in folder.glob(".new.*/"):
        shutil.rmtree(leftover)
    plain = _without_optimizer(model) if model.compiled else model
    with tempfile.TemporaryDirectory(dir=folder, prefix=".new.") as new:
        write_json(Path(new) / CONFIG, keras.saving.serialize_keras_object(model))
        write_atomically(Path(new) / WEIGHTS, plain.save_weights)
        files = {name: _describe(Path(new) / name) for name in (CONFIG, WEIGHTS)}
        for name in files:
            if (folder / name).exists():
                files[name]["replaces"] = sha256_of(folder / name)
        versions = {"keras_vae": __version__, "keras": keras.version()}
        about = {"format": FORMAT, "versions": versions, "files": files, **metadata}
        write_json(folder / METADATA, about)
        for name in files:
            os.replace(Path(new) / name, folder / name)


def _describe(path: Path) -> dict[str, Any]:
    return {"sha256": sha256_of(path), "bytes": path.stat().st_size}


def load_from_preset(folder: str | os.PathLike) -> tuple[VAE, dict[str, Any]]:
    """Reads a model from a folder, after checking that its files are whole.

    Nothing in the folder is executed: the config may name classes of Keras and
    keras_vae, and what the program has registered with Keras, and nothing else.

    Args:
        folder: A folder that `save_to_preset` or `keras-vae train` wrote.

    Returns:
        The model, not compiled, and the contents of `metadata.json`.

    Raises:
        FileNotFoundError: If the folder or one of its files is missing.
        ValueError: If a file is damaged, of a newer format, or not a model of this
            package.

    Example:
        >>> vae, metadata = load_from_preset("runs/mnist_5k")
    """
    folder = Path(folder)
    metadata = read_metadata(folder)
    for name, expected in metadata["files"].items():
        _check_file(folder / name, expected)
    model = _model_of(folder / CONFIG)
    model.load_weights(folder / WEIGHTS)
    return model, metadata


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
    names_both = isinstance(files, dict) and set(files) == {CONFIG, WEIGHTS}
    if not names_both or not all(isinstance(one, dict) for one in files.values()):
        raise ValueError(f"{folder / METADATA} is damaged: it does not name the files.")
    if metadata.get("format") != FORMAT:
        raise ValueError(
            f"{folder} has format {metadata.get('format')!r}; this version of keras_vae "
            f"({__version__}) reads format {FORMAT}. Update keras_vae, or train again."
        )
    return metadata


def _model_of(path: Path) -> VAE:
    """Makes the model of a config, of which nothing has been trusted yet."""
    config = read_json(path)
    try:
        kind = keras.saving.get_registered_object(config["registered_name"])
        if not issubclass(kind, VAE):
            raise TypeError(f"{config['registered_name']!r} is not a model of keras_vae")
        return keras.saving.deserialize_keras_object(config, safe_mode=True)
    # Keras raises many kinds for configs that are not as it writes them.
    except Exception as error:
        raise ValueError(f"{path} does not describe a model: {error}") from error


def _check_file(path: Path, expected: dict[str, Any]) -> None:
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing.")
    if sha256_of(path) not in (expected.get("sha256"), expected.get("replaces")):
        raise ValueError(
            f"{path} is damaged: it has {path.stat().st_size} bytes (written were "
            f"{expected.get('bytes')}) and another checksum than {METADATA} records. "
            "Copy it again from its source, resume the training, or train again."
        )


def _without_optimizer(model: VAE) -> VAE:
    """A copy with the same weights that was never compiled: slots triple the file."""
    copy = type(model).from_config(model.get_config())
    copy.set_weights(model.get_weights())
    return copy
