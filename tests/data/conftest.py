"""Fixtures for the tests of data."""

import numpy as np
import pytest
from stand_in_sets import stand_in

from keras_vae.data.sources import FOLDER_VARIABLE


@pytest.fixture(scope="session")
def stand_ins(tmp_path_factory):
    """Folder in which `<name>.npz` is written when `stand_ins(name)` is called."""
    folder = tmp_path_factory.mktemp("stand_ins")

    def write(name):
        path = folder / f"{name}.npz"
        if not path.exists():
            np.savez_compressed(path, **stand_in(name))
        return folder

    return write


@pytest.fixture
def no_folder(monkeypatch):
    """Unsets $KERAS_VAE_DATA."""
    monkeypatch.delenv(FOLDER_VARIABLE, raising=False)
