"""The models that are served: loading them, checking requests, running signatures."""

from __future__ import annotations

import contextlib
import math
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from keras_vae.core.names import unknown
from keras_vae.export.local_server.limits import Limits, RequestError
from keras_vae.export.reading import read_definitions

# The name of a signature may be quoted and compared with others; this is long enough.
_LONGEST_NAME = 200


def newest_saved_model(folder: str | os.PathLike) -> Path | None:
    """Finds the SavedModel of a folder.

    Args:
        folder: A SavedModel, or a folder with numbered ones (`1/`, `2/`).

    Returns:
        The folder of the SavedModel, that with the highest number; None without one.

    Example:
        >>> newest_saved_model("models/digits")
        PosixPath('models/digits/2')
    """
    folder = Path(folder)
    if (folder / "saved_model.pb").is_file():
        return folder
    files = folder.glob("*/saved_model.pb")
    versions = [path.parent for path in files if path.parent.name.isdecimal()]
    return max(versions, key=lambda path: int(path.name), default=None)


class Model:
    """A loaded SavedModel.

    Args:
        name: What requests call it.
        folder: See `newest_saved_model`.

    Raises:
        FileNotFoundError: If the folder holds no SavedModel.
        ValueError: If it is damaged.
    """

    def __init__(self, name: str, folder: str | os.PathLike):
        """Loads it."""
        path = newest_saved_model(folder)
        if path is None:
            raise FileNotFoundError(
                f"{folder} holds no SavedModel: neither a saved_model.pb nor numbered "
                "folders with one. `keras-vae export` makes one."
            )
        self.name, self.folder = name, path
        number = path.resolve().name
        self.version = int(number) if number.isdecimal() else 1
        self.definitions = read_definitions(path)
        try:
            self.signatures = tf.saved_model.load(os.fspath(path)).signatures
        except tf.errors.OpError as error:
            raise ValueError(
                f"The SavedModel in {path} is damaged: {error.message} Export the model again."
            ) from error

    def signature(self, name: str) -> tf.types.experimental.ConcreteFunction:
        """Returns a signature.

        Args:
            name: Its name; an empty one is the default signature.

        Raises:
            RequestError: If there is none of that name.
        """
        name = name[:_LONGEST_NAME] or "serving_default"
        if name not in self.signatures:
            raise RequestError(
                str(unknown("signature", name, tuple(self.signatures))),
                HTTPStatus.NOT_FOUND,
            )
        return self.signatures[name]

    def specs(self, signature: str) -> dict[str, tf.TensorSpec]:
        """Returns the inputs of a signature by name."""
        return self.signature(signature).structured_input_signature[1]


class Models:
    """All models of a server.

    Args:
        folders: The folder of each, by name.
        limits: What requests may take.

    Raises:
        FileNotFoundError: If a folder holds no SavedModel.
        ValueError: If one is damaged.
    """

    def __init__(self, folders: Mapping[str, str | os.PathLike], limits: Limits):
        """Loads the models."""
        self.models = {name: Model(name, folder) for name, folder in folders.items()}
        self.limits = limits
        self.closed = False
        self.lock = threading.Lock()

    @contextlib.contextmanager
    def answering(self) -> Iterator[None]:
        """Lets one request be parsed and answered at a time: parsed ones take memory.

        Raises:
            RequestError: If the server ends.
        """
        with self.lock:
            if self.closed:
                raise RequestError("The server ends.", HTTPStatus.SERVICE_UNAVAILABLE)
            yield

    def close(self) -> None:
        """Waits for what is being answered, and lets nothing be answered after it."""
        self.closed = True
        with self.lock:
            pass

    def get(self, name: str, version: int | None = None) -> Model:
        """Returns a model.

        Args:
            name: Its name.
            version: The version that is asked for, if one is.

        Raises:
            RequestError: If there is none of that name and version.
        """
        name = name[:_LONGEST_NAME]
        if name not in self.models:
            message = str(unknown("model", name, tuple(self.models)))
            raise RequestError(message, HTTPStatus.NOT_FOUND)
        model = self.models[name]
        if version not in (None, model.version):
            raise RequestError(
                f"There is no version {version} of {name}, only {model.version}.",
                HTTPStatus.NOT_FOUND,
            )
        return model

    def predict(
        self,
        model: Model,
        signature: str,
        inputs: Mapping[str, Any],
        read: Callable[[str, Any, tf.TensorSpec, Limits], np.ndarray],
    ) -> dict[str, np.ndarray]:
        """Runs a signature.

        Args:
            model: The model.
            signature: The signature's name.
            inputs: What the request has for each input, not yet checked.
            read: Makes an array of one: called with the input's name, what the request
                has, the input's specification, and the limits.

        Returns:
            The outputs by name.

        Raises:
            RequestError: If anything in the request is not what the signature takes.
        """
        function, specs = model.signature(signature), model.specs(signature)
        if set(inputs) != set(specs):
            raise RequestError(
                f"The signature takes the inputs {sorted(specs)}, but was given "
                f"{sorted(inputs)}."
            )
        arrays = {
            key: read(key, inputs[key], spec, self.limits) for key, spec in specs.items()
        }
        try:
            outputs = function(**{key: tf.constant(one) for key, one in arrays.items()})
            return {key: one.numpy() for key, one in outputs.items()}
        except tf.errors.InvalidArgumentError as error:
            raise RequestError(_plain(error.message)) from error
        except (tf.errors.ResourceExhaustedError, MemoryError) as error:
            raise RequestError(
                "The answer takes more memory than is available. Send smaller requests.",
                HTTPStatus.SERVICE_UNAVAILABLE,
            ) from error


def _plain(message: str) -> str:
    """The message of a check in the graph, without the places in the graph around it."""
    return message.rpartition("<stack traces unavailable>\n")[2].partition("\n\t [[")[0]


def check_shape(key: str, shape: tuple[int, ...], spec: tf.TensorSpec) -> None:
    """Refuses an array of a shape that a signature does not take.

    Args:
        key: The input's name.
        shape: Its shape in the request.
        spec: What the signature takes.

    Raises:
        RequestError: If it is not taken.
    """
    if not spec.shape.is_compatible_with(shape):
        raise RequestError(f"{key} must have shape {spec.shape}, but has {shape}.")


def check_size(
    key: str, shape: tuple[int, ...], spec: tf.TensorSpec, limits: Limits
) -> None:
    """Refuses an array that is too large, before it is made.

    Args:
        key: The input's name.
        shape: Its shape in the request.
        spec: What the signature takes.
        limits: What requests may take.

    Raises:
        RequestError: If it is too large.
    """
    sizes = spec.shape if spec.shape.rank is not None else [None] * len(shape)
    rows = max(
        (n for n, size in zip(shape, sizes, strict=False) if size is None), default=0
    )
    if rows > limits.rows:
        raise RequestError(
            f"{key} has {rows} examples; this local server takes {limits.rows} at a time. "
            "Send them in several requests."
        )
    # Lists take memory also where they are empty.
    if math.prod(max(n, 1) for n in shape) * spec.dtype.size > limits.bytes:
        raise RequestError(
            f"{key} has shape {shape}; this local server takes arrays of "
            f"{limits.bytes >> 20} MB. Send fewer examples at a time."
        )
