"""Sums over the replicas of a distribution strategy."""

from __future__ import annotations

import functools

import numpy as np
import tensorflow as tf


def num_replicas() -> int:
    """The number of replicas that train in step; 1 without a strategy."""
    return tf.distribute.get_strategy().num_replicas_in_sync


def num_workers(strategy: tf.distribute.Strategy | None = None) -> int:
    """The number of processes that the replicas of a strategy are spread over.

    Args:
        strategy: The strategy; None is the one whose scope this is.

    Returns:
        The number; 1 unless it is a `MultiWorkerMirroredStrategy` of several workers.
    """
    strategy = strategy or tf.distribute.get_strategy()
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return 1
    return strategy.num_replicas_in_sync // len(strategy.extended.worker_devices)


def from_chief(value: np.ndarray, strategy: tf.distribute.Strategy) -> np.ndarray:
    """Gives every worker the chief's value. All of them must call this.

    Args:
        value: Array of int32, of the same shape on all workers.
        strategy: Their distribution strategy.

    Returns:
        The value of the chief, which holds the first replica.
    """
    results = _on_replicas(from_first_replica, strategy)(tf.constant(value, tf.int32))
    return strategy.experimental_local_results(results)[0].numpy()


def from_all_replicas(value: np.ndarray, strategy: tf.distribute.Strategy) -> np.ndarray:
    """Gathers the values of all workers. All of them must call this.

    Args:
        value: Array of int64, of the same shape [...] on all workers.
        strategy: Their distribution strategy.

    Returns:
        Array [R, ...], a row for each of R replicas; the same on all workers.
    """
    results = _on_replicas(_gathered, strategy)(tf.constant(value, tf.int64))
    return strategy.experimental_local_results(results)[0].numpy()


def _gathered(value):
    return tf.distribute.get_replica_context().all_gather(value[tf.newaxis], axis=0)


# A few: what is kept holds its strategy and its graph.
@functools.lru_cache(maxsize=4)
def _on_replicas(function, strategy):
    """A graph, once made: eager replicas would need threads of their own."""
    return tf.function(lambda value: strategy.run(function, args=(value,)), autograph=False)


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
    """Takes the first replica's value of a quantity that each replica has.

    Args:
        value: A tensor of numbers, in a replica's context.

    Returns:
        That of the first replica, the same on every replica.
    """
    context = tf.distribute.get_replica_context()
    if num_replicas() == 1 or context is None:
        return value
    first = context.replica_id_in_sync_group == 0
    return sum_over_replicas(tf.where(first, value, tf.zeros_like(value)))
