"""Fixtures for the tests of what is served."""

import sys
from pathlib import Path

import pytest

# The models of `model_cases.py`, also where only this folder is tested.
sys.path.insert(0, str(Path(__file__).parents[1] / "models"))


@pytest.fixture(scope="session")
def exported(tmp_path_factory):
    """Exports a case of `served_models.py`, once: the case and its folder."""
    from served_models import make

    folder = tmp_path_factory.mktemp("served")
    made = {}

    def export(name):
        if name not in made:
            served = make(name)
            path = folder / str(len(made)) / "1"
            served.model.export(path)
            made[name] = served, path
        return made[name]

    return export


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """The folder of a tiny SavedModel; only to be read."""
    from tiny_server import save

    return save(tmp_path_factory.mktemp("served") / "tiny" / "3")


@pytest.fixture(scope="module")
def ports(tiny):
    """A local server of it, for small requests."""
    from tiny_server import LIMITS

    from keras_vae.export.local_server import serve

    with serve({"tiny": tiny.parent}, limits=LIMITS) as ports:
        yield ports


@pytest.fixture(scope="module")
def tight(tiny):
    """Another, for few requests and little time."""
    from tiny_server import TIGHT

    from keras_vae.export.local_server import serve

    with serve({"tiny": tiny.parent}, limits=TIGHT) as ports:
        yield ports
