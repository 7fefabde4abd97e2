"""Probabilities are never in half precision."""

import keras
import pytest

from keras_vae.core.dtypes import float_dtype

POLICIES = {
    "float32": "float32",
    "float16": "float32",
    "bfloat16": "float32",
    "mixed_float16": "float32",
    "mixed_bfloat16": "float32",
    "float64": "float64",
}


@pytest.mark.parametrize("policy, expected", POLICIES.items())
def test_precision_under_a_policy(policy, expected):
    assert float_dtype(policy) == expected
    assert float_dtype(keras.dtype_policies.get(policy)) == expected
    keras.config.set_dtype_policy(policy)
    assert float_dtype() == expected
