"""Functions applied to arrays of any length, a batch at a time."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from keras_vae.core.numbers import positive_int


def in_batches(function, x, batch_size: int, verbose: int = 0) -> np.ndarray:
    """Applies a function along the first axis, a batch at a time.

    Args:
        function: Called with a tensor of the next rows (a tuple of tensors for a tuple) and
            the batch's number, an int32 scalar; returns as many rows.
        x: Array or tensor [N, ...], or a tuple of some of the same length; what is None in
            it, such as a condition that the model does not have, stays None.
        batch_size: Rows at a time; the last batch may have fewer.
        verbose: 1 shows a progress bar.

    Returns:
        The results, joined to an array [N, ...].

    Raises:
        ValueError: If `batch_size` is not a positive integer.

    Example:
        >>> z = vae.draw(1000, seed=0)
        >>> in_batches(lambda z, _: vae.decoded(z), z, 256).shape
        (1000, 28, 28, 1)
    """
    positive_int(batch_size, "batch_size")
    size = len(x[0] if isinstance(x, tuple) else x)
    starts = range(0, size, batch_size)
    bar = keras.utils.Progbar(len(starts), verbose=verbose, unit_name="batch")
    results = []
    for index, start in enumerate(starts):
        rows = slice(start, start + batch_size)
        batch = tf.nest.map_structure(
            lambda one, rows=rows: None if one is None else tf.convert_to_tensor(one[rows]),
            x,
        )
        results.append(np.asarray(function(batch, tf.constant(index))))
        bar.add(1)
    return np.concatenate(results)
