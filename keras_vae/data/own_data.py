"""Own data: folders of images or sounds, NumPy files and tables."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_vae.core.files import sha256_of
from keras_vae.core.names import unknown
from keras_vae.data.arrays import names_in, read_npy, read_npz
from keras_vae.data.dataset import SPLITS, DataSet
from keras_vae.data.images import Found, decode, find_files, find_images
from keras_vae.data.kinds import as_observations
from keras_vae.data.sounds import decode_sounds, find_sounds, holds_sounds, is_sound
from keras_vae.data.sparse import dense, read_h5ad
from keras_vae.data.streaming import Streamed
from keras_vae.data.streaming.image_file import SUFFIXES, is_image
from keras_vae.data.streaming.prepared import PREFIX, prepare
from keras_vae.data.streaming.records import find_records, record_files
from keras_vae.data.tables import (
    Column,
    infer_columns,
    infer_labels,
    likelihood_of,
    read_frame,
    to_codes,
)
from keras_vae.data.tables.reading import is_number

if TYPE_CHECKING:
    import pandas as pd

FILE_KINDS = (
    "a folder of images, sounds or TFRecord files, or a .npy, .npz, .csv, .parquet or .h5ad "
    "file"
)
TABLES = (".csv", ".tsv", ".parquet")
_X_NAMES = ("x", "images", "imgs", "data")
_Y_NAMES = ("y", "labels", "label", "targets", "target")
# What scipy.sparse.save_npz writes.
_SPARSE = {"format", "shape", "data"}
_SPLIT_FOLDERS = {
    "train": ("train", "training", "trn"),
    "validation": (
        *("val", "valid", "validation", "dev", "devel", "development"),
        *("eval", "evaluation"),
    ),
    "test": ("test", "testing", "tst", "holdout", "heldout"),
}
_SPLIT_OF = {name: split for split, names in _SPLIT_FOLDERS.items() for name in names}
# Words beside these that say nothing: train_set, TestData, val2017.
_BESIDE = "set|data|images|imgs"
_SPLIT_WORD = re.compile(rf"({'|'.join(_SPLIT_OF)})({_BESIDE})?\d*")
_SAYS_NOTHING = re.compile(rf"({_BESIDE})?\d*")
# Fewer images outside of the folders of classes than this share are strays.
_STRAYS = 0.1
_BYTES_AT_A_TIME = 1 << 22


def load_path(
    path: Path,
    image_size: tuple[int, int] | None = None,
    channels: int | None = None,
    seed: int = 0,
    columns: Mapping[str, Any] | Sequence[Column] | None = None,
    label: str | Sequence[Column | str] | None = None,
    header: bool | None = None,
    levels: tuple[int, int] | None = None,
    skip_damaged: bool = False,
    cut: bool = True,
    stream: bool | None = None,
    check: bool = True,
    sample_rate: int | None = None,
    seconds: float | None = None,
) -> DataSet:
    """Reads own data from a folder or file; see `keras_vae.data.load`.

    Args:
        path: A folder of images or sounds, an image, a sound, or a `.npy`, `.npz`, `.csv` or
            `.parquet` file.
        image_size: `(height, width)`, for images.
        channels: 1 or 3, for images.
        seed: Seed of the split.
        columns: For tables, kinds of columns by name, or the columns of a model.
        label: For tables, the column that holds the labels, or several: "income,age"; or
            what they are.
        header: For tables, whether the first line names the columns; None looks.
        levels: Smallest and largest possible value of whole numbers.
        skip_damaged: Whether to leave out images or sounds that cannot be read.
        cut: Whether to draw splits that are not there.
        stream: Whether images are read when they are needed.
        check: Whether images that are streamed are read once before.
        sample_rate: For sounds, samples in a second.
        seconds: For sounds, their length.

    Returns:
        The data set.

    Raises:
        FileNotFoundError: If there is nothing at `path`.
        ValueError: If it cannot be read as data.

    Example:
        >>> data = load_path(Path("photos"), image_size=(64, 64))
    """
    if not path.exists():
        raise FileNotFoundError(f"There is no file or folder {path}.")
    kind = path.suffix.lower()
    is_one_image = path.is_file() and kind in SUFFIXES
    of_sounds = is_sound(path) if path.is_file() else holds_sounds(path)
    _check_kind(path, of_sounds, (image_size, channels), (sample_rate, seconds))
    if levels is not None and (path.is_dir() or is_one_image or of_sounds):
        raise ValueError(
            f"levels are for arrays and tables of whole numbers; images have 0 to 255, "
            f"sounds none, and {path} is of that kind. Leave them out."
        )
    records = record_files(path)
    if records and path.is_dir():
        _refuse_mixture(path, len(records))
    if stream and (of_sounds or not (path.is_dir() or records)):
        raise ValueError(
            f"stream is for folders of images and TFRecord files; {path} is held in memory. "
            "Leave it out (--stream)."
        )
    if of_sounds:
        return _from_sounds(path, sample_rate, seconds, seed, skip_damaged, cut)
    reading = image_size, channels, skip_damaged, stream, check
    if records:
        return _from_records(path, records, reading, seed, cut)
    if path.is_dir():
        return _from_folder(path, reading, seed, cut)
    if is_one_image:
        x = {"all": decode([path], image_size, channels).x}
        kind_of_x = "discretized_logistic", (0, 255)
        files = {"all": np.array([path.name])}
        return _build(path, x, {}, seed, kind_of_x, cut=cut, files=files)
    if image_size is not None or channels is not None:
        raise ValueError(
            f"image_size and channels are for folders of images; {path} is a file. "
            "Leave them out."
        )
    if skip_damaged:
        raise ValueError(f"skip_damaged is for folders; {path} is a file.")
    if kind in TABLES:
        frame = read_frame(path, header)
        guessed = header is None and kind != ".parquet"
        notes = _about_names(frame, path) if guessed else []
        settings = columns, label, sha256_of(path), levels, cut, notes
        return table_data(frame, path, seed, *settings)
    if columns is not None or label is not None or header is not None:
        raise ValueError(
            f"columns, label and header are for tables; {path} is none. Leave them out, or "
            "save the table as .csv."
        )
    found, sha256 = _read_file(path), sha256_of(path)
    return _build(path, **found, seed=seed, sha256=sha256, levels=levels, cut=cut)


def table_data(
    frame: pd.DataFrame,
    path: Path,
    seed: int = 0,
    columns: Mapping[str, Any] | Sequence[Column] | None = None,
    label: str | Sequence[Column | str] | None = None,
    sha256: str | None = None,
    levels: tuple[int, int] | None = None,
    cut: bool = True,
    notes: Sequence[str] = (),
) -> DataSet:
    """Makes a data set of a table.

    Args:
        frame: The table; its columns are taken out of it.
        path: Where it was read from.
        seed: Seed of the split.
        columns: Kinds of columns by name, or the columns of a model.
        label: The column that holds the labels, or several, with commas between them; or
            what they are.
        sha256: SHA-256 of the file.
        levels: Smallest and largest possible value, of a table of pixels: it then is an
            array as `.npy` files hold it, and its columns have no kinds.
        cut: Whether to draw splits.
        notes: Lines for the user.

    Returns:
        The data set; the whole table with it where no splits are drawn.

    Raises:
        ValueError: If the table does not fit the columns, or there is no such label.
    """
    is_known = columns is not None and not isinstance(columns, Mapping)
    kinds = dict(columns) if isinstance(columns, Mapping) else {}
    # New data for a model need no labels.
    names = _label_names(frame, label, optional=is_known)
    y, labels = {}, None
    if names and not isinstance(label, str | None):
        told = {one.name: one for one in label if isinstance(one, Column)}
        labels = tuple(told.get(n) or infer_labels(frame[[n]])[0] for n in names)
    elif names:
        known = {name: kinds.pop(str(name)) for name in names if str(name) in kinds}
        labels = infer_labels(frame[names], known)
    if labels is not None:
        y = {"all": _labels(frame[names], labels)}
    whole = None if cut else frame.copy(deep=False)
    for name in names:
        frame.pop(name)
    if levels is not None:
        x = {"all": _pixels(frame, path)}
        return _build(
            path,
            x,
            y,
            seed,
            sha256=sha256,
            labels=labels,
            levels=levels,
            cut=cut,
            notes=notes,
        )
    if columns is None or isinstance(columns, Mapping):
        columns = infer_columns(frame, kinds)
    x = {"all": to_codes(frame, columns, use_up=True)}
    kind = likelihood_of(columns, x["all"]), None
    about = {"sha256": sha256, "columns": tuple(columns), "labels": labels}
    data = _build(path, x, y, seed, kind, **about, cut=cut, notes=notes)
    return dataclasses.replace(data, table=whole)


def _about_names(frame, path) -> list[str]:
    """Says where names of columns come from that may have been taken for something else."""
    if any(isinstance(name, int) for name in frame.columns):
        return [
            f"{path}: its first line holds data, and columns are numbered from 0; --header "
            "says that it holds their names"
        ]
    if any(is_number(name) for name in frame.columns):
        return [
            f"{path}: the numbers in its first line are names of columns; --no-header says "
            "that they are data"
        ]
    return []


def _pixels(frame, path) -> np.ndarray:
    """The numbers of a table whose cells all have the same levels."""
    x = frame.to_numpy()
    if x.dtype.kind not in "buif":
        raise ValueError(
            f"levels are of whole numbers, but {path} has columns that are none. Leave "
            "levels out, or these columns."
        )
    return x


def _label_names(frame, label, optional: bool) -> list:
    """The columns that hold labels, by the names that the table has."""
    names = {str(name): name for name in frame.columns}
    if label is None:
        asked = []
    elif not isinstance(label, str):
        needed = [str(one.name) for one in label if isinstance(one, Column)]
        asked = needed + [one for one in label if isinstance(one, str) and one in names]
    else:
        asked = [label] if label in names else [one.strip() for one in label.split(",")]
    there = [name for name in asked if name in names]
    missing = [name for name in asked if name not in names]
    # All of what a model knows, or none.
    if missing and (there or not optional):
        raise unknown("label column", missing[0], names)
    return [names[name] for name in there]


def _labels(frame, columns: Sequence[Column]) -> np.ndarray:
    """Labels as numbers: classes as their places, -1 what is not known of one."""
    codes = to_codes(frame, columns)
    first, *others = columns
    if others or not first.categories:
        return codes if others else codes[:, 0]
    return np.where(np.isnan(codes[:, 0]), -1, codes[:, 0]).astype(np.int64)


def _read_file(path: Path) -> dict[str, Any]:
    """Returns x and y by split ("all" is still to be cut), and more for `_build`."""
    kind = path.suffix.lower()
    if kind == ".npy":
        return {"x": {"all": read_npy(path)}, "y": {}}
    if kind == ".npz":
        return _from_npz(path)
    if kind == ".h5ad":
        return {"x": {"all": read_h5ad(path)}, "y": {}, "counts": True}
    raise ValueError(f"Cannot read {path} as data. Give {FILE_KINDS}.")


def _from_npz(path: Path) -> dict[str, Any]:
    arrays = read_npz(path)
    if _SPARSE <= set(arrays):
        return {"x": {"all": dense(arrays, str(path))}, "y": {}, "counts": True}
    names = _names_in_npz(path, arrays)
    xs, ys = set(names["x"].values()), set(names["y"].values())
    others = [name for name in names_in(path) if name not in xs | ys]
    used = f"{path}: used {', '.join(sorted(xs | ys))}"
    return {
        "x": {split: arrays[name] for split, name in names["x"].items()},
        "y": {split: arrays[name] for split, name in names["y"].items()},
        "notes": [f"{used}; left out: {', '.join(others)}"] if others else [],
    }


def _names_in_npz(path: Path, arrays: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Finds x and y among arrays: their names by split."""
    found = ", ".join(arrays) or "no arrays"
    roles = {name: _role(name) for name in arrays}
    if any(split and axis == "x" for axis, split in roles.values()):
        by_role = {role: name for name, role in roles.items() if role[1]}
        strange = [n for n in arrays if n[:2] in ("x_", "y_") and not roles[n][1]]
        if (
            strange
            or ("x", "train") not in by_role
            or len(by_role) < sum(bool(split) for _, split in roles.values())
        ):
            raise ValueError(
                f"{path} holds {found}. Arrays that bring their own splits must be "
                "called x_train, x_validation, x_test (x_train at least) and y_train, "
                "y_validation, y_test."
            )
        return {
            axis: {s: by_role[axis, s] for s in SPLITS if (axis, s) in by_role}
            for axis in "xy"
        }
    candidates = [name for name in arrays if roles[name][0] == "x"]
    if not candidates and len(arrays) == 1:
        candidates = list(arrays)
    if len(candidates) != 1:
        raise ValueError(
            f"{path} holds {found}; it is not clear which one is the data. Call it x "
            "(labels: y), or bring splits as x_train, x_validation, x_test."
        )
    labels = [name for name in arrays if roles[name][0] == "y"]
    return {
        "x": {"all": candidates[0]},
        "y": {"all": labels[0]} if labels else {},
    }


def _role(name: str) -> tuple[str, str | None]:
    """Whether an array is x or y ("" for neither), and its split."""
    axes = {**dict.fromkeys(_X_NAMES, "x"), **dict.fromkeys(_Y_NAMES, "y")}
    name = name.lower()
    if name in axes:
        return axes[name], None
    for split, axis in (
        (name.split("_", 1), name.split("_", 1)[::-1]) if "_" in name else ()
    ):
        if axis in axes and (found := _splits_of([split])[split]):
            return axes[axis], found
    return "", None


def _check_kind(path, of_sounds, of_image, of_sound) -> None:
    """Refuses what is said of images where there are sounds, and the other way round."""
    if of_sounds and any(one is not None for one in of_image):
        raise ValueError(
            f"image_size and channels are for images, but {path} holds sounds. Leave them "
            "out."
        )
    if not of_sounds and any(one is not None for one in of_sound):
        raise ValueError(
            f"sample_rate and seconds are for sounds, but {path} holds none. Leave them out."
        )


def _refuse_mixture(path: Path, num_records: int) -> None:
    """Refuses other data beside TFRecord files: one of the two would be left out."""
    found = find_files(path, lambda file: is_image(file) or is_sound(file)).paths
    if found:
        raise ValueError(
            f"{path} holds both TFRecord files ({num_records:,}) and images or sounds "
            f"({len(found):,}, such as {found[0].relative_to(path)}). Move one kind away."
        )


def _from_sounds(path, sample_rate, seconds, seed, skip_damaged, cut) -> DataSet:
    found = Found([path], Counter()) if path.is_file() else find_sounds(path)

    def read(paths):
        return decode_sounds(paths, sample_rate, seconds, skip_damaged)

    return _from_files(path, found, read, "sounds", seed, cut)


def _from_folder(path, reading, seed, cut) -> DataSet:
    def read(paths):
        return decode(paths, *reading)

    return _from_files(path, find_images(path), read, "images", seed, cut)


def _from_files(path, found: Found, read, what: str, seed, cut) -> DataSet:
    """Makes a data set of files of a kind, whose folders are splits and labels.

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
    splits, labels, used, notes = _folders(parts, path, what)
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


def _from_records(path, files, reading, seed, cut) -> DataSet:
    by_name = _splits_of(one.name for one in files)
    split_of = {file: by_name[file.name] or "" for file in files}
    if "train" not in by_name.values():
        split_of = dict.fromkeys(files, "all")
    elif others := [one.name for one, split in split_of.items() if not split]:
        raise _beside_splits(path, split_of.values(), ", ".join(sorted(others)))
    return _of_records(path, split_of, reading, seed, cut)


def load_prepared(name, image_size, channels, seed, skip_damaged, cut, stream, check):
    """Reads a set of `tensorflow_datasets`; see `load_path` for the arguments.

    Args:
        name: Such as "tfds:mnist".
        image_size: `(height, width)`, or None.
        channels: 1, 3 or None.
        seed: Seed of the splits that it does not bring.
        skip_damaged: Whether to leave out images that cannot be read.
        cut: Whether to draw splits that are not there.
        stream: Whether images are read when they are needed.
        check: Whether images that are streamed are read once before.

    Returns:
        The data set.

    Raises:
        ImportError: If the package is missing.
        ValueError: If the set is none of images.
    """
    found = prepare(name)
    splits = {one: _SPLIT_OF.get(one.lower(), "") for one in found.files}
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
    """Makes a data set of images or sounds, with the name, split and label of each."""
    which = {name: splits == name for name in np.unique(splits).tolist()}
    x = {name: decoded.x[rows] for name, rows in which.items()}
    # One class says nothing.
    has_labels = len(set(labels.tolist())) > 1
    y = {name: labels[rows] for name, rows in which.items()} if has_labels else {}
    # Not as text of fixed width, which takes four bytes for each letter of the longest.
    names = np.array(names, dtype=object)
    files = {name: names[rows] for name, rows in which.items()}
    levels = (0, 255) if decoded.sample_rate is None else None
    kind = "discretized_logistic", levels
    about = {"notes": decoded.notes, "files": files}
    data = _build(path, x, y, seed, kind, cut=cut, **about)
    return dataclasses.replace(data, sample_rate=decoded.sample_rate)


def _folders(parts: list[tuple[str, ...]], path: Path, what: str):
    """What the folders of files say.

    Args:
        parts: Folders that each file lies in, from the top.
        path: The folder of all.
        what: What the files hold, in one word.

    Returns:
        For each file its split, its label ("" where there are none) and whether it is
        used; and what is left out, in words.
    """
    parts = _unwrapped(parts)
    levels = ([one[i : i + 1] for one in parts] for i in (0, 1))
    level = next((i for i, one in enumerate(levels) if _are_splits(one, path, what)), None)
    splits = np.full(len(parts), "all", dtype=object)
    if level is not None:
        names = _splits_of(one[level] for one in parts if one[level:])
        splits[:] = [names[one[level]] if one[level:] else "" for one in parts]
        _check_splits(splits, [one[level:] for one in parts], path)
        # The split may be there twice: seg_train/seg_train/cats.
        ends = [
            level + 2 if len(set(one[level : level + 2])) == 1 else level + 1
            for one in parts
        ]
        parts = [one[:level] + one[end:] for one, end in zip(parts, ends, strict=True)]
    used = splits != ""
    stray = f"{(~used).sum()} {what} outside of the splits"
    notes = [] if used.all() else [stray]
    inside = [one for one, use in zip(parts, used, strict=True) if use]
    labels = np.full(len(parts), "", dtype=object)
    labels[used], loose, more = _classes(inside, splits[used], what)
    used[used] = ~loose
    return splits.astype(str), labels.astype(str), used, notes + more


def _classes(parts: list[tuple[str, ...]], splits: np.ndarray, what: str):
    """What the folders of classes say.

    Args:
        parts: Folders that each file lies in, below those of the splits.
        splits: The split of each.
        what: What the files hold, in one word.

    Returns:
        For each file its label, and whether it is left out for lack of one; and what is
        left out, in words.
    """
    labels = np.array([one[0] if one else "" for one in _unwrapped(parts)], dtype=object)
    loose, none = labels == "", np.zeros(len(parts), bool)
    if loose.all() or not loose.any():
        return labels, none, []
    bare = [s for s in np.unique(splits).tolist() if loose[splits == s].all()]
    if not bare and loose.mean() <= _STRAYS:
        return labels, loose, [f"{loose.sum()} {what} outside of the folders of classes"]
    where = f" of {', '.join(bare)}" if bare else ""
    lost = f"all labels, since {loose.sum()} {what}{where} lie in no folder of a class"
    return np.full(len(parts), "", dtype=object), none, [lost]


def _unwrapped(parts: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Leaves out folders around all, which say nothing, unless they are a split."""
    while len(first := {one[:1] for one in parts}) == 1 and first != {()}:
        ((name,),) = first
        if _splits_of([name])[name]:
            break
        parts = [one[1:] for one in parts]
    return parts


def _splits_of(names: Iterable[str]) -> dict[str, str | None]:
    """The splits that the folders of one level are by their names, in any usual way.

    Other words may stand beside the split's, if two splits have them: seg_train, seg_test.
    """
    found, others = {}, {}
    for name in set(names):
        words = re.split(r"[\W_]+", name.lower())
        splits = {_SPLIT_OF[m[1]] for m in map(_SPLIT_WORD.fullmatch, words) if m}
        found[name] = splits.pop() if len(splits) == 1 else None
        others[name] = tuple(
            one
            for one in words
            if not _SPLIT_WORD.fullmatch(one) and not _SAYS_NOTHING.fullmatch(one)
        )
    shared = {
        one
        for one in others.values()
        if len({found[name] for name in found if others[name] == one} - {None}) > 1
    }
    return {
        name: split if not others[name] or others[name] in shared else None
        for name, split in found.items()
    }


def _are_splits(folders: list[tuple[str, ...]], path: Path, what: str) -> bool:
    """Whether the folders of one level are splits; a few files beside them do not count."""
    splits = set(_splits_of(one[0] for one in folders if one).values())
    # Beside cars and planes, "train" is a class.
    if "train" not in splits or (None in splits and len(splits) == 2):
        return False
    strays = sum(not one for one in folders)
    if strays <= _STRAYS * len(folders):
        return True
    if splits == {"train"}:
        return False
    raise _beside_splits(path, splits, f"{what} outside of sub-folders")


def _check_splits(splits, parts, path) -> None:
    """Refuses folders beside splits that are none."""
    others = {one[0] for one, split in zip(parts, splits, strict=True) if split is None}
    if others:
        raise _beside_splits(path, splits, ", ".join(sorted(others)))


def _beside_splits(path, splits: Iterable, others: str) -> ValueError:
    known = ", ".join(sorted({s for s in splits if s}))
    return ValueError(
        f"{path} holds splits ({known}) and also {others}. Move that into one of the "
        "splits, or load another folder: test data must not get into the training data."
    )


def _build(
    path: Path,
    x,
    y,
    seed: int,
    kind=None,
    sha256=None,
    columns=None,
    labels=None,
    levels=None,
    cut=True,
    notes=(),
    files=None,
    counts=False,
) -> DataSet:
    """Makes a data set from arrays by split, cutting the splits that are missing."""
    if kind is None:
        x, likelihood, levels = as_observations(x, str(path), levels, counts, not cut)
    else:
        likelihood, levels = kind
    if labels is None:
        y, label_names = _as_labels(x, y, path)
    elif len(labels) > 1:
        label_names = tuple(str(one.name) for one in labels)
    else:
        label_names = tuple(map(str, labels[0].categories)) or None
    given = set(x)
    files = files or {}
    if cut:
        (x, y, files), rows = _cut((x, y, files), seed, path)
    else:
        (x, y, files), rows = _uncut((x, y, files)), None
    drawn = [name for name in SPLITS if name not in given]
    how = f"{', '.join(drawn)} drawn with seed {seed}" if drawn else "as in the source"
    return DataSet(
        name=path.resolve().name if path.is_dir() else path.stem,
        **{f"x_{split}": x[split] for split in SPLITS},
        **{f"y_{split}": y.get(split) for split in SPLITS},
        likelihood=likelihood,
        levels=levels,
        label_names=label_names,
        licence="unknown (own data)",
        description=f"Own data from {path.name}; splits: {how}.",
        source=str(path),
        sha256=sha256,
        columns=columns,
        labels=labels,
        rows=rows,
        notes=tuple(notes),
        files=files or None,
    )


def _as_labels(x, y, path) -> tuple[dict[str, np.ndarray], tuple[str, ...] | None]:
    """Checks labels and turns names of classes into indices."""
    if not y:
        return {}, None
    # Labels [N, 1] are [N].
    y = {name: one[:, 0] if one.shape[1:] == (1,) else one for name, one in y.items()}
    if any(labels.ndim == 0 for labels in y.values()):
        raise ValueError(f"Labels of {path} are one number. Give each row a label: y [N].")
    if set(y) != set(x) or any(len(y[name]) != len(x[name]) for name in y):
        sizes = {name: (len(x.get(name, ())), len(y.get(name, ()))) for name in x | y}
        raise ValueError(
            f"Labels and data of {path} do not go together; (rows of x, rows of y) by "
            f"split: {sizes}. Give each split a label for every row, or no labels."
        )
    if all(labels.dtype.kind in "bui" for labels in y.values()):
        return y, None
    if any(labels.dtype.kind != "U" or labels.ndim != 1 for labels in y.values()):
        kinds = sorted({str(labels.dtype) for labels in y.values()})
        raise ValueError(
            f"Labels of {path} must be whole numbers or names; got {', '.join(kinds)}."
        )
    names = np.unique(np.concatenate(list(y.values())))
    return {s: np.searchsorted(names, y[s]) for s in y}, tuple(names.tolist())


def _moved_up(x: Any, rows: np.ndarray) -> Any:
    """The rows of an array, in its own memory: sorted rows only move to the front."""
    if isinstance(x, Streamed):
        return x[rows]
    step = max(1, _BYTES_AT_A_TIME * len(x) // max(1, x.nbytes))
    for start in range(0, len(rows), step):
        chosen = rows[start : start + step]
        x[start : start + len(chosen)] = x[chosen]
    return x[: len(rows)]


def _uncut(groups) -> tuple[dict, ...]:
    """Everything that is in no split becomes the test split."""
    groups = tuple(dict(arrays) for arrays in groups)
    for arrays in groups:
        if "all" in arrays:
            arrays["test"] = arrays.pop("all")
        some = next(iter(arrays.values()), None)
        for split in SPLITS:
            if some is not None and split not in arrays:
                arrays[split] = some[:0]
    return groups


def _cut(groups, seed, path) -> tuple[tuple[dict, ...], dict | None]:
    """Takes a tenth of the rows for each split that is missing, the rest for train."""
    groups = tuple(dict(arrays) for arrays in groups)
    x = groups[0]
    pool = "all" if "all" in x else "train"
    missing = [s for s in ("validation", "test") if s not in x]
    rows = len(x[pool])
    size = max(1, rows // 10)
    if rows - size * len(missing) < 1:
        raise ValueError(
            f"{path} has {rows} {'row' if rows == 1 else 'rows'}, too few to take "
            f"{' and '.join(missing)} from; at least {len(missing) + 1} are needed. Where "
            "a trained model is to use them all, say so: --split all (cut=False)."
        )
    order = np.random.default_rng(seed).permutation(rows)
    # Sorted, so that rows keep the order of the source within each split.
    chosen = {s: np.sort(order[i * size : (i + 1) * size]) for i, s in enumerate(missing)}
    chosen["train"] = np.sort(order[len(missing) * size :])
    for arrays in groups:
        if pool in arrays:
            whole = arrays.pop(pool)
            arrays.update({split: whole[chosen[split]] for split in missing})
            arrays["train"] = _moved_up(whole, chosen["train"])
    return groups, chosen if len(missing) == 2 else None
