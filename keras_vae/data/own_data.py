"""Your own data at a path: the kind of files, NumPy files, and tables."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_vae.core.files import sha256_of
from keras_vae.core.names import unknown
from keras_vae.data.arrays import names_in, read_npy, read_npz
from keras_vae.data.dataset import SPLITS, DataSet
from keras_vae.data.folder_names import splits_of
from keras_vae.data.images import decode
from keras_vae.data.own_files import from_folder, from_records, from_sounds, refuse_mixture
from keras_vae.data.own_splits import data_set_of
from keras_vae.data.sounds import holds_sounds, is_sound
from keras_vae.data.sparse import dense, read_h5ad
from keras_vae.data.streaming.image_file import SUFFIXES
from keras_vae.data.streaming.records import record_files
from keras_vae.data.tables import (
    Column,
    beyond_bounds,
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
# Array names of scipy.sparse.save_npz.
_SPARSE = {"format", "shape", "data"}


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
    """Reads your own data from a folder or file; see `keras_vae.data.load`.

    Args:
        path: A folder of images or sounds, an image, a sound, or a `.npy`, `.npz`, `.csv` or
            `.parquet` file.
        image_size: `(height, width)`, for images.
        channels: 1 or 3, for images.
        seed: Seed of the split.
        columns: For tables, kinds of columns by name, or the columns of a model.
        label: For tables, the column that holds the labels, or several: "income,age"; or a
            sequence of these and of the columns of labels of a model.
        header: For tables, whether the first line names the columns; None finds out.
        levels: Smallest and largest possible value of whole numbers.
        skip_damaged: Whether to leave out images or sounds that cannot be read.
        cut: Whether to draw splits that are missing.
        stream: Whether to read images only when they are needed.
        check: Whether to read streamed images once before.
        sample_rate: For sounds, samples per second.
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
            f"levels are for arrays and tables of whole numbers, but {path} holds images, "
            "which have levels 0 to 255, or sounds, which have none. Leave them out."
        )
    is_table = path.is_file() and kind in TABLES
    if not is_table and any(one is not None for one in (columns, label, header)):
        raise ValueError(
            f"columns, label and header are for tables, but {path} is not a table. Leave "
            "them out, or save the table as .csv."
        )
    records = record_files(path)
    if records and path.is_dir():
        refuse_mixture(path, len(records))
    if stream and (of_sounds or not (path.is_dir() or records)):
        raise ValueError(
            f"stream is for folders of images and TFRecord files; {path} is held in memory. "
            "Leave it out (--stream)."
        )
    if of_sounds:
        return from_sounds(path, sample_rate, seconds, seed, skip_damaged, cut)
    reading = image_size, channels, skip_damaged, stream, check
    if records:
        return from_records(path, records, reading, seed, cut)
    if path.is_dir():
        return from_folder(path, reading, seed, cut)
    if is_one_image:
        x = {"all": decode([path], image_size, channels).x}
        kind_of_x = "discretized_logistic", (0, 255)
        files = {"all": np.array([path.name])}
        return data_set_of(path, x, {}, seed, kind_of_x, cut=cut, files=files)
    if image_size is not None or channels is not None:
        raise ValueError(
            f"image_size and channels are for folders of images; {path} is a file. "
            "Leave them out."
        )
    if skip_damaged:
        raise ValueError(f"skip_damaged is for folders; {path} is a file.")
    if is_table:
        frame = read_frame(path, header, _text_columns(columns, label))
        guessed = header is None and kind != ".parquet"
        notes = _about_names(frame, path) if guessed else []
        settings = columns, label, sha256_of(path), levels, cut, notes
        return table_data(frame, path, seed, *settings)
    found, sha256 = _read_file(path), sha256_of(path)
    return data_set_of(path, **found, seed=seed, sha256=sha256, levels=levels, cut=cut)


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
    """Makes a data set from a table.

    Args:
        frame: The table; its columns are removed from it.
        path: The path of the table.
        seed: Seed of the split.
        columns: Kinds of columns by name, or the columns of a model.
        label: The column that holds the labels, or several, with commas between them; or a
            sequence of these and of the columns of labels of a model.
        sha256: SHA-256 of the file.
        levels: Smallest and largest possible value of a table of pixels: it then becomes an
            array like those of `.npy` files, and its columns have no kinds.
        cut: Whether to draw splits.
        notes: Lines for the user.

    Returns:
        The data set; if no splits are drawn, with the whole table.

    Raises:
        ValueError: If the table does not fit the columns, or there is no such label.
    """
    is_known = columns is not None and not isinstance(columns, Mapping)
    kinds = dict(columns) if isinstance(columns, Mapping) else {}
    # New data for a trained model need no labels.
    names = _label_names(frame, label, optional=is_known)
    y, labels = {}, None
    if names:
        of_model = [] if isinstance(label, str | None) else label
        told = {one.name: one for one in of_model if isinstance(one, Column)}
        given = {name: kinds.pop(str(name)) for name in names if str(name) in kinds}
        labels = tuple(told.get(n) or infer_labels(frame[[n]], given)[0] for n in names)
        y = {"all": _labels(frame[names], labels)}
    whole = None if cut else frame.copy(deep=False)
    for name in names:
        frame.pop(name)
    if levels is not None:
        x = {"all": _pixels(frame, path)}
        return data_set_of(
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
    notes = [*notes, *beyond_bounds(frame, columns)]
    x = {"all": to_codes(frame, columns, use_up=True)}
    kind = likelihood_of(columns, x["all"]), None
    about = {"sha256": sha256, "columns": tuple(columns), "labels": labels}
    data = data_set_of(path, x, y, seed, kind, **about, cut=cut, notes=notes)
    return dataclasses.replace(data, table=whole)


def _text_columns(*given) -> list:
    """Columns of a model whose classes are all text, such as 01, 02, A."""
    known = [one for some in given if not isinstance(some, str) for one in some or ()]
    return [
        one.name
        for one in known
        if isinstance(one, Column)
        and one.categories
        and all(isinstance(value, str) for value in one.categories)
    ]


def _about_names(frame, path) -> list[str]:
    """Notes the origin of column names, if the first line is ambiguous."""
    if any(isinstance(name, int) for name in frame.columns):
        return [
            f"{path}: the first line holds data, and columns are numbered from 0; give "
            "--header if the first line holds names"
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
            f"levels are for whole numbers, but {path} has columns of other values. Leave "
            "levels out, or these columns. (A model of whole numbers reads all data with its "
            "levels, so it cannot read this table.)"
        )
    # The splits move rows within this array, which must not be the caller's.
    return np.require(x, requirements=["W", "O"])


def _label_names(frame, label, optional: bool) -> list:
    """The columns that hold labels, by their names in the table."""
    names = {str(name): name for name in frame.columns}

    def split(text):
        return [text] if text in names else [one.strip() for one in text.split(",")]

    items = [label] if isinstance(label, str) else label or ()
    split_items = [split(one) if isinstance(one, str) else [str(one.name)] for one in items]
    asked = list(dict.fromkeys(name for some in split_items for name in some))
    there = [name for name in asked if name in names]
    missing = [name for name in asked if name not in names]
    if optional:
        # Either all labels of the model, or none; further ones may be missing.
        of_model = {str(one.name) for one in items if isinstance(one, Column)}
        needed = set(asked) if isinstance(label, str) else of_model
        missing = [one for one in missing if one in needed and needed & set(there)]
    if missing:
        raise unknown("label column", missing[0], names)
    return [names[name] for name in there]


def _labels(frame, columns: Sequence[Column]) -> np.ndarray:
    """Labels as numbers: classes as their indices, -1 for unknown classes."""
    codes = to_codes(frame, columns)
    first, *others = columns
    if others or not first.categories:
        return codes if others else codes[:, 0]
    return np.where(np.isnan(codes[:, 0]), -1, codes[:, 0]).astype(np.int64)


def _read_file(path: Path) -> dict[str, Any]:
    """Returns x and y by split ("all" is still to be cut), and more for `data_set_of`."""
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
                f"{path} holds {found}. Arrays with their own splits must be called "
                "x_train, x_validation, x_test (x_train at least) and y_train, "
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
            f"{path} holds {found}; it is unclear which one is the data. Call it x "
            "(labels: y), or give splits as x_train, x_validation, x_test."
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
        if axis in axes and (found := splits_of([split])[split]):
            return axes[axis], found
    return "", None


def _check_kind(path, of_sounds, of_image, of_sound) -> None:
    """Refuses settings of images for sounds, and settings of sounds for images."""
    if of_sounds and any(one is not None for one in of_image):
        raise ValueError(
            f"image_size and channels are for images, but {path} holds sounds. Leave them "
            "out."
        )
    if not of_sounds and any(one is not None for one in of_sound):
        raise ValueError(
            f"sample_rate and seconds are for sounds, but {path} holds none. Leave them out."
        )
