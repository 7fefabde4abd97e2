"""The condition of a model: what `condition` and y may be, and how networks read y."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from keras_vae.core.numbers import positive_int
from keras_vae.models.checks import as_array


def read_condition(condition) -> tuple[tuple[int, ...] | None, int | None]:
    """Reads the condition of a model.

    Args:
        condition: The number of classes, a shape, or None.

    Returns:
        The shape in which networks read it (classes one-hot), and the number of classes, or
        None if there is none.

    Raises:
        ValueError: If a number is not a positive integer.
    """
    if condition is None:
        return None, None
    if hasattr(condition, "__iter__") and not isinstance(condition, str):
        return tuple(positive_int(n, "every size in condition") for n in condition), None
    num_classes = positive_int(condition, "condition")
    return (num_classes,), num_classes


def check_condition(y, n: int, shape, num_classes: int | None):
    """Checks a condition; see `LatentVariableModel.check_condition`.

    Args:
        y: The condition, or None.
        n: Number of observations.
        shape: Shape of one condition as the networks read it; None where there is none.
        num_classes: Number of classes, where the condition is a class.

    Returns:
        Array [n, ...], or None.

    Raises:
        ValueError: If y does not fit.
    """
    require_condition(y is not None, shape, num_classes)
    if y is None:
        return None
    y = as_array(y, "y")
    if y.dtype.kind not in "biuf":
        raise ValueError(
            f"y must hold numbers, but has dtype {y.dtype}. Give class numbers, or let the "
            "model know the names: Preprocessor.fit(..., conditions=Conditions.of(data, "
            "'labels'))."
        )
    if num_classes is not None:
        return _classes(y, n, num_classes)
    y = y.astype(np.float32)
    if y.shape == tuple(shape):
        y = np.broadcast_to(y, (n, *shape))
    if y.shape != (n, *shape):
        raise ValueError(
            f"y has shape {y.shape}, but the model's condition has shape {tuple(shape)}: "
            f"give one, or one for each of {n} observations."
        )
    if not np.isfinite(y).all():
        raise ValueError("y has values that are NaN or infinite.")
    return y


def require_condition(is_given: bool, shape, num_classes: int | None) -> None:
    """Refuses a condition that the model does not have, and a missing one that it has.

    Args:
        is_given: Whether y was given.
        shape: Shape of one condition as the networks read it; None where there is none.
        num_classes: Number of classes, where the condition is a class.

    Raises:
        ValueError: If the two differ.
    """
    if is_given and shape is None:
        raise ValueError(
            "y was given, but this model has no condition. Leave y out: the model "
            "reconstructs x itself. Or make the model with condition=10 (for ten classes) "
            "or condition=shape."
        )
    if not is_given and shape is not None:
        raise ValueError(
            "This model has a condition, but y was not given. Pass y: "
            + (f"a class from 0 to {num_classes - 1}" if num_classes else f"shape {shape}")
            + " for each observation."
        )


def one_hot_or_float(y, shape, num_classes: int | None, dtype: str) -> tf.Tensor:
    """Converts a condition to the form in which networks read it.

    Args:
        y: The condition: class numbers [B] or [B, 1], or numbers [B, *shape].
        shape: Shape of one condition as the networks read it.
        num_classes: Number of classes, where the condition is a class.
        dtype: Dtype of the result.

    Returns:
        Tensor [B, *shape]; classes one-hot.

    Raises:
        ValueError: If y has another shape.
    """
    y = tf.convert_to_tensor(y)
    if num_classes is None:
        if not y.shape.is_compatible_with([None, *shape]):
            raise ValueError(
                f"y has shape {tuple(y.shape)}, but the model's condition has shape "
                f"{tuple(shape)}: one for each example is needed, {('B', *shape)}."
            )
        return tf.cast(y, dtype)
    if y.shape.rank == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.shape.rank != 1:
        raise ValueError(
            f"y has shape {tuple(y.shape)}, but one class number for each example is "
            "needed, shape [B]."
        )
    if not y.dtype.is_integer:
        y = tf.cast(y, tf.float32)
    classes = tf.cast(y, tf.int32)
    known = (classes >= 0) & (classes < num_classes) & (tf.cast(classes, y.dtype) == y)
    if tf.executing_eagerly() and not tf.reduce_all(known):
        raise ValueError(
            f"y has the class {y[~known][0]:g}, but the model has the classes 0 to "
            f"{num_classes - 1}."
        )
    # Only this check sees all batches of a stream; XLA leaves it out.
    message = f"y must hold class numbers from 0 to {num_classes - 1}."
    with tf.control_dependencies([tf.debugging.Assert(tf.reduce_all(known), [message])]):
        return tf.one_hot(classes, num_classes, dtype=dtype)


def _classes(y, n, num_classes) -> np.ndarray[Any, np.dtype[np.int32]]:
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim == 0:
        y = np.full(n, y)
    if y.shape != (n,):
        raise ValueError(
            f"y has shape {y.shape}, but one class number for each of {n} observations is "
            f"needed: shape ({n},). (One-hot rows: y.argmax(axis=1).)"
        )
    if (np.floor(y) != y).any():
        wrong = y[np.floor(y) != y][0]
        raise ValueError(
            f"y must be class numbers, from 0 to {num_classes - 1}, but has {wrong:g}."
        )
    if ((y < 0) | (y >= num_classes)).any():
        wrong = y[(y < 0) | (y >= num_classes)][0]
        raise ValueError(
            f"y has the class {wrong:g}, but the model has the classes 0 to "
            f"{num_classes - 1}."
        )
    return y.astype(np.int32)
