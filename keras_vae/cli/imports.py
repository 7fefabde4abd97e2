"""`keras-vae --import`: parts of the user's own."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path


def import_file(path: Path) -> None:
    """Runs a Python file, so that the parts it registers with Keras are known.

    Args:
        path: The file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no Python file, or fails.
    """
    if path.suffix != ".py":
        raise ValueError(f"--import takes a Python file, but is {path}.")
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}.")
    name = f"keras_vae_user_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    # There always is one for a file that ends in .py.
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Keras asks for the module of a registered class.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ValueError(f"{path} cannot be imported: {error!r}.") from error
