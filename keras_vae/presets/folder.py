"""Models as folders: config and weights, with checksums of both."""

from __future__ import annotations

import copy
import datetime
import functools
import inspect
import itertools
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from keras_vae.core.files import read_json, write_atomically, write_json, write_weights
from keras_vae.core.names import unknown
from keras_vae.presets.configs import is_compiled, plain_config
from keras_vae.presets.files import (
    CONFIG,
    FORMAT,
    WEIGHTS,
    check_file,
    read_metadata,
    write_files,
)
from keras_vae.presets.lookup import find_preset
from keras_vae.presets.memory import check_sizes, limited_weights
from keras_vae.presets.screen import screen
from keras_vae.presets.weights import load_weights
from keras_vae.version import __version__

_PRECISIONS = ("float32", "mixed_float16", "mixed_bfloat16")
_NETWORKS = ("encoder", "decoder")
# Layers that only move numbers: decoders of some presets end in them, and newer ones do not.
_FORMS = ("InputLayer", "Flatten", "Permute", "Reshape")
# What may differ between layers that compute the same: names and their places, the precision,
# and whether replicas share the statistics of a batch.
_FREE = {"name", "inbound_nodes", "dtype", "synchronized"}
# Entries of the metadata that `save` writes.
WRITTEN_BY_SAVE = {"format", "versions", "files", "parameter_count", "date_saved"}


def load(
    cls: type,
    name_or_folder: str | os.PathLike,
    weights_too: bool = True,
    overrides: Mapping[str, Any] | None = None,
):
    """Reads a model from a folder; see `from_preset` of the model.

    Args:
        cls: The required class of the model.
        name_or_folder: The folder, a preset's name, or a handle of the hub.
        weights_too: Whether to load the weights, or keep initial ones.
        overrides: Arguments of the model that replace the saved ones.

    Returns:
        The model.

    Raises:
        FileNotFoundError: If there is no such preset, or one of its files is missing.
        ValueError: If a file is damaged, or not a model of this class.
    """
    folder = find_preset(name_or_folder)
    files = read_metadata(folder)["files"]
    config, weights = (check_file(folder, name, files[name]) for name in (CONFIG, WEIGHTS))
    model = _model_of(config, weights.stat().st_size, overrides or {})
    if not isinstance(model, cls):
        kind = type(model).__name__
        raise ValueError(
            f"{os.fspath(name_or_folder)!r} holds a {kind}, not a {cls.__name__}. Use "
            f"{kind}.from_preset, or VAE.from_preset for whatever it holds."
        )
    if weights_too:
        load_weights(model, weights)
    return model


def save(
    model: keras.Model, folder: str | os.PathLike, metadata: dict[str, Any] | None = None
) -> None:
    """Writes a model into a folder; see `save_to_preset` of the model.

    Args:
        model: The model.
        folder: The folder; it is created if missing.
        metadata: Further entries of `metadata.json`.

    Raises:
        DiskFullError: If there is too little room.
        ValueError: If `metadata` has an entry that this function writes itself.
    """
    folder, metadata = Path(folder), metadata or {}
    if reserved := WRITTEN_BY_SAVE & set(metadata):
        raise ValueError(f"metadata must not have {', '.join(sorted(reserved))}.")
    config = keras.saving.serialize_keras_object(model)
    plain = plain_config(config)
    if is_compiled(config):
        # Slots of optimizers triple the file, and presets hold no compile settings.
        weights = model.get_weights()
        model = type(model).from_config(copy.deepcopy(plain["config"]))
        model.set_weights(weights)

    def write(new):
        write_json(new / CONFIG, plain)
        write_atomically(new / WEIGHTS, functools.partial(write_weights, model))

    about = {
        "format": FORMAT,
        "versions": {
            "keras_vae": __version__,
            "keras": keras.version(),
            "tensorflow": tf.__version__,
            "tensorflow_probability": tfp.__version__,
        },
        "parameter_count": model.count_params(),
        "date_saved": datetime.datetime.now(datetime.timezone.utc).isoformat(
            "T", "seconds"
        ),
    }
    write_files(folder, write, {**about, **metadata})


def _networks_anew(kind: type, dtype: str) -> dict[str, Any]:
    """Changes a config so that the model makes its networks again, in another precision.

    Only the model's class knows which of their layers must stay in single precision.
    """
    if dtype not in _PRECISIONS:
        raise unknown("dtype", str(dtype), _PRECISIONS)
    arguments = inspect.signature(kind).parameters
    if not all(one in arguments and arguments[one].default is None for one in _NETWORKS):
        raise TypeError(
            f"{kind.__name__} does not make its networks itself, so dtype cannot be chosen "
            "here: leave dtype out"
        )
    return dict.fromkeys(_NETWORKS)


def _check_alike(model: keras.Model, saved: Mapping[str, Any]) -> None:
    """Refuses networks that are not the saved ones in another precision."""
    for name in _NETWORKS:
        new = plain_config(keras.saving.serialize_keras_object(getattr(model, name)))
        pairs = itertools.zip_longest(_layers_of(saved[name]), _layers_of(new))
        if not all(one and other and _is_alike(one, other) for one, other in pairs):
            raise TypeError(
                f"its {name} is frozen, or not the one that {type(model).__name__} makes "
                "itself, so dtype cannot be chosen here: leave dtype out"
            )


def _layers_of(config: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The layers of a network that compute something, and of those in it."""
    inner = config["config"].get("layers")
    if inner is None and config["class_name"] not in _FORMS:
        yield config
    for layer in inner or ():
        yield from _layers_of(layer)


def _is_alike(one: Any, other: Any) -> bool:
    """Whether configs of layers agree in all that both know, but for `_FREE`."""
    if isinstance(one, dict) and isinstance(other, dict):
        common = (set(one) & set(other)) - _FREE
        return all(_is_alike(one[key], other[key]) for key in common)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        pairs = itertools.zip_longest(one, other, fillvalue=object())
        return all(_is_alike(*pair) for pair in pairs)
    return bool(one == other)


def _model_of(path: Path, file_size: int, overrides: Mapping[str, Any]) -> keras.Model:
    """Makes the model of an untrusted config."""
    config = read_json(path)
    known = config.get("config") if isinstance(config, dict) else None
    if isinstance(known, dict) and (strange := set(overrides) - set(known)):
        raise ValueError(
            f"The model in {path.parent} has no argument {sorted(strange)[0]!r}. It has: "
            f"{', '.join(sorted(known))}."
        )
    try:
        kind = keras.saving.get_registered_object(config["registered_name"])
        if not hasattr(kind, "from_preset"):
            raise TypeError(f"{config['registered_name']!r} is not a model of keras_vae")
        screen(config)
        # After the screen, since these come from the program, not from the file.
        saved = dict(config["config"])
        if "dtype" in overrides:
            config["config"] |= _networks_anew(kind, overrides["dtype"])
        config["config"] |= overrides
        check_sizes(config, file_size)
        with limited_weights(file_size):
            model = keras.saving.deserialize_keras_object(config, safe_mode=True)
        if "dtype" in overrides:
            _check_alike(model, saved)
        return model
    # Keras raises many kinds of errors for malformed configs.
    except Exception as error:
        given = f" with the given {', '.join(overrides)}" if overrides else ""
        raise ValueError(f"{path}{given} does not describe a model: {error}") from error
