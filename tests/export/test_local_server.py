"""The local server: what it finds, where it listens, what it says of its models."""

import importlib.util
import socket
import threading

import pytest
import tensorflow as tf
from google.protobuf import json_format
from tensorflow.core.protobuf import saved_model_pb2
from tiny_server import PREDICT, ask, is_answered, save

from keras_vae.export import local_server
from keras_vae.export.local_server import newest_saved_model, serve

without_grpc = importlib.util.find_spec("tensorflow_serving") is None
needs_grpc = pytest.mark.skipif(
    without_grpc, reason="needs the package tensorflow-serving-api"
)


@pytest.mark.parametrize("path", ["", "/versions/3"])
def test_the_status_names_the_version(ports, path):
    status, content = ask(ports.rest, f"/v1/models/tiny{path}")
    (version,) = content["model_version_status"]
    assert status == 200 and version["version"] == "3"
    assert version["state"] == "AVAILABLE" and version["status"]["error_code"] == "OK"


def test_metadata_are_the_signatures_of_the_saved_model(ports, tiny):
    status, content = ask(ports.rest, "/v1/models/tiny/metadata")
    assert status == 200
    spec = {"name": "tiny", "signature_name": "", "version": "3"}
    assert content["model_spec"] == spec
    written = saved_model_pb2.SavedModel()
    written.ParseFromString((tiny / "saved_model.pb").read_bytes())
    expected = written.meta_graphs[0].signature_def
    given = content["metadata"]["signature_def"]["signature_def"]
    assert set(given) == set(expected)
    for name, one in given.items():
        # What is read back as TensorFlow Serving's clients read it.
        read = json_format.ParseDict(one, type(expected[name])())
        assert read == expected[name]
    x = given["serving_default"]["inputs"]["x"]
    assert x["dtype"] == "DT_FLOAT"
    assert [one["size"] for one in x["tensor_shape"]["dim"]] == ["-1", "3"]


@needs_grpc
def test_metadata_are_a_message_of_tensorflow_serving(ports):
    from tensorflow_serving.apis import get_model_metadata_pb2

    _, content = ask(ports.rest, "/v1/models/tiny/metadata")
    signatures = get_model_metadata_pb2.SignatureDefMap()
    json_format.ParseDict(content["metadata"]["signature_def"], signatures)
    assert set(signatures.signature_def) >= {"serving_default", "zeros"}


@pytest.mark.parametrize(
    "path, body, status, words",
    [
        ("/v1/models/tini", None, 404, "Did you mean 'tiny'"),
        ("/v1/models/tini/metadata", None, 404, "Unknown model 'tini'"),
        ("/v1/models/tiny/versions/2", None, 404, "no version 2 of tiny, only 3"),
        ("/v1/models/tiny/versions/2:predict", {"inputs": []}, 404, "no version 2"),
        ("/v1/models/tiny/versions/x", None, 404, "There is no"),
        ("/v1/models", None, 404, "There is no /v1/models"),
        (PREDICT, None, 400, "need the method POST"),
        ("/v1/models/tiny/metadata", {}, 400, "needs the method GET"),
    ],
)
def test_what_is_not_there_is_said(ports, path, body, status, words):
    given, content = ask(ports.rest, path, body)
    assert given == status and words in content["error"]


def test_the_newest_version_is_the_one_with_the_largest_number(tmp_path):
    assert newest_saved_model(tmp_path) is None
    for name in ("9", "10", "draft"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "saved_model.pb").touch()
    (tmp_path / "11").mkdir()
    assert newest_saved_model(tmp_path) == tmp_path / "10"
    assert newest_saved_model(tmp_path / "9") == tmp_path / "9"
    assert newest_saved_model(tmp_path / "nowhere") is None


def test_folders_without_a_whole_saved_model_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="no SavedModel"), serve({"a": tmp_path}):
        pass
    whole = save(tmp_path / "1")
    (index,) = (whole / "variables").glob("*.index")
    index.write_bytes(b"")
    with pytest.raises(ValueError, match="damaged"), serve({"a": tmp_path}):
        pass
    (whole / "saved_model.pb").write_bytes(b"no graph")
    with pytest.raises(ValueError, match="damaged"), serve({"a": tmp_path}):
        pass


def test_names_fit_into_a_url(tiny):
    with pytest.raises(ValueError, match="'my model'"), serve({"my model": tiny}):
        pass


@pytest.mark.parametrize("kind", ["rest", pytest.param("grpc", marks=needs_grpc)])
def test_it_listens_on_the_loopback_address_at_the_port_that_is_given(tiny, ports, kind):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    option = {"rest": "port", "grpc": "grpc_port"}[kind]
    with serve({"tiny": tiny}, **{option: port}) as given:
        assert getattr(given, kind) == port
        with socket.socket() as elsewhere:
            # All of 127.x is this machine; the server has one of its addresses.
            assert elsewhere.connect_ex(("127.0.0.2", port)) != 0
        assert is_answered(given.rest)
    with socket.socket() as closed:
        assert closed.connect_ex(("127.0.0.1", port)) != 0
    taken = getattr(ports, kind)
    with pytest.raises(OSError, match=f"Port {taken}, .*0 takes a free one"):
        with serve({"tiny": tiny}, **{option: taken}):
            pass
    assert is_answered(ports.rest)


def test_rest_does_without_tensorflow_serving_api(tiny, monkeypatch):
    monkeypatch.setattr(local_server.importlib.util, "find_spec", lambda name: None)
    with serve({"tiny": tiny}) as ports:
        assert ports.grpc is None and is_answered(ports.rest)


def test_the_end_waits_for_what_is_being_answered(tiny, monkeypatch):
    begun, release, answers = threading.Event(), threading.Event(), []
    constant = tf.constant

    def slow(value, *arguments):
        begun.set()
        release.wait(8)
        return constant(value, *arguments)

    with serve({"tiny": tiny}) as ports:
        monkeypatch.setattr(tf, "constant", slow)
        client = threading.Thread(target=lambda: answers.append(is_answered(ports.rest)))
        client.start()
        assert begun.wait(8)
        threading.Timer(0.3, release.set).start()
    assert release.is_set()
    client.join(8)
    assert answers == [True]
