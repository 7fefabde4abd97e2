"""Attributes as directions in latent space: finding them, and walking along them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from keras_vae.core.support import REAL
from keras_vae.models import LatentVariableModel


def attribute_vectors(
    model: LatentVariableModel, x, attributes, batch_size: int = 256, y=None
):
    """Finds the latent direction of each attribute.

    It is the mean code of the examples with the attribute minus the mean code of those
    without it. The examples are embedded once for all attributes.

    Args:
        model: The model.
        x: Observations [N, *event]; take training data, so that held-out examples can show
            how well the vectors generalize.
        attributes: The attributes of each example, as 0 and 1 or booleans: a dictionary
            name -> [N], or an array [N, A] with a column for each of A attributes.
        batch_size: Observations at a time.
        y: The condition of each observation, for a model that has one.

    Returns:
        A dictionary name -> vector [*latent] for a dictionary, an array [A, *latent] for
        an array.

    Raises:
        ValueError: If x is empty or does not fit the model, the lengths differ, there are
            values other than 0 and 1, or all or none of the examples have an attribute.

    Example:
        >>> smiling = data.y_train[:, data.label_names.index("Smiling")]
        >>> vectors = attribute_vectors(vae, data.x_train, {"smiling": smiling})
        >>> edit_attribute(vae, data.x_test[:4], vectors["smiling"]).shape
        (4, 4, 64, 64, 3)

    Source:
        Larsen et al. 2016, "Autoencoding beyond pixels using a learned similarity
        metric", section 4.2.
    """
    # Both are checked before the embedding, which takes time.
    model.to_units(x[:1])
    _as_columns(attributes, len(x))
    return mean_differences(model.embed(x, y, batch_size), attributes)


def mean_differences(z, attributes):
    """Computes the result of `attribute_vectors` from existing codes.

    Args:
        z: Codes [N, *latent], such as `vae.embed(x)`.
        attributes: A dictionary name -> [N], or an array [N, A], of 0 and 1.

    Returns:
        A dictionary name -> vector [*latent] for a dictionary, an array [A, *latent] for
        an array.

    Raises:
        ValueError: If z holds no numbers, or as `attribute_vectors`.

    Example:
        >>> mean_differences(np.array([[0.0], [1.0], [5.0]]), {"large": [0, 0, 1]})
        {'large': array([4.5])}
    """
    z = np.asarray(z)
    if z.ndim < 2 or z.dtype.kind not in "biuf":
        raise ValueError(
            "z must hold a code for each example, numbers of shape [N, *latent], but has "
            f"shape {z.shape} and dtype {z.dtype}."
        )
    REAL.check(z, "z")
    columns = _as_columns(attributes, len(z))
    # One row of factors for each attribute: its mean with the attribute minus that without.
    having = columns.sum(axis=0)
    factors = columns / having - (1.0 - columns) / (len(z) - having)
    vectors = np.tensordot(factors.T, z, axes=1)
    vectors = vectors.astype(z.dtype if z.dtype.kind == "f" else float)
    if isinstance(attributes, Mapping):
        return dict(zip(attributes, vectors, strict=True))
    return vectors


def edit_attribute(
    model: LatentVariableModel,
    x,
    vector,
    strengths: Sequence[float] | np.ndarray = (0.0, 0.5, 1.0, 1.5),
    batch_size: int = 256,
    y=None,
) -> np.ndarray:
    """Moves observations along a latent direction.

    Each observation is embedded, the vector times each strength is added to its code, and
    the sum is decoded. Strength 0 gives the reconstruction, strength 1 the step from the
    mean without the attribute to the mean with it; negative strengths remove the attribute.

    Args:
        model: The model.
        x: Observations [N, *event].
        vector: Latent direction [*latent], such as one of `attribute_vectors`, or a sum of
            several.
        strengths: Factors of the vector, S numbers.
        batch_size: Observations or codes at a time.
        y: The condition of each observation, for a model that has one; it does not change.

    Returns:
        Array [N, S, *event]: the mean of p(x|z) at each code.

    Raises:
        ValueError: If x is empty or does not fit the model, the codes are limited to a
            sphere or another bounded set, or the vector or the strengths have another
            shape, or are NaN or infinite.

    Example:
        >>> smile = vectors["smiling"]  # of attribute_vectors
        >>> edit_attribute(vae, data.x_test[:4], smile, strengths=(-1.0, 0.0, 1.0)).shape
        (4, 3, 64, 64, 3)

    Source:
        Larsen et al. 2016, section 4.2 and figure 5.
    """
    if model.latent.support != REAL:
        raise ValueError(
            "An attribute is added to codes, which would move them out of their support: "
            f"{model.latent.support}. Use a model with latent variables in R^D."
        )
    vector = _numbers(vector, "vector")
    if vector.shape != model.latent.shape:
        raise ValueError(
            f"vector has shape {vector.shape}, but this model's latent variables have shape "
            f"{model.latent.shape}. Give one direction, such as one row of what "
            "attribute_vectors returns for this model."
        )
    factors = _numbers(strengths, "strengths")
    if factors.ndim != 1 or not len(factors):
        raise ValueError(
            "strengths must be a sequence of at least one number, such as (0.0, 1.0), but "
            f"has shape {factors.shape}."
        )
    y = model.check_condition(y, len(x))
    z = model.embed(x, y, batch_size)
    codes = z[:, np.newaxis] + np.multiply.outer(factors, vector).astype(z.dtype)
    y = None if y is None else np.repeat(y, len(factors), axis=0)
    decoded = model.decode_codes(codes.reshape(-1, *vector.shape), y, batch_size)
    return decoded.reshape(len(z), len(factors), *model.raw_shape)


def _as_columns(attributes, n):
    """The attributes as floats [N, A]; each column must have both 0 and 1."""
    if isinstance(attributes, Mapping):
        named = {f"The attribute {name!r}": one for name, one in attributes.items()}
    else:
        table = np.asarray(attributes)
        if table.ndim != 2:
            raise ValueError(
                "attributes must be an array [N, A] with a column for each attribute, or "
                f"a dictionary name -> [N], but has shape {table.shape}. Make a single "
                "attribute a column: attributes[:, np.newaxis]."
            )
        named = {f"The attribute in column {i}": one for i, one in enumerate(table.T)}
    if not named:
        raise ValueError("attributes is empty; give at least one attribute.")
    return np.stack([_flags(one, n, name) for name, one in named.items()], axis=1)


def _flags(values, n, name):
    """One attribute as floats [N]."""
    values = np.asarray(values)
    if values.dtype.kind not in "biuf":
        raise ValueError(
            f"{name} must be 0 or 1 for each example, but has dtype {values.dtype}."
        )
    if values.shape != (n,):
        raise ValueError(
            f"{name} has shape {values.shape}, but there are {n} examples, so it must have "
            f"shape ({n},): 1 for an example that has the attribute, 0 for one that lacks "
            "it."
        )
    wrong = values[~np.isin(values, (0, 1))]
    if len(wrong):
        raise ValueError(
            f"{name} must be 0 or 1 for each example, but {len(wrong)} of {n} values are "
            f"something else, the first {wrong[0]}. Compare with a threshold or a class, "
            "such as y == 3."
        )
    flags = values.astype(np.float64)
    if flags.all() or not flags.any():
        raise ValueError(
            f"{name} is one that {'all' if flags.any() else 'none'} of the {n} examples "
            "have, so there is no difference to measure. Give examples with it and "
            "without it, or leave it out."
        )
    return flags


def _numbers(values, name):
    """An argument as finite floats of any shape."""
    values = np.asarray(values)
    if values.dtype.kind not in "biuf":
        raise ValueError(f"{name} must hold numbers, but has dtype {values.dtype}.")
    if not np.isfinite(values).all():
        raise ValueError(f"{name} must be finite, but has values that are NaN or infinite.")
    return values.astype(np.float64)
