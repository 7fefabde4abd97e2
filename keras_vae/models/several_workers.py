"""Checks for training on several machines: equal models, and equal shares of data."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from keras_vae.core.replicas import from_all_replicas, num_workers
from keras_vae.core.seeds import fold


def check_shares(batch_size: int, strategy, name: str = "batch_size") -> None:
    """Refuses batches that several workers cannot share out.

    Args:
        batch_size: Observations in a batch of all workers together.
        strategy: The model's distribution strategy.
        name: Its name in the message.

    Raises:
        ValueError: If the replicas would not get the same number each.
    """
    # Otherwise TensorFlow gives some rows to two workers. (On one machine it does not.)
    replicas = strategy.num_replicas_in_sync
    if num_workers(strategy) > 1 and batch_size % replicas:
        raise ValueError(
            f"{name} is {batch_size}, which {replicas} replicas on several workers cannot "
            f"share equally. Choose a multiple of {replicas}."
        )


def check_alike(model, x, batch_size: int | None) -> int | None:
    """Refuses to train if several workers would train differently.

    Args:
        model: The compiled model.
        x: The training data.
        batch_size: Observations in a batch, or None.

    Returns:
        A seed for the order of x that all workers share and that changes at each step; None
        if there is one worker.

    Raises:
        ValueError: If something differs; on every worker.
    """
    strategy = model.distribute_strategy
    if num_workers(strategy) == 1:
        return None
    seed, _ = tf.compat.v1.random.get_seed(None)
    if seed is None:
        raise ValueError(
            "Without a seed, each worker would shuffle in its own order. Call "
            "keras.utils.set_random_seed, with the same number on all, before the model is "
            "made."
        )
    if not (hasattr(x, "__array__") or isinstance(x, tf.data.Dataset)):
        raise ValueError(
            f"x is a {type(x).__name__}, which several workers cannot share out. Pass an "
            "array or a tf.data.Dataset."
        )
    steps = int(tf.convert_to_tensor(model.optimizer.iterations))
    values = {
        "the number of observations": len(x) if hasattr(x, "__array__") else 0,
        "batch_size": batch_size or 0,
        "the number of weights": model.count_params(),
        "the model's seed": model.seed,
        "TensorFlow's seed": seed,
        "the number of steps behind it": steps,
    }
    rows = from_all_replicas(np.array(list(values.values()), np.int64), strategy)
    for name, column in zip(values, rows.T, strict=True):
        if len(set(column)) > 1:
            raise ValueError(
                f"All workers must train in the same way, but {name} is "
                f"{', '.join(map(str, column))} on the replicas in turn. Give all workers "
                "the same data and arguments, and call keras.utils.set_random_seed with "
                "the same number on all before the model is made."
            )
    return int(fold(model.seed, steps)[0])


def logs_of_step(logs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Converts the logs of a step to the form that Keras needs.

    Args:
        logs: Scalars by name.

    Returns:
        The scalars; for several workers tensors [1], since Keras takes their mean along an
        axis.
    """
    if num_workers() == 1:
        return logs
    return {name: tf.reshape(value, (1,)) for name, value in logs.items()}
