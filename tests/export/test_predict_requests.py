"""The messages of TensorFlow Serving, REST and gRPC, to the local server."""

import contextlib
import json
import urllib.error
import urllib.request

import numpy as np
import pytest
import tensorflow as tf
from served_models import answers, check_answer, requests

from keras_vae.export.local_server import serve

pytest.importorskip(
    "tensorflow_serving.apis", reason="needs the package tensorflow-serving-api"
)
grpc = pytest.importorskip("grpc")

from tensorflow_serving.apis import (  # noqa: E402
    predict_pb2,
    prediction_service_pb2_grpc,
)


@contextlib.contextmanager
def stub_of(folder):
    """A client of a server that is there as long as the context is."""
    with (
        serve({"digits": folder}) as ports,
        grpc.insecure_channel(f"localhost:{ports.grpc}") as channel,
    ):
        yield prediction_service_pb2_grpc.PredictionServiceStub(channel)


def message(key, inputs, model="digits"):
    request = predict_pb2.PredictRequest()
    request.model_spec.name = model
    request.model_spec.signature_name = "" if key == "serving_default" else key
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    return request


# Inputs and outputs of each dtype; what the models are is nothing to the messages.
@pytest.mark.parametrize(
    "name", ["flow of counts, classes", "condition", "labels of cell middles"]
)
def test_predict_requests_are_answered_as_keras_does(exported, name):
    served, folder = exported(name)
    expected = answers(served, 3)
    with stub_of(folder) as stub:
        for key, inputs in requests(served, 3).items():
            response = stub.Predict(message(key, inputs), timeout=60)
            outputs = response.outputs.items()
            given = {one: tf.make_ndarray(proto) for one, proto in outputs}
            check_answer(given, expected[key])


@pytest.mark.parametrize(
    "model, key, inputs, code, details",
    [
        ("digits", "encode", {"x": np.nan}, "INVALID_ARGUMENT", "x must be finite"),
        ("digits", "encode", {"z": 0.0}, "INVALID_ARGUMENT", "takes the inputs"),
        ("digits", "encoder", {"x": 0.0}, "NOT_FOUND", "Did you mean 'encode'"),
        ("faces", "encode", {"x": 0.0}, "NOT_FOUND", "Unknown model 'faces'"),
    ],
)
def test_wrong_requests_are_errors_in_plain_words(
    exported, model, key, inputs, code, details
):
    served, folder = exported("learned scale")
    shape = (1, *served.model.event_shape)
    inputs = {name: np.full(shape, value, "f4") for name, value in inputs.items()}
    with stub_of(folder) as stub, pytest.raises(grpc.RpcError) as raised:
        stub.Predict(message(key, inputs, model), timeout=60)
    assert raised.value.code() == getattr(grpc.StatusCode, code)
    assert details in raised.value.details()


def test_a_dtype_is_not_converted(exported):
    served, folder = exported("learned scale")
    x = np.zeros((1, *served.model.event_shape))
    with stub_of(folder) as stub, pytest.raises(grpc.RpcError) as raised:
        stub.Predict(message("encode", {"x": x}), timeout=60)
    assert raised.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "x must be float32, but is float64" in raised.value.details()


def ask(ports, body=None, path="/v1/models/digits:predict"):
    """Status and content of the answer to a REST request."""
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(f"http://localhost:{ports.rest}{path}", data) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


@pytest.fixture(scope="module")
def ports(exported):
    """A server of a small model, for requests that change nothing."""
    with serve({"digits": exported("learned scale")[1]}) as ports:
        yield ports


def as_lists(inputs):
    return {name: np.asarray(value).tolist() for name, value in inputs.items()}


def test_rest_requests_are_answered_as_keras_does(exported):
    served, folder = exported("labels of cell middles")
    expected = answers(served, 3)
    with serve({"digits": folder}) as ports:
        for key, inputs in requests(served, 3).items():
            body = {"signature_name": key, "inputs": as_lists(inputs)}
            status, content = ask(ports, body)
            assert status == 200, content
            outputs = content["outputs"]
            # A single output comes without its name.
            if len(expected[key]) == 1:
                outputs = dict.fromkeys(expected[key], outputs)
            given = {
                one: np.array(value, expected[key][one].dtype)
                for one, value in outputs.items()
            }
            if key == "reconstruct_uint8":
                given["reconstruction"] = given["reconstruction"].astype("u1")
            check_answer(given, expected[key])


def test_rest_requests_in_rows_are_answered_in_rows(exported):
    served, folder = exported("learned scale")
    x = served.x[:3].tolist()
    expected = answers(served, 3)
    with serve({"digits": folder}) as ports:
        _, named = ask(
            ports, {"signature_name": "encode", "instances": [{"x": a} for a in x]}
        )
        _, plain = ask(ports, {"signature_name": "encode", "instances": x})
        _, columns = ask(ports, {"signature_name": "encode", "inputs": x})
        z = requests(served, 3)["decode"]["z"].tolist()
        _, single = ask(ports, {"signature_name": "decode", "instances": z})
        assert ask(ports, path="/v1/models/digits")[0] == 200
    assert named == plain
    rows = named["predictions"]
    assert [row["mean"] for row in rows] == columns["outputs"]["mean"]
    stddev = expected["encode"]["stddev"]
    np.testing.assert_allclose([row["stddev"] for row in rows], stddev, rtol=1e-5)
    mean = expected["decode"]["mean"]
    np.testing.assert_allclose(single["predictions"], mean, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "body, path, status, details",
    [
        ({"inputs": [[0.0]]}, "digits:predict", 400, "x must have shape"),
        ({"inputs": [[None]]}, "digits:predict", 400, "x must be numbers"),
        ({"inputs": [[0.0], [0.0, 1.0]]}, "digits:predict", 400, "its rows differ"),
        ([1], "digits:predict", 400, "either 'inputs' or"),
        ({"instances": {"x": 0.0}}, "digits:predict", 400, "must be a list"),
        ({"instances": [{"x": 0.0}, {}]}, "digits:predict", 400, "the same inputs"),
        ({"signature_name": "encode"}, "digits:predict", 400, "either 'inputs' or"),
        ({"signature_name": "score", "inputs": []}, "digits:predict", 400, "name them"),
        (
            {"signature_name": "sample", "inputs": {"seed": [[1, 1e10]]}},
            *("digits:predict", 400, "seed must be int32, whole numbers from"),
        ),
        ({"signature_name": "x", "inputs": []}, "digits:predict", 404, "Unknown signature"),
        ({"inputs": []}, "faces:predict", 404, "Unknown model"),
        ({"inputs": []}, "digits:classify", 404, "There is no"),
        (None, "faces", 404, "Unknown model"),
    ],
)
def test_wrong_rest_requests_are_errors_in_plain_words(ports, body, path, status, details):
    given, content = ask(ports, body, f"/v1/models/{path}")
    assert given == status and details in content["error"]
