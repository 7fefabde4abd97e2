"""What every test starts from: fixed seeds and Keras's default policy."""

import gc
import os

# Each of the processes that share the cores takes one. (TensorFlow reads this at its
# start, so it stands before the import.)
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")

import keras
import pytest


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
