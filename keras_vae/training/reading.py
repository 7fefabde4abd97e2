"""Reading the data of a recipe, and new data for a trained model."""

from __future__ import annotations

from typing import Any

from keras_vae import data as data_module
from keras_vae.data import DataSet
from keras_vae.data.conditions import ALL_LABELS
from keras_vae.models import LatentVariableModel
from keras_vae.training.recipe import Recipe


def load_to_train(
    recipe: Recipe, before: LatentVariableModel | None = None, check: bool = True
) -> DataSet:
    """Loads the training data of a recipe.

    Args:
        recipe: The recipe.
        before: The model from which training starts, which decides how data are read.
        check: Whether to read all streamed images once before.

    Returns:
        The data set.

    Raises:
        ValueError: If the data cannot be read so.
    """
    settings: dict[str, Any] = {
        "image_size": recipe.image_size,
        "channels": recipe.channels,
        "columns": recipe.columns,
        "levels": recipe.levels,
        "sample_rate": recipe.sample_rate,
        "seconds": recipe.seconds,
    }
    if before is not None:
        _refuse_columns(recipe, before)
        given = {key: value for key, value in settings.items() if value is not None}
        settings |= {**_settings_like(recipe.data, before, recipe), **given}
    settings.setdefault("label", _labels(recipe))
    return data_module.load(
        recipe.data,
        seed=recipe.seed,
        header=recipe.header,
        skip_damaged=recipe.skip_damaged,
        stream=recipe.stream,
        check=check,
        **settings,
    )


def _refuse_columns(recipe: Recipe, before: LatentVariableModel) -> None:
    if recipe.columns and before.preprocessor and before.preprocessor.columns:
        raise ValueError(
            f"The preset {recipe.from_preset!r} decides how a table is read, so kinds of "
            "columns cannot be given. Leave columns out, or train without a preset."
        )


def load_to_use(
    name: str, model: LatentVariableModel, recipe: Recipe | None, split: str
) -> DataSet:
    """Loads data to use with a trained model, in the form that it reads.

    Args:
        name: Name of a data set, or a path.
        model: The model.
        recipe: Its recipe, or None.
        split: The split that will be used; for "all" no splits are drawn.

    Returns:
        The data set.

    Raises:
        ValueError: If the data cannot be read so.
    """
    settings = _settings_like(name, model, recipe)
    is_same = recipe is not None and name == recipe.data
    if recipe is not None and is_same:
        settings |= {"header": recipe.header, "skip_damaged": recipe.skip_damaged}
        if recipe.levels is not None:
            settings["levels"] = recipe.levels
        # The fingerprint of streamed images differs from that of images in memory.
        settings["stream"] = bool(recipe.stream)
    elif data_module.is_table(name) and settings.get("columns"):
        columns = settings["columns"]
        settings["header"] = any(isinstance(one.name, str) for one in columns)
    seed = 0 if recipe is None else recipe.seed
    return data_module.load(name, seed=seed, cut=split != "all", check=False, **settings)


def _settings_like(name: str, model, recipe: Recipe | None) -> dict[str, Any]:
    """The settings to read data for a model: its size, columns, levels and labels."""
    found = data_module.settings_like(name, model.event_shape, model.preprocessor)
    if recipe is not None and (name == recipe.data or "columns" in found):
        of_model = found.get("label", ())
        # In the order of the training data.
        found["label"] = (*(_labels(recipe) or ()), *of_model) or None
    return found


def _labels(recipe: Recipe) -> tuple[str, ...] | None:
    """The columns of a table that are not learned: labels, and the condition."""
    is_named = data_module.is_table(recipe.data) and recipe.condition != ALL_LABELS
    found = recipe.label, recipe.condition if is_named else None
    return tuple(one for one in found if one) or None
