"""The messages of TensorFlow Serving, through gRPC, to a stand-in for its server.

The messages and the stub are the real ones; behind them, instead of the server's binary,
TensorFlow runs the SavedModel.
"""

import concurrent.futures
import contextlib

import numpy as np
import pytest
import tensorflow as tf
from served_models import NAMES, answers, check_answer, requests

pytest.importorskip(
    "tensorflow_serving.apis", reason="needs the package tensorflow-serving-api"
)
grpc = pytest.importorskip("grpc")

from tensorflow_serving.apis import (  # noqa: E402
    predict_pb2,
    prediction_service_pb2_grpc,
)


class StandIn(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Answers predict requests with a SavedModel, as the server would."""

    def __init__(self, folder):
        self.signatures = tf.saved_model.load(folder).signatures

    def Predict(self, request, context):
        name = request.model_spec.signature_name or "serving_default"
        inputs = {
            key: tf.constant(tf.make_ndarray(proto))
            for key, proto in request.inputs.items()
        }
        try:
            answer = self.signatures[name](**inputs)
        except tf.errors.InvalidArgumentError as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, error.message)
        response = predict_pb2.PredictResponse()
        response.model_spec.CopyFrom(request.model_spec)
        for key, value in answer.items():
            response.outputs[key].CopyFrom(tf.make_tensor_proto(value))
        return response


@contextlib.contextmanager
def stub_of(folder):
    """A client of a server that is there as long as the context is."""
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(1))
    add = prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server
    add(StandIn(folder), server)
    port = server.add_insecure_port("localhost:0")
    server.start()
    with grpc.insecure_channel(f"localhost:{port}") as channel:
        yield prediction_service_pb2_grpc.PredictionServiceStub(channel)
    server.stop(None)


def message(key, inputs):
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "digits"
    request.model_spec.signature_name = "" if key == "serving_default" else key
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    return request


@pytest.mark.parametrize("name", NAMES)
def test_predict_requests_are_answered_as_keras_does(exported, name):
    served, folder = exported(name)
    expected = answers(served, 3)
    with stub_of(folder) as stub:
        for key, inputs in requests(served, 3).items():
            response = stub.Predict(message(key, inputs), timeout=60)
            outputs = response.outputs.items()
            given = {one: tf.make_ndarray(proto) for one, proto in outputs}
            check_answer(given, expected[key])


def test_bad_values_come_back_as_an_error_in_plain_words(exported):
    served, folder = exported("learned scale")
    x = np.full((1, *served.model.event_shape), np.nan, "f4")
    with stub_of(folder) as stub, pytest.raises(grpc.RpcError) as raised:
        stub.Predict(message("encode", {"x": x}), timeout=60)
    assert raised.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "x must be finite" in raised.value.details()
