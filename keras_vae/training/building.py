"""The objects that a recipe describes: model, preprocessor, objective, optimizer."""

from __future__ import annotations

import math
from typing import cast

import keras
import numpy as np

from keras_vae import layers, models, objectives, priors
from keras_vae.core.descriptions import parse
from keras_vae.data import (
    Conditions,
    DataSet,
    Preprocessor,
    Spectrogram,
    keep_labels,
    steps_per_epoch,
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
# For small data an epoch is several passes, so that it has this many steps, and 50 epochs
# are enough to learn from.
_LEAST_STEPS = 40
# Number of training examples, and of their elements, from which parts may start, such as
# pseudo-inputs.
_MOST_STARTS, _MOST_ELEMENTS = 10_000, 50_000_000


def steps_of_epoch(recipe: Recipe, data: DataSet) -> int:
    """Counts the steps of an epoch: one pass through the data, or several for small data.

    Args:
        recipe: The recipe, with its batch size decided.
        data: The data set.

    Returns:
        The number of steps.
    """
    once = steps_per_epoch(len(data.x_train), cast(int, recipe.batch_size))
    return once * -(-_LEAST_STEPS // once) if once < _LEAST_STEPS else once


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
    # Rows from all parts of the data, which may be sorted.
    starts = max(1, min(_MOST_STARTS, _MOST_ELEMENTS // math.prod(data.event_shape)))
    stride = -(-len(x_train) // starts)
    model.start_from(model.to_units(x_train[::stride], name="x_train"))
    if isinstance(model, models.VAEGAN) and model.perceptual is not None:
        model.train_perceptual_network(
            model.to_units(x_train[:], name="x_train"), data.y_train
        )
    return model, binarize


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


def split_for(model: LatentVariableModel, data: DataSet, split: str) -> tuple:
    """Takes the inputs of a model from a split of a data set.

    Args:
        model: The model.
        data: The data set.
        split: Name of the split, or "all".

    Returns:
        Raw observations, and their labels if these are the model's condition, otherwise
        None.

    Raises:
        ValueError: If the model has a condition, and the labels do not fit.
    """
    x, y = data.split(split)
    if model.condition_shape is None:
        return x, None
    if model.preprocessor is not None and model.preprocessor.conditions is not None:
        y = model.preprocessor.conditions.select(data, split)
    if y is None:
        raise ValueError(
            f"The model has a condition, but {data.name!r} has no labels for it. Give data "
            "with labels (sub-folders of images; y beside x in an .npz file), or take a "
            "model without condition."
        )
    return x, model.check_condition(y, len(x))


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
            f"labels {names}. Choose one with classes: condition (--condition NAME)."
        )
    return Conditions(found.columns)


def labels_of(model: LatentVariableModel, data: DataSet, split: str) -> np.ndarray | None:
    """Takes the labels that a model learns from a split of a data set.

    Args:
        model: A model that learns labels.
        data: The data set.
        split: Name of the split, or "all".

    Returns:
        Class numbers [N], -1 for unknown ones; None if the data have no labels.

    Raises:
        ValueError: If there are other labels than those that the model learned.
    """
    y = data.split(split)[1]
    if y is not None and model.preprocessor is not None and model.preprocessor.conditions:
        y = model.preprocessor.conditions.select(data, split)
    return None if y is None else model.check_condition(y, len(y))


def kept_labels(recipe: Recipe, model: LatentVariableModel, data: DataSet):
    """Takes the labels that a model is trained on.

    Args:
        recipe: The recipe; its `labels` is the number of known labels.
        model: The model.
        data: The data set.

    Returns:
        Class numbers [N] of the training data, -1 for unknown ones; None if the model
        learns no labels.

    Raises:
        ValueError: If labels are requested but the model learns none; there are no labels,
            or a class has too few.
    """
    if not model.learns_labels:
        if recipe.labels is None:
            return None
        raise ValueError(
            f"labels={recipe.labels} is for models that learn them, but {recipe.title} does "
            "not. Leave it out, or take semi_supervised_vae."
        )
    y = labels_of(model, data, "train")
    if y is None or (y < 0).all():
        raise ValueError(
            f"The model learns labels, but none of the training data of {data.name!r} has "
            "one. Give data with labels."
        )
    return y if recipe.labels is None else keep_labels(y, recipe.labels, recipe.seed)


def build_optimizer(recipe: Recipe, model: LatentVariableModel, data: DataSet):
    """Makes the optimizer, with the recipe's schedule.

    Args:
        recipe: The recipe, with its batch size decided.
        model: The model.
        data: The data set, for the number of steps.

    Returns:
        The optimizer.

    Raises:
        ValueError: If its arguments are refused.
    """
    optimizer = optimizers.get_optimizer(recipe.optimizer or model.usual_optimizer)
    if recipe.schedule == "constant":
        return optimizer
    steps = steps_of_epoch(recipe, data) * recipe.epochs
    start = float(keras.ops.convert_to_numpy(optimizer.learning_rate))
    config = optimizer.get_config()
    schedule = keras.optimizers.schedules.CosineDecay(start, steps)
    config["learning_rate"] = keras.optimizers.schedules.serialize(schedule)
    return type(optimizer).from_config(config)


def build_objective(
    recipe: Recipe, model: LatentVariableModel, data: DataSet
) -> objectives.Objective:
    """Makes the objective, with the recipe's warm-up.

    Args:
        recipe: The recipe, with its batch size decided.
        model: The model.
        data: The data set, for the number of steps.

    Returns:
        The objective.

    Raises:
        ValueError: If its arguments are refused, or it has no beta to warm up.
    """
    if recipe.objective is None:
        objective = model.usual_objective()
    else:
        objective = objectives.get(recipe.objective)
    if not recipe.warmup_epochs:
        return objective
    beta = getattr(type(objective), "beta", None)
    if not isinstance(beta, objectives.Number) or not beta.scheduled:
        raise ValueError(
            "warmup_epochs raises the weight beta of the rate, which the objective "
            f"{type(objective).__name__} does not schedule. Leave it out, or take elbo."
        )
    config = objective.get_config()
    steps = steps_of_epoch(recipe, data) * recipe.warmup_epochs
    # The schedule counts updates, and several batches may make one.
    optimizer = optimizers.get_optimizer(recipe.optimizer or model.usual_optimizer)
    steps = -(-steps // (optimizer.gradient_accumulation_steps or 1))
    schedule = keras.optimizers.schedules.PolynomialDecay(0.0, steps, config["beta"])
    config["beta"] = keras.optimizers.schedules.serialize(schedule)
    return type(objective).from_config(config)


def monitor_of(objective: objectives.Objective) -> str | None:
    """The validation score that decides which epoch is kept.

    Args:
        objective: The objective.

    Returns:
        The ELBO if it is the loss, otherwise the loss; None if the losses of several
        players judge each other, so that the last epoch is kept.
    """
    if objective.is_adversarial:
        return None
    return "val_elbo" if objective.is_plain_bound else "val_loss"
