"""Which seeds noise is drawn from: no two draws may share one."""

import contextlib
import functools
from collections import Counter

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_probability import distributions as tfd

_FUNCTIONS = ("stateless_uniform", "stateless_normal", "stateless_categorical")


@contextlib.contextmanager
def recorded():
    """Counts how many draws were made from each seed; graphs run eagerly."""
    seeds, inside = Counter(), []

    def watch(function, place):
        @functools.wraps(function)
        def watched(*args, **kwargs):
            if not inside:
                seed = kwargs["seed"] if "seed" in kwargs else args[place]
                seeds[tuple(np.asarray(seed).tolist())] += 1
            # A distribution draws from others, and from seeds of its own.
            inside.append(function)
            try:
                return function(*args, **kwargs)
            finally:
                inside.pop()

        return watched

    eager = tf.config.functions_run_eagerly()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tfd.Distribution, "sample", watch(tfd.Distribution.sample, 2))
        for name in _FUNCTIONS:
            place = 2 if name == "stateless_categorical" else 1
            patch.setattr(tf.random, name, watch(getattr(tf.random, name), place))
        tf.config.run_functions_eagerly(True)
        try:
            yield seeds
        finally:
            tf.config.run_functions_eagerly(eager)


def never_shared(seeds, pairs=0):
    """Asserts that no seed was drawn from twice, but for so many that were meant to be."""
    assert seeds
    found = Counter(seeds.values())
    assert found[2] == pairs and set(found) <= {1, 2}, found
