"""Data sets from your own arrays: missing splits are drawn, labels become numbers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from keras_vae.data.dataset import SPLITS, DataSet, join
from keras_vae.data.kinds import as_observations
from keras_vae.data.streaming import Streamed

_BYTES_AT_A_TIME = 1 << 22


def data_set_of(
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
    """Makes a data set from arrays by split, and draws missing splits.

    Args:
        path: The path of the arrays.
        x: Observations by split; those of "all" have no split yet.
        y: Labels by split, or none.
        seed: Seed of the drawn splits.
        kind: Likelihood and levels; None takes them from the values of x.
        sha256: SHA-256 of the file.
        columns: Columns of a table.
        labels: The columns of labels of a table.
        levels: Smallest and largest possible value, if `kind` does not give it.
        cut: Whether to draw missing splits; otherwise all rows are the test split, unless
            there are three splits.
        notes: Lines for the user.
        files: Names of files by split.
        counts: Whether x are counts.

    Returns:
        The data set.

    Raises:
        ValueError: If there are too few rows, or labels do not fit.
    """
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
    # Labels of a table without classes are numbers.
    if cut and labels is None and label_names is None:
        notes = [*notes, *_about_classes(y)]
    given = set(x)
    files = files or {}
    if cut:
        (x, y, files), rows = _cut((x, y, files), seed, path)
    else:
        (x, y, files), rows = _uncut((x, y, files)), None
    drawn = [name for name in SPLITS if cut and name not in given]
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
        raise ValueError(
            f"The labels of {path} are a single number. Give each row a label: y [N]."
        )
    if set(y) != set(x) or any(len(y[name]) != len(x[name]) for name in y):
        sizes = {name: (len(x.get(name, ())), len(y.get(name, ()))) for name in x | y}
        raise ValueError(
            f"Labels and data of {path} do not match; (rows of x, rows of y) by split: "
            f"{sizes}. Give each split a label for every row, or no labels."
        )
    if all(labels.dtype.kind in "bui" for labels in y.values()):
        return y, None
    if any(labels.dtype.kind != "U" or labels.ndim != 1 for labels in y.values()):
        kinds = sorted({str(labels.dtype) for labels in y.values()})
        raise ValueError(
            f"Labels of {path} must be whole numbers or names; got {', '.join(kinds)}."
        )
    names = np.unique(np.concatenate(list(y.values())))
    order = np.array(sorted(range(len(names)), key=lambda i: _natural(str(names[i]))))
    index = np.argsort(order)
    return {s: index[np.searchsorted(names, y[s])] for s in y}, tuple(names[order].tolist())


def _about_classes(y) -> list[str]:
    """Says that class numbers do not begin at 0, if so."""
    known = [labels[labels >= 0] for labels in y.values() if labels.ndim == 1]
    least = min((int(one.min()) for one in known if len(one)), default=0)
    if least == 0:
        return []
    return [
        f"the smallest class number is {least}, so the classes below it have no examples; "
        "number the classes from 0, or give names of classes instead"
    ]


def _natural(name: str) -> list[str | int]:
    """A key that puts "2" before "10", and "week 2" before "week 10"."""
    parts = re.split("([0-9]+)", name)
    return [int(part) if i % 2 else part for i, part in enumerate(parts)]


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
    """All rows become the test split, unless the source has three splits."""
    groups = tuple(dict(arrays) for arrays in groups)
    for arrays in groups:
        if arrays and set(arrays) != set(SPLITS):
            parts = [arrays.pop(one) for one in ("all", *SPLITS) if one in arrays]
            # Not a second time in memory.
            whole = parts[0] if len(parts) == 1 else join(parts)
            arrays.update({"train": whole[:0], "validation": whole[:0], "test": whole})
    return groups


def _cut(groups, seed, path) -> tuple[tuple[dict, ...], dict | None]:
    """Takes a tenth of the rows for each missing split, and the rest for training."""
    groups = tuple(dict(arrays) for arrays in groups)
    x = groups[0]
    pool = "all" if "all" in x else "train"
    missing = [s for s in ("validation", "test") if s not in x]
    rows = len(x[pool])
    size = max(1, rows // 10)
    if rows - size * len(missing) < 1:
        raise ValueError(
            f"{path} has {rows} {'row' if rows == 1 else 'rows'}, too few to take "
            f"{' and '.join(missing)} from; at least {len(missing) + 1} are needed. To use "
            "all rows with a trained model, give --split all (cut=False)."
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
