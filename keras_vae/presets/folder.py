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


class PresetFolder:
    """The part of `VAE` that is written to a folder, and comes back from one."""

    @classmethod
    def from_preset(cls, name_or_folder: str | os.PathLike):
        """Reads a model from a folder, after checking that its files are whole.

        Nothing in the folder is executed: the config may name classes of Keras and
        keras_vae, and what the program has registered with Keras, and nothing else.

        Args:
            name_or_folder: A folder that `save_to_preset` or `keras-vae train` wrote, or
                the name of a preset (`keras_vae.presets()`), which is looked up in the
                folder `$KERAS_VAE_ZOO` and in the zoo that came with the package.

        Returns:
            The model, of the class that was saved, not compiled: ready to sample, embed
            and score, or to be compiled and trained further.

        Raises:
            FileNotFoundError: If there is no such preset, or one of its files is missing.
            ValueError: If a file is damaged, of a newer format, or not a model of this
                class.

        Example:
            >>> vae = keras_vae.VAE.from_preset("runs/mnist_5k")
            >>> vae.sample(64, seed=0)
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

    def save_to_preset(
        self, folder: str | os.PathLike, metadata: dict[str, Any] | None = None
    ) -> None:
        """Writes the model's config, weights and metadata into a folder.

        What was compiled is left out. Whenever the process is killed, the folder holds a
        model that can be loaded if it held one of the same config before: files are
        replaced as a whole, and until all are, `metadata.json` knows the checksums of the
        old ones as well.

        Args:
            folder: The folder; made if missing. Its other files are left alone.
            metadata: What else to write into `metadata.json`, as JSON holds it.

        Raises:
            ValueError: If `metadata` has an entry that is written here.

        Example:
            >>> vae.save_to_preset("runs/mine", {"data": "mnist_5k"})
        """
        folder, metadata = Path(folder), metadata or {}
        if reserved := {"format", "versions", "files"} & set(metadata):
            raise ValueError(f"metadata must not have {', '.join(sorted(reserved))}.")
        folder.mkdir(parents=True, exist_ok=True)
        for leftover in folder.glob(f"{_UNFINISHED}*"):
            shutil.rmtree(leftover)
        plain = _without_optimizer(self) if self.compiled else self
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


def _model_of(path: Path) -> PresetFolder:
    """Makes the model of a config, of which nothing has been trusted yet."""
    config = read_json(path)
    try:
        kind = keras.saving.get_registered_object(config["registered_name"])
        if not issubclass(kind, PresetFolder):
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
