"""Common code of models that make their own networks."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence
from typing import Any

import keras

from keras_vae import layers
from keras_vae.core.names import unknown
from keras_vae.core.numbers import positive_int, sizes
from keras_vae.core.support import POSITIVE, Support
from keras_vae.layers import (
    Blockwise,
    DistributionLayer,
    IndependentCategorical,
    event_tuple,
)
from keras_vae.models.conditions import read_condition
from keras_vae.networks import ColumnFeatures, Gaps


@contextlib.contextmanager
def policy(dtype):
    """Sets the dtype policy of all layers that are created in the block.

    Args:
        dtype: A dtype or policy, such as "mixed_float16"; None leaves Keras's global one.

    Yields:
        Nothing.
    """
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(before if dtype is None else dtype)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def make_layers(
    event_shape, latent_dim: Sequence[int] | int, posterior, likelihood
) -> tuple[DistributionLayer, DistributionLayer]:
    """Makes the two distribution layers, or checks the ones given.

    Args:
        event_shape: Shape of one observation; an integer means a vector.
        latent_dim: Size D of the latent vector, or shape of the latent variable.
        posterior: Distribution layer over such variables, or its name.
        likelihood: Distribution layer over observations, or its name.

    Returns:
        Posterior and likelihood.

    Raises:
        ValueError: If a name is not known, or a layer that was given has another event
            shape.
    """
    if isinstance(latent_dim, list | tuple) and latent_dim:
        latent_shape = sizes(latent_dim, "every size in latent_dim")
    else:
        latent_shape = (positive_int(latent_dim, "latent_dim"),)
    expected = {
        "posterior": (posterior, latent_shape, f"latent_dim is {latent_dim}"),
        "likelihood": (
            likelihood,
            event_tuple(event_shape),
            f"event_shape is {event_shape}",
        ),
    }
    made = []
    for role, (part, shape, given) in expected.items():
        layer = layers.get(part, shape)
        if layer.event_shape != shape:
            raise ValueError(
                f"{given}, but the {role} {type(layer).__name__} has event shape "
                f"{layer.event_shape}. Make them equal."
            )
        made.append(layer)
    return made[0], made[1]


def latent_scale(posterior: DistributionLayer) -> float:
    """The factor with which a decoder reads latent vectors, so that elements are near 1.

    Args:
        posterior: The model's posterior.

    Returns:
        sqrt(D) for unit vectors of length D, otherwise 1.
    """
    is_sphere = posterior.support.vectors == "sphere"
    return math.sqrt(posterior.event_shape[-1]) if is_sphere else 1.0


def latent_size(posterior: DistributionLayer) -> int | list[int]:
    """The `latent_dim` of a model: the size of its latent vector, or the whole shape.

    Args:
        posterior: The model's posterior.

    Returns:
        What `make_layers` takes.
    """
    shape = posterior.event_shape
    return shape[0] if len(shape) == 1 else list(shape)


def reading(likelihood: DistributionLayer, gaps: str | None) -> dict[str, Any]:
    """How an encoder reads the observations of a likelihood.

    Args:
        likelihood: The likelihood whose observations the encoder reads.
        gaps: "fill", "mask" or None.

    Returns:
        Arguments of an encoder.

    Raises:
        ValueError: If `gaps` has another value.
    """
    if gaps not in (None, "fill", "mask"):
        raise unknown("gaps", gaps, ["fill", "mask"])
    if isinstance(likelihood, Blockwise):
        return {"features": _column_features(likelihood, gaps == "mask")}
    scaling = _input_scaling(likelihood.accepts)
    return scaling if gaps is None else {**scaling, "features": Gaps(gaps == "mask")}


def offset_places(likelihood: DistributionLayer, condition) -> tuple[int, int]:
    """The parameters of a likelihood that are logarithms of means, to add an offset to.

    Args:
        likelihood: The likelihood.
        condition: The `condition` of the model, whose first number is the offset.

    Returns:
        Their first index, and the index after the last.

    Raises:
        ValueError: If the likelihood is not for counts, or the condition is not a vector.
    """
    block = getattr(likelihood, "log_mean_block", None)
    if block is None:
        raise ValueError(
            "offset is for counts, whose logarithms of means it is added to: take the "
            "likelihood 'poisson', 'negative_binomial' or 'zero_inflated', but not "
            f"{type(likelihood).__name__}."
        )
    shape, num_classes = read_condition(condition)
    if shape is None or num_classes is not None or len(shape) != 1:
        raise ValueError(
            "offset needs a condition of numbers, whose first is added to the logarithms "
            f"of means, such as condition=(1,), but condition is {condition!r}."
        )
    size = math.prod(likelihood.event_shape)
    return block * size, (block + 1) * size


def _column_features(likelihood: Blockwise, mask: bool) -> ColumnFeatures:
    """One-hot classes, logarithms of counts and amounts, and numbers near zero."""
    size = likelihood.event_shape[0]
    kinds, classes = ["number"] * size, [0] * size
    rescale, shift = [1.0] * size, [0.0] * size
    for block, columns in zip(likelihood.blocks, likelihood.columns, strict=True):
        scaling = _input_scaling(block.accepts)
        for i in columns:
            if isinstance(block, IndependentCategorical):
                kinds[i], classes[i] = "classes", block.num_classes
            elif "log_scale" in scaling:
                kinds[i] = "count"
            elif block.support == POSITIVE:
                kinds[i] = "positive"
            else:
                rescale[i] = scaling.get("rescale", 1.0)
                shift[i] = scaling.get("shift", 0.0)
    return ColumnFeatures(kinds, classes, rescale, shift, mask, name="features")


def _input_scaling(support: Support) -> dict[str, float | bool]:
    """The scaling that brings numbers into a range where networks learn well.

    `log_scale` for counts, `rescale` and `shift` for bounded numbers that are not small
    already.
    """
    if support.integer and support.high is None:
        return {"log_scale": True}
    if support.low is None or support.high is None or support.high - support.low <= 1:
        return {}
    rescale = 2.0 / (support.high - support.low)
    return {"rescale": rescale, "shift": -1.0 - rescale * support.low}
