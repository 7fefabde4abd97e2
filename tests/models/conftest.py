"""Fixtures for the tests of models."""

import keras
import pytest


@pytest.fixture(autouse=True)
def policy_restored():
    """Sets Keras's dtype policy back to what it was."""
    policy = keras.config.dtype_policy()
    yield
    keras.config.set_dtype_policy(policy)
