"""Own data: folders of images, NumPy files and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_vae.core.files import sha256_of
from keras_vae.core.names import unknown
from keras_vae.data.arrays import read_npy, read_npz
from keras_vae.data.dataset import SPLITS, DataSet
from keras_vae.data.images import decode, find_images
from keras_vae.data.kinds import as_observations
from keras_vae.data.tables import (
    Column,
    infer_columns,
    infer_labels,
    likelihood_of,
    read_frame,
    to_codes,
)

if TYPE_CHECKING:
    import pandas as pd

FILE_KINDS = "a folder of images, or a .npy, .npz, .csv or .parquet file"
TABLES = (".csv", ".tsv", ".parquet")
_X_NAMES = ("x", "images", "data")
_SPLIT_FOLDERS = {
    "train": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
}


def load_path(
    path: Path,
    image_size: tuple[int, int] | None = None,
    channels: int | None = None,
    seed: int = 0,
    columns: Mapping[str, Any] | Sequence[Column] | None = None,
    label: str | Sequence[Column] | None = None,
    header: bool | None = None,
) -> DataSet:
    """Reads own data from a folder or file; see `keras_vae.data.load`.

    Args:
        path: A folder of images, or a `.npy`, `.npz`, `.csv` or `.parquet` file.
        image_size: `(height, width)`, for folders.
        channels: 1 or 3, for folders.
        seed: Seed of the split.
        columns: For tables, kinds of columns by name, or the columns of a model.
        label: For tables, the column that holds the labels, or several:
            "income,age"; or what they are.
        header: For tables, whether the first line names the columns; None looks.

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
    if path.is_dir():
        return _from_folder(path, image_size, channels, seed)
    if image_size is not None or channels is not None:
        raise ValueError(
            f"image_size and channels are for folders of images; {path} is a file. "
            "Leave them out."
        )
    if path.suffix.lower() in TABLES:
        frame = read_frame(path, header)
        return table_data(frame, path, seed, columns, label, sha256_of(path))
    if columns is not None or label is not None or header is not None:
        raise ValueError(
            f"columns, label and header are for tables; {path} is none. Leave them out, or "
            "save the table as .csv."
        )
    x, y = _read_file(path)
    return _build(path, x, y, seed, sha256=sha256_of(path))


def table_data(
    frame: pd.DataFrame,
    path: Path,
    seed: int = 0,
    columns: Mapping[str, Any] | Sequence[Column] | None = None,
    label: str | Sequence[Column] | None = None,
    sha256: str | None = None,
) -> DataSet:
    """Makes a data set of a table.

    Args:
        frame: The table.
        path: Where it was read from.
        seed: Seed of the split.
        columns: Kinds of columns by name, or the columns of a model.
        label: The column that holds the labels, or several, with commas between them; or
            what they are.
        sha256: SHA-256 of the file.

    Returns:
        The data set.

    Raises:
        ValueError: If the table does not fit the columns, or there is no such label.
    """
    is_known = columns is not None and not isinstance(columns, Mapping)
    kinds = dict(columns) if isinstance(columns, Mapping) else {}
    # New data for a model need no labels.
    names = _label_names(frame, label, optional=is_known)
    y, labels = {}, None
    if names and not isinstance(label, str | None):
        labels = tuple(label)
    elif names:
        known = {name: kinds.pop(str(name)) for name in names if str(name) in kinds}
        labels = infer_labels(frame[names], known)
    if labels is not None:
        y = {"all": _labels(frame[names], labels)}
    frame = frame.drop(columns=names)
    if columns is None or isinstance(columns, Mapping):
        columns = infer_columns(frame, kinds)
    codes = to_codes(frame, columns)
    kind = likelihood_of(columns, codes), None
    return _build(path, {"all": codes}, y, seed, kind, sha256, tuple(columns), labels)


def _label_names(frame, label, optional: bool) -> list:
    """The columns that hold labels, by the names that the table has."""
    names = {str(name): name for name in frame.columns}
    if label is None:
        asked = []
    elif not isinstance(label, str):
        asked = [str(one.name) for one in label]
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


def _read_file(path: Path) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Returns observations and labels by split; the split "all" is still to be cut."""
    kind = path.suffix.lower()
    if kind == ".npy":
        return {"all": read_npy(path)}, {}
    if kind == ".npz":
        return _from_npz(path)
    raise ValueError(f"Cannot read {path} as data. Give {FILE_KINDS}.")


def _from_npz(path: Path) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    arrays = read_npz(path)
    found = ", ".join(arrays) or "no arrays"
    if any(name.startswith("x_") for name in arrays):
        known = {f"{axis}_{split}" for axis in "xy" for split in SPLITS}
        unknown = [n for n in arrays if n[:2] in ("x_", "y_") and n not in known]
        if unknown or "x_train" not in arrays:
            raise ValueError(
                f"{path} holds {found}. Arrays that bring their own splits must be "
                "called x_train, x_validation, x_test (x_train at least) and y_train, "
                "y_validation, y_test."
            )
        x = {s: arrays[f"x_{s}"] for s in SPLITS if f"x_{s}" in arrays}
        y = {s: arrays[f"y_{s}"] for s in SPLITS if f"y_{s}" in arrays}
        return x, y
    candidates = [name for name in _X_NAMES if name in arrays]
    if not candidates and len(arrays) == 1:
        candidates = list(arrays)
    if len(candidates) != 1:
        raise ValueError(
            f"{path} holds {found}; it is not clear which one is the data. Call it x "
            "(labels: y), or bring splits as x_train, x_validation, x_test."
        )
    y = {"all": arrays["y"]} if "y" in arrays else {}
    return {"all": arrays[candidates[0]]}, y


def _from_folder(path, image_size, channels, seed) -> DataSet:
    paths = find_images(path)
    parts = [file.relative_to(path).parts[:-1] for file in paths]
    splits = _splits_of(parts, path)
    if "train" in splits:
        parts = [folders[1:] for folders in parts]
    labels = np.array([folders[0] if folders else "" for folders in parts])
    # One class says nothing, and files outside of all sub-folders have no class.
    has_labels = len(set(labels)) > 1 and "" not in labels
    images = decode(paths, image_size, channels)
    x = {name: images[splits == name] for name in np.unique(splits).tolist()}
    y = {name: labels[splits == name] for name in x} if has_labels else {}
    return _build(path, x, y, seed, kind=("discretized_logistic", (0, 255)))


def _splits_of(parts: list[tuple[str, ...]], path: Path) -> np.ndarray:
    """Returns the split of each file: by its first sub-folder, else "all"."""
    tops = [folders[0].lower() if folders else "" for folders in parts]
    splits = np.array([_SPLIT_FOLDERS.get(top, "all") for top in tops])
    found = set(splits.tolist())
    if "train" not in found or found == {"train", "all"}:
        # Beside cars and planes, "train" is a class.
        return np.full(len(parts), "all")
    if "all" in found:
        other = tops[splits.tolist().index("all")] or "images outside of sub-folders"
        raise ValueError(
            f"{path} holds splits ({', '.join(sorted(found - {'all'}))}) and also "
            f"{other}. Move that into one of the splits, or load another folder: test "
            "images must not get into the training data."
        )
    return splits


def _build(
    path: Path, x, y, seed: int, kind=None, sha256=None, columns=None, labels=None
) -> DataSet:
    """Makes a data set from arrays by split, cutting the splits that are missing."""
    if kind is None:
        x, likelihood, levels = as_observations(x, str(path))
    else:
        likelihood, levels = kind
    if labels is None:
        y, label_names = _as_labels(x, y, path)
    elif len(labels) > 1:
        label_names = tuple(str(one.name) for one in labels)
    else:
        label_names = tuple(map(str, labels[0].categories)) or None
    given = set(x)
    x, y, rows = _cut(x, y, seed, path)
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
    )


def _as_labels(x, y, path) -> tuple[dict[str, np.ndarray], tuple[str, ...] | None]:
    """Checks labels and turns names of classes into indices."""
    if not y:
        return {}, None
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


def _cut(x, y, seed, path) -> tuple[dict, dict, dict | None]:
    """Takes a tenth of the rows for each split that is missing, the rest for train."""
    x, y = dict(x), dict(y)
    pool = "all" if "all" in x else "train"
    missing = [s for s in ("validation", "test") if s not in x]
    rows = len(x[pool])
    size = max(1, rows // 10)
    if rows - size * len(missing) < 1:
        raise ValueError(
            f"{path} has {rows} {'row' if rows == 1 else 'rows'}, too few to take "
            f"{' and '.join(missing)} from; at least {len(missing) + 1} are needed."
        )
    order = np.random.default_rng(seed).permutation(rows)
    # Sorted, so that rows keep the order of the source within each split.
    chosen = {s: np.sort(order[i * size : (i + 1) * size]) for i, s in enumerate(missing)}
    chosen["train"] = np.sort(order[len(missing) * size :])
    for arrays in (x, y):
        if pool in arrays:
            whole = arrays.pop(pool)
            arrays.update({split: whole[index] for split, index in chosen.items()})
    return x, y, chosen if len(missing) == 2 else None
