"""Weights files: their shapes are compared with a model's before they are read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import h5py
import keras
import numpy as np


def load_weights(model: keras.Model, path: Path) -> None:
    """Reads the weights of a model, after checking the shapes in the file.

    Args:
        model: The model, built.
        path: The file, as Keras writes it.

    Raises:
        ValueError: If the file is not one that Keras wrote for this model, or a number
            among the weights is not finite.
    """
    try:
        _check_shapes(model, stored_shapes(path))
        model.load_weights(path)
        _check_finite(model)
    # HDF5 and Keras raise many kinds of errors for files that they did not write.
    except Exception as error:
        raise ValueError(
            f"{path} does not hold the weights of this model: {error}"
        ) from error


def stored_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Lists the arrays in a file of weights, without reading them.

    Args:
        path: The file.

    Returns:
        Shapes by name.

    Raises:
        ValueError: If an array is not stored uncompressed and completely in the file, as
            Keras does it, or arrays overlap.
    """
    shapes, size = {}, 0
    with h5py.File(path) as file:
        for name, array in _arrays_in(file):
            _check_storage(name, array)
            shapes[name] = array.shape
            size += array.nbytes
    if size > path.stat().st_size:
        raise ValueError(f"its arrays take {size} bytes, more than the file has")
    return shapes


def _arrays_in(file: h5py.File) -> Iterator[tuple[str, h5py.Dataset]]:
    seen, groups = set(), [file]
    while groups:
        group = groups.pop()
        place = h5py.h5o.get_info(group.id).addr
        if place in seen:
            raise ValueError(f"its group {group.name} contains itself, or occurs twice")
        seen.add(place)
        for key in group:
            name = f"{group.name.rstrip('/')}/{key}"
            if not isinstance(group.get(key, getlink=True), h5py.HardLink):
                raise ValueError(f"{name} is a link to somewhere else")
            if isinstance(group[key], h5py.Group):
                groups.append(group[key])
            elif isinstance(group[key], h5py.Dataset):
                yield name, group[key]


def _check_storage(name: str, array: h5py.Dataset) -> None:
    # A small compressed file can hold gigabytes; data in other files are not its own.
    if array.chunks is not None or array.is_virtual or array.external:
        raise ValueError(f"{name} is compressed, in chunks, or stored in another file")
    if array.dtype.kind not in "biufcV" or array.dtype.hasobject:
        raise ValueError(f"{name} holds {array.dtype}, which are not numbers")
    if array.shape is None or array.id.get_storage_size() != array.nbytes:
        raise ValueError(f"{name} of shape {array.shape} is not completely in the file")


def _check_shapes(model: keras.Model, stored: dict[str, tuple[int, ...]]) -> None:
    # Some layers have Keras store a weight twice, so shapes are not counted.
    known = {tuple(one.shape) for one in model.weights}
    for name, shape in stored.items():
        if shape not in known:
            raise ValueError(f"{name} has shape {shape}, which no weight of the model has")


def _check_finite(model: keras.Model) -> None:
    for one in model.weights:
        if not np.isfinite(keras.ops.convert_to_numpy(one)).all():
            raise ValueError(f"the weight {one.path} has values that are not finite")
