"""Training that starts from the weights of a preset."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any, cast

from keras_vae import data as data_module
from keras_vae.data import DataSet, Preprocessor, Scaling
from keras_vae.models import LatentVariableModel
from keras_vae.presets.files import RECIPE, WEIGHTS, check_file, read_metadata
from keras_vae.presets.lookup import find_preset
from keras_vae.training.building import binarization
from keras_vae.training.recipe import Recipe


def read_run(
    name_or_folder: str | os.PathLike,
) -> tuple[Path, dict[str, Any], Recipe | None]:
    """Finds a run or preset, and reads what is beside it.

    Args:
        name_or_folder: Folder of a model, or the name of a preset.

    Returns:
        The folder, its metadata and its recipe; None where the model was saved from
        Python and has none.

    Raises:
        FileNotFoundError: If there is no such preset.
        ValueError: If it is damaged.
    """
    folder = find_preset(name_or_folder)
    metadata = read_metadata(folder)
    if not (folder / RECIPE).is_file():
        if RECIPE in metadata["files"]:
            raise FileNotFoundError(f"{folder / RECIPE} is missing.")
        return folder, metadata, None
    # Of a run that may be going on only the model has a checksum.
    if RECIPE in metadata["files"]:
        check_file(folder, RECIPE, metadata["files"][RECIPE])
    return folder, metadata, Recipe.from_json(folder / RECIPE)


def with_sizes(recipe: Recipe, event_shape) -> Recipe:
    """Has images of a folder brought to the size of a preset's.

    Args:
        recipe: A recipe with `from_preset`.
        event_shape: Shape of the preset's observations.

    Returns:
        The recipe with image size and channels, where the data are a folder of images.
    """
    sizes = data_module.sizes_like(recipe.data, event_shape)
    missing = {name: v for name, v in sizes.items() if getattr(recipe, name) is None}
    return dataclasses.replace(recipe, **missing)


def start(
    recipe: Recipe, data: DataSet, before: LatentVariableModel
) -> tuple[LatentVariableModel, str]:
    """Makes the model that goes on from a preset.

    Args:
        recipe: A recipe with `from_preset`.
        data: The data set.
        before: The preset's model.

    Returns:
        The same model with the recipe's seed and the preset's preprocessor (where it has
        none, one that leaves values as they are), and the binarization of training data:
        "dynamic", "static" or "none".

    Raises:
        ValueError: If the data are of another form than those that it was trained on.
    """
    check_form(before, data, f"The preset {recipe.from_preset!r}")
    # Of its own name and seed.
    model = type(before).from_config({**before.get_config(), "seed": recipe.seed})
    model.set_weights(before.get_weights())
    same = Preprocessor(Scaling(data.event_shape), value_range=before.shown_range)
    settings = (before.preprocessor or same).get_config()
    usual = "dynamic" if settings["binarize"] else None
    binarize = binarization(recipe, model, usual)
    settings |= {"binarize": binarize != "none", "seed": recipe.seed}
    model.preprocessor = Preprocessor.from_config(settings)
    model.to_units(data.x_train, name="x_train")
    return model, binarize


def check_form(model: LatentVariableModel, data: DataSet, whose: str) -> None:
    """Refuses data of another form than those that a model was trained on.

    Args:
        model: The model.
        data: The new data.
        whose: Begin of the message: the model.

    Raises:
        ValueError: If event shape or levels differ.
    """
    preprocessor = model.preprocessor
    levels = data.levels if preprocessor is None else preprocessor.levels
    before = (tuple(model.event_shape), levels)
    if before != (data.event_shape, data.levels):
        raise ValueError(
            f"{whose} was made for {_form(*before)}, but those of {data.name!r} are "
            f"{_form(data.event_shape, data.levels)}. Bring the data to the form of the "
            "training data; 8-bit images are saved as uint8."
        )


def _form(event_shape, levels) -> str:
    """Shape and kind of examples in words."""
    kind = "real values" if levels is None else f"levels from {levels[0]} to {levels[1]}"
    return f"examples of shape {event_shape} with {kind}"


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
