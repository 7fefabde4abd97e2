"""A stand-in for TensorFlow Serving's server, to try clients where its binary is not."""

from __future__ import annotations

import contextlib
import json
import os
import re
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from keras_vae.core.names import unknown

_PATH = re.compile(r"/v1/models/([^/:]+)(?:/versions/\d+)?(:predict)?")


class Ports(NamedTuple):
    """Where the stand-in listens, on this machine alone.

    Attributes:
        rest: Port of the REST API.
        grpc: Port of gRPC.
    """

    rest: int
    grpc: int


@contextlib.contextmanager
def serve(models: Mapping[str, str | os.PathLike]) -> Iterator[Ports]:
    """Answers the predict requests of TensorFlow Serving's clients, REST and gRPC.

    The requests are the real ones; behind them TensorFlow runs the SavedModel in this
    process. For tests of clients and for lessons: it listens on the loopback address
    alone, checks no names or rights, batches nothing, and is no server.

    Args:
        models: The folder of a SavedModel for each name.

    Yields:
        The ports, free ones, as long as the context lasts.

    Raises:
        ImportError: If the package tensorflow-serving-api is missing.

    Example:
        >>> with serve({"digits": "models/digits/1"}) as ports:
        ...     url = f"http://localhost:{ports.rest}/v1/models/digits:predict"
        ...     urllib.request.urlopen(url, b'{"inputs": [[0.0, 1.0]]}').read()

    Source:
        TensorFlow Serving's "RESTful API" and `prediction_service.proto`.
    """
    predict = _Predict(models)
    grpc_server, grpc_port = _grpc_server(predict)
    http_server = ThreadingHTTPServer(("127.0.0.1", 0), _rest_handler(predict))
    thread = threading.Thread(target=http_server.serve_forever, daemon=True)
    grpc_server.start()
    thread.start()
    try:
        yield Ports(http_server.server_port, grpc_port)
    finally:
        http_server.shutdown()
        thread.join()
        http_server.server_close()
        grpc_server.stop(None).wait()


class _NotFoundError(LookupError):
    """There is no such model or signature."""


class _Predict:
    """Runs signatures of loaded models.

    What else the request has wrong is a ValueError.
    """

    def __init__(self, models):
        self.models = {
            name: tf.saved_model.load(os.fspath(folder)) for name, folder in models.items()
        }

    def signature(self, model: str, name: str):
        if model not in self.models:
            raise _NotFoundError(str(unknown("model", model, tuple(self.models))))
        signatures = self.models[model].signatures
        if (name or "serving_default") not in signatures:
            raise _NotFoundError(str(unknown("signature", name, tuple(signatures))))
        return signatures[name or "serving_default"]

    def specs(self, signature) -> dict[str, tf.TensorSpec]:
        return signature.structured_input_signature[1]

    def __call__(
        self, model: str, name: str, inputs: dict[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        signature = self.signature(model, name)
        specs = self.specs(signature)
        if set(inputs) != set(specs):
            raise ValueError(
                f"The signature takes the inputs {sorted(specs)}, but was given "
                f"{sorted(inputs)}."
            )
        for key, value in inputs.items():
            spec = specs[key]
            if value.dtype != spec.dtype.as_numpy_dtype:
                raise ValueError(f"{key} must be {spec.dtype.name}, but is {value.dtype}.")
            if not spec.shape.is_compatible_with(value.shape):
                raise ValueError(
                    f"{key} must have shape {spec.shape}, but has {value.shape}."
                )
        try:
            outputs = signature(**{key: tf.constant(v) for key, v in inputs.items()})
        except tf.errors.InvalidArgumentError as error:
            raise ValueError(error.message) from error
        return {key: value.numpy() for key, value in outputs.items()}


def _grpc_server(predict):
    try:
        import grpc
        from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc
    except ImportError as error:
        raise ImportError(
            "The stand-in needs the package tensorflow-serving-api, which is not "
            'installed: pip install -e ".[serving]" in the clone of keras_vae.'
        ) from error

    class Service(prediction_service_pb2_grpc.PredictionServiceServicer):
        def Predict(self, request, context):
            spec = request.model_spec
            try:
                inputs = {key: tf.make_ndarray(one) for key, one in request.inputs.items()}
                outputs = predict(spec.name, spec.signature_name, inputs)
            except _NotFoundError as error:
                context.abort(grpc.StatusCode.NOT_FOUND, error.args[0])
            except (ValueError, TypeError) as error:
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
            response = predict_pb2.PredictResponse()
            response.model_spec.CopyFrom(spec)
            for key, value in outputs.items():
                response.outputs[key].CopyFrom(tf.make_tensor_proto(value))
            return response

    # As the server: no limit on the size of a request.
    options = [("grpc.max_receive_message_length", -1)]
    server = grpc.server(ThreadPoolExecutor(1), options=options)
    add = prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server
    add(Service(), server)
    return server, server.add_insecure_port("127.0.0.1:0")


def _rest_handler(predict):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            path = _PATH.fullmatch(self.path)
            if path is None or path[2] or path[1] not in predict.models:
                self._answer(404, {"error": f"There is no {self.path}."})
                return
            status = {"error_code": "OK", "error_message": ""}
            version = {"version": "1", "state": "AVAILABLE", "status": status}
            self._answer(200, {"model_version_status": [version]})

        def do_POST(self):
            path = _PATH.fullmatch(self.path)
            if path is None or not path[2]:
                self._answer(404, {"error": f"There is no {self.path}."})
                return
            try:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self._answer(200, _rest_answer(predict, path[1], body))
            except _NotFoundError as error:
                self._answer(404, {"error": error.args[0]})
            except ValueError as error:
                self._answer(400, {"error": str(error)})

        def _answer(self, status, content):
            payload = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, format, *args):
            """Says nothing."""

    return Handler


def _rest_answer(predict, model: str, body: Any) -> dict[str, Any]:
    """The answer to a request in columns ("inputs") or in rows ("instances")."""
    if not isinstance(body, dict) or ("instances" in body) == ("inputs" in body):
        raise ValueError("A request is an object with either 'inputs' or 'instances'.")
    name = str(body.get("signature_name", ""))
    specs = predict.specs(predict.signature(model, name))
    in_rows = "instances" in body
    inputs = _columns(body["instances"]) if in_rows else body["inputs"]
    if not isinstance(inputs, dict):
        # A single input needs no name.
        if len(specs) != 1:
            raise ValueError(f"The signature has several inputs; name them: {list(specs)}.")
        inputs = {key: inputs for key in specs}
    inputs = {
        key: _from_json(key, value, specs[key].dtype) if key in specs else value
        for key, value in inputs.items()
    }
    outputs = {key: one.tolist() for key, one in predict(model, name, inputs).items()}
    if len(outputs) == 1:
        # Nor does a single output.
        (values,) = outputs.values()
        return {"predictions" if in_rows else "outputs": values}
    if not in_rows:
        return {"outputs": outputs}
    rows = zip(*outputs.values(), strict=True)
    return {"predictions": [dict(zip(outputs, row, strict=True)) for row in rows]}


def _columns(rows: Any) -> Any:
    """Rows that name their inputs as one object of lists; others as they are."""
    if not isinstance(rows, list):
        raise ValueError("'instances' must be a list.")
    if not any(isinstance(row, dict) for row in rows):
        return rows
    if any(not isinstance(row, dict) or set(row) != set(rows[0]) for row in rows):
        raise ValueError("All instances must name the same inputs.")
    return {key: [row[key] for row in rows] for key in rows[0]}


def _from_json(key: str, value: Any, dtype: tf.DType) -> np.ndarray:
    """An array of numbers, which in JSON have no dtype of their own."""
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{key} must be an array, but its rows differ.") from error
    if array.size and array.dtype.kind not in "iuf":
        raise ValueError(f"{key} must be numbers.")
    with np.errstate(invalid="ignore"):
        converted = array.astype(dtype.as_numpy_dtype)
    if dtype.is_integer and not np.array_equal(converted, array):
        raise ValueError(
            f"{key} must be {dtype.name}, whole numbers from {dtype.min} to {dtype.max}."
        )
    return converted
