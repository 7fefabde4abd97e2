"""The model that a recipe describes, with its preprocessor."""

from __future__ import annotations

import math
from typing import cast

import numpy as np

from keras_vae import layers, models, objectives, priors
from keras_vae.core.descriptions import parse
from keras_vae.data import (
    Conditions,
    DataSet,
    Preprocessor,
    Spectrogram,
)
from keras_vae.data.conditions import ALL_LABELS
from keras_vae.models import LatentVariableModel, optimizers
from keras_vae.training.recipe import Recipe

_ROOMS = {
    "model": models.ROOM,
    "posterior": layers.ROOM,
    "prior": priors.ROOM,
    "likelihood": layers.ROOM,
    "objective": objectives.ROOM,
    "optimizer": optimizers.ROOM,
}
# Number of training examples, and of their elements, from which parts may start, such as
# pseudo-inputs.
_MOST_STARTS, _MOST_ELEMENTS = 10_000, 50_000_000


def check_parts(recipe: Recipe) -> None:
    """Refuses parts that do not exist, before any data are read.

    Args:
        recipe: The recipe.

    Raises:
        ValueError: If a part or an argument is not known, a value is of another kind, or
            the model has no such part to choose.
    """
    for role, room in _ROOMS.items():
        if value := getattr(recipe, role):
            room.check(value)
    if recipe.objective:
        # An objective can be made now, which checks its numbers.
        objectives.get(recipe.objective)
    if recipe.model is None:
        return
    known = models.ROOM.arguments(recipe.title)
    if foreign := [part for part in _choices(recipe) if part not in known]:
        raise ValueError(
            f"{recipe.title} has no {' and no '.join(foreign)} to choose. Leave it out, or "
            "take another model."
        )
    if recipe.library_size and "offset" not in known:
        raise ValueError(
            "library_size (--library-size) is for dense_vae, but the model is "
            f"{recipe.title}. Leave it out."
        )


def build_model(recipe: Recipe, data: DataSet) -> tuple[LatentVariableModel, str]:
    """Makes the model of a recipe, with its preprocessor.

    Args:
        recipe: The recipe.
        data: The data set, for the event shape, the levels and the default likelihood.

    Returns:
        The model, not compiled, and the binarization of training data: "dynamic",
        "static" or "none".

    Raises:
        ValueError: If parts and data do not fit together.
    """
    given, arguments = _choices(recipe), models.ROOM.arguments(recipe.title)
    spectrogram = None
    x_train = data.x_train
    if data.sample_rate is not None:
        spectrogram = Spectrogram.fit(x_train, data.sample_rate)
        data = spectrogram.data(data)
    conditions = None
    if "num_classes" in arguments:
        conditions = classes_of(data, given.pop("condition", ALL_LABELS))
        given["num_classes"] = conditions.shape
    elif recipe.condition is not None or recipe.library_size:
        conditions = Conditions.of(data, recipe.condition, recipe.library_size)
        given["condition"] = conditions.shape
        if recipe.library_size:
            given["offset"] = True
    if "gaps" in arguments and np.issubdtype(data.x_train.dtype, np.floating):
        if (
            np.isnan(data.split("all")[0]).any()
            and "gaps" not in parse(cast(str, recipe.model))[1]
        ):
            given["gaps"] = "mask"
    if "likelihood" in arguments:
        levels = dict(zip(("low", "high"), data.levels or (), strict=False))
        likelihood = given.get("likelihood", data.likelihood)
        given["likelihood"] = layers.get(likelihood, data.event_shape, **levels)
    model = models.get(recipe.model, data.event_shape, seed=recipe.seed, **given)
    binarize = binarization(recipe, model, data.binarize)
    drawn = binarize != "none"
    model.preprocessor = Preprocessor.fit(
        data, model.support, drawn, recipe.seed, conditions, spectrogram
    )
    rows = rows_to_start_from(model, len(x_train))
    model.start_from(model.to_units(x_train[rows], name="x_train"))
    if "perceptual" in model.provides:
        model.train_perceptual_network(
            model.to_units(x_train[:], name="x_train"), data.y_train
        )
    return model, binarize


def rows_to_start_from(model: LatentVariableModel, num_rows: int) -> slice:
    """Chooses training examples for `start_from`, from all parts of data that may be sorted.

    Args:
        model: The model.
        num_rows: Number of training examples.

    Returns:
        The rows.
    """
    most = max(1, min(_MOST_STARTS, _MOST_ELEMENTS // math.prod(model.event_shape)))
    return slice(None, None, -(-num_rows // most))


def _choices(recipe):
    """The parts that a recipe names beside the model."""
    names = ("posterior", "prior", "likelihood", "condition")
    parts = {one: getattr(recipe, one) for one in names}
    return {name: value for name, value in parts.items() if value is not None}


def binarization(recipe: Recipe, model: LatentVariableModel, usual: str | None) -> str:
    """Decides how training data are binarized.

    Args:
        recipe: The recipe.
        model: The model.
        usual: The default if the recipe does not decide and the model has 0/1 pixels.

    Returns:
        "dynamic", "static" or "none".

    Raises:
        ValueError: If 0/1 pixels are requested, but the likelihood is for other values.
    """
    binary = model.is_discrete and (model.support.low, model.support.high) == (0.0, 1.0)
    binarize = recipe.binarize or (usual if binary and usual else "none")
    if binarize != "none" and not binary:
        raise ValueError(
            f"binarize={binarize!r} makes 0/1 pixels, which fit the likelihood 'bernoulli', "
            f"but this model's observations are {model.support}."
        )
    return binarize


def classes_of(data: DataSet, name: str) -> Conditions:
    """Finds the classes that a model learns.

    Args:
        data: The data set.
        name: The label of the classes; "labels" if there is only one.

    Returns:
        The label. It may be unknown for some examples.

    Raises:
        ValueError: If there are no labels, several, or numbers that are not classes.
    """
    found = Conditions.of(data, name)
    if found.classes is None:
        names = ", ".join(str(one.name) for one in found.columns)
        raise ValueError(
            f"The model learns one class for each example, but {data.name!r} has the "
            f"labels {names}, which are numbers, or several. Choose one with classes: "
            "condition (--condition NAME); of a table, say that it has classes: columns "
            "(--column NAME=category)."
        )
    return Conditions(found.columns)
