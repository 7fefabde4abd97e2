"""What every test starts from: fixed seeds and Keras's default policy."""

import collections
import gc
import os

# Each of the processes that share the cores takes one. (TensorFlow reads this at its
# start, so it stands before the import.)
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")

import keras
import pytest

# One of this many cases of a thinned test is fast.
_THINNED = 3


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


@pytest.fixture(autouse=True)
def fresh_state():
    """Seeds Keras, NumPy and Python, and undoes a changed dtype policy."""
    policy = keras.config.dtype_policy()
    keras.utils.set_random_seed(20_140_501)
    yield
    keras.config.set_dtype_policy(policy)
