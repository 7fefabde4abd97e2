"""Training that starts from the weights of a preset."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

from keras_vae import data as data_module
from keras_vae.data import DataSet, Preprocessor
from keras_vae.models import VAE
from keras_vae.models.conv_vae import default_filters
from keras_vae.presets.files import METADATA, WEIGHTS, check_file, read_metadata
from keras_vae.presets.lookup import find_preset
from keras_vae.training.building import build_model
from keras_vae.training.recipe import Recipe
from keras_vae.training.run_folder import RECIPE

# The values of a recipe that decide which weights a model has.
MODEL_OPTIONS = (
    "model",
    "latent_dim",
    "likelihood",
    "posterior",
    "prior",
    "prior_components",
    "hidden_units",
    "filters",
    "normalization",
    "networks",
    "spectral_normalization",
)


def open_trained(name_or_folder: str | os.PathLike) -> tuple[Path, dict[str, Any], Recipe]:
    """Finds a run or preset that `keras-vae train` made, and reads what is beside it.

    Args:
        name_or_folder: Folder of a run, or the name of a preset.

    Returns:
        The folder, its metadata and its recipe.

    Raises:
        FileNotFoundError: If there is no such preset.
        ValueError: If it is damaged, or was not written by `keras-vae train`.
    """
    folder = find_preset(name_or_folder)
    metadata = read_metadata(folder)
    if missing := {"model", "data", "training"} - set(metadata):
        raise ValueError(
            f"{folder} was not written by keras-vae train: its {METADATA} does not say "
            f"{', '.join(sorted(missing))}. Use it from Python (VAE.from_preset)."
        )
    # Of a run that may be going on only the model has a checksum.
    if RECIPE in metadata["files"]:
        check_file(folder / RECIPE, metadata["files"][RECIPE])
    if not (folder / RECIPE).is_file():
        raise FileNotFoundError(f"{folder / RECIPE} is missing.")
    return folder, metadata, Recipe.from_json(folder / RECIPE)


def fine_tuning_recipe(preset: str | os.PathLike, values: dict[str, Any]) -> Recipe:
    """Puts together a recipe that goes on from a preset.

    Args:
        preset: Folder of a run, or the name of a preset.
        values: Values of the recipe; `data` at least. Those that decide the model are
            taken from the preset's recipe and may be left out.

    Returns:
        The recipe.

    Raises:
        FileNotFoundError: If there is no such preset.
        ValueError: If a value contradicts the preset's model.

    Example:
        >>> fine_tuning_recipe("conv_vae_mnist", {"data": "fashion_mnist", "epochs": 5})
    """
    _, metadata, before = open_trained(preset)
    shape = metadata["data"]["event_shape"]
    wrong = [
        f"{name} {values[name]!r} (the preset's is {_meant(before, name, shape)!r})"
        for name in MODEL_OPTIONS
        if name in values and _plain(values[name]) != _meant(before, name, shape)
    ]
    if wrong:
        raise ValueError(
            f"The preset {os.fspath(preset)!r} decides the model, and these contradict "
            f"it: {', '.join(wrong)}. Leave them out."
        )
    inherited = {name: getattr(before, name) for name in (*MODEL_OPTIONS, "binarize")}
    sizes = data_module.sizes_like(values["data"], shape)
    return Recipe(
        **{**inherited, **sizes, **values, "from_preset": os.fspath(preset)},
    )


def _plain(value):
    return tuple(value) if isinstance(value, list) else value


def _meant(recipe: Recipe, name: str, event_shape) -> Any:
    """What a recipe's value stands for, where None is a default."""
    value = getattr(recipe, name)
    if value is not None:
        return value
    if name == "filters" and recipe.model != "dense_vae":
        return default_filters(event_shape)
    usual = {"prior_components": 10, "networks": "light", "hidden_units": (500, 500)}
    return usual.get(name)


def inherit(recipe: Recipe) -> Recipe:
    """Fills in a recipe's model options from its preset.

    Args:
        recipe: A recipe with `from_preset`.

    Returns:
        The recipe with the options of the preset's model.

    Raises:
        FileNotFoundError: If there is no such preset.
        ValueError: If an option contradicts the preset's model.
    """
    defaults = {field.name: field.default for field in dataclasses.fields(Recipe)}
    values = {name: getattr(recipe, name) for name in defaults}
    given = {name: v for name, v in values.items() if v != defaults[name]}
    return fine_tuning_recipe(given.pop("from_preset"), given)


def start(recipe: Recipe, data: DataSet) -> tuple[VAE, Preprocessor]:
    """Makes the model of a recipe with the weights of its preset.

    Args:
        recipe: A resolved recipe with `from_preset`.
        data: The data set.

    Returns:
        The model, not compiled, and the preset's preprocessor of data.

    Raises:
        FileNotFoundError: If there is no such preset.
        ValueError: If the preset is damaged, or the data are of another form than those
            that it was trained on.
    """
    preprocessor = Preprocessor.from_preset(recipe.from_preset)
    check_form(preprocessor, data, f"The preset {recipe.from_preset!r}")
    before = VAE.from_preset(recipe.from_preset)
    # Not `before` itself: seed and precision are those of the new recipe.
    model = build_model(recipe, data)
    try:
        model.set_weights(before.get_weights())
    except ValueError as error:
        raise ValueError(
            f"The weights of the preset {recipe.from_preset!r} do not fit the model that "
            f"its recipe describes to this version of keras_vae: {error}"
        ) from error
    preprocessor = dataclasses.replace(
        preprocessor, binarize=recipe.binarize != "none", seed=recipe.seed
    )
    if data.levels is None:
        scaled = preprocessor.scaling(data.x_train)
        model.support.check(scaled, f"the train split of {data.name!r}")
    return model, preprocessor


def check_form(preprocessor: Preprocessor, data: DataSet, whose: str) -> None:
    """Refuses data of another form than those that a model was trained on.

    Args:
        preprocessor: What was done to the model's data.
        data: The new data.
        whose: Begin of the message: the model.

    Raises:
        ValueError: If event shape or levels differ.
    """
    before = (preprocessor.scaling.event_shape, preprocessor.levels)
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
    files = read_metadata(find_preset(recipe.from_preset))["files"]
    return {"name": recipe.from_preset, "sha256": files[WEIGHTS]["sha256"]}
