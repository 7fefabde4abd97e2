"""Refusing bad observations and conditions before any step is taken."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from keras_vae.core.checks import check_array
from keras_vae.models.inputs import is_array, refuse_form

check_values = check_array


def check_data(model, x, y, name: str = "x") -> None:
    """Checks what was passed to `fit` or `evaluate` as far as it can be seen.

    Arrays are checked whole. Of a `tf.data.Dataset` the first batch is; of generators
    and PyDatasets nothing, since looking would consume them.

    Args:
        model: The model.
        x: What was passed as x, or as validation_data.
        y: The condition that was passed beside it.
        name: What to call the data in the message.

    Raises:
        ValueError: If the data do not fit the model.
    """
    if isinstance(x, tf.data.Dataset):
        batch = next(iter(x.take(1)), None)
        if batch is None:
            raise ValueError(f"{name} is an empty tf.data.Dataset.")
        x, y = batch, None
        if isinstance(batch, tuple):
            x, y = batch[0], batch[1] if len(batch) > 1 else None
        refuse_form(x, name)
        if model.condition_shape is None and y is not None:
            raise ValueError(
                f"{name} is a dataset of (x, y), but the model has no condition for y. Map "
                "it with dataset.map(lambda x, y: x), or make the model with condition=..."
            )
    elif x is None or not is_array(x):
        return
    if hasattr(x, "__array__"):
        model.to_units(np.asarray(x), name=name)
        model.check_condition(y, len(x))


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
    if shape is None:
        if y is not None:
            raise ValueError(
                "y was given, but this model has no condition. Leave y out, or make the "
                "model with condition=10 (for ten classes) or condition=shape."
            )
        return None
    if y is None:
        raise ValueError(
            "This model has a condition, but y was not given. Pass y: "
            + (f"a class from 0 to {num_classes - 1}" if num_classes else f"shape {shape}")
            + " for each observation."
        )
    y = np.asarray(y)
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


def _classes(y, n, num_classes):
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim == 0:
        y = np.full(n, y)
    if y.shape != (n,):
        raise ValueError(
            f"y has shape {y.shape}, but one class number for each of {n} observations is "
            f"needed: shape ({n},). (One-hot rows: y.argmax(axis=1).)"
        )
    if y.dtype.kind not in "biuf" or (np.floor(y) != y).any():
        raise ValueError(f"y must be class numbers, but has dtype {y.dtype}.")
    if ((y < 0) | (y >= num_classes)).any():
        wrong = y[(y < 0) | (y >= num_classes)][0]
        raise ValueError(
            f"y has the class {wrong:g}, but the model has the classes 0 to "
            f"{num_classes - 1}."
        )
    return y.astype(np.int32)
