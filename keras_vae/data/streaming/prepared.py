"""Sets of `tensorflow_datasets`, as the TFRecord files that it prepares."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

PREFIX = "tfds:"


class Prepared(NamedTuple):
    """Files of a set.

    Attributes:
        folder: Their folder.
        files: The files of each split, by its name there.
        label_names: Names of the classes, or None.
    """

    folder: Path
    files: dict[str, list[Path]]
    label_names: tuple[str, ...] | None


def prepare(name: str) -> Prepared:
    """Downloads and prepares a set, unless this was done before.

    Args:
        name: "tfds:" and the set's name there, such as "tfds:mnist" or "tfds:mnist:3.0.1".

    Returns:
        Its files.

    Raises:
        ImportError: If the package is missing.
        ValueError: If there is no such set, or its files are not TFRecord files.

    Example:
        >>> prepare("tfds:mnist").files["train"]
    """
    try:
        import tensorflow_datasets as tfds
    except ImportError as error:
        raise ImportError(
            f"{name!r} needs the package tensorflow-datasets: pip install "
            "tensorflow-datasets."
        ) from error
    try:
        builder = tfds.builder(name.removeprefix(PREFIX))
    except tfds.core.DatasetNotFoundError as error:
        raise ValueError(f"tensorflow_datasets has no set {name!r}: {error}") from error
    builder.download_and_prepare()
    form = builder.info.file_format.value
    if form != "tfrecord":
        raise ValueError(
            f"{name!r} was prepared as {form} files, but TFRecord files are needed. Remove "
            f"{builder.data_dir}, so that it is prepared again."
        )
    files = {
        split: [Path(file) for file in info.filepaths]
        for split, info in builder.info.splits.items()
    }
    features = builder.info.features
    names = getattr(features["label"], "names", None) if "label" in features else None
    return Prepared(Path(builder.data_dir), files, None if names is None else tuple(names))
