"""TFRecord files: the positions and contents of their records."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

# Before the bytes of a record are its length and a checksum of this; after them is their
# own checksum.
_BEFORE, _BEHIND = 12, 4
_NAME = re.compile(r".+\.tfrecords?(-\d+-of-\d+)?", re.IGNORECASE)
# Features that hold an encoded image and its label; the second pair is that of ImageNet.
_IMAGES = ("image", "image/encoded")
_LABELS = ("label", "image/class/label")
_AT_A_TIME = 256


class Record(NamedTuple):
    """The position of a record.

    Attributes:
        file: The TFRecord file.
        number: Its number in the file, from 0.
        start: Position of its first byte.
        length: Number of its bytes.
        feature: Name of the feature that holds the image.
    """

    file: Path
    number: int
    start: int
    length: int
    feature: str

    def __str__(self) -> str:
        """Describes its place."""
        return f"{self.file}, record {self.number}"

    def image(self) -> bytes:
        """Reads the encoded image."""
        with open(self.file, "rb") as file:
            file.seek(self.start)
            return _values(_example(file.read(self.length)), self.feature)[0]

    def checksum(self) -> bytes:
        """Reads the checksum after the record."""
        with open(self.file, "rb") as file:
            file.seek(self.start + self.length)
            return file.read(_BEHIND)


class Records(NamedTuple):
    """Records of files, and the label of each: a number, a name, or None.

    Attributes:
        records: The records, file after file.
        labels: A label for each record.
    """

    records: list[Record]
    labels: list[int | str | None]


def record_files(path: Path) -> list[Path]:
    """Finds TFRecord files by their names, sorted.

    Args:
        path: A file or a folder.

    Returns:
        The file itself, or those in the folder whose names end in .tfrecord or .tfrecords,
        perhaps with -00000-of-00010.

    Example:
        >>> record_files(Path("digits-train.tfrecord-00000-of-00002"))
        []
    """
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    return [one for one in files if _NAME.fullmatch(one.name) and one.is_file()]


def find_records(files: Sequence[Path]) -> Records:
    r"""Finds the records of TFRecord files. All are read once, and their checksums tested.

    Each record is a `tf.train.Example` with a feature `image` (or `image/encoded`), the
    bytes of an image file such as PNG or JPEG, and perhaps `label` (or
    `image/class/label`), a whole number or a name.

    Args:
        files: The files.

    Returns:
        The records.

    Raises:
        ValueError: If a file is damaged or compressed, there are no records, or one holds
            no image or a label of another form.

    Example:
        >>> find_records([Path("digits.tfrecord")]).records[0].image()[:4]
        b'\x89PNG'
    """
    records: list[Record] = []
    labels: list[Any] = []
    for file in files:
        place = 0
        for number, data in enumerate(_contents(file)):
            example = _example(data)
            feature = _image_feature(example, f"{file}, record {number}")
            records.append(Record(file, number, place + _BEFORE, len(data), feature))
            labels.append(_label(example, f"{file}, record {number}"))
            place += _BEFORE + len(data) + _BEHIND
    if not records:
        raise ValueError(f"{', '.join(map(str, files))}: there are no records. Write some.")
    return Records(records, labels)


def _contents(file: Path) -> Iterator[bytes]:
    """The bytes of each record, read by TensorFlow, which tests the checksums."""
    import tensorflow as tf

    try:
        for batch in tf.data.TFRecordDataset(str(file)).batch(_AT_A_TIME):
            yield from batch.numpy()
    except tf.errors.DataLossError as error:
        raise ValueError(
            f"{file} is damaged, compressed, or not a TFRecord file: {error.message}. "
            "Unpack it if it is compressed: records are read at random places."
        ) from error


def _example(data: bytes) -> Any:
    import tensorflow as tf

    return tf.train.Example.FromString(data)


def _image_feature(example, where: str) -> str:
    for name in _IMAGES:
        found = _values(example, name)
        if len(found) == 1 and isinstance(found[0], bytes):
            return name
    names = ", ".join(sorted(example.features.feature)) or "no features"
    raise ValueError(
        f"{where} holds {names}, but a feature 'image' with the bytes of one image file "
        "(PNG, JPEG) is needed, and for labels 'label'. Write such records with "
        "tf.io.encode_png."
    )


def _label(example, where: str) -> int | str | None:
    for name in _LABELS:
        if values := _values(example, name):
            label, *others = values
            if isinstance(label, bytes) and not others:
                return label.decode()
            if not isinstance(label, bytes) and not others and float(label).is_integer():
                return int(label)
            raise ValueError(
                f"{where} has the {name} {list(values)[:8]}, but a label is one whole number "
                "or one name. Write it so, or call the feature something else."
            )
    return None


def _values(example, name: str) -> Sequence[Any]:
    """The values of a feature, of any kind; none if it is missing."""
    if name not in example.features.feature:
        return ()
    feature = example.features.feature[name]
    return getattr(feature, feature.WhichOneof("kind") or "bytes_list").value
