"""Stateless random seeds: noise as a function of where training stands.

Noise is drawn from a seed that is folded together from numbers that Keras keeps anyway
(the batches that the optimizer has seen, the batch within the epoch, the replica). There is no
generator state to save: a resumed run has the same draws as an uninterrupted one, and no
two replicas have the same draws.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from numbers import Integral

import keras
import tensorflow as tf

_LARGEST_INT32 = 2**31 - 1


def make_seed(seed: int | None) -> int:
    """Returns `seed`, or one from Keras's global seed if it is None.

    Args:
        seed: A non-negative integer or None.

    Returns:
        An integer in [0, 2^31). After `keras.utils.set_random_seed` it is reproducible.

    Raises:
        ValueError: If `seed` is negative or not an integer.
    """
    if seed is None:
        # As Keras's generators do, but without their variable: a layer may be made within
        # a graph.
        return random.randint(1, 10**9)
    if isinstance(seed, bool) or not isinstance(seed, Integral) or seed < 0:
        raise ValueError(f"seed must be a non-negative integer or None, but is {seed!r}.")
    return int(seed) % _LARGEST_INT32


def fold(seed: int | tf.Tensor, *numbers: int | tf.Tensor) -> tf.Tensor:
    """Derives a seed from a seed and numbers that tell one use of it from another.

    Args:
        seed: An integer, or an int32 tensor [2] from an earlier call; or [B, 2], a seed for
            each row, each of which is folded by itself.
        *numbers: Integers or scalar integer tensors, such as a step and a batch.

    Returns:
        int32 tensor [2], a seed for `tf.random.stateless_*` and TFP; or [B, 2].

    Example:
        >>> fold(0, 1).shape
        TensorShape([2])
    """
    if isinstance(seed, Integral):
        seed = tf.constant([make_seed(int(seed)), 0], tf.int32)
    if numbers and is_by_row(seed):
        return by_row(lambda one: fold(one, *numbers), tf.int32, seed)
    for number in numbers:
        seed = tf.random.experimental.stateless_fold_in(seed, tf.cast(number, tf.int32))
    return seed


def row_seeds(seed: int, n: int) -> tf.Tensor:
    """Gives each of n rows its own seed.

    Args:
        seed: An integer.
        n: How many.

    Returns:
        int32 tensor [n, 2]: row i is [seed, i], whatever n is.

    Example:
        >>> row_seeds(7, 2).numpy().tolist()
        [[7, 0], [7, 1]]
    """
    return tf.stack([tf.fill([n], tf.cast(seed, tf.int32)), tf.range(n)], axis=1)


def is_by_row(seed: int | tf.Tensor) -> bool:
    """Whether a seed is one for each row, [B, 2]."""
    return isinstance(seed, tf.Tensor) and seed.shape.rank == 2


def by_row(
    function: Callable[..., tf.Tensor], dtype, seeds: tf.Tensor, *rows: tf.Tensor | None
) -> tf.Tensor:
    """Draws row by row, each with its own seed, so that no row depends on another.

    Args:
        function: Takes a seed [2] and a row of each of `rows`; returns a tensor.
        dtype: That of the results.
        seeds: int32 tensor [B, 2].
        *rows: Tensors [B, ...], or None, which stays None.

    Returns:
        The results, [B, ...].

    Example:
        >>> seeds = row_seeds(0, 3)
        >>> by_row(lambda one: tf.random.stateless_normal([2], one), "float32", seeds).shape
        TensorShape([3, 2])
    """
    given = [one for one in rows if one is not None]

    def of_row(elements):
        seed, *values = elements
        values = iter(values)
        return function(seed, *(None if one is None else next(values) for one in rows))

    # Else errors would be told with TensorFlow's own "in user code" before them.
    of_row = tf.autograph.experimental.do_not_convert(of_row)
    scope = tf.compat.v1.get_variable_scope()
    before = scope.caching_device
    try:
        return tf.map_fn(of_row, [seeds, *given], fn_output_signature=dtype)
    except BaseException:
        if not tf.executing_eagerly():
            # map_fn does not take this back, and no strategy would run in this process.
            scope.set_caching_device(before)
        raise


def fold_replica(seed: int | tf.Tensor) -> tf.Tensor:
    """Folds in the replica's number, so that replicas draw different noise.

    Args:
        seed: An integer, or an int32 tensor [2].

    Returns:
        int32 tensor [2]; the seed of replica 0 where there is no strategy.
    """
    context = tf.distribute.get_replica_context()
    return fold(seed, 0 if context is None else context.replica_id_in_sync_group)


def next_seed(generator: keras.random.SeedGenerator) -> tf.Tensor:
    """Draws the next seed of a Keras generator in the form that TFP wants.

    Args:
        generator: The generator; its state advances.

    Returns:
        int32 tensor [2], different on every replica.
    """
    state = tf.cast(tf.convert_to_tensor(generator.next()) % _LARGEST_INT32, tf.int32)
    return fold_replica(state)
