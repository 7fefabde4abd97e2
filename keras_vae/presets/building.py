"""From a finished run to a preset of the zoo."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

import keras

from keras_vae.core.files import read_json, write_atomically, write_json
from keras_vae.presets.cards import card, may_show_data
from keras_vae.presets.files import (
    CARD,
    CONFIG,
    METADATA,
    RECIPE,
    WEIGHTS,
    check_all,
    describe_file,
    files_in,
    read_metadata,
)
from keras_vae.presets.folder import load

OF_DATA = "reconstructions.png"
PICTURES = ("samples.png", OF_DATA, "manifold.png")


def build_preset(
    run: str | os.PathLike,
    name: str,
    zoo: str | os.PathLike = "zoo",
    description: str | None = None,
    overwrite: bool = False,
) -> Path:
    """Makes a preset of a finished run: its files, a card, and checksums of them all.

    Args:
        run: A folder of `keras-vae train`.
        name: Name of the preset: small letters, digits and underscores.
        zoo: The folder of all presets.
        description: One sentence; None makes one of model and data.
        overwrite: Whether to replace a preset of that name.

    Returns:
        The preset's folder, which is complete or not there.

    Raises:
        FileExistsError: If there is a preset of that name already.
        ValueError: If the name is unusable, or the run damaged or not finished.

    Example:
        >>> build_preset("runs/mnist_5k", "conv_vae_mnist_5k")
    """
    run, zoo = Path(run), Path(zoo)
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ValueError(
            f"{name!r} cannot be a preset's name: it must begin with a small letter and "
            "have small letters, digits and underscores only."
        )
    target = zoo / name
    if target.exists() and not overwrite:
        raise FileExistsError(f"{target} exists already. Use --overwrite to replace it.")
    if target.exists() and not _is_preset(target, name):
        raise FileExistsError(f"{target} is no preset of that name. Choose another name.")
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
    zoo.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=zoo, prefix=".new.") as new:
        folder = Path(new) / name
        folder.mkdir()
        # What shows examples of the data is left at home where their licence wants it.
        left_out = () if may_show_data(metadata["data"]["licence"]) else (OF_DATA,)
        for file in (CONFIG, WEIGHTS, RECIPE, *PICTURES):
            if (run / file).exists() and file not in left_out:
                shutil.copyfile(run / file, folder / file)
        _close(folder, about, recipe)
        if target.exists():
            shutil.rmtree(target)
        os.replace(folder, target)
    return target


def _is_preset(folder: Path, name: str) -> bool:
    return (folder / METADATA).exists() and read_metadata(folder).get("name") == name


def _finished(run: Path) -> tuple[keras.Model, dict[str, Any], dict[str, Any]]:
    """Loads a run that has all that a preset needs, or says what it lacks."""
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


def seal(folder: str | os.PathLike) -> list[str]:
    """Takes files that were added to a preset, such as an exported model, into its list.

    All that was listed before is checked first, so damage is never signed.

    Args:
        folder: The preset's folder.

    Returns:
        Names of the files that were added.

    Raises:
        FileNotFoundError: If a file that was listed is missing.
        ValueError: If one is damaged, or the folder is not a preset of the zoo.

    Example:
        >>> seal("zoo/conv_vae_mnist")
        ['1/saved_model.pb', '1/variables/variables.index']
    """
    folder = Path(folder)
    metadata = preset_metadata(folder)
    recorded = set(metadata["files"])
    added = [name for name in files_in(folder) if name not in recorded]
    check_all(folder, ignore=added)
    _close(folder, metadata, read_json(folder / RECIPE))
    return added


def record_scores(folder: str | os.PathLike, scores: dict[str, Any]) -> None:
    """Writes new scores into a preset's metadata and onto its card.

    Args:
        folder: The preset's folder.
        scores: What `keras_vae.evaluation.held_out_scores` returned for its test split.

    Raises:
        FileNotFoundError: If a file of the preset is missing.
        ValueError: If one is damaged, or the folder is not a preset of the zoo.

    Example:
        >>> scores = held_out_scores(vae, x_test, num_samples=5000)
        >>> record_scores("zoo/conv_vae_mnist", scores)
    """
    folder = Path(folder)
    metadata = preset_metadata(folder)
    check_all(folder)
    metadata["scores"] = {**scores, "split": "test"}
    _close(folder, metadata, read_json(folder / RECIPE))


def preset_metadata(folder: str | os.PathLike) -> dict[str, Any]:
    """Reads what is recorded of a preset of the zoo.

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
            f"{folder} is not a preset of the zoo. Make one of a run with `keras-vae zoo "
            "build`."
        )
    return metadata


def _close(folder: Path, metadata: dict[str, Any], recipe: dict[str, Any]) -> None:
    """Writes the card, and the checksums of all files."""
    names = sorted({*files_in(folder), CARD})
    text = card(metadata, recipe, names)
    write_atomically(folder / CARD, lambda path: path.write_text(text, encoding="utf-8"))
    files = {name: describe_file(folder / name) for name in names}
    write_json(folder / METADATA, {**metadata, "files": files})
