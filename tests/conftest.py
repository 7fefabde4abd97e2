"""What every test starts from: fixed seeds and Keras's default policy."""

import collections
import gc
import os
import random

# Each of the processes that share the cores takes one. (TensorFlow reads this at its
# start, so it stands before the import.)
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")

import keras
import numpy as np
import pytest
import tensorflow as tf

_SEED = 20_140_501
# One of this many cases of a thinned test is fast.
_THINNED = 5


def pytest_configure(config):
    """Leaves out TensorFlow's graph optimizer in the fast suite, where a graph runs once.

    It took a sixth of the time of the laws of layers and models. Slow tests, and the
    processes that tests start, have it.
    """
    if config.option.markexpr == "not slow":
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Marks most cases of thinned tests as slow, before pytest chooses by marks."""
    turns = collections.Counter()
    for item in items:
        if item.get_closest_marker("thinned"):
            test = item.nodeid.partition("[")[0]
            if turns[test] % _THINNED:
                item.add_marker("slow")
            turns[test] += 1


def pytest_collection_finish():
    """Spares the garbage collector TensorFlow's modules: a tenth of the suite's time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="module")
def seeded_module():
    """Seeds everything for a file: TensorFlow then forgets all operations it has made.

    To make them again for each test took another sixth of the time of those laws.
    """
    keras.utils.set_random_seed(_SEED)


@pytest.fixture(autouse=True)
def fresh_state():
    """Seeds NumPy, Python and so Keras's layers, and undoes a changed dtype policy."""
    policy = keras.config.dtype_policy()
    random.seed(_SEED)
    np.random.seed(_SEED)
    yield
    keras.config.set_dtype_policy(policy)
