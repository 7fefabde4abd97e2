"""The observations, conditions and labels that a model takes from a data set."""

from __future__ import annotations

import numpy as np

from keras_vae.data import DataSet, keep_labels
from keras_vae.models import LatentVariableModel
from keras_vae.training.recipe import Recipe


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
