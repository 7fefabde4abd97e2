"""The condition of a model, from the data's labels to numbers."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_vae.core.names import unknown
from keras_vae.data.labels import (
    are_classes,
    as_numbers,
    as_vector,
    label_columns,
    shown,
    titles,
    totals_of,
    value_in,
)
from keras_vae.data.tables import Column, to_codes, to_frame

if TYPE_CHECKING:
    import pandas as pd

    from keras_vae.data.dataset import DataSet

ALL_LABELS = "labels"
# The total of an observation's counts.
_SIZE = Column("library_size", "positive", low=0)


class Conditions:
    """The labels that form a model's condition.

    If there is one column of classes that are all known, the condition is the class number.
    Otherwise it is a vector: one-hot classes for each category; for each number its place
    between the smallest and the largest, from -1 to 1, and a 1 that marks it as known.
    Unknown labels are zeros; they are allowed only if the training data had unknown ones,
    too. A library size, the total of an observation's counts, comes first: log(size /
    typical size), and the 1 of a known number.

    Args:
        columns: The columns of labels, or their configs. Numbers given for categories are
            indices in their lists of classes.
        gaps: Whether labels may be unknown: None, NaN or "", for categories also -1.
        library_size: The typical library size, if it is part of the condition, before the
            columns; otherwise None.

    Raises:
        ValueError: If there are no columns.

    Example:
        >>> conditions = Conditions([Column("kind", "category", ("cat", "dog"))])
        >>> conditions.codes("dog"), conditions.shape
        (array([1], dtype=int32), 2)
    """

    def __init__(
        self,
        columns: Sequence[Column | dict[str, Any]],
        gaps: bool = False,
        library_size: float | None = None,
    ):
        """Keeps the settings."""
        self.labels = tuple(
            Column.from_config(one) if isinstance(one, dict) else one for one in columns
        )
        self.library_size = library_size
        self.columns = self.labels if library_size is None else (_SIZE, *self.labels)
        self.gaps = bool(gaps)
        if not self.columns:
            raise ValueError("A condition needs at least one column of labels.")

    @classmethod
    def of(cls, data: DataSet, names: str | None, library_size: bool = False) -> Conditions:
        """Makes the requested condition from the labels of a data set.

        Args:
            data: The data set.
            names: "labels" for all of them, or names of labels, with commas between them;
                None for none.
            library_size: Whether the total of each observation is part of the condition.

        Returns:
            The conditions.

        Raises:
            ValueError: If there are no labels, or no label of that name.

        Example:
            >>> Conditions.of(keras_vae.data.load("digits"), "labels").shape
            10
        """
        typical = None
        if library_size:
            typical = float(np.median(totals_of(data, "train")))
        if names is None:
            return cls((), library_size=typical)
        columns = label_columns(data)
        if names != ALL_LABELS:
            known = {str(one.name): one for one in columns}
            asked = [name.strip() for name in names.split(",")]
            for name in asked:
                if name not in known:
                    raise unknown("label", name, [ALL_LABELS, *known])
            columns = tuple(known[name] for name in asked)
        for one in columns:
            if one.kind in ("category", "ordinal") and not one.categories:
                raise ValueError(
                    f"The label {one.name} is empty in all rows of {data.name!r}, so it "
                    "cannot be a condition. Leave it out."
                )
        self = cls(columns, gaps=True)
        gaps = any(
            np.isnan(self.numbers(self.select(data, split))).any()
            for split in ("train", "validation", "test")
        )
        return cls(columns, gaps, typical)

    @property
    def classes(self) -> tuple | None:
        """The classes, if the condition is one category; otherwise None."""
        first, *others = self.columns
        return None if others or not first.categories else first.categories

    @property
    def shape(self) -> int | tuple[int]:
        """The `condition` of a model: the number of classes, or the shape of a vector."""
        if self.classes is not None and not self.gaps:
            return len(self.classes)
        return (sum(len(one.categories) or 2 for one in self.columns),)

    def select(self, data: DataSet, split: str) -> np.ndarray:
        """Takes the labels of the condition from a split of a data set.

        Args:
            data: The data set, with the labels of the training data and perhaps others.
            split: Name of the split, or "all".

        Returns:
            Array [N] of one label or [N, K] of several.

        Raises:
            ValueError: If labels are missing in the data, or their names are others.
        """
        if self.library_size is not None:
            totals = totals_of(data, split)
            if not self.labels:
                return totals
            labels = Conditions(self.labels, self.gaps).select(data, split)
            return np.column_stack([totals, labels])
        columns = label_columns(data)
        y = np.asarray(data.split(split)[1])
        names = [one.name for one in columns]
        if missing := [str(c.name) for c in self.columns if c.name not in names]:
            raise ValueError(
                f"{data.name!r} lacks {', '.join(missing)}, which the model's condition "
                f"needs; it has {', '.join(map(str, names))}."
            )
        places = [names.index(one.name) for one in self.columns]
        for place, column in zip(places, self.columns, strict=True):
            theirs = columns[place].categories
            if strange := set(theirs) - set(column.categories):
                raise ValueError(
                    f"{data.name!r} has the {column.name} {min(map(str, strange))!r}, which "
                    f"the training data did not have: {shown(column.categories)}."
                )
        chosen = y.reshape(len(y), -1)[:, places]
        if any(
            columns[p].categories != self.columns[i].categories
            for i, p in enumerate(places)
        ):
            chosen = self._renumbered(chosen, [columns[p] for p in places])
        return chosen[:, 0] if len(places) == 1 else chosen

    def _renumbered(self, y, theirs):
        """Class numbers in the order of these conditions."""
        y = y.astype(np.float64)
        for i, (mine, other) in enumerate(zip(self.columns, theirs, strict=True)):
            if not mine.categories:
                continue
            table = np.array([mine.categories.index(c) for c in other.categories] + [-1])
            y[:, i] = table[np.where(np.isnan(y[:, i]), -1, y[:, i]).astype(int)]
        return y

    def numbers(self, y: Any) -> np.ndarray:
        """Reads labels as numbers: classes as their indices, NaN for unknown labels.

        Args:
            y: Labels as `codes` takes them.

        Returns:
            Array [N, K] of K labels.

        Raises:
            ValueError: If y has another form, or holds an unknown class.
        """
        import pandas as pd

        if isinstance(y, Mapping):
            y = pd.DataFrame([dict(y)])
        if hasattr(y, "columns"):
            # Whole numbers beyond those of training stay what they are, as in arrays.
            free = [
                dataclasses.replace(one, kind="real") if one.kind == "whole" else one
                for one in self.columns
            ]
            return to_codes(y, free)
        y = np.asarray(y, None if not isinstance(y, list | tuple) else object)
        y = y.reshape(-1, 1) if y.ndim < 2 and len(self.columns) == 1 else np.atleast_2d(y)
        if y.ndim != 2 or y.shape[1] != len(self.columns):
            raise ValueError(
                f"y has shape {y.shape}, but {len(self.columns)} labels of each observation "
                f"are needed: {', '.join(str(c.name) for c in self.columns)}."
            )
        parts = zip(y.T, self.columns, strict=True)
        return np.stack([as_numbers(one, column) for one, column in parts], axis=1)

    def codes(self, y: Any) -> np.ndarray:
        """Converts labels to the condition that the model reads.

        Args:
            y: Names of classes or their indices [N], numbers [N], several of them [N, K]; a
                `pandas.DataFrame` of labels by name; a dict or single label for one
                observation. Labels that are coded already do not change.

        Returns:
            Class numbers [N], or vectors [N, C].

        Raises:
            ValueError: If y has another form, holds an unknown class, or lacks a label
                although the training data had all.
        """
        size = self.shape
        if isinstance(size, tuple) and getattr(y, "dtype", None) == np.float32:
            if y.ndim == 2 and y.shape[1:] == size:
                return y
        numbers = self.numbers(y)
        missing = np.isnan(numbers)
        if missing.any() and not self.gaps:
            name = self.columns[int(np.argmax(missing.any(axis=0)))].name
            raise ValueError(
                f"The label {name} is unknown (None, NaN or -1), but was always known in "
                "the training data. Give it, or train with some labels missing."
            )
        if not isinstance(size, tuple):
            return numbers[:, 0].astype(np.int32)
        parts = zip(numbers.T, self.columns, strict=True)
        coded = [
            self._log_size(one) if column is _SIZE else as_vector(one, column)
            for one, column in parts
        ]
        return np.concatenate(coded, axis=1).astype(np.float32)

    def _log_size(self, totals: np.ndarray) -> np.ndarray:
        """Logarithms of library sizes, zero for the typical one, beside ones, [N, 2].

        Without the ones, totals and their codes would have the same shape.
        """
        if not (totals > 0).all():
            raise ValueError(
                f"library_size must be above zero, but is {totals[~(totals > 0)][0]:g}: an "
                "observation without counts has no library size. Leave it out."
            )
        return np.stack([np.log(totals / self.library_size), np.ones(len(totals))], axis=1)

    def as_table(self, y: Any, n: int) -> pd.DataFrame:
        """Converts labels to columns of a table.

        Args:
            y: Labels in a form that `codes` takes, of n observations or one for all.
            n: Number of rows.

        Returns:
            A row for each observation, with classes as their names.

        Example:
            >>> Conditions([Column("kind", "category", ("cat", "dog"))]).as_table("dog", 2)
        """
        numbers = self.numbers(y)
        return to_frame(np.broadcast_to(numbers, (n, numbers.shape[1])), self.columns)

    def read(self, text: str) -> Any:
        """Reads a condition from the command line.

        Args:
            text: A class or number, or `name=value,...` for several labels; labels that are
                left out are unknown.

        Returns:
            One label or a dict, for `codes`.

        Raises:
            ValueError: If it cannot be read.

        Example:
            >>> Conditions([Column("age", "real", low=0, high=90)]).read("age=30")
            {'age': 30.0}
        """
        by_name = {str(one.name): one for one in self.columns}
        first, *others = self.columns
        is_class = text in map(str, first.categories)
        if not others and (is_class or "=" not in text):
            return {first.name: value_in(text.strip(), first)}
        if "=" not in text:
            raise ValueError(
                "The condition has several labels: give "
                f"{','.join(f'{name}=...' for name in by_name)} instead of {text!r}."
            )
        found: dict[Any, Any] = {column.name: None for column in self.columns}
        for part in text.split(","):
            name, _, value = part.strip().partition("=")
            if name not in by_name:
                raise unknown("label", name, list(by_name))
            found[by_name[name].name] = value_in(value.strip(), by_name[name])
        return found

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments, as plain values."""
        config = {"columns": [one.to_config() for one in self.labels], "gaps": self.gaps}
        # Configs without a library size have no such entry.
        if self.library_size is not None:
            config["library_size"] = self.library_size
        return config


def labels_of(data: DataSet, split: str) -> pd.DataFrame:
    """Reads the labels of a data set for people, whether or not they can be a condition.

    Args:
        data: The data set, with labels.
        split: Name of the split, or "all".

    Returns:
        A column for each label, with classes as their names and other labels as numbers.

    Example:
        >>> list(labels_of(keras_vae.data.load("digits"), "test").columns)
        ['label']
    """
    import pandas as pd

    y, every = (np.asarray(data.split(one)[1]) for one in (split, "all"))
    has_names = data.labels is not None or (y.ndim == 1 and data.label_names)
    if not has_names and not are_classes(every):
        table = y.reshape(len(y), -1)
        return pd.DataFrame(table, columns=titles(table, data.label_names, y.ndim))
    known = Conditions.of(data, ALL_LABELS)
    return known.as_table(known.select(data, split), len(y))
