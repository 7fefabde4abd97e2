"""Fixtures for the tests of the command line."""

import numpy as np
import pytest
from commands import LEARNS_LABELS, MODEL, SMALL, call

from keras_vae.cli import main
from keras_vae.data import load
from keras_vae.training import closing, hardware


def cheaper(patch):
    """Lets a run cost little: its evaluation, and no XLA for its few steps."""
    patch.setattr(closing, "_MOST_SAMPLES", 10)
    patch.setattr(hardware, "use_xla", lambda *_: False)


@pytest.fixture(autouse=True, scope="module")
def cheap_runs():
    """Also for what a module trains once."""
    with pytest.MonkeyPatch.context() as patch:
        cheaper(patch)
        yield


@pytest.fixture
def command(capsys, tmp_path, monkeypatch):
    """Runs the command in an empty working directory."""
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: call(capsys, *arguments)


@pytest.fixture(scope="session")
def own_run(tmp_path_factory):
    """A finished run on grey images in a file, `own.npy` beside it; only to be read."""
    folder = tmp_path_factory.mktemp("own")
    x = 15 * load("digits").x_train[:200]
    np.save(folder / "own.npy", x)
    # A path that a copy of both may keep: from the folder that holds them.
    given = ["--data", "own.npy", "--epochs", "1", *SMALL, "--output", "run"]
    given += ["--likelihood", "bernoulli", "--binarize", "static"]
    with pytest.MonkeyPatch.context() as patch:
        cheaper(patch)
        patch.setattr(closing, "_MOST_EXAMPLES", 7)
        patch.chdir(folder)
        main(["train", MODEL, *given])
    return folder


@pytest.fixture(scope="session")
def digits_run(tmp_path_factory):
    """A finished run on the digits; only to be read."""
    folder = tmp_path_factory.mktemp("digits") / "run"
    given = ["--data", "digits", "--epochs", "2", *SMALL, "--output", str(folder)]
    with pytest.MonkeyPatch.context() as patch:
        cheaper(patch)
        main(["train", MODEL, *given])
    return folder


@pytest.fixture(scope="session")
def labels_run(tmp_path_factory):
    """A finished run on digits of which 20 labels are known; only to be read."""
    folder = tmp_path_factory.mktemp("labels") / "run"
    given = ["--data", "digits", "--labels", "20", "--epochs", "2", *SMALL]
    with pytest.MonkeyPatch.context() as patch:
        cheaper(patch)
        main(["train", LEARNS_LABELS, *given, "--output", str(folder)])
    return folder
