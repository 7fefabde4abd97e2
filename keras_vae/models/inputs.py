"""Batches: the streams of `fit`, `evaluate` and `predict`, and how a step reads them."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
import tensorflow as tf

from keras_vae.data.pipeline import array_batches
from keras_vae.models.checks import flat_weights, refuse_form

# Names in the streams made here. (A tuple cannot leave out y: tf.data takes no None.)
_RAW, _UNITS, _Y, _WEIGHT = (f"keras_vae.{name}" for name in ("x", "units", "y", "weight"))


class Batch(NamedTuple):
    """One batch as a step reads it.

    Attributes:
        x: Observations [B, *event].
        y: Condition [B, ...], or None.
        weight: Factors of the losses, [B], or None.
        in_units: Whether x is in the model's units already.
    """

    x: Any
    y: Any = None
    weight: Any = None
    in_units: bool = False


def pack(x, y=None, weight=None, in_units: bool = False) -> dict[str, Any]:
    """Packs arrays into the form that `unpack` reads.

    Args:
        x: Observations [N, *event].
        y: Condition [N, ...], or None.
        weight: Factors of the losses, [N], or None.
        in_units: Whether x is in the model's units already.

    Returns:
        Arrays by name.
    """
    arrays = {_UNITS if in_units else _RAW: x, _Y: y, _WEIGHT: weight}
    return {name: one for name, one in arrays.items() if one is not None}


def stream(
    arrays: dict[str, Any], batch_size: int, shuffle=False, seed=None
) -> tf.data.Dataset:
    """Makes the batches of arrays.

    Args:
        arrays: The result of `pack`.
        batch_size: Observations in a batch.
        shuffle: Whether each pass has its own order.
        seed: Seed of the orders; None takes TensorFlow's.

    Returns:
        Dataset of dicts that `unpack` reads.
    """
    return array_batches(arrays, batch_size, shuffle, seed)


def unpack(data) -> Batch:
    """Splits the data that Keras passes to a step.

    Args:
        data: x, a tuple (x,), (x, y) or (x, y, weight), or the result of `pack`.

    Returns:
        The batch; weights of shape [B, 1] are made [B].

    Raises:
        ValueError: If x is not a dense tensor, or weights have another shape.
    """
    batch = Batch(*keras.utils.unpack_x_y_sample_weight(data))
    if isinstance(batch.x, dict) and (_RAW in batch.x or _UNITS in batch.x):
        own = batch.x
        x = own.get(_RAW, own.get(_UNITS))
        batch = Batch(x, own.get(_Y), own.get(_WEIGHT), in_units=_UNITS in own)
    refuse_form(batch.x)
    x = tf.convert_to_tensor(batch.x)
    batch = batch._replace(x=x)
    if batch.weight is None:
        return batch
    weight = flat_weights(tf.convert_to_tensor(batch.weight), x.shape[0])
    # Sizes that are known only when the graph runs: one weight for all would be broadcast.
    message = "sample_weight needs one number for each observation of a batch."
    same = tf.debugging.assert_equal(tf.shape(weight)[0], tf.shape(x)[0], message)
    with tf.control_dependencies([same] if same is not None else []):
        # XLA leaves assertions out, and refuses this.
        return batch._replace(weight=tf.reshape(weight, tf.shape(x)[:1]))
