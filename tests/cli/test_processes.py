"""What only a process of its own can show: signals, exit codes, a quiet start."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from types import SimpleNamespace

import numpy as np
import pytest
from commands import MODEL, SMALL, call

from keras_vae import VAE
from keras_vae.cli import main, package
from keras_vae.presets.files import read_metadata

pytestmark = pytest.mark.slow

EPOCHS = 8
TRAIN = ["train", MODEL, "--data", "digits", "--epochs", str(EPOCHS), *SMALL]
TRAIN += ["--likelihood", "bernoulli", "--binarize", "dynamic"]


def start(*arguments):
    """Starts the command as its launcher does, with a TensorFlow that may talk."""
    # A shell's background jobs ignore Ctrl-C, and so would their children. The child sets it
    # right itself: a `preexec_fn` would fork, which gRPC's threads do not survive.
    script = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from keras_vae_command import main; main()"
    )
    environment = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


def epochs(folder):
    path = folder / "history.csv"
    return path.read_text().splitlines()[1:] if path.exists() else []


def signal_after(process, folder, count, number):
    """Sends a signal when so many epochs are done; returns code, output, errors."""
    deadline = time.monotonic() + 120
    while len(epochs(folder)) < count:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("killed") / "run"


@pytest.fixture(scope="module")
def interrupted(folder):
    """The end of a training by Ctrl-C."""
    process = start(*TRAIN, "--output", folder)
    return signal_after(process, folder, 2, signal.SIGINT)


@pytest.fixture(scope="module")
def killed(folder, interrupted):
    """The end of its resumption by SIGKILL, and the epochs that were done before."""
    before = len(epochs(folder))
    process = start("train", "--resume", "--output", folder)
    return before, *signal_after(process, folder, before + 2, signal.SIGKILL)


def test_ctrl_c_ends_with_a_hint_and_no_traceback(interrupted, folder):
    code, out, err = interrupted
    assert code == 130 and "epoch  1/" in out or "epoch 1/" in out
    assert f"{folder} keeps the finished epochs" in err and "--resume" in err
    # Nothing else is said: no traceback, and nothing of TensorFlow's.
    assert len(err.strip().splitlines()) == 1


def goes_on_after(out, done):
    """Whether a run went on; the history is written just before the checkpoint."""
    return any(f"continuing after epoch {n} " in out for n in (done, done - 1))


def test_a_killed_run_went_on_and_is_not_finished(killed, folder):
    before, code, out, _ = killed
    assert code == -signal.SIGKILL and goes_on_after(out, before)
    assert before + 2 <= len(epochs(folder)) < EPOCHS
    assert not read_metadata(folder)["training"]["finished"]


def test_after_both_the_run_is_that_which_was_not_interrupted(
    killed, folder, tmp_path, capsys
):
    done = len(epochs(folder))
    result = call(capsys, "train", "--resume", "--output", folder)
    assert result.code == 0
    assert goes_on_after(result.out, done)
    main([*TRAIN, "--output", str(tmp_path / "whole")])
    rows, expected = (
        np.loadtxt(path / "history.csv", delimiter=",", skiprows=1)
        for path in (folder, tmp_path / "whole")
    )
    np.testing.assert_allclose(rows, expected, rtol=1e-4)
    models = [VAE.from_preset(path) for path in (folder, tmp_path / "whole")]
    for one, other in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-4)


def test_the_launcher_says_nothing_but_what_is_wrong():
    process = start("info", "nowhere")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 1
    assert out == "" and len(err.splitlines()) == 1
    assert err.startswith("keras-vae: error: There is no folder nowhere, and no preset")


def test_a_served_model_is_there_until_ctrl_c():
    process = start("serve", "dense_vae_digits", "--port", "0", "--grpc-port", "0")
    lines = [process.stdout.readline() for _ in range(4)]
    url = lines[1].split()[1]
    assert url.endswith("/v1/models/dense_vae_digits"), process.communicate()
    with urllib.request.urlopen(url, timeout=60) as status:
        assert b"AVAILABLE" in status.read()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err.split()) == (130, "", ["interrupted"])
    with pytest.raises(OSError):
        urllib.request.urlopen(url, timeout=60)


@pytest.fixture
def no_level(monkeypatch):
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "0")


def test_messages_are_held_back(no_level, capfd):
    with package._without_messages():
        os.write(2, b"noise")
    os.write(2, b"signal")
    assert capfd.readouterr().err == "signal"


def test_messages_are_shown_after_an_error(no_level, capfd):
    with pytest.raises(ImportError), package._without_messages():
        os.write(2, b"why it failed")
        raise ImportError
    assert capfd.readouterr().err == "why it failed"


def test_messages_are_shown_to_those_who_ask_for_them(no_level, capfd, monkeypatch):
    # As the launcher leaves it: in place, and not executed.
    loader = SimpleNamespace(exec_module=lambda _: os.write(2, b"noise"))
    unexecuted = SimpleNamespace(__spec__=SimpleNamespace(loader=loader))
    monkeypatch.setitem(sys.modules, "keras_vae", unexecuted)
    package.import_package()
    assert os.environ["TF_CPP_MIN_LOG_LEVEL"] == "0"
    assert capfd.readouterr().err == "noise"


@pytest.mark.parametrize(
    "arguments, code, words",
    [
        (["--version"], 0, "keras-vae, version"),
        (["--help"], 0, "Commands:"),
        (["train", "--help"], 0, "--epochs"),
        (["trian"], 2, "trian"),
    ],
)
def test_exit_codes(capsys, arguments, code, words):
    result = call(capsys, *arguments)
    assert result.code == code and words in result.out + result.err
