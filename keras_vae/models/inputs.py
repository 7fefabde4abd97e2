"""What `fit`, `evaluate` and `predict` are given, checked and brought to one form."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from keras_vae.data.pipeline import array_batches


class Batch(NamedTuple):
    """One batch as a step reads it.

    Attributes:
        x: Observations [B, *event].
        y: Condition [B, ...], or None.
        weight: Factors of the losses, [B], or None.
        is_prepared: Whether x is in the model's units already.
    """

    x: Any
    y: Any = None
    weight: Any = None
    is_prepared: bool = False


def unpack(data) -> Batch:
    """Splits what Keras passes to a step.

    Args:
        data: x, a tuple (x,), (x, y) or (x, y, weight), or what `stream` makes.

    Returns:
        The batch; weights of shape [B, 1] are made [B].
    """
    batch = Batch(*keras.utils.unpack_x_y_sample_weight(data))
    if isinstance(batch.x, dict):
        own = batch.x
        batch = Batch(own["x"], own.get("y"), own.get("weight"), "prepared" in own)
    if batch.weight is None:
        return batch
    return batch._replace(weight=flat_weights(tf.convert_to_tensor(batch.weight)))


def flat_weights(weight, size: int | None = None):
    """Refuses weights that would be broadcast by luck.

    Args:
        weight: Array or tensor [N] or [N, 1].
        size: Number of observations, where it is known.

    Returns:
        The weights, [N].

    Raises:
        ValueError: If they have another shape.
    """
    shape = weight.shape
    if len(shape) == 2 and shape[1] == 1:
        weight = weight[:, 0]
    if len(weight.shape) != 1 or (size is not None and len(weight) != size):
        raise ValueError(
            f"sample_weight has shape {tuple(shape)}, but one number for each observation "
            f"is needed: shape ({'N' if size is None else size},)."
        )
    return weight


def is_array(x) -> bool:
    """Tells whether x is held as a whole: a NumPy array, a tensor, a table."""
    return isinstance(x, np.ndarray | tf.Tensor) or hasattr(x, "__array__")


def stream(
    x, y=None, weight=None, *, batch_size=None, shuffle=False, is_prepared=False
) -> tf.data.Dataset:
    """Makes the batches of arrays.

    Args:
        x: Observations [N, *event].
        y: Condition [N, ...], or None.
        weight: Factors of the losses, [N], or None.
        batch_size: Observations in a batch; None is 32.
        shuffle: Whether each pass has an order of its own.
        is_prepared: Whether x is in the model's units already.

    Returns:
        Dataset of dicts that `unpack` reads.
    """
    arrays = {"x": x, "y": y, "weight": weight}
    arrays = {name: one for name, one in arrays.items() if one is not None}
    if is_prepared:
        # A mark that goes through the pipeline with the rows, of a type that TensorFlow
        # can share out among replicas.
        arrays["prepared"] = np.ones(len(x), np.uint8)
    return array_batches(arrays, batch_size or 32, shuffle)


def refuse_form(x, name: str = "x") -> None:
    """Refuses what Keras would misunderstand, or fail on later.

    Args:
        x: What was passed.
        name: What to call it in the message.

    Raises:
        ValueError: If it is a list, a dict, or a sparse or ragged tensor.
    """
    if isinstance(x, list):
        raise ValueError(
            f"{name} is a list of {len(x)}; Keras would take that for as many inputs. Pass "
            "one array: np.stack(...)."
        )
    if isinstance(x, dict):
        raise ValueError(
            f"{name} is a dict of {', '.join(map(str, x))}, but the model takes one array of "
            "observations. Pass x[...], and what goes with it as y."
        )
    if isinstance(x, tf.SparseTensor | tf.RaggedTensor):
        advice = (
            "tf.sparse.to_dense(x)" if isinstance(x, tf.SparseTensor) else "x.to_tensor()"
        )
        raise ValueError(
            f"{name} is a {type(x).__name__}, but the model takes dense arrays. Pass "
            f"{advice}."
        )


def refuse_arguments(arguments: dict[str, Any]) -> None:
    """Refuses arguments of Keras's methods that mean nothing here.

    Args:
        arguments: Further arguments of `fit` or `evaluate`.

    Raises:
        ValueError: If there is a `class_weight`.
    """
    if arguments.pop("class_weight", None) is not None:
        raise ValueError(
            "class_weight needs class labels as targets, and a VAE has none. Give each "
            "observation its weight: sample_weight=[...]."
        )
