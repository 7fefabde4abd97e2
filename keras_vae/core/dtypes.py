"""The precision of probabilities."""

from __future__ import annotations

import keras


def float_dtype(dtype=None) -> str:
    """The dtype of probabilities under a policy: float32 under a half-precision one.

    Args:
        dtype: A dtype, a policy, or None for Keras's global policy.

    Returns:
        "float32" or "float64".
    """
    policy = keras.dtype_policies.get(dtype or keras.config.dtype_policy())
    return "float64" if policy.variable_dtype == "float64" else "float32"
