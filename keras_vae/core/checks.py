"""Refusing bad observations before any step is taken."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from keras_vae.core.support import Support


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


def check_array(x, event_shape, support: Support, name: str = "x") -> None:
    """Checks shape and values of a whole array.

    Args:
        x: Array or tensor [N, *event].
        event_shape: What the model was made for.
        support: The values that the likelihood gives a probability to.
        name: What to call the array in the message.

    Raises:
        ValueError: If the shape is wrong, the array is empty, or a value is NaN,
            infinite or outside the support.
    """
    x = np.asarray(x)
    check_shape(x.shape, event_shape, name)
    if not len(x):
        raise ValueError(f"{name} is empty: it has shape {x.shape}.")
    if x.dtype.kind not in "biuf":
        raise ValueError(f"{name} must hold numbers, but has dtype {x.dtype}.")
    support.check(x, name)


def checked(x: tf.Tensor, support: Support, name: str = "x") -> tf.Tensor:
    """The tensor itself, behind a check of its values that runs with the graph.

    For what is served: there a tensor's values are known only when a request comes.

    Args:
        x: Tensor of floats.
        support: The values that are accepted.
        name: What to call the tensor in the message.

    Returns:
        x; where it is computed and x has values that are NaN, infinite or outside the
        support, `tf.errors.InvalidArgumentError` is raised instead.
    """
    x = tf.debugging.assert_all_finite(
        x, f"{name} must be finite. Remove or replace what is not"
    )
    inside = tf.constant(True)
    if support.low is not None:
        inside &= tf.reduce_all(x > support.low if support.is_open else x >= support.low)
    if support.high is not None:
        inside &= tf.reduce_all(x < support.high if support.is_open else x <= support.high)
    if support.integer:
        inside &= tf.reduce_all(tf.equal(tf.floor(x), x))
    message = f"{name} has values outside {support}. Scale it as the training data were."
    with tf.control_dependencies([tf.debugging.Assert(inside, [message])]):
        return tf.identity(x)


def check_data(data, event_shape, support: Support, name: str = "x") -> None:
    """Checks what was passed to `fit` or `evaluate` as far as it can be seen.

    Arrays are checked whole. Of a `tf.data.Dataset` the first batch is; of generators
    and PyDatasets nothing, since looking would consume them.

    Args:
        data: What was passed as x, or as validation_data.
        event_shape: What the model was made for.
        support: The values that the likelihood gives a probability to.
        name: What to call the data in the message.

    Raises:
        ValueError: As `check_array`; or if there are targets.
    """
    if data is None:
        return
    if isinstance(data, tf.data.Dataset):
        batch = next(iter(data.take(1)), None)
        if batch is None:
            raise ValueError(f"{name} is an empty tf.data.Dataset.")
        data = batch
    refuse_list(data, name)
    if isinstance(data, tuple) and data:
        refuse_targets(data[1] if len(data) > 1 else None)
        data = data[0]
    # NumPy arrays, tensors, data frames.
    if hasattr(data, "__array__"):
        check_array(data, event_shape, support, name)


def refuse_list(data, name: str = "x") -> None:
    """Refuses a list of observations.

    Args:
        data: What was passed.
        name: What to call it in the message.

    Raises:
        ValueError: If it is a list.
    """
    if isinstance(data, list):
        raise ValueError(
            f"{name} is a list of {len(data)}; Keras would take that for as many inputs. "
            "Pass one array: np.stack(...)."
        )


def refuse_targets(y) -> None:
    """Refuses targets: a variational autoencoder reconstructs its input.

    Args:
        y: The targets, or None.

    Raises:
        ValueError: If there are any.
    """
    if y is not None:
        raise ValueError(
            "A VAE is trained on observations alone, but targets y were given too. Pass "
            "fit(x), or map a dataset of (x, y) with dataset.map(lambda x, y: x)."
        )
