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
# Of this many cases of a thinned test one is fast, and three are slow.
_THINNED = 8
_FAST, _SLOW, _RELEASE = range(3)


def pytest_addoption(parser):
    """Declares what a release asks for, and `.ci/run` has no time for."""
    parser.addoption(
        "--every-case",
        action="store_true",
        help="with -m slow: all cases, and release tests",
    )


def pytest_configure(config):
    """Leaves out TensorFlow's graph optimizer in the fast suite, where a graph runs once.

    It took a sixth of the time of the laws of layers and models. Slow tests, and the
    processes that tests start, have it.
    """
    if config.option.markexpr == "not slow":
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """Marks tests as slow, or leaves them out, before pytest chooses by marks."""
    turns, kept, left_out = collections.Counter(), [], []
    for item in items:
        rank = _FAST
        if thinned := item.get_closest_marker("thinned"):
            test = item.nodeid.partition("[")[0]
            turn = turns[test] % _THINNED
            turns[test] += 1
            rank = (_SLOW if turn % 3 == 1 else _RELEASE) if turn else _FAST
            if thinned.kwargs.get("every_case"):
                rank = min(rank, _SLOW)
        if item.get_closest_marker("release"):
            rank = _RELEASE
        if rank != _FAST:
            item.add_marker("slow")
        to_keep = rank != _RELEASE or config.option.every_case
        (kept if to_keep else left_out).append(item)
    config.hook.pytest_deselected(items=left_out)
    items[:] = kept


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
