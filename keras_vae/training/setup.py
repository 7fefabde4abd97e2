"""What a training run is made of: a compiled model, and the data that it reads."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import NamedTuple, cast

import keras
import tensorflow as tf

from keras_vae import objectives
from keras_vae.data import DataSet, pipeline, rows_with_more_labels, steps_per_epoch
from keras_vae.data.augmentation import Augmentation
from keras_vae.models import LatentVariableModel, optimizers
from keras_vae.models.several_workers import check_shares
from keras_vae.training import fine_tuning, hardware
from keras_vae.training.building import build_model
from keras_vae.training.recipe import Recipe
from keras_vae.training.splits import kept_labels, labels_of, split_for

# Least number of steps of an epoch.
_LEAST_STEPS = 40


class Setup(NamedTuple):
    """All that `fit` needs.

    Attributes:
        model: The model, compiled, with its preprocessor.
        jit: Whether its steps are compiled with XLA.
        monitor: The validation score that decides which epoch is kept, or None.
        passes: Number of passes through the training data in an epoch.
        steps: Number of steps of an epoch.
        batches: Function of `start_step`, the number of earlier steps, to the batches that
            follow, in the model's units.
        validation: Validation data in the model's units, and their conditions or labels.
    """

    model: LatentVariableModel
    jit: bool
    monitor: str | None
    passes: int
    steps: int
    batches: Callable[..., tf.data.Dataset]
    validation: tuple


def set_up(
    recipe: Recipe,
    data: DataSet,
    before: LatentVariableModel | None = None,
    strategy: tf.distribute.Strategy | None = None,
) -> Setup:
    """Makes the parts of a training run, and checks that they fit together.

    Args:
        recipe: The recipe, with the values that depend on the data filled in.
        data: The data set.
        before: The model to start from, or None.
        strategy: The strategy under which this function is called, or None.

    Returns:
        The parts.

    Raises:
        ValueError: If parts, data and devices do not fit together.
    """
    if before is None:
        model, binarize = build_model(recipe, data)
    else:
        model, binarize = fine_tuning.start(recipe, data, before)
    once = steps_per_epoch(len(data.x_train), cast(int, recipe.batch_size))
    # For small data an epoch is several passes, and 50 epochs are enough to learn from.
    passes = -(-_LEAST_STEPS // once)
    steps = passes * once
    objective = build_objective(recipe, model, steps)
    optimizer = build_optimizer(recipe, model, steps)
    jit = hardware.use_xla(recipe, model, objective, strategy)
    check_shares(cast(int, recipe.batch_size), model.distribute_strategy)
    x, y = _train_data(recipe, model, data)
    validation, _ = (_held_out(model, data, one) for one in ("validation", "test"))
    model.compile(
        optimizer, objective, jit_compile=jit, skip_threshold=recipe.skip_threshold
    )
    batches = _batches(recipe, model, x, y, binarize)
    return Setup(model, jit, monitor_of(objective), passes, steps, batches, validation)


def _train_data(recipe, model, data) -> tuple:
    """Raw training data, and their conditions or labels."""
    x, y = split_for(model, data, "train")
    labels = kept_labels(recipe, model, data)
    if labels is None:
        return x, y
    rows = rows_with_more_labels(labels)
    return x[rows], labels[rows]


def _held_out(model, data, split) -> tuple:
    """Held-out data in the model's units, checked, and their conditions or labels."""
    x, y = split_for(model, data, split)
    x = model.to_units(x, scores=True, name=f"the {split} split of {data.name!r}")
    return x, labels_of(model, data, split) if model.learns_labels else y


def _batches(recipe, model, x, y, binarize) -> Callable[..., tf.data.Dataset]:
    """The stream of batches, as a function of the step at which it starts.

    It prepares the batches ahead of the steps, so the model must not.
    """
    prepare = model.preprocessor
    if is_static := binarize == "static":
        x = model.to_units(x, scores=True, name="x_train")
    return functools.partial(
        pipeline,
        x if is_static else prepare.events(x),
        recipe.batch_size,
        y=y,
        scaling=None if is_static else prepare.scaling,
        binarize="dynamic" if binarize == "dynamic" else None,
        augment=Augmentation(recipe.augment) if recipe.augments else None,
        seed=recipe.seed,
    )


def build_objective(
    recipe: Recipe, model: LatentVariableModel, steps: int
) -> objectives.Objective:
    """Makes the objective, with the recipe's warm-up.

    Args:
        recipe: The recipe.
        model: The model.
        steps: Number of steps of an epoch.

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
    # A schedule counts updates, and several batches may make one.
    optimizer = optimizers.get_optimizer(recipe.optimizer or model.usual_optimizer)
    batches = optimizer.gradient_accumulation_steps or 1
    return objective.warmed_up(-(-steps * recipe.warmup_epochs // batches))


def build_optimizer(recipe: Recipe, model: LatentVariableModel, steps: int):
    """Makes the optimizer, with the recipe's schedule.

    Args:
        recipe: The recipe.
        model: The model.
        steps: Number of steps of an epoch.

    Returns:
        The optimizer.

    Raises:
        ValueError: If its arguments are refused.
    """
    optimizer = optimizers.get_optimizer(recipe.optimizer or model.usual_optimizer)
    if recipe.schedule == "constant":
        return optimizer
    start = float(keras.ops.convert_to_numpy(optimizer.learning_rate))
    config = optimizer.get_config()
    schedule = keras.optimizers.schedules.CosineDecay(
        start, steps * cast(int, recipe.epochs)
    )
    config["learning_rate"] = keras.optimizers.schedules.serialize(schedule)
    return type(optimizer).from_config(config)


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
