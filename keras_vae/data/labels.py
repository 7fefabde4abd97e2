"""Labels of data sets: the columns that they are, and their values as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from keras_vae.core.names import unknown
from keras_vae.data.tables import Column
from keras_vae.data.tables.cells import plain_cells
from keras_vae.data.tables.dates import to_days

if TYPE_CHECKING:
    from keras_vae.data.dataset import DataSet

_MOST_CLASSES = 1000


def totals_of(data: DataSet, split: str) -> np.ndarray:
    """Sums each observation of a split.

    Args:
        data: The data set.
        split: Name of the split, or "all".

    Returns:
        Array [N].
    """
    x = data.split(split)[0]
    return np.asarray(np.nansum(x.reshape(len(x), -1), axis=1, dtype=np.float64))


def label_columns(data: DataSet) -> tuple[Column, ...]:
    """Returns the columns of a data set's labels.

    Args:
        data: The data set.

    Returns:
        A column for each label.

    Raises:
        ValueError: If there are no labels, or they cannot be classes.
    """
    if data.labels is not None:
        return data.labels
    if data.y_train is None:
        raise ValueError(
            f"{data.name!r} has no labels for the condition. Give data with labels "
            "(sub-folders of images; y beside x in an .npz file; --label of a table), or "
            "leave the condition out."
        )
    y, names = np.asarray(data.split("all")[1]), data.label_names
    if y.ndim == 1 and names:
        return (Column("label", "category", tuple(names)),)
    if not are_classes(y):
        raise ValueError(
            f"The labels of {data.name!r} go from {y.min()} to {y.max()}, but a condition "
            f"is one of at most {_MOST_CLASSES} classes from 0 on."
        )
    table = y.reshape(len(y), -1)
    return tuple(
        Column(name, "category", tuple(range(int(one.max()) + 1)))
        for name, one in zip(titles(table, names, y.ndim), table.T, strict=True)
    )


def are_classes(y: np.ndarray) -> bool:
    """Whether whole numbers can be classes: from 0 on, or -1 for unknown ones.

    Args:
        y: Whole numbers.
    """
    return bool(y.min() >= -1 and y.max() < _MOST_CLASSES)


def titles(table: np.ndarray, names, rank: int) -> tuple[str, ...]:
    """Names labels.

    Args:
        table: Labels [N, K].
        names: Their names, or None.
        rank: Number of axes that the labels had before; one label may have none for K.

    Returns:
        K names.
    """
    if rank == 1:
        return ("label",)
    return names or tuple(f"label{i + 1}" for i in range(table.shape[1]))


def as_numbers(values, column) -> np.ndarray:
    """Reads one label of all observations.

    Args:
        values: Array [N] of names, indices of classes, dates or numbers.
        column: The label.

    Returns:
        Indices of classes, days or numbers, [N]; NaN for unknown ones.

    Raises:
        ValueError: If a value does not belong to the label.
    """
    import pandas as pd

    if column.kind == "date":
        dates = plain_cells(pd.Series(values), column.name)
        if not pd.api.types.is_numeric_dtype(dates):
            return to_days(dates, column.name, column.day_first)
    if values.dtype.kind in "OUS":
        values = np.array([_as_number(one, column) for one in values.tolist()], np.float64)
    values = values.astype(np.float64)
    if np.isinf(values).any():
        raise ValueError(f"The {column.name} must be a finite number, or NaN if unknown.")
    if not column.categories:
        return values
    values = np.where(values == -1, np.nan, values)
    known = values[~np.isnan(values)]
    wrong = (known < 0) | (known >= len(column.categories)) | (known != np.floor(known))
    if wrong.any():
        raise ValueError(
            f"The {column.name} {known[wrong][0]:g} does not exist: classes are "
            f"{shown(column.categories)}, or their numbers from 0 to "
            f"{len(column.categories) - 1}."
        )
    return values


def _as_number(value, column) -> float:
    """A label as a number: a number is an index already, a text is a class."""
    import pandas as pd

    if pd.isna(value) or value == "":
        return np.nan
    if isinstance(value, str) and column.categories:
        names = [str(one) for one in column.categories]
        if value not in names:
            raise unknown(str(column.name), value, names)
        return names.index(value)
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ValueError(f"The {column.name} must be a number, not {value!r}.") from None


def as_vector(numbers: np.ndarray, column) -> np.ndarray:
    """Codes one label as a network reads it.

    Args:
        numbers: What `as_numbers` returns, [N].
        column: The label.

    Returns:
        Classes one-hot, or places from -1 to 1 and whether they are known; zeros for
        unknown ones. [N, classes or 2].
    """
    known = ~np.isnan(numbers)
    filled = np.where(known, numbers, 0)
    if column.categories:
        return np.eye(len(column.categories))[filled.astype(int)] * known[:, None]
    spread = (column.high - column.low) or 1.0
    place = 2 * (filled - column.low) / spread - 1
    return np.stack([np.where(known, place, 0), known], axis=1)


def value_in(text: str, column):
    """Reads a label from the command line.

    Args:
        text: A class, a date or a number; empty or "?" if unknown.
        column: The label.

    Returns:
        The value, or None.

    Raises:
        ValueError: If there is no such class, or it is no number.
    """
    if text in ("", "?"):
        return None
    if column.kind == "date":
        return text
    if not column.categories:
        try:
            return float(text)
        except ValueError:
            raise ValueError(f"{column.name} must be a number, but is {text!r}.") from None
    words = {str(one): one for one in column.categories}
    if text not in words:
        raise unknown(str(column.name), text, list(words))
    return words[text]


def shown(categories: Sequence, most: int = 8) -> str:
    """Lists the first classes for a message.

    Args:
        categories: The classes.
        most: Number of classes that are listed.

    Returns:
        Their names; dots stand for more.
    """
    text = ", ".join(map(str, categories[:most]))
    return text + (", ..." if len(categories) > most else "")
