"""How well a model predicts the classes of observations."""

from __future__ import annotations

from typing import Any

import numpy as np

from keras_vae.data import rows_of
from keras_vae.data.few_labels import UNKNOWN
from keras_vae.evaluation.errors import mean_and_error
from keras_vae.models import LatentVariableModel

_NONE_KNOWN = "No label is known, so that none can be compared with."


def with_known_classes(x, y) -> tuple:
    """Leaves out observations whose class is unknown.

    Args:
        x: Observations [N, *event].
        y: Their classes [N], -1 or NaN for unknown ones; or [N, A], which all count.

    Returns:
        The other observations, and their classes.

    Raises:
        ValueError: If no class is known.
    """
    y = np.asarray(y)
    if y.ndim > 1:
        return x, y
    known = y != UNKNOWN
    if y.dtype.kind == "f":
        known &= ~np.isnan(y)
    if not known.any():
        raise ValueError(_NONE_KNOWN)
    return (x, y) if known.all() else (rows_of(x, known), y[known])


def label_scores(model: LatentVariableModel, x, y) -> dict[str, Any]:
    """Compares the labels that a model predicts with the true ones.

    Args:
        model: A model that learns labels.
        x: Observations [N, *event].
        y: Their classes [N]; unknown ones (-1, NaN) are left out. None means that all are
            unknown.

    Returns:
        `num_labels`, the number of known labels, and `{"mean", "standard_error"}` of
        `label_accuracy`, the share of observations whose most probable class is the true
        one, and of `label_log_loss`, -log q(y|x), nats.

    Raises:
        ValueError: If the model predicts no labels, or none of y is known.

    Example:
        >>> label_scores(semi_supervised, x_test, y_test)["label_accuracy"]
    """
    if not model.learns_labels:
        raise ValueError(
            "The model predicts no labels. Take one that learns them, such as "
            "SemiSupervisedVAE."
        )
    y = model.check_condition(y, len(x))
    if y is None:
        raise ValueError(_NONE_KNOWN)
    x, y = with_known_classes(x, y)
    predicted = model.predict_label(x)
    chosen = np.take_along_axis(predicted.probabilities, y[:, np.newaxis], axis=1)
    tiny = np.finfo(np.float32).tiny
    return {
        "num_labels": len(y),
        "label_accuracy": mean_and_error(predicted.label == y),
        "label_log_loss": mean_and_error(-np.log(np.maximum(chosen[:, 0], tiny))),
    }
