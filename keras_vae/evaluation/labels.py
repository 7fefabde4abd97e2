"""How well a model predicts the classes of observations."""

from __future__ import annotations

from typing import Any

import numpy as np

from keras_vae.data import rows_of
from keras_vae.evaluation.errors import mean_and_error
from keras_vae.models import LatentVariableModel


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
    known = np.zeros(len(x), bool) if y is None else y >= 0
    if not known.any():
        raise ValueError("No label is known, so that none can be compared with.")
    predicted = model.predict_label(rows_of(x, known))
    chosen = np.take_along_axis(predicted.probabilities, y[known][:, np.newaxis], axis=1)
    tiny = np.finfo(np.float32).tiny
    return {
        "num_labels": int(known.sum()),
        "label_accuracy": mean_and_error(predicted.label == y[known]),
        "label_log_loss": mean_and_error(-np.log(np.maximum(chosen[:, 0], tiny))),
    }
