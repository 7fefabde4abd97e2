"""Your own data in many files: folders of images or sounds, and TFRecord files."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from keras_vae.data.dataset import DataSet
from keras_vae.data.folder_names import SPLIT_OF, beside_splits, read_folders, splits_of
from keras_vae.data.images import Found, decode, find_files, find_images
from keras_vae.data.own_splits import data_set_of
from keras_vae.data.sounds import decode_sounds, find_sounds, is_sound
from keras_vae.data.streaming.image_file import is_image
from keras_vae.data.streaming.prepared import PREFIX, prepare
from keras_vae.data.streaming.records import find_records


def from_sounds(path: Path, sample_rate, seconds, seed, skip_damaged, cut) -> DataSet:
    """Reads a folder of sounds, or one sound.

    Args:
        path: The folder or file.
        sample_rate: Samples per second; None takes it from the files.
        seconds: Length of all sounds; None takes it from the files.
        seed: Seed of the split.
        skip_damaged: Whether to leave out sounds that cannot be read.
        cut: Whether to draw splits that are not there.

    Returns:
        The data set.

    Raises:
        ValueError: If sounds cannot be read, or splits and other folders are mixed.
    """
    found = Found([path], Counter()) if path.is_file() else find_sounds(path)

    def read(paths):
        return decode_sounds(paths, sample_rate, seconds, skip_damaged)

    return _from_files(path, found, read, "sounds", seed, cut)


def from_folder(path: Path, reading: tuple, seed: int, cut: bool) -> DataSet:
    """Reads a folder of images.

    Args:
        path: The folder.
        reading: Further arguments of `images.decode`.
        seed: Seed of the split.
        cut: Whether to draw splits that are not there.

    Returns:
        The data set.

    Raises:
        ValueError: If images cannot be read, or splits and other folders are mixed.
    """

    def read(paths):
        return decode(paths, *reading)

    return _from_files(path, find_images(path), read, "images", seed, cut)


def from_records(path: Path, files, reading: tuple, seed: int, cut: bool) -> DataSet:
    """Reads TFRecord files of images, whose names may contain the split.

    Args:
        path: The folder, or the only file.
        files: The TFRecord files.
        reading: Further arguments of `images.decode`.
        seed: Seed of the split.
        cut: Whether to draw splits that are not there.

    Returns:
        The data set.

    Raises:
        ValueError: If records cannot be read, or splits and other files are mixed.
    """
    by_name = splits_of(one.name for one in files)
    split_of = {file: by_name[file.name] or "" for file in files}
    if "train" not in by_name.values():
        split_of = dict.fromkeys(files, "all")
    elif others := [one.name for one, split in split_of.items() if not split]:
        raise beside_splits(path, split_of.values(), ", ".join(sorted(others)))
    return _of_records(path, split_of, reading, seed, cut)


def load_prepared(name, image_size, channels, seed, skip_damaged, cut, stream, check):
    """Reads a set of `tensorflow_datasets`; see `load_path` for the arguments.

    Args:
        name: A name such as "tfds:mnist".
        image_size: `(height, width)`, or None.
        channels: 1, 3 or None.
        seed: Seed of the splits that the set lacks.
        skip_damaged: Whether to leave out images that cannot be read.
        cut: Whether to draw splits that are not there.
        stream: Whether to read images only when they are needed.
        check: Whether to read streamed images once before.

    Returns:
        The data set.

    Raises:
        ImportError: If the package is missing.
        ValueError: If the set does not hold images.
    """
    found = prepare(name)
    splits = {one: SPLIT_OF.get(one.lower(), "") for one in found.files}
    if "train" not in splits.values():
        splits = dict.fromkeys(splits, "all")
    split_of = {
        file: splits[one]
        for one, files in found.files.items()
        for file in files
        if splits[one]
    }
    reading = image_size, channels, skip_damaged, stream, check
    data = _of_records(found.folder, split_of, reading, seed, cut)
    others = [one for one, split in splits.items() if not split]
    left_out = (f"left out the splits {', '.join(others)}",) if others else ()
    return dataclasses.replace(
        data,
        name=name.removeprefix(PREFIX),
        label_names=data.label_names
        or (None if data.y_train is None else found.label_names),
        licence="unknown (see tensorflow_datasets)",
        notes=(*data.notes, *left_out),
    )


def _from_files(path, found: Found, read, what: str, seed, cut) -> DataSet:
    """Makes a data set from files of one kind, whose folders are splits and labels.

    Args:
        path: The folder, or the only file.
        found: The files.
        read: Function of paths that returns a `Decoded`.
        what: What they hold, in one word.
        seed: Seed of the split.
        cut: Whether to draw splits.

    Returns:
        The data set.
    """
    top = path if path.is_dir() else path.parent
    parts = [file.relative_to(top).parts[:-1] for file in found.paths]
    splits, labels, used, notes = read_folders(parts, path, what)
    paths = [file for file, use in zip(found.paths, used, strict=True) if use]
    decoded = read(paths)
    left_out = [f"{n:,} {suffix}" for suffix, n in found.others.most_common()]
    left_out += notes
    total = len(found.paths) + found.others.total()
    used_text = f"{path}: used {len(decoded.x):,} of {total:,} files"
    first = f"{used_text}; left out: {', '.join(left_out)}" if left_out else used_text
    decoded.notes.insert(0, first)
    names = [str(paths[i].relative_to(top)) for i in decoded.kept]
    splits, labels = (one[used][decoded.kept] for one in (splits, labels))
    return _of_decoded(path, decoded, names, splits, labels, seed, cut)


def _of_records(path, split_of: Mapping[Path, str], reading, seed, cut) -> DataSet:
    found = find_records(list(split_of))
    decoded = decode(found.records, *reading)
    decoded.notes.insert(0, f"{path}: used {len(decoded.kept):,} records")
    kept = [found.records[i] for i in decoded.kept]
    splits = np.array([split_of[one.file] for one in kept])
    names = [f"{one.file.name}, record {one.number}" for one in kept]
    labels = [found.labels[i] for i in decoded.kept]
    if missing := labels.count(None):
        if missing < len(labels):
            lost = f"left out all labels, since {missing:,} records have none"
            decoded.notes.append(lost)
        labels = [None] * len(labels)
    return _of_decoded(path, decoded, names, splits, np.array(labels), seed, cut)


def _of_decoded(path, decoded, names, splits, labels, seed, cut) -> DataSet:
    """Makes a data set from images or sounds, with the name, split and label of each."""
    which = {name: splits == name for name in np.unique(splits).tolist()}
    x = {name: decoded.x[rows] for name, rows in which.items()}
    # A single class carries no information.
    has_labels = len(set(labels.tolist())) > 1
    y = {name: labels[rows] for name, rows in which.items()} if has_labels else {}
    # Not as text of fixed width, which takes four bytes for each letter of the longest.
    names = np.array(names, dtype=object)
    files = {name: names[rows] for name, rows in which.items()}
    levels = (0, 255) if decoded.sample_rate is None else None
    kind = "discretized_logistic", levels
    about = {"notes": decoded.notes, "files": files}
    data = data_set_of(path, x, y, seed, kind, cut=cut, **about)
    return dataclasses.replace(data, sample_rate=decoded.sample_rate)


def refuse_mixture(path: Path, num_records: int) -> None:
    """Refuses other data beside TFRecord files, since one kind would be left out.

    Args:
        path: The folder.
        num_records: Number of its TFRecord files.

    Raises:
        ValueError: If the folder also holds images or sounds.
    """
    found = find_files(path, lambda file: is_image(file) or is_sound(file)).paths
    if found:
        raise ValueError(
            f"{path} holds both TFRecord files ({num_records:,}) and images or sounds "
            f"({len(found):,}, such as {found[0].relative_to(path)}). Keep only one kind "
            "in the folder."
        )
