"""What a recipe describes: model, preprocessor, objective, optimizer."""

from __future__ import annotations

import keras

from keras_vae import layers, models, objectives
from keras_vae.data import DataSet, Preprocessor, steps_per_epoch
from keras_vae.models import LatentVariableModel
from keras_vae.models.optimizers import get_optimizer
from keras_vae.training.recipe import Recipe


def build_model(recipe: Recipe, data: DataSet) -> LatentVariableModel:
    """Makes the model of a recipe.

    Args:
        recipe: The recipe.
        data: The data set, for the event shape, the levels and the usual likelihood.

    Returns:
        The model, not compiled.

    Raises:
        ValueError: If a part is not known, or parts or data do not go together.
    """
    name = recipe.title
    known = models.ROOM.arguments(name)
    given = {"posterior": recipe.posterior, "prior": recipe.prior}
    if recipe.likelihood is not None or "likelihood" in known:
        given["likelihood"] = recipe.likelihood or data.likelihood
    given = {part: value for part, value in given.items() if value is not None}
    if foreign := [part for part in given if part not in known]:
        raise ValueError(
            f"{name} has no {' and no '.join(foreign)} to choose. Leave that out, or take "
            "another model."
        )
    if "likelihood" in given:
        given["likelihood"] = _likelihood(given["likelihood"], data)
    return models.get(recipe.model, data.event_shape, seed=recipe.seed, **given)


def _likelihood(identifier: str, data: DataSet):
    """The likelihood layer for the data: levels are those of the data."""
    levels = {}
    if data.levels is not None:
        levels = dict(zip(("low", "high"), data.levels, strict=True))
    elif identifier.startswith("discretized_logistic") and "high=" not in identifier:
        raise ValueError(
            "The likelihood 'discretized_logistic' is for whole numbers between two bounds, "
            f"but {data.name!r} holds other numbers. Its own likelihood is "
            f"{data.likelihood!r}."
        )
    return layers.get(identifier, data.event_shape, **levels)


def build_preprocessor(
    recipe: Recipe, model: LatentVariableModel, data: DataSet
) -> tuple[Preprocessor, str]:
    """Decides how data are brought to the model's units.

    Args:
        recipe: The recipe.
        model: The model.
        data: The data set.

    Returns:
        The preprocessor, and the binarization of training data: "dynamic", "static" or
        "none".

    Raises:
        ValueError: If the data cannot be brought into the model's support, or are to be
            binarized for a likelihood of other values.
    """
    binary = model.is_discrete and (model.support.low, model.support.high) == (0.0, 1.0)
    binarize = recipe.binarize
    if binarize is None:
        binarize = data.binarize if binary and data.binarize else "none"
    if binarize != "none" and not binary:
        raise ValueError(
            f"binarize={binarize!r} makes 0/1 pixels, which fit the likelihood 'bernoulli', "
            f"but this model's observations are {model.support}."
        )
    drawn = binarize != "none"
    return Preprocessor.fit(data, model.support, drawn, recipe.seed), binarize


def build_optimizer(recipe: Recipe, model: LatentVariableModel, data: DataSet):
    """Makes the optimizer, with the recipe's schedule.

    Args:
        recipe: The recipe, with its batch size decided.
        model: The model.
        data: The data set, for the number of steps.

    Returns:
        The optimizer.

    Raises:
        ValueError: If it is not known, or has no such argument.
    """
    optimizer = get_optimizer(recipe.optimizer or model.usual_optimizer)
    if recipe.schedule == "constant":
        return optimizer
    steps = steps_per_epoch(len(data.x_train), recipe.batch_size) * recipe.epochs
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
        ValueError: If it is not known, has no such argument, or has no beta to warm up.
    """
    if recipe.objective is None:
        objective = model.usual_objective()
    else:
        objective = objectives.get(recipe.objective)
    if not recipe.warmup_epochs:
        return objective
    config = objective.get_config()
    beta = vars(type(objective)).get("beta")
    if not isinstance(beta, objectives.Number) or not beta.scheduled:
        raise ValueError(
            "warmup_epochs raises the weight beta of the rate, which the objective "
            f"{type(objective).__name__} does not schedule. Leave it out, or take elbo."
        )
    steps = steps_per_epoch(len(data.x_train), recipe.batch_size) * recipe.warmup_epochs
    schedule = keras.optimizers.schedules.PolynomialDecay(0.0, steps, config["beta"])
    config["beta"] = keras.optimizers.schedules.serialize(schedule)
    return type(objective).from_config(config)


def monitor_of(objective: objectives.Objective) -> str | None:
    """The validation score that decides which epoch is kept.

    Args:
        objective: The objective.

    Returns:
        The ELBO where the loss is that, else the loss; None where several players' losses
        judge each other, so that the last epoch is kept.
    """
    if objective.players:
        return None
    return "val_elbo" if objective.is_plain_bound else "val_loss"
