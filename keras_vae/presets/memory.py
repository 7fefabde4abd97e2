"""Limits the memory of a config by the size of its weights file."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

# Sizes that a model with hardly any weights may need: pixels of one observation, units.
_LEAST_SHAPE, _LEAST_SIZE, _LEAST_BYTES = 1 << 26, 1 << 20, 1 << 20
# Whole numbers that are not sizes, however large.
_NO_SIZES = ("salt", "seed", "shared_object_id")


def check_sizes(config: Any, file_size: int, of_keras: bool = False) -> None:
    """Refuses a config with sizes far beyond what the file of its weights holds.

    Args:
        config: The config as JSON holds it; every level is checked.
        file_size: Bytes of the weights' file.
        of_keras: Whether these are arguments of Keras's own objects.

    Raises:
        ValueError: If a shape or a size is too large.

    Example:
        >>> check_sizes(keras.saving.serialize_keras_object(vae), 10**6)
    """
    if isinstance(config, list | tuple):
        for value in config:
            check_sizes(value, file_size, of_keras)
    if not isinstance(config, dict):
        return
    if "class_name" in config:
        of_keras = str(config.get("module")).startswith("keras.")
    for key, value in config.items():
        if key in ("shape", "condition") or key.endswith("_shape"):
            _check_shape(key, value, file_size)
        elif of_keras and not any(word in key for word in _NO_SIZES):
            _check_numbers(key, value, file_size)
        # Numbers that an operation adds or multiplies are not sizes.
        check_sizes(value, file_size, of_keras and key != "inbound_nodes")


def _check_shape(key, value, file_size):
    axes = value if isinstance(value, list | tuple) else [value]
    size = math.prod(n for n in axes if _is_whole(n) and n > 0)
    if size > max(file_size, _LEAST_SHAPE):
        raise _too_large(key, value, file_size)


def _check_numbers(key, value, file_size):
    for n in value if isinstance(value, list | tuple) else [value]:
        if _is_whole(n) and n > max(file_size, _LEAST_SIZE):
            raise _too_large(key, n, file_size)


def _is_whole(n):
    return isinstance(n, int) and not isinstance(n, bool)


def _too_large(key, value, file_size):
    return ValueError(
        f"its {key} is {value}, far too large for weights that take {file_size} bytes"
    )


@contextlib.contextmanager
def limited_weights(file_size: int) -> Iterator[None]:
    """Refuses to make a model whose weights take far more than their file holds.

    Before a variable gets its memory, its shape is read from a graph that is never run.

    Args:
        file_size: Bytes of the weights' file.

    Yields:
        Nothing.

    Raises:
        ValueError: If the variables made in the block take more than twice the file's size.

    Example:
        >>> config = plain_config(keras.saving.serialize_keras_object(vae))
        >>> with limited_weights(4 * vae.count_params()):
        ...     model = keras.saving.deserialize_keras_object(config)
    """
    taken, most = 0, 2 * file_size + _LEAST_BYTES

    def make(make_next, **arguments):
        nonlocal taken
        initial = arguments["initial_value"]
        with tf.Graph().as_default():
            value = tf.convert_to_tensor(initial() if callable(initial) else initial)
            taken += value.dtype.size * math.prod(value.shape)
        if taken > most:
            raise ValueError(
                f"its weights take more than {most} bytes, while their file has {file_size}"
            )
        return make_next(**arguments)

    with tf.variable_creator_scope(make):
        yield
