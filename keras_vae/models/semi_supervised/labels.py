"""Labels that may be unknown: -1, NaN, or no labels at all."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from keras_vae.models.checks import as_array
from keras_vae.models.conditions import check_condition, one_hot_or_float

UNKNOWN = -1


class LabelPrediction(NamedTuple):
    """The labels that a model predicts for observations.

    Attributes:
        label: The most probable class of each, int32 [N].
        probabilities: q(y|x), [N, K].
    """

    label: np.ndarray
    probabilities: np.ndarray


class Labels(NamedTuple):
    """The labels of a batch.

    Attributes:
        known: Whether the class of each example is known, bool [B].
        one_hot: Its class, [B, K]; for unknown ones the first, as a placeholder.
    """

    known: tf.Tensor
    one_hot: tf.Tensor


def check_labels(y, n: int, num_classes: int) -> Any:
    """Checks labels, some of which may be unknown.

    Args:
        y: Class numbers, one for all or [n] or [n, 1]; -1, NaN or None is unknown. None
            means no labels.
        n: Number of observations.
        num_classes: Number of classes.

    Returns:
        int32 [n], -1 for unknown classes; or None.

    Raises:
        ValueError: If y has another shape or classes that do not exist.
    """
    if y is None:
        return None
    y = as_array(y, "y")
    if y.dtype.kind not in "biuf":
        try:
            y = y.astype(np.float32)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"y must hold class numbers, with -1 or NaN for unknown ones: {error}."
            ) from error
    unknown = y == UNKNOWN
    if y.dtype.kind == "f":
        unknown = unknown | np.isnan(y)
    known = check_condition(np.where(unknown, 0, y), n, (num_classes,), num_classes)
    return np.where(np.broadcast_to(unknown.reshape(-1), n), UNKNOWN, known).astype(
        np.int32
    )


def read_labels(y, n, num_classes: int, dtype: str) -> Labels:
    """Converts labels to the form in which a model reads them.

    Args:
        y: Class numbers [B] or [B, 1], -1 or NaN for unknown ones; None means no labels.
        n: Size B of the batch, a number or a tensor.
        num_classes: Number of classes.
        dtype: Dtype of the result.

    Returns:
        The labels.

    Raises:
        ValueError: If y has another shape.
    """
    if y is None:
        y = tf.fill([n], UNKNOWN)
    y = tf.convert_to_tensor(y)
    if y.shape.rank == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.dtype == tf.bool or y.dtype.is_unsigned:
        # These cannot hold the number of unknown labels.
        y = tf.cast(y, tf.int32)
    unknown = y == tf.cast(UNKNOWN, y.dtype)
    if y.dtype.is_floating:
        unknown = tf.logical_or(unknown, tf.math.is_nan(y))
    classes = tf.where(unknown, tf.zeros_like(y), y)
    one_hot = one_hot_or_float(classes, (num_classes,), num_classes, dtype)
    return Labels(tf.logical_not(unknown), one_hot)
