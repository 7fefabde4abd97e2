"""Models for servers: writing them, and reading their signatures."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2


class ServedTensor(NamedTuple):
    """An input or output of a signature.

    Attributes:
        tensor: Its name in the graph, which TensorFlow's C API takes.
        dtype: Name of its dtype.
        shape: Its sizes; None is any number of examples.
    """

    tensor: str
    dtype: str
    shape: tuple[int | None, ...]

    def __str__(self) -> str:
        """Dtype and shape in plain words."""
        sizes = ("batch" if size is None else str(size) for size in self.shape)
        return f"{self.dtype} [{', '.join(sizes)}]"


class ServedSignature(NamedTuple):
    """A signature of a SavedModel.

    Attributes:
        inputs: The tensors that a request has, by name.
        outputs: The tensors of the answer, by name.
    """

    inputs: dict[str, ServedTensor]
    outputs: dict[str, ServedTensor]

    def __str__(self) -> str:
        """The signature in a line."""
        return " -> ".join(
            ", ".join(f"{name} {tensor}" for name, tensor in tensors.items())
            for tensors in self
        )


def read_signatures(folder: str | os.PathLike) -> dict[str, ServedSignature]:
    """Reads which signatures a SavedModel has, without loading it.

    Args:
        folder: The SavedModel.

    Returns:
        The signatures by name, sorted.

    Raises:
        FileNotFoundError: If there is no SavedModel in the folder.
        ValueError: If its file is damaged.

    Example:
        >>> print(read_signatures("models/digits/1")["decode"])
        z float32 [batch, 2] -> mean float32 [batch, 8, 8, 1]
    """
    return {
        name: ServedSignature(_tensors(one.inputs), _tensors(one.outputs))
        for name, one in sorted(read_definitions(folder).items())
        # TensorFlow's own, which initializes tables.
        if not name.startswith("__")
    }


def read_definitions(folder: str | os.PathLike) -> Mapping[str, Any]:
    """Reads the signatures of a SavedModel as TensorFlow writes them.

    Args:
        folder: The SavedModel.

    Returns:
        A `SignatureDef` for each name.

    Raises:
        FileNotFoundError: If there is no SavedModel in the folder.
        ValueError: If its file is damaged.
    """
    path = Path(folder) / "saved_model.pb"
    if not path.exists():
        raise FileNotFoundError(f"{folder} holds no SavedModel: it has no {path.name}.")
    saved = saved_model_pb2.SavedModel()
    try:
        saved.ParseFromString(path.read_bytes())
        return saved.meta_graphs[0].signature_def
    # Protobuf's DecodeError; a file that was cut off may also parse as an empty one.
    except Exception as error:
        raise ValueError(f"{path} is damaged: {error}. Export the model again.") from error


def _tensors(infos) -> dict[str, ServedTensor]:
    return {
        name: ServedTensor(
            info.name,
            tf.dtypes.as_dtype(info.dtype).name,
            tuple(None if d.size < 0 else d.size for d in info.tensor_shape.dim),
        )
        for name, info in sorted(infos.items())
    }
