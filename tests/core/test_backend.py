"""The package says at import which backend it needs."""

import runpy

import keras
import pytest

import keras_vae


@pytest.mark.parametrize("backend", ["jax", "torch", "numpy"])
def test_import_under_another_backend_names_both(backend, monkeypatch):
    # The other backends are not installed; Keras is made to say that it runs on one.
    monkeypatch.setattr(keras.config, "backend", lambda: backend)
    with pytest.raises(ImportError) as error:
        runpy.run_path(keras_vae.__file__)
    message = str(error.value)
    assert f"'{backend}' is configured" in message and "TensorFlow backend" in message
    assert "KERAS_BACKEND=tensorflow" in message


def test_import_under_tensorflow_runs():
    assert runpy.run_path(keras_vae.__file__)["__version__"] == keras_vae.__version__
