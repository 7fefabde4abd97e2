"""Whatever a client sends by gRPC, the local server answers, within its limits."""

import threading

import pytest
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2
from tiny_server import LIMITS, MEGABYTE, TIGHT, allocated, soon

from keras_vae.export.local_server.limits import RequestError

predict_pb2 = pytest.importorskip(
    "tensorflow_serving.apis.predict_pb2",
    reason="needs the package tensorflow-serving-api",
)
grpc = pytest.importorskip("grpc")

SPEC = tf.TensorSpec([None, 3], tf.float32, "x")
FLOAT = 1
METHOD = "/tensorflow.serving.PredictionService/Predict"


def tensor(shape, dtype=FLOAT, **content):
    proto = tensor_pb2.TensorProto(dtype=dtype, **content)
    for size in shape:
        proto.tensor_shape.dim.add(size=size)
    return proto


def request(proto=None, **named):
    message = predict_pb2.PredictRequest()
    message.model_spec.name = "tiny"
    for key, one in (named or {"x": proto}).items():
        message.inputs[key].CopyFrom(one)
    return message.SerializeToString()


def many_inputs():
    return request(**{f"x{i}": tensor([]) for i in range(10_000)})


HOSTILE_CALLS = {
    "2.5 GB": (lambda: request(tensor([210_000_000, 3], float_val=[0.0])), "examples"),
    "overflow": (lambda: request(tensor([2**40, 2**40])), "x must have shape"),
    "wide": (lambda: request(tensor([1, 2**31])), "x must have shape"),
    "many sizes": (lambda: request(tensor([1] * 10_000)), "x must have shape"),
    "negative": (lambda: request(tensor([-1, 3], float_val=[0.0])), "sizes from 0"),
    "no rank": (lambda: request(unknown_rank()), "sizes from 0"),
    "rows": (lambda: request(tensor([17, 3], float_val=[0.0])), "17 examples"),
    "short": (lambda: request(tensor([1, 3], tensor_content=b"12")), "do not fill"),
    "long": (lambda: request(tensor([1, 3], float_val=[0.0] * 9)), "do not fill"),
    "another type": (lambda: request(tensor([1, 3], 2)), "but is float64"),
    "text": (lambda: request(tensor([1, 3], 7, string_val=[b"a"])), "but is string"),
    "no type": (lambda: request(tensor([1, 3], 0)), "but is DT_INVALID"),
    "unknown type": (lambda: request(tensor([1, 3], 9999)), "no known type (9999)"),
    "many inputs": (many_inputs, "takes the inputs"),
    "no message": (lambda: b"\xff" * 99, "not a PredictRequest"),
    "nothing": (lambda: b"", "Unknown model ''"),
}


def unknown_rank():
    proto = tensor([])
    proto.tensor_shape.unknown_rank = True
    return proto


def call(port, message, timeout=8):
    """Code and details of the answer to a call; None and the message if it is right."""
    # A connection of its own.
    options = [("grpc.use_local_subchannel_pool", 1)]
    with grpc.insecure_channel(f"localhost:{port}", options) as channel:
        try:
            return None, channel.unary_unary(METHOD)(message, timeout=timeout)
        except grpc.RpcError as error:
            return error.code().name, error.details()


def is_called(port):
    code, message = call(port, request(tensor([1, 3], float_val=[1.0, 2.0, 3.0])))
    if code is not None:
        return False
    response = predict_pb2.PredictResponse.FromString(message)
    return tf.make_ndarray(response.outputs["y"]).tolist() == [[2, 4, 6]]


@pytest.mark.parametrize("name", HOSTILE_CALLS)
def test_hostile_calls_are_answered(ports, name):
    make, words = HOSTILE_CALLS[name]
    code, details = call(ports.grpc, make())
    assert code == ("NOT_FOUND" if name == "nothing" else "INVALID_ARGUMENT")
    assert words in details and len(details) < 1100
    assert is_called(ports.grpc)


def test_a_shape_takes_no_memory_before_it_is_checked():
    from keras_vae.export.local_server.rpc import read_tensor

    for spec in (SPEC, tf.TensorSpec(None), tf.TensorSpec([None, None, 3])):

        def read(spec=spec):
            shape = [210_000_000, 3] if spec is SPEC else [2, 100_000_000, 3]
            with pytest.raises(RequestError, match="examples"):
                read_tensor("x", tensor(shape, float_val=[0.0]), spec, LIMITS)

        assert allocated(read) < 1


def test_one_value_may_stand_for_all_of_a_shape(ports):
    code, message = call(ports.grpc, request(tensor([16, 3], float_val=[1.5])))
    response = predict_pb2.PredictResponse.FromString(message)
    assert code is None
    assert tf.make_ndarray(response.outputs["y"]).tolist() == [[3.0] * 3] * 16


def test_the_answer_names_what_was_asked(ports):
    message = predict_pb2.PredictRequest.FromString(
        request(tensor([1, 3], float_val=[0.0]))
    )
    message.model_spec.version.value = 3
    _, answered = call(ports.grpc, message.SerializeToString())
    spec = predict_pb2.PredictResponse.FromString(answered).model_spec
    assert (spec.name, spec.version.value) == ("tiny", 3)
    assert spec.signature_name == "serving_default"
    message.model_spec.version.value = 2
    assert call(ports.grpc, message.SerializeToString())[0] == "NOT_FOUND"


def test_large_calls_are_refused(ports):
    code, details = call(ports.grpc, request(tensor([1], tensor_content=b"0" * MEGABYTE)))
    assert code == "RESOURCE_EXHAUSTED" and "larger than max" in details
    assert is_called(ports.grpc)


def test_calls_that_send_nothing_are_ended(tight):
    wait = threading.Event()

    def nothing():
        wait.wait(60)
        yield from ()

    options = [("grpc.use_local_subchannel_pool", 1)]
    channels = [
        grpc.insecure_channel(f"localhost:{tight.grpc}", options)
        for _ in range(3 * TIGHT.requests)
    ]
    calls = [one.stream_unary(METHOD).future(nothing()) for one in channels]
    good = request(tensor([1, 3], float_val=[0.0]))
    soon(lambda: call(tight.grpc, good)[0] == "RESOURCE_EXHAUSTED")
    # Connections end at an age, whatever is done over them.
    soon(lambda: is_called(tight.grpc), 20)
    soon(lambda: all(one.done() for one in calls), 20)
    wait.set()
    for channel in channels:
        channel.close()
