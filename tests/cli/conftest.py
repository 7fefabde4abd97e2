"""Fixtures for the tests of the command line."""

import pytest
from commands import SMALL, call

from keras_vae import training
from keras_vae.cli import main


def cheaper(patch):
    """Lets the evaluation at the end of a run cost little."""
    scores = training.likelihood_scores
    patch.setattr(training, "likelihood_scores", lambda m, x, _: scores(m, x, 10))


@pytest.fixture(autouse=True)
def cheap_closing(monkeypatch):
    cheaper(monkeypatch)


@pytest.fixture
def command(capsys, tmp_path, monkeypatch):
    """Runs the command in an empty working directory."""
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: call(capsys, *arguments)


@pytest.fixture(scope="session")
def digits_run(tmp_path_factory):
    """A finished run on the digits; only to be read."""
    folder = tmp_path_factory.mktemp("digits") / "run"
    given = ["--data", "digits", "--epochs", "2", *SMALL, "--output", str(folder)]
    with pytest.MonkeyPatch.context() as patch:
        cheaper(patch)
        main(["train", "dense_vae", *given])
    return folder
