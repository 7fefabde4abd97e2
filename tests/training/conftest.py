"""Fixtures for the tests of training."""

import pytest
from runs import binarized, recipe, run

from keras_vae.training import closing


@pytest.fixture(autouse=True)
def cheap_closing(monkeypatch):
    """Lets the evaluation at the end of a run cost little."""
    monkeypatch.setattr(closing, "_MOST_SAMPLES", 10)


def trained(tmp_path_factory, name, one):
    folder = tmp_path_factory.mktemp(name) / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(closing, "_MOST_SAMPLES", 10)
        run(one, folder)
    return folder


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A finished run; only to be read."""
    return trained(tmp_path_factory, "finished", recipe())


@pytest.fixture(scope="session")
def uninterrupted(tmp_path_factory):
    """A finished run on pixels drawn anew at each visit; only to be read."""
    return trained(tmp_path_factory, "uninterrupted", binarized())
