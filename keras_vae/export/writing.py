"""Models as files that run without keras_vae: SavedModel and ONNX."""

from __future__ import annotations

import importlib
import importlib.util
import os
from pathlib import Path

import keras

from keras_vae.core.files import write_folder_atomically
from keras_vae.core.names import unknown
from keras_vae.export.signatures import Signature, signatures_of

FORMATS = ("tf_saved_model", "onnx")
# What exports consist of; a folder with anything else in it is never replaced.
_FILES = ("saved_model.pb", "fingerprint.pb", "variables", "assets")
_ONNX_FILES = ("encode.onnx", "decode.onnx")


def write(model, filepath: str | os.PathLike, format: str, overwrite: bool = False) -> None:
    """Writes a model for servers and other runtimes; see `export` of the model.

    Args:
        model: The model.
        filepath: The folder.
        format: "tf_saved_model" or "onnx".
        overwrite: Whether to replace an earlier export.
    """
    if format not in FORMATS:
        raise unknown("format of an export", format, FORMATS)
    if format == "onnx":
        _require_onnx()
        signatures, write = signatures_of(model, guard=False), _write_onnx
    else:
        signatures, write = signatures_of(model), _write_saved_model
    write_folder_atomically(
        filepath,
        lambda folder: write(folder, signatures),
        overwrite,
        _FILES + _ONNX_FILES,
    )


def _write_saved_model(folder: Path, signatures: dict[str, Signature]) -> None:
    archive = keras.export.ExportArchive()
    for name, signature in signatures.items():
        archive.add_endpoint(name, signature.function, signature.inputs)
    archive.write_out(str(folder), verbose=False)


def _write_onnx(folder: Path, signatures: dict[str, Signature]) -> None:
    onnx = importlib.import_module("onnx")
    for name in _ONNX_FILES:
        function, inputs = signatures[Path(name).stem]
        path = str(folder / name)
        model = _ModelOf(function)
        model.export(path, format="onnx", verbose=False, input_signature=inputs)
        # What it has no operation for, tf2onnx writes down all the same.
        try:
            onnx.checker.check_model(path)
        except onnx.checker.ValidationError as error:
            raise ValueError(
                f"The model cannot be written as {name}: ONNX lacks an operation of its "
                "posterior or likelihood, as for MultivariateNormalTriL and mixtures. "
                f"Export it as 'tf_saved_model'. ({str(error).splitlines()[0]})"
            ) from error


class _ModelOf(keras.Model):
    """A model whose call is a function: what Keras's export to ONNX takes."""

    def __init__(self, function):
        super().__init__(name="served")
        self.function = function
        self.built = True

    def call(self, x):
        return self.function(x)


def _require_onnx() -> None:
    for package in ("onnx", "tf2onnx"):
        if importlib.util.find_spec(package) is None:
            raise ImportError(
                f"Export to ONNX needs the package {package}, which is not installed: "
                'pip install -e ".[onnx]" in the clone of keras_vae.'
            )
