"""The files that TensorFlow Serving reads beside a model: warm-up, batching, versions."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import tensorflow as tf

from keras_vae.core.files import write_atomically
from keras_vae.core.seeds import row_seeds
from keras_vae.export.signatures import Signature

EXTRA = "assets.extra"
WARM_UP = f"{EXTRA}/tf_serving_warmup_requests"
BATCHING = "batching_params.pbtxt"
CONFIG = "models.config"
# The sizes of a single request, and of the largest batch that the server joins.
SIZES = (1, 32)


def require_messages() -> None:
    """Refuses to go on where the messages of TensorFlow Serving are not installed.

    Raises:
        ImportError: If the package tensorflow-serving-api is missing.
    """
    try:
        import tensorflow_serving.apis  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "Warm-up requests need the package tensorflow-serving-api, which is not "
            'installed: pip install -e ".[serving]" in the clone of keras_vae.'
        ) from error


def write_extras(folder: Path, model, signatures: dict[str, Signature]) -> None:
    """Writes warm-up requests and the parameters of batching into a SavedModel.

    Args:
        folder: The SavedModel.
        model: The model.
        signatures: Those that were written.

    Raises:
        ImportError: If the package tensorflow-serving-api is missing.
    """
    require_messages()
    from tensorflow_serving.apis import prediction_log_pb2

    path = folder / WARM_UP
    path.parent.mkdir(exist_ok=True)
    sizes = [size for size in SIZES if size <= model.events_at_a_time()]
    with tf.io.TFRecordWriter(str(path)) as file:
        for name, signature in signatures.items():
            for size in sizes:
                log = prediction_log_pb2.PredictionLog()
                request = log.predict_log.request
                request.model_spec.signature_name = name
                for spec in signature.inputs:
                    value = _example(model, spec, size)
                    request.inputs[spec.name].CopyFrom(tf.make_tensor_proto(value))
                file.write(log.SerializeToString())
    (folder / BATCHING).write_text(_batching(sizes[-1]), encoding="utf-8")


def _example(model, spec: tf.TensorSpec, size: int) -> np.ndarray:
    """Values that the model takes for an input."""
    shape = (size, *spec.shape[1:])
    if spec.name == "seed":
        return np.asarray(row_seeds(0, size))
    if spec.name == "z":
        y = None
        if model.condition_shape is not None:
            form = () if model.num_classes is not None else tuple(model.condition_shape)
            dtype = "int32" if model.num_classes is not None else model.probability_dtype
            y = tf.zeros((size, *form), dtype)
        return np.asarray(model.draw_by_row(row_seeds(0, size), y))
    if spec.dtype == tf.string:
        png = tf.io.encode_png(np.zeros(model.event_shape, np.uint8)).numpy()
        return np.array([png] * size, dtype=object)
    value = model.support.some_value() if spec.name == "x" and spec.dtype.is_floating else 0
    return np.broadcast_to(np.asarray(value, spec.dtype.as_numpy_dtype), shape)


def _batching(most: int) -> str:
    return (
        f"max_batch_size {{ value: {most} }}\n"
        "batch_timeout_micros { value: 1000 }\n"
        "max_enqueued_batches { value: 100 }\n"
        f"num_batch_threads {{ value: {os.cpu_count() or 1} }}\n"
    )


def write_config(folder: str | os.PathLike) -> Path | None:
    """Writes `models.config` beside the numbered versions of a model.

    The server keeps the newest two; clients may ask for them by the labels "latest" and
    "previous".

    Args:
        folder: A version, such as `models/digits/2`.

    Returns:
        The file, `models/digits/models.config`; None if the folder is not numbered.
    """
    folder = Path(folder).resolve()
    if not folder.name.isdecimal():
        return None
    return _write_config(folder.parent, [folder.parent])


def write_config_of_all(folder: str | os.PathLike) -> Path:
    """Writes `models.config` for all models in a folder, whenever they were exported.

    Args:
        folder: A folder with `NAME/NUMBER` of each model.

    Returns:
        The file, `models.config` in the folder.
    """
    folder = Path(folder)
    return _write_config(folder, sorted(one for one in folder.iterdir() if one.is_dir()))


def _write_config(folder: Path, models: list[Path]) -> Path:
    versions = {}
    for model in models:
        names = [path.parent.name for path in model.glob("*/saved_model.pb")]
        if numbers := sorted((int(one) for one in names if one.isdecimal()), reverse=True):
            versions[model.name] = numbers
    path, text = folder / CONFIG, serving_config(versions)
    write_atomically(path, lambda p: p.write_text(text, encoding="utf-8"))
    return path


def serving_config(versions: dict[str, list[int]]) -> str:
    """Writes TensorFlow Serving's list of models.

    Args:
        versions: For each name the numbers of its versions, the newest first.

    Returns:
        A `model_config_list` in protobuf's text format, with each model in
        `/models/<name>`.

    Example:
        >>> print(serving_config({"digits": [2, 1]}).count("version_labels"))
        2
    """
    return f"model_config_list {{\n{''.join(map(_model, versions, versions.values()))}}}\n"


def _model(name, numbers):
    # Texts are quoted as in JSON.
    called, path = (
        json.dumps(one, ensure_ascii=False) for one in (name, f"/models/{name}")
    )
    labels = "".join(
        f'    version_labels {{ key: "{label}" value: {number} }}\n'
        for label, number in zip(("latest", "previous"), numbers, strict=False)
    )
    return (
        f"  config {{\n    name: {called}\n    base_path: {path}\n"
        '    model_platform: "tensorflow"\n'
        "    model_version_policy { latest { num_versions: 2 } }\n"
        f"{labels}  }}\n"
    )
