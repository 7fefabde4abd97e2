"""Fixtures for the tests of training."""

import pytest
from runs import binarized, recipe, run

from keras_vae import training


def cheaper(patch):
    """Lets the evaluation at the end of a run cost little."""
    scores = training.held_out_scores

    def cheap(model, x, _, **options):
        return scores(model, x, 10, **options)

    patch.setattr(training, "held_out_scores", cheap)


@pytest.fixture(autouse=True)
def cheap_closing(monkeypatch):
    cheaper(monkeypatch)


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A finished run; only to be read."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    with pytest.MonkeyPatch.context() as patch:
        cheaper(patch)
        run(recipe(), folder)
    return folder


@pytest.fixture(scope="session")
def uninterrupted(tmp_path_factory):
    """A finished run on pixels drawn anew at each visit; only to be read."""
    folder = tmp_path_factory.mktemp("uninterrupted") / "run"
    with pytest.MonkeyPatch.context() as patch:
        cheaper(patch)
        run(binarized(), folder)
    return folder
