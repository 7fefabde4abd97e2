"""Refusing bad observations before any step is taken."""

from __future__ import annotations

import dataclasses

import numpy as np
import tensorflow as tf

from keras_vae.core.support import Codes, Columns, Joined, Support


def check_shape(shape, event_shape, name: str = "x") -> None:
    """Checks that a batch holds events of the right shape.

    Args:
        shape: Shape of the batch, [B, *event]; a tuple or a TensorShape.
        event_shape: What the model was made for.
        name: What to call the batch in the message.

    Raises:
        ValueError: If the shapes cannot agree.
    """
    shape = tf.TensorShape(shape)
    if not shape.is_compatible_with([None, *event_shape]):
        raise ValueError(
            f"{name} has shape {tuple(shape)}, but this model takes batches of events of "
            f"shape {tuple(event_shape)}, so {('batch', *event_shape)}. Reshape the data "
            "(an image needs a channel axis, one observation a batch axis), or make the "
            "model with the event shape of the data."
        )


def check_array(
    x, event_shape, support: Support, name: str = "x", gaps: bool = False
) -> None:
    """Checks shape and values of a whole array.

    Args:
        x: Array or tensor [N, *event].
        event_shape: What the model was made for.
        support: The values that the likelihood gives a probability to.
        name: What to call the array in the message.
        gaps: Whether NaN may mark missing values.

    Raises:
        ValueError: If the shape is wrong, the array is empty, or a value is NaN,
            infinite or outside the support.
    """
    x = np.asarray(x)
    check_shape(x.shape, event_shape, name)
    if not len(x):
        raise ValueError(f"{name} is empty: it has shape {x.shape}.")
    if x.dtype.kind not in "biuf":
        raise ValueError(
            f"{name} must hold numbers, but has dtype {x.dtype}. Convert it: "
            f"{name}.astype('float32'). (Tables with text: keras_vae.data.load.)"
        )
    if gaps:
        x = np.where(np.isnan(x), support.some_value(), x)
    support.check(x, name)


def checked(
    x: tf.Tensor, support: Support, name: str = "x", gaps: bool = False
) -> tf.Tensor:
    """The tensor itself, behind a check of its values that runs with the graph.

    For what is served: there a tensor's values are known only when a request comes.

    Args:
        x: Tensor of floats.
        support: The values that are accepted.
        name: What to call the tensor in the message.
        gaps: Whether NaN may mark missing values.

    Returns:
        x; where it is computed and x has values that are NaN, infinite or outside the
        support, `tf.errors.InvalidArgumentError` is raised instead.
    """
    if isinstance(support, Joined):
        parts = zip(support.split(x), support.blocks, strict=True)
        return tf.concat([checked(part, one, name, gaps) for part, (_, one) in parts], -1)
    if isinstance(support, Columns):
        places: dict[Support, list[int]] = {}
        for i, one in enumerate(support.columns):
            places.setdefault(one, []).append(i)
        kinds = [
            checked(tf.gather(x, columns, axis=-1), one, name, gaps)
            for one, columns in places.items()
        ]
        with tf.control_dependencies(kinds):
            return tf.identity(x)
    given = x
    if gaps:
        x = tf.where(tf.math.is_nan(x), tf.cast(support.some_value(), x.dtype), x)
    x = tf.debugging.assert_all_finite(
        x, f"{name} must be finite. Remove or replace other values"
    )
    inside = tf.constant(True)
    if isinstance(support, Codes):
        away = tf.abs(x - tf.cast(support.nearest(x), x.dtype))
        inside &= tf.reduce_all(away <= 1e-5 + 1e-4 * tf.abs(x))
    elif support.vectors == "ball":
        inside &= tf.reduce_all(tf.norm(x, axis=-1) < support.high)
    elif support.vectors is not None:
        size = tf.square(x) if support.vectors == "sphere" else x
        total = tf.reduce_sum(size, axis=-1)
        inside &= tf.reduce_all(tf.abs(total - 1.0) < 1e-3)
    if support.vectors == "sphere":
        # Its bounds are those of the sum; an element may round beyond.
        support = dataclasses.replace(support, low=None, high=None)
    if support.low is not None:
        inside &= tf.reduce_all(x > support.low if support.is_open else x >= support.low)
    if support.high is not None:
        inside &= tf.reduce_all(x < support.high if support.is_open else x <= support.high)
    if support.integer:
        inside &= tf.reduce_all(tf.equal(tf.floor(x), x))
    message = f"{name} has values outside {support}. Bring it to the model's units."
    with tf.control_dependencies([tf.debugging.Assert(inside, [message])]):
        return tf.identity(given)
