"""`serve`: what it takes, what it says, how it ends."""

import json
import re
import shlex
import shutil
import socket
import urllib.request
from types import SimpleNamespace

import numpy as np
import pytest

import keras_vae

PRESET = "dense_vae_digits"


@pytest.fixture(scope="module")
def export(tmp_path_factory):
    """The preset as a SavedModel; only to be read."""
    folder = tmp_path_factory.mktemp("export") / "1"
    keras_vae.VAE.from_preset(PRESET).export(folder)
    return folder


@pytest.fixture
def copy(export):
    """Copies it to where a test wants it."""

    def to(*names):
        for name in names:
            shutil.copytree(export, name)

    return to


@pytest.fixture
def serve(command, monkeypatch, capsys):
    """Serves, asks with the `curl` line that is printed, then presses Ctrl-C."""

    def run(*arguments):
        said = {}

        def press(_):
            said["out"] = capsys.readouterr().out
            said["answer"] = as_curl(said["out"].splitlines()[-1])
            raise KeyboardInterrupt

        # In place of waiting.
        monkeypatch.setattr("keras_vae.cli.serve.time", SimpleNamespace(sleep=press))
        result = command("serve", *arguments, "--port", 0, "--grpc-port", 0)
        return result, said.get("out"), said.get("answer")

    return run


def as_curl(line):
    """Does what a printed `curl` line would do."""
    words = shlex.split(line)
    assert words[:2] == ["try", "curl"]
    data = words[3].encode() if words[2] == "-d" else None
    with urllib.request.urlopen(words[-1], data) as answer:
        return json.load(answer)


@pytest.mark.slow
@pytest.mark.thinned
@pytest.mark.parametrize(
    "folder, name, version",
    [
        ("models/digits/2", "digits", "2"),
        ("models/digits", "digits", "10"),
        ("models/digits/", "digits", "10"),
        ("latest", "latest", "1"),
        (PRESET, PRESET, "1"),
    ],
)
def test_exports_folders_of_them_and_presets_are_served(serve, copy, folder, name, version):
    copy("models/digits/2", "models/digits/10", "latest")
    result, out, answer = serve(folder)
    assert result.code == 130 and result.err.split() == ["interrupted"]
    served, rest, rpc, _ = out.splitlines()
    assert f"as {name}, only on this machine" in served
    assert re.fullmatch(
        rf"REST  http://localhost:\d+/v1/models/{name}  \(/metadata.*\)", rest
    )
    assert rpc.startswith("gRPC  ")
    model = keras_vae.VAE.from_preset(PRESET, preprocessor=None)
    expected = model.sample(1, seed=1)
    np.testing.assert_allclose(answer["outputs"], expected, rtol=1e-4, atol=1e-4)
    assert folder.rstrip("/") in served and (version == "1" or f"/{version} as" in served)


def test_the_name_can_be_chosen(serve, copy):
    copy("latest")
    _, out, _ = serve("latest", "--name", "other")
    assert "/v1/models/other:predict" in out


def test_a_folder_with_an_export_comes_before_a_preset_of_its_name(serve, copy):
    copy(f"{PRESET}/7")
    _, out, _ = serve(PRESET)
    assert f"serving {PRESET}/7 as {PRESET}" in out


def test_that_grpc_is_not_there_is_said_in_a_line(serve, copy, monkeypatch):
    copy("latest")
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    _, out, _ = serve("latest")
    line = out.splitlines()[2]
    assert line == "gRPC  off: the package tensorflow-serving-api is missing"


def test_other_saved_models_are_served_too(serve, tmp_path):
    import tensorflow as tf

    module = tf.Module()
    module.f = tf.function(lambda x: x, [tf.TensorSpec([], tf.float32, "x")])
    tf.saved_model.save(module, "plain", {"serving_default": module.f})
    _, _, answer = serve("plain")
    assert answer["model_spec"]["name"] == "plain"


def test_what_cannot_be_served_says_what_to_do(command, copy):
    result = command("serve", "dense_vae_digit")
    assert result.code == 1 and f"Did you mean '{PRESET}'" in result.err
    copy("my model/1")
    result = command("serve", "my model")
    assert result.code == 1 and "--name" in result.err
    assert command("serve", PRESET, "--port", 70000).code == 2


@pytest.mark.parametrize("option", ["--port", "--grpc-port"])
def test_a_taken_port_is_said(command, copy, option):
    copy("latest")
    if option == "--grpc-port":
        pytest.importorskip("tensorflow_serving.apis")
    ports = {"--port": 0, "--grpc-port": 0}
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ports[option] = taken.getsockname()[1]
        options = [word for pair in ports.items() for word in pair]
        result = command("serve", "latest", *options)
    assert result.code == 1
    assert f"Port {ports[option]}, for" in result.err
    assert f"with {option}; 0 takes a free one" in result.err
