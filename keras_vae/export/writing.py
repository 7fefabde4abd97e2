"""Models as files that run without keras_vae: SavedModel, ONNX and LiteRT."""

from __future__ import annotations

import importlib
import importlib.util
import math
import os
import re
import shutil
from pathlib import Path

import keras
import tensorflow as tf

from keras_vae.core.folders import write_folder_atomically
from keras_vae.core.names import unknown
from keras_vae.export import serving as beside
from keras_vae.export.images import image_signatures
from keras_vae.export.reading import read_signatures
from keras_vae.export.signatures import Signature, signatures_of

FORMATS = ("tf_saved_model", "onnx", "litert")
_ONNX_FILES = ("encode.onnx", "decode.onnx")
_LITE_FILE = "model.tflite"
_SAVED_FILES = ("saved_model.pb", "fingerprint.pb", "variables/variables.index")
_FILES = (*_SAVED_FILES, *_ONNX_FILES, _LITE_FILE)
_SHARD = re.compile(r"variables/variables\.data-\d{5}-of-\d{5}")


def write(
    model,
    filepath: str | os.PathLike,
    format: str,
    overwrite: bool = False,
    serving: bool = False,
    images: bool = False,
) -> None:
    """Writes a model for servers and other runtimes; see `export` of the model.

    Args:
        model: The model.
        filepath: The folder.
        format: "tf_saved_model", "onnx" or "litert".
        overwrite: Whether to replace an earlier export; the files for TensorFlow Serving
            beside it (`assets.extra/`, `batching_params.pbtxt`) are kept, but no warm-up
            requests if a signature has changed.
        serving: Whether to write that anew, and `models.config` beside the versions.
        images: Whether to write signatures that take image files, too.

    Raises:
        DiskFullError: If there is too little room.
        FileExistsError: If the folder holds something that may not be replaced.
        ImportError: If a package for ONNX, or for the messages of the server, is missing.
        ValueError: If the format is not known, or the model cannot be exported.

    Example:
        >>> keras_vae.export.write(vae, "models/digits/1", "onnx")
    """
    if format not in FORMATS:
        raise unknown("format of an export", format, FORMATS)
    if serving and format != "tf_saved_model":
        raise ValueError(
            f"TensorFlow Serving does not read {format!r}: leave out serving, or format."
        )
    if images and format != "tf_saved_model":
        raise ValueError(
            f"Files are decoded in a SavedModel, and not in {format!r}: leave out images, or "
            "format."
        )
    if images and model.preprocessor and model.preprocessor.spectrogram:
        raise ValueError(
            "This model is of sounds, and their spectrograms are no image files: leave out "
            "images (--images)."
        )
    if serving:
        beside.require_messages()
    if format == "onnx":
        _require_onnx()
        signatures, fill = signatures_of(model, guard=False), _write_onnx
    elif format == "litert":
        signatures, fill = signatures_of(model, guard=False), _write_litert
    else:
        signatures, fill = signatures_of(model), _write_saved_model
    if images:
        signatures |= image_signatures(signatures, model.event_shape)

    def write_all(folder):
        fill(folder, signatures)
        _keep(Path(filepath), folder)
        if serving:
            beside.write_extras(folder, model, signatures)

    write_folder_atomically(
        filepath,
        write_all,
        overwrite,
        _is_written_here,
        needed=sum(_bytes_of(weight) for weight in model.weights),
    )
    if serving:
        beside.write_config(filepath)


def _keep(before: Path, folder: Path) -> None:
    """Copies the server's files beside an earlier export, unless they do not fit."""
    if (before / beside.EXTRA).is_dir():
        shutil.copytree(before / beside.EXTRA, folder / beside.EXTRA)
        # The server would refuse a model for requests of other shapes.
        old, new = map(_signatures_in, (before, folder))
        if old is None or old != new:
            (folder / beside.WARM_UP).unlink(missing_ok=True)
    if (before / beside.BATCHING).is_file():
        shutil.copyfile(before / beside.BATCHING, folder / beside.BATCHING)


def _signatures_in(folder: Path) -> dict[str, str] | None:
    """Names, dtypes and shapes of all signatures; None without a readable SavedModel."""
    try:
        return {name: str(one) for name, one in read_signatures(folder).items()}
    except (FileNotFoundError, ValueError):
        return None


def _is_written_here(name: str) -> bool:
    """Whether a file is one that exports consist of or keep, and no vocabulary or note."""
    kept = name == beside.BATCHING or name.startswith(f"{beside.EXTRA}/")
    return kept or name in _FILES or _SHARD.fullmatch(name) is not None


def _bytes_of(weight) -> int:
    return math.prod(weight.shape) * tf.as_dtype(weight.dtype).size


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
        # tf2onnx also writes operations that it does not support.
        try:
            onnx.checker.check_model(path)
        except onnx.checker.ValidationError as error:
            raise ValueError(
                f"The model cannot be written as {name}: ONNX lacks an operation of its "
                "posterior or likelihood, as for MultivariateNormalTriL and mixtures. "
                f"Export it as 'tf_saved_model'. ({str(error).splitlines()[0]})"
            ) from error


def _write_litert(folder: Path, signatures: dict[str, Signature]) -> None:
    chosen = {name: signatures[name] for name in ("encode", "decode")}
    whole = folder / "whole"
    _write_saved_model(whole, chosen)
    converter = tf.lite.TFLiteConverter.from_saved_model(
        str(whole), signature_keys=list(chosen)
    )
    try:
        written = converter.convert()
    except Exception as error:
        # (Its class is one of TensorFlow's that has no public name.)
        if type(error).__name__ != "ConverterError":
            raise
        raise ValueError(
            "The model cannot be written for LiteRT, which lacks an operation of its "
            "posterior or likelihood. Export it as 'tf_saved_model'. "
            f"({str(error).strip().splitlines()[0]})"
        ) from error
    finally:
        shutil.rmtree(whole)
    (folder / _LITE_FILE).write_bytes(written)


class _ModelOf(keras.Model):
    """A model whose call is a function, for Keras's export to ONNX."""

    def __init__(self, function):
        super().__init__(name="served")
        self.function = function
        self.built = True

    def call(self, *tensors):
        return self.function(*tensors)


def _require_onnx() -> None:
    for package in ("onnx", "tf2onnx"):
        if importlib.util.find_spec(package) is None:
            raise ImportError(
                f"Export to ONNX needs the package {package}, which is not installed: "
                'pip install -e ".[onnx]" in the clone of keras_vae.'
            )
