"""TensorFlow Serving's predict requests by gRPC."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus

import grpc
import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.framework import types_pb2
from tensorflow_serving.apis import predict_pb2

from keras_vae.export.local_server.limits import Limits, RequestError
from keras_vae.export.local_server.models import Models, check_shape, check_size

_CODES = {
    HTTPStatus.BAD_REQUEST: grpc.StatusCode.INVALID_ARGUMENT,
    HTTPStatus.NOT_FOUND: grpc.StatusCode.NOT_FOUND,
    HTTPStatus.SERVICE_UNAVAILABLE: grpc.StatusCode.RESOURCE_EXHAUSTED,
}


@contextlib.contextmanager
def listening(models: Models, port: int) -> Iterator[int]:
    """Answers gRPC as long as the context lasts.

    Args:
        models: What is served.
        port: The port on the loopback address; 0 takes a free one.

    Yields:
        The port.

    Raises:
        OSError: If the port is taken.
    """
    limits = models.limits
    # A client that opens a call and sends nothing holds a thread. What ends it is the age
    # of its connection; others are told to connect again, which their libraries do.
    age = round(2000 * limits.seconds)
    options = {
        "grpc.max_receive_message_length": limits.bytes,
        "grpc.max_connection_age_ms": age,
        "grpc.max_connection_age_grace_ms": age,
        "grpc.server_handshake_timeout_ms": round(1000 * limits.seconds),
        # Without this, two servers would share a port.
        "grpc.so_reuseport": 0,
    }
    with ThreadPoolExecutor(limits.requests) as pool:
        server = grpc.server(
            pool, options=list(options.items()), maximum_concurrent_rpcs=limits.requests
        )
        # Requests arrive as bytes: parsed ones can take many times the memory.
        handler = grpc.unary_unary_rpc_method_handler(
            lambda request, context: _answer(models, request, context),
            response_serializer=predict_pb2.PredictResponse.SerializeToString,
        )
        service = "tensorflow.serving.PredictionService"
        server.add_generic_rpc_handlers(
            [grpc.method_handlers_generic_handler(service, {"Predict": handler})]
        )
        port = _listen(server, port)
        server.start()
        try:
            yield port
        finally:
            server.stop(None).wait()


def _listen(server: grpc.Server, port: int) -> int:
    try:
        if found := server.add_insecure_port(f"127.0.0.1:{port}"):
            return found
    # Earlier versions return 0 instead.
    except RuntimeError:
        pass
    raise OSError(
        f"Port {port}, for gRPC, is taken or not allowed. Choose another with --grpc-port; 0 "
        "takes a free one."
    )


def _answer(models: Models, message: bytes, context) -> predict_pb2.PredictResponse:
    try:
        with models.answering():
            return _predicted(models, _parsed(message))
    except RequestError as error:
        context.abort(_CODES[error.status], str(error))


def _parsed(message: bytes) -> predict_pb2.PredictRequest:
    try:
        return predict_pb2.PredictRequest.FromString(message)
    except DecodeError as error:
        raise RequestError(f"The request is not a PredictRequest: {error}.") from error


def _predicted(models: Models, request) -> predict_pb2.PredictResponse:
    spec = request.model_spec
    version = spec.version.value if spec.HasField("version") else None
    model = models.get(spec.name, version)
    outputs = models.predict(model, spec.signature_name, request.inputs, read_tensor)
    response = predict_pb2.PredictResponse()
    response.model_spec.name = model.name
    response.model_spec.version.value = model.version
    response.model_spec.signature_name = spec.signature_name or "serving_default"
    for key, value in outputs.items():
        response.outputs[key].CopyFrom(tf.make_tensor_proto(value))
    return response


def read_tensor(key: str, proto, spec: tf.TensorSpec, limits: Limits) -> np.ndarray:
    """Makes an array of a `TensorProto`.

    A proto may say one value and a shape to repeat it in, so a few bytes can stand for
    gigabytes: the shape is checked first.

    Args:
        key: The input's name.
        proto: The message.
        spec: What the signature takes.
        limits: What requests may take.

    Returns:
        The array.

    Raises:
        RequestError: If it is not what the signature takes.
    """
    if proto.dtype != spec.dtype.as_datatype_enum:
        raise RequestError(f"{key} must be {spec.dtype.name}, but is {_name(proto.dtype)}.")
    shape = tuple(dim.size for dim in proto.tensor_shape.dim)
    if proto.tensor_shape.unknown_rank or min(shape, default=0) < 0:
        raise RequestError(f"{key} must have a shape of sizes from 0, but has {shape}.")
    check_shape(key, shape, spec)
    check_size(key, shape, spec, limits)
    try:
        return tf.make_ndarray(proto)
    except (ValueError, TypeError) as error:
        raise RequestError(
            f"The contents of {key} do not fill its shape {shape}."
        ) from error


def _name(dtype: int) -> str:
    try:
        return tf.dtypes.as_dtype(dtype).name
    except TypeError:
        known = dtype in types_pb2.DataType.values()
        return types_pb2.DataType.Name(dtype) if known else f"of no known type ({dtype})"
