"""The stream of training batches: shuffled, scaled and binarized on the fly."""

from __future__ import annotations

import functools

import keras
import numpy as np
import tensorflow as tf

from keras_vae.data.augmentation import Augmentation
from keras_vae.data.scaling import Scaling
from keras_vae.data.streaming import Streamed

_ORDER, _PIXELS, _CHANGES = 1, 2, 3


def pipeline(
    x: np.ndarray | Streamed,
    batch_size: int = 128,
    *,
    y: np.ndarray | None = None,
    scaling: Scaling | None = None,
    binarize: str | None = None,
    augment: Augmentation | None = None,
    seed: int = 0,
    start_step: int = 0,
) -> tf.data.Dataset:
    """Makes an endless stream of full training batches.

    The examples of batch number s, and the binarization of their pixels, depend only on
    `seed` and s: a stream that starts at step s continues exactly where an interrupted one
    stopped. Every example occurs once in each pass through the data; a batch may reach from
    one pass into the next, so all have the same size (and XLA compiles one step, not two).

    The data stay unchanged in memory (uint8 images as uint8). They are gathered, scaled and
    binarized a batch at a time, while the model trains on the previous batch.

    Args:
        x: Raw observations [N, *event]; `Streamed` ones are read a batch at a time.
        batch_size: Examples in a batch.
        y: Values for each observation, such as its condition, [N, ...], or None.
        scaling: Map from raw values to the likelihood's; None does not scale.
        binarize: "dynamic" draws every pixel anew in each pass, with its (scaled) grey
            value as the probability; None does not binarize.
        augment: Random changes of images in each pass, or None.
        seed: Seed of the order, of the changes and of the binarization.
        start_step: Number of the first batch.

    Returns:
        Dataset of float32 tensors [batch_size, *event], or of pairs of them and y. It has no
        end: pass
        `steps_per_epoch=keras_vae.data.steps_per_epoch(len(x), batch_size)` to `fit`.

    Raises:
        ValueError: If there are no examples, y has another length, or an argument has
            another value.

    Example:
        >>> x = data.x_train
        >>> scaling = Scaling.fit(x, UNIT_INTERVAL, data.levels)
        >>> batches = pipeline(x, 128, binarize="dynamic", scaling=scaling)
        >>> steps = steps_per_epoch(len(x), 128)
        >>> vae.fit(batches, steps_per_epoch=steps, epochs=10, shuffle=False)
    """
    if not len(x):
        raise ValueError(f"There are no examples to train on: x has shape {x.shape}.")
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, but is {batch_size!r}.")
    if binarize not in (None, "dynamic"):
        raise ValueError(
            f"binarize must be 'dynamic' or None here, but is {binarize!r}. (Static "
            "binarization is done once, with keras_vae.data.binarize.)"
        )
    if y is not None and len(y) != len(x):
        raise ValueError(f"There are {len(x)} observations x, but {len(y)} rows of y.")
    if scaling is not None and x.dtype == np.float64:
        # Tables are small, and need their digits until the mean is subtracted.
        x, scaling = scaling(x), None
    take, take_y = _taker(x), None if y is None else _taker(y)
    num_examples, event_shape = len(x), x.shape[1:]

    def batch(step):
        rows = _rows(step, num_examples, batch_size, seed)
        observations = tf.cast(take(rows), tf.float32)
        if augment is not None:
            observations = augment(observations, _step_seed(seed, _CHANGES, step))
        if scaling is not None:
            observations = scaling(observations)
        if binarize:
            draws = tf.random.stateless_uniform(
                (batch_size, *event_shape), _step_seed(seed, _PIXELS, step)
            )
            observations = tf.cast(draws < observations, tf.float32)
        return observations if take_y is None else (observations, take_y(rows))

    steps = tf.data.Dataset.counter(start_step)
    # One worker is enough to stay ahead of a training step, and leaves the cores to it.
    dataset = steps.map(batch, num_parallel_calls=1, deterministic=True).prefetch(4)
    return dataset.with_options(_options())


def array_batches(
    arrays, batch_size: int, shuffle: bool, seed: int | None = None
) -> tf.data.Dataset:
    """Makes the stream that Keras makes from arrays, one pass long, without its pauses.

    Args:
        arrays: An array or tensor [N, *event], or a tuple of some of the same length.
        batch_size: Examples in a batch; the last one may be smaller.
        shuffle: Whether each pass has its own order.
        seed: Seed of the orders; None takes TensorFlow's.

    Returns:
        Dataset of batches of the same structure, floats as Keras's float type.
    """
    takers = tf.nest.map_structure(_taker, arrays)
    num_examples = len(tf.nest.flatten(arrays)[0])

    def order(drawn):
        rows = tf.range(num_examples, dtype=tf.int64)
        rows = tf.random.experimental.stateless_shuffle(rows, [drawn, 0])
        return tf.data.Dataset.from_tensor_slices(rows)

    def take(rows):
        def take_by(taker):
            batch = taker(rows)
            is_float = batch.dtype.is_floating
            return tf.cast(batch, keras.config.floatx()) if is_float else batch

        # A tuple of one element: only x, without targets.
        return (tf.nest.map_structure(take_by, takers),)

    if shuffle:
        # Each pass begins with another seed of its order.
        seeds = tf.data.Dataset.random(seed, rerandomize_each_iteration=True).take(1)
        rows = seeds.flat_map(order)
        rows = rows.apply(tf.data.experimental.assert_cardinality(num_examples))
    else:
        rows = tf.data.Dataset.range(num_examples)
    dataset = rows.batch(batch_size).map(take, num_parallel_calls=1)
    return dataset.prefetch(4).with_options(_options())


def _taker(x):
    """Returns a function that takes rows of an array, or reads them."""
    if isinstance(x, Streamed):
        return x.in_graph
    # Batches are put together on the CPU, so the data need no room on a GPU.
    with tf.device("CPU"):
        x = tf.convert_to_tensor(x)
    return functools.partial(tf.gather, x)


def _options() -> tf.data.Options:
    options = tf.data.Options()
    # There are no files to share out between the workers of a strategy: each makes all
    # batches, cuts them into the parts of all replicas, and keeps its own.
    shards = tf.data.experimental.AutoShardPolicy.DATA
    options.experimental_distribute.auto_shard_policy = shards
    # tf.data tunes streams in a thread, and when one is given up waits for that thread,
    # which may sleep for as long again as the stream was read (TensorFlow 2.21). There is
    # nothing to tune here.
    options.autotune.enabled = False
    return options


def steps_per_epoch(num_examples: int, batch_size: int) -> int:
    """The number of batches that make one pass through the data, rounded up.

    Args:
        num_examples: Number of training examples.
        batch_size: Examples in a batch.

    Returns:
        Steps, at least 1.

    Example:
        >>> steps_per_epoch(60_000, 128)
        469
    """
    return -(-num_examples // batch_size)


def _rows(step, num_examples, batch_size, seed):
    """Row numbers of a batch, from a pseudo-random permutation for each pass."""
    position = step * batch_size + tf.range(batch_size, dtype=tf.int64)
    epoch, index = position // num_examples, position % num_examples
    # Computes one entry of a permutation without storing the others. (The raw operation,
    # because tf.random.experimental.index_shuffle refuses a seed for each index.)
    seed = tf.fill([batch_size], tf.cast(seed, tf.int64))
    seeds = tf.stack([seed, epoch, tf.fill([batch_size], tf.constant(_ORDER, tf.int64))], 1)
    return tf.raw_ops.RandomIndexShuffle(
        index=index,
        seed=tf.cast(seeds, tf.int32),
        max_index=tf.cast(num_examples - 1, tf.int64),
        rounds=4,
    )


def _step_seed(seed, use, step):
    return tf.random.experimental.stateless_fold_in(
        tf.constant([seed, use], tf.int32), tf.cast(step, tf.int32)
    )
