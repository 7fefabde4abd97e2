"""What every test starts from: fixed seeds and Keras's default policy."""

import keras
import pytest


@pytest.fixture(autouse=True)
def fresh_state():
    """Seeds Keras, NumPy and Python, and undoes a changed dtype policy."""
    policy = keras.config.dtype_policy()
    keras.utils.set_random_seed(20_140_501)
    yield
    keras.config.set_dtype_policy(policy)
