"""`keras-vae --import`: the user's own parts."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path


def import_file(path: Path) -> None:
    """Runs a Python file, which registers its parts with Keras.

    Args:
        path: The file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not a Python file, or fails.
    """
    if path.suffix != ".py":
        raise ValueError(f"--import takes a Python file (.py), but is {path}.")
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}.")
    name = f"keras_vae_user_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    # A file that ends in .py always has a spec and a loader.
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Keras asks for the module of a registered class.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ValueError(f"{path} cannot be imported: {error!r}.") from error
