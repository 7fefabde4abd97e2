"""Training that starts from the weights of a preset."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, cast

from keras_vae.data import DataSet, Preprocessor, Scaling
from keras_vae.models import LatentVariableModel
from keras_vae.models.new_parts import start_prior, with_new_parts
from keras_vae.presets.files import RECIPE, WEIGHTS, check_file, read_metadata
from keras_vae.presets.lookup import find_preset
from keras_vae.training.building import binarization, rows_to_start_from
from keras_vae.training.recipe import Recipe
from keras_vae.training.splits import split_for


def read_run(
    name_or_folder: str | os.PathLike,
) -> tuple[Path, dict[str, Any], Recipe | None]:
    """Finds a run or preset, and reads its metadata and recipe.

    Args:
        name_or_folder: Folder of a model, or the name of a preset.

    Returns:
        The folder, its metadata and its recipe, which is None if the model was saved from
        Python, perhaps into the folder of a run.

    Raises:
        FileNotFoundError: If there is no such preset.
        ValueError: If it is damaged.
    """
    folder = find_preset(name_or_folder)
    metadata = read_metadata(folder)
    if "training" not in metadata:
        return folder, metadata, None
    if not (folder / RECIPE).is_file():
        raise FileNotFoundError(f"{folder / RECIPE} is missing.")
    # In a run that may not be finished, only the model has a checksum.
    if RECIPE in metadata["files"]:
        check_file(folder, RECIPE, metadata["files"][RECIPE])
    return folder, metadata, Recipe.from_json(folder / RECIPE)


def start(
    recipe: Recipe, data: DataSet, before: LatentVariableModel
) -> tuple[LatentVariableModel, str]:
    """Makes the model that starts from a preset.

    Args:
        recipe: A recipe with `from_preset`.
        data: The data set.
        before: The preset's model.

    Returns:
        The same model with the recipe's seed, posterior and prior and the preset's
        preprocessor (or one that does not change values, if it has none), and the
        binarization of training data: "dynamic", "static" or "none".

    Raises:
        ValueError: If the form of the data differs from that of the preset's training data,
            or a new part does not fit the preset.
    """
    check_shape(before, data, f"The preset {recipe.from_preset!r}")
    check_levels(before, data, f"The preset {recipe.from_preset!r}")
    _check_columns(before, data, f"The preset {recipe.from_preset!r}")
    model = with_new_parts(before, recipe.seed, recipe.posterior, recipe.prior)
    same = Preprocessor(Scaling(data.event_shape), value_range=before.shown_range)
    settings = (before.preprocessor or same).get_config()
    usual = "dynamic" if settings["binarize"] else None
    binarize = binarization(recipe, model, usual)
    settings |= {"binarize": binarize != "none", "seed": recipe.seed}
    model.preprocessor = Preprocessor.from_config(settings)
    model.to_units(data.x_train, name="x_train")
    if recipe.prior is not None:
        x, y = split_for(model, data, "train")
        rows = rows_to_start_from(model, len(x))
        y = None if y is None else y[rows]
        start_prior(model, model.to_units(x[rows], scores=True), y, recipe.seed)
    return model, binarize


def check_shape(model: LatentVariableModel, data: DataSet, whose: str) -> None:
    """Refuses data whose shape differs from that of a model's training data.

    Args:
        model: The model.
        data: The new data.
        whose: Begin of the message: the model.

    Raises:
        ValueError: If the event shapes differ.
    """
    spectrogram = model.preprocessor and model.preprocessor.spectrogram
    if spectrogram is None and data.sample_rate is not None:
        raise ValueError(f"{whose} was not trained on sounds, which {data.name!r} holds.")
    # The sample rate of arrays is unknown.
    if spectrogram and data.sample_rate not in (None, spectrogram.sample_rate):
        raise ValueError(
            f"{whose} was made for sounds of {spectrogram.sample_rate:,} samples per "
            f"second, but those of {data.name!r} have {data.sample_rate:,}. Resample them."
        )
    if model.raw_shape != data.event_shape:
        raise ValueError(
            f"{whose} was made for examples of shape {model.raw_shape}, but those of "
            f"{data.name!r} have shape {data.event_shape}. Bring the data to the form of "
            "the training data."
        )


def check_levels(model: LatentVariableModel, data: DataSet, whose: str) -> None:
    """Refuses new training data whose levels differ from those of a model's training data.

    Args:
        model: The model.
        data: The new training data.
        whose: Begin of the message: the model.

    Raises:
        ValueError: If the levels differ.
    """
    if model.preprocessor is not None and model.preprocessor.spectrogram is not None:
        # Waveforms have no levels.
        return
    levels = data.levels if model.preprocessor is None else model.preprocessor.levels
    if not _alike(levels, data.levels):
        raise ValueError(
            f"{whose} was made for {_kind(levels)}, but {data.name!r} has "
            f"{_kind(data.levels)}. Bring the data to the form of the training data; 8-bit "
            "images are saved as uint8."
        )


def _check_columns(model: LatentVariableModel, data: DataSet, whose: str) -> None:
    """Refuses a table that was read in another way, whose codes mean something else."""
    columns = model.preprocessor.columns if model.preprocessor is not None else None
    for mine, other in zip(columns or (), data.columns or (), strict=False):
        # Bounds do not change what a number means.
        kinds = [
            (one.name, one.kind, one.categories, one.day_first) for one in (mine, other)
        ]
        if kinds[0] != kinds[1]:
            raise ValueError(
                f"{whose} was made for a table with {mine}, but {data.name!r} was read with "
                f"{other}. Load it with the preset's columns: load(path, **settings_like("
                "path, model.event_shape, model.preprocessor))."
            )


def _alike(levels, others) -> bool:
    """Whether values may belong to some levels; much smaller ones have another scale."""
    if levels is None or others is None:
        return levels is others
    (low, high), (least, most) = levels, others
    return low <= least and most <= high and most > high // 2


def _kind(levels) -> str:
    """Kind of values in words."""
    return "real values" if levels is None else f"levels from {levels[0]} to {levels[1]}"


def origin(recipe: Recipe) -> dict[str, Any]:
    """Says which weights a run started from, for its metadata.

    Args:
        recipe: A recipe with `from_preset`.

    Returns:
        Name and SHA-256 of the weights.
    """
    name = cast(str, recipe.from_preset)
    files = read_metadata(find_preset(name))["files"]
    return {"name": name, "sha256": files[WEIGHTS]["sha256"]}
