"""Fixtures for the tests of training."""

import pytest
from runs import binarized, recipe, run

from keras_vae import training


@pytest.fixture(autouse=True, scope="session")
def cheap_closing():
    """Lets the evaluation at the end of a run cost little."""
    scores = training.likelihood_scores
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "likelihood_scores", lambda m, x, _: scores(m, x, 10))
        yield


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A finished run; only to be read."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    run(recipe(), folder)
    return folder


@pytest.fixture(scope="session")
def uninterrupted(tmp_path_factory):
    """A finished run on pixels drawn anew at each visit; only to be read."""
    folder = tmp_path_factory.mktemp("uninterrupted") / "run"
    run(binarized(), folder)
    return folder
