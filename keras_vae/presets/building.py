"""Makes presets of the zoo from finished runs."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Any

import keras

from keras_vae.core.files import read_json, write_atomically
from keras_vae.core.folders import write_folder_atomically
from keras_vae.data.conditions import Conditions
from keras_vae.presets.cards import card, may_show_data
from keras_vae.presets.files import (
    CARD,
    CONFIG,
    METADATA,
    RECIPE,
    WEIGHTS,
    check_all,
    check_file,
    describe_file,
    files_in,
    read_metadata,
    settle,
    write_files,
)
from keras_vae.presets.folder import load

OF_DATA = "reconstructions.png"
PICTURES = ("samples.png", OF_DATA, "manifold.png", "samples.csv", "samples.wav")


def build_preset(
    run: str | os.PathLike,
    name: str,
    zoo: str | os.PathLike = "zoo",
    description: str | None = None,
    overwrite: bool = False,
) -> Path:
    """Turns a finished run into a preset: its files, a card, and checksums of all.

    Args:
        run: A folder of `keras-vae train`.
        name: Name of the preset: small letters, digits and underscores.
        zoo: The folder of all presets.
        description: One sentence; None makes one from model and data.
        overwrite: Whether to replace a preset of that name.

    Returns:
        The preset's folder. If the process is killed, either the earlier preset or the new
        one is there.

    Raises:
        DiskFullError: If there is too little room.
        FileExistsError: If there is a preset of that name already, or its folder holds a
            file that its metadata do not name.
        ValueError: If the name is unusable, or the run damaged or not finished.

    Example:
        >>> build_preset("runs/mnist_5k", "conv_vae_mnist_5k")
    """
    run, zoo = Path(run), Path(zoo)
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ValueError(
            f"{name!r} cannot be a preset's name: it must begin with a lower-case letter "
            "and have only lower-case letters, digits and underscores."
        )
    target = zoo / name
    if target.exists() and not overwrite:
        raise FileExistsError(f"{target} exists already. Use --overwrite to replace it.")
    before = _files_of(target, name) if target.exists() else ()
    model, metadata, recipe = _finished(run)
    kind = type(model).__name__
    about = {
        **metadata,
        "name": name,
        "description": description
        or f"{kind} of {metadata['data']['name']}, latent size {model.latent_dim}",
        "class": kind,
        "latent_dim": model.latent_dim,
        "parameters": model.count_params(),
    }
    sources = _sources(run, metadata)

    def write(folder):
        for file, source in sources.items():
            shutil.copyfile(source, folder / file)
        _close(folder, about, recipe)

    write_folder_atomically(
        target,
        write,
        overwrite,
        replaceable={*before, METADATA}.__contains__,
        needed=sum(source.stat().st_size for source in sources.values()),
    )
    return target


def _sources(run: Path, metadata: dict[str, Any]) -> dict[str, Path]:
    """The files of a run that become part of a preset, with their paths."""
    model = {n: check_file(run, n, metadata["files"][n]) for n in (CONFIG, WEIGHTS)}
    # Pictures of the data are left out if their licence demands it.
    left_out = () if may_show_data(metadata["data"]["licence"]) else (OF_DATA,)
    pictures = (name for name in PICTURES if name not in left_out)
    others = {name: run / name for name in (RECIPE, *pictures) if (run / name).exists()}
    return {**model, **others}


def _files_of(folder: Path, name: str) -> Collection[str]:
    """The files of a preset that will be replaced."""
    if not (folder / METADATA).exists() or read_metadata(folder).get("name") != name:
        raise FileExistsError(f"{folder} is not a preset. Choose another name.")
    return read_metadata(folder)["files"]


def _finished(run: Path) -> tuple[keras.Model, dict[str, Any], dict[str, Any]]:
    """Loads a finished run, or raises an error that names what it lacks."""
    metadata = read_metadata(run)
    model = load(keras.Model, run)
    if missing := {"model", "data", "training"} - set(metadata):
        raise ValueError(
            f"{run} was not written by keras-vae train: its {METADATA} does not say "
            f"{', '.join(sorted(missing))}."
        )
    if not metadata["training"]["finished"] or "scores" not in metadata:
        raise ValueError(
            f"The run in {run} is not finished and has no scores. Finish it (keras-vae "
            f"train --resume --output {run})."
        )
    return model, metadata, read_json(run / RECIPE)


def add_files(folder: str | os.PathLike) -> list[str]:
    """Adds new files of a preset, such as more pictures, to its list.

    All listed files are checked first, so a damaged file never gets a checksum.

    Args:
        folder: The preset's folder.

    Returns:
        Names of the files that were added.

    Raises:
        FileNotFoundError: If a file that was listed is missing.
        ValueError: If one is damaged, or the folder is not a preset of the zoo.

    Example:
        >>> shutil.copy("zoo/conv_vae_mnist/samples.png", "zoo/conv_vae_mnist/more.png")
        'zoo/conv_vae_mnist/more.png'
        >>> add_files("zoo/conv_vae_mnist")
        ['more.png']
    """
    folder = Path(folder)
    metadata = preset_metadata(folder)
    settle(folder)
    recorded = set(metadata["files"])
    added = [name for name in files_in(folder) if name not in recorded]
    check_all(folder, ignore=added)
    _close(folder, metadata, read_json(folder / RECIPE))
    return added


def record_scores(folder: str | os.PathLike, scores: dict[str, Any]) -> None:
    """Writes new scores into a preset's metadata and onto its card.

    Args:
        folder: The preset's folder.
        scores: The result of `keras_vae.evaluation.held_out_scores` for its test split.

    Raises:
        FileNotFoundError: If a file of the preset is missing.
        ValueError: If one is damaged, or the folder is not a preset of the zoo.

    Example:
        >>> scores = held_out_scores(vae, x_test, num_samples=5000)
        >>> record_scores("zoo/conv_vae_mnist", scores)
    """
    folder = Path(folder)
    metadata = preset_metadata(folder)
    settle(folder)
    check_all(folder)
    metadata["scores"] = {**scores, "split": "test"}
    _close(folder, metadata, read_json(folder / RECIPE))


def preset_metadata(folder: str | os.PathLike) -> dict[str, Any]:
    """Reads the metadata of a preset of the zoo.

    Args:
        folder: The preset's folder.

    Returns:
        Its `metadata.json`.

    Raises:
        FileNotFoundError: If there is no model in the folder.
        ValueError: If the folder is a run, or its metadata are damaged.
    """
    folder = Path(folder)
    metadata = read_metadata(folder)
    if "description" not in metadata or RECIPE not in metadata["files"]:
        raise ValueError(
            f"{folder} is not a preset of the zoo. Turn a run into one with `keras-vae zoo "
            "build`."
        )
    return metadata


def _conditions_in(folder: Path) -> Conditions | None:
    """The conditions in a preset's config, if its model has any."""
    preprocessor = read_json(folder / CONFIG)["config"]["preprocessor"]
    known = preprocessor and preprocessor["config"]["conditions"]
    return Conditions(**known) if known else None


def _close(folder: Path, metadata: dict[str, Any], recipe: dict[str, Any]) -> None:
    """Writes the card, and the checksums of all files."""
    names = sorted({*files_in(folder), CARD})
    text = card(metadata, recipe, names, _conditions_in(folder))
    files = {name: describe_file(folder / name) for name in names if name != CARD}

    def write(new):
        write_atomically(new / CARD, lambda path: path.write_text(text, encoding="utf-8"))

    write_files(folder, write, {**metadata, "files": files})
