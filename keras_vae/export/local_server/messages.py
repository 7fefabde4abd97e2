"""The JSON of TensorFlow Serving's REST API."""

from __future__ import annotations

import base64
import functools
import json
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import types_pb2

from keras_vae.export.local_server.limits import Limits, RequestError
from keras_vae.export.local_server.models import Model, Models, check_shape, check_size

# As many dimensions as NumPy knows everywhere.
_DEEPEST = 32
# The key of an object that stands for bytes.
_B64 = "b64"


def status(model: Model) -> dict[str, Any]:
    """Says that a model is there; a `GetModelStatusResponse`."""
    state = {"error_code": "OK", "error_message": ""}
    version = {"version": str(model.version), "state": "AVAILABLE", "status": state}
    return {"model_version_status": [version]}


def metadata(model: Model) -> dict[str, Any]:
    """Says what a model's signatures take and return; a `GetModelMetadataResponse`."""
    signatures = {
        name: {
            "inputs": {key: _info(one) for key, one in definition.inputs.items()},
            "outputs": {key: _info(one) for key, one in definition.outputs.items()},
            "method_name": definition.method_name,
        }
        for name, definition in sorted(model.definitions.items())
    }
    return {
        "model_spec": {
            "name": model.name,
            "signature_name": "",
            "version": str(model.version),
        },
        "metadata": {"signature_def": {"signature_def": signatures}},
    }


def _info(info) -> dict[str, Any]:
    # 64-bit numbers are texts in the JSON of protocol buffers.
    shape = info.tensor_shape
    return {
        "dtype": types_pb2.DataType.Name(info.dtype),
        "tensor_shape": {
            "dim": [{"size": str(one.size), "name": one.name} for one in shape.dim],
            "unknown_rank": shape.unknown_rank,
        },
        "name": info.name,
    }


def predicted(models: Models, model: Model, body: bytes) -> dict[str, Any]:
    """Answers a predict request in columns ("inputs") or in rows ("instances").

    Args:
        models: All that is served.
        model: The model that is asked.
        body: The request, JSON.

    Returns:
        The answer.

    Raises:
        RequestError: If anything in the request is not what the signature takes.
    """
    body = _parsed(body)
    if not isinstance(body, dict) or ("instances" in body) == ("inputs" in body):
        raise RequestError("A request is an object with either 'inputs' or 'instances'.")
    name = body.get("signature_name", "")
    if not isinstance(name, str):
        raise RequestError("'signature_name' must be a text.")
    specs = model.specs(name)
    in_rows = "instances" in body
    inputs = _columns(body["instances"]) if in_rows else body["inputs"]
    if not isinstance(inputs, dict):
        # A single input needs no name.
        if len(specs) != 1:
            raise RequestError(
                f"The signature has several inputs; name them: {list(specs)}."
            )
        inputs = {key: inputs for key in specs}
    outputs = models.predict(model, name, inputs, read_json)
    if in_rows and not _have_rows(outputs):
        raise RequestError(
            "These outputs have no rows. Send 'inputs' instead of 'instances'."
        )
    outputs = {key: one.tolist() for key, one in outputs.items()}
    if len(outputs) == 1:
        # Nor does a single output.
        (values,) = outputs.values()
        return {"predictions" if in_rows else "outputs": values}
    if not in_rows:
        return {"outputs": outputs}
    rows = zip(*outputs.values(), strict=True)
    return {"predictions": [dict(zip(outputs, row, strict=True)) for row in rows]}


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except RecursionError as error:
        raise RequestError("The request is nested too deeply.") from error
    # Also of bytes that are no text, and of numbers with thousands of digits.
    except ValueError as error:
        raise RequestError(f"The request is not JSON: {error}.") from error


def _columns(rows: Any) -> Any:
    """Rows that name their inputs as one object of lists; others as they are."""
    if not isinstance(rows, list):
        raise RequestError("'instances' must be a list.")
    if not any(isinstance(row, dict) and set(row) != {_B64} for row in rows):
        return rows
    if any(not isinstance(row, dict) or set(row) != set(rows[0]) for row in rows):
        raise RequestError("All instances must name the same inputs.")
    return {key: [row[key] for row in rows] for key in rows[0]}


def _have_rows(outputs: dict[str, np.ndarray]) -> bool:
    """Whether all outputs have as many rows."""
    sizes = {one.shape[:1] for one in outputs.values()}
    return len(sizes) == 1 and () not in sizes


def read_json(key: str, value: Any, spec: tf.TensorSpec, limits: Limits) -> np.ndarray:
    """Makes an array of numbers, which in JSON have no dtype of their own.

    Args:
        key: The input's name.
        value: A number, or lists of them.
        spec: What the signature takes.
        limits: What requests may take.

    Returns:
        The array.

    Raises:
        RequestError: If it is not what the signature takes.
    """
    shape = _shape(value)
    if len(shape) > _DEEPEST:
        raise RequestError(f"{key} is nested too deeply.")
    check_size(key, shape, spec, limits)
    # As objects first: NumPy would give all cells the size of the longest text.
    cells = np.asarray(value, dtype=object)
    types = set(map(type, cells.ravel().tolist()))
    if list in types or cells.shape != shape:
        raise RequestError(f"{key} must be an array, but its rows differ.")
    dtype = spec.dtype
    if dtype == tf.string:
        check_shape(key, shape, spec)
        return np.vectorize(functools.partial(_bytes, key), otypes=[object])(cells)
    if types - {int, float}:
        raise RequestError(f"{key} must be numbers.")
    check_shape(key, shape, spec)
    if not (dtype.is_integer or dtype.is_floating):
        raise RequestError(f"{key} is {dtype.name}, which this local server does not read.")
    try:
        with np.errstate(all="ignore"):
            converted = cells.astype(dtype.as_numpy_dtype)
    # The latter for NaN.
    except (OverflowError, ValueError) as error:
        raise RequestError(_not_in(key, dtype)) from error
    if dtype.is_integer and not np.array_equal(converted, cells):
        raise RequestError(_not_in(key, dtype))
    return converted


def _bytes(key: str, cell: Any) -> bytes:
    """Bytes as JSON has them for TensorFlow Serving."""
    if not isinstance(cell, dict) or set(cell) != {_B64} or not isinstance(cell[_B64], str):
        raise RequestError(f"{key} must be bytes, as objects {{'b64': '...'}}.")
    try:
        return base64.b64decode(cell[_B64], validate=True)
    except ValueError as error:
        raise RequestError(f"{key} is not base64: {error}.") from error


def _shape(value: Any) -> tuple[int, ...]:
    """The shape that nested lists have if all are like the first of each."""
    shape = []
    while isinstance(value, list):
        shape.append(len(value))
        value = value[0] if value else None
    return tuple(shape)


def _not_in(key: str, dtype: tf.DType) -> str:
    kind = "whole numbers" if dtype.is_integer else "numbers"
    return f"{key} must be {dtype.name}, {kind} from {dtype.min} to {dtype.max}."
