"""Sums over the replicas of a distribution strategy."""

from __future__ import annotations

import tensorflow as tf


def num_replicas() -> int:
    """The number of replicas that train in step; 1 without a strategy."""
    return tf.distribute.get_strategy().num_replicas_in_sync


def sum_over_replicas(value: tf.Tensor) -> tf.Tensor:
    """Adds up a value that every replica has its own of.

    Args:
        value: A tensor, in a replica's context.

    Returns:
        The sum, the same on every replica; `value` itself without a strategy.
    """
    context = tf.distribute.get_replica_context()
    if num_replicas() == 1 or context is None:
        return value
    return context.all_reduce(tf.distribute.ReduceOp.SUM, value)


def from_first_replica(value: tf.Tensor) -> tf.Tensor:
    """Takes the first replica's value of what every replica has its own of.

    Args:
        value: A tensor of floats, in a replica's context.

    Returns:
        That of the first replica, the same on every replica.
    """
    context = tf.distribute.get_replica_context()
    if num_replicas() == 1 or context is None:
        return value
    first = context.replica_id_in_sync_group == 0
    return sum_over_replicas(tf.where(first, value, tf.zeros_like(value)))
