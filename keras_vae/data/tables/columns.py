"""The kinds of a table's columns."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_vae.core.names import unknown
from keras_vae.data.tables.cells import check_names, plain_cells
from keras_vae.data.tables.dates import are_dates, is_day_first, to_days

if TYPE_CHECKING:
    import pandas as pd

KINDS = (
    "real",
    "positive",
    "whole",
    "count",
    "category",
    "ordinal",
    "date",
    "identifier",
    "constant",
)
# Kinds that no model learns, because their values carry no shared information.
_LEFT_OUT = ("identifier", "constant")
# Whole numbers with this few values are codes; words with this many values are still
# categories.
_FEW, _MOST_CATEGORIES = 10, 1000
_LARGEST_COUNT = 1000
# From this number of rows on, a column whose values are all different may be an identifier.
_ROWS_THAT_TELL = 20
_DIGITS = 6
# Numbers as people write them and pandas does not read them: $1,234.50, 12 %, (3.5), 1 234.
_WRITTEN = re.compile(
    r"\(?[-+\u2212]?\s*[$€£¥]?\s*[-+\u2212]?"
    r"(\d+|\d{1,3}([.,'\u2019\s]\d{3})+)([.,]\d+)?\s*[$€£¥%]?\s*\)?"
)
_SETTINGS = ("kind", "categories", "day_first")
_IDENTIFIER = re.compile(r"(.*[_\s])?(id|ids|uuid|guid)", re.IGNORECASE)


@dataclass(frozen=True)
class Column:
    """A column of a table, with the information to write it in its original form.

    Attributes:
        name: Its name; a number from 0 if the table has no header.
        kind: One of `KINDS`.
        categories: The values of categories and ranks, in order, or the value of a
            constant.
        low: Smallest value, for numbers and dates.
        high: Largest value.
        decimals: Digits after the decimal point; None for all.
        integer: Whether numbers are stored as whole numbers.
        day_first: Whether dates are written with the day before the month.

    Example:
        >>> Column("age", "whole", low=17, high=90)
        Column(name='age', kind='whole', ...)
    """

    name: str | int
    kind: str
    categories: tuple = ()
    low: float | None = None
    high: float | None = None
    decimals: int | None = None
    integer: bool = False
    day_first: bool = False

    @property
    def is_modelled(self) -> bool:
        """Whether a model learns this column."""
        return self.kind not in _LEFT_OUT

    def to_config(self) -> dict[str, Any]:
        """Returns the attributes that are not defaults, as plain values."""
        config = {**dataclasses.asdict(self), "categories": list(self.categories)}
        return {key: v for key, v in config.items() if v or (v == 0 and v is not False)}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Column:
        """Makes the column that `to_config` described."""
        return cls(**{**config, "categories": tuple(config.get("categories", ()))})


def infer_columns(
    frame: pd.DataFrame, given: Mapping[str, Any] | None = None
) -> tuple[Column, ...]:
    """Finds out the kinds of a table's columns.

    Text is a date, a category, or, if nearly all values differ, an identifier. Numbers are
    real, or positive if their logarithms are spread more evenly. Whole numbers are codes of
    a category (at most ten values), a count (from 0 to at most 1000), an identifier (that
    counts the rows, or has many digits and no value twice), or otherwise whole.

    Args:
        frame: The table.
        given: Kinds of columns by name, to correct those found; or, for the order of ranks,
            `{"kind": "ordinal", "categories": [...]}`; or, for dates such as 05/03/2021,
            `{"kind": "date", "day_first": true}`.

    Returns:
        The columns, in order.

    Raises:
        ValueError: If a kind is unknown, a column is missing or does not fit its kind, or
            no column is left to learn.

    Example:
        >>> infer_columns(pd.DataFrame({"size": ["S", "M", "S"], "n": [1.5, 2.5, 1.0]}))
    """
    check_names(frame)
    given = {_known_name(name, frame): kind for name, kind in (given or {}).items()}
    columns = tuple(_column(frame[name], name, given.get(name)) for name in frame.columns)
    if not any(one.is_modelled for one in columns):
        raise ValueError(
            "No column of the table is left to learn: "
            + "; ".join(describe_columns(columns))
            + ". Give the kind of the columns to learn."
        )
    return columns


def infer_labels(
    frame: pd.DataFrame, given: Mapping[str, Any] | None = None
) -> tuple[Column, ...]:
    """Finds out the kinds of columns of labels.

    As `infer_columns`, but all columns are kept: identifiers and constants become
    categories.

    Args:
        frame: The columns.
        given: Kinds of columns by name, where they are known better.

    Returns:
        The columns, in order.

    Raises:
        ValueError: If a kind is unknown or does not fit.

    Example:
        >>> infer_labels(pd.DataFrame({"kind": ["dog", "cat"]}))
    """
    import pandas as pd

    check_names(frame)
    found = []
    for name in frame.columns:
        if frame[name].isna().all():
            # No class is known, as in new data for a trained model.
            found.append(Column(name if isinstance(name, str) else int(name), "category"))
            continue
        column = _column(frame[name], name, (given or {}).get(name))
        if not column.is_modelled:
            is_date = pd.api.types.is_datetime64_any_dtype(plain_cells(frame[name], name))
            column = _column(frame[name], name, "date" if is_date else "category")
        found.append(column)
    return tuple(found)


def describe_columns(columns: Sequence[Column]) -> list[str]:
    """Describes the kinds of columns.

    Args:
        columns: The columns.

    Returns:
        A line for each kind.

    Example:
        >>> describe_columns([Column("a", "real"), Column("b", "identifier")])
        ['real: a', 'identifier (left out): b']
    """
    lines = []
    for kind in KINDS:
        names = [_title(one) for one in columns if one.kind == kind]
        note = {"identifier": " (left out)", "constant": " (keeps its value)"}.get(kind, "")
        if names:
            lines.append(f"{kind}{note}: {', '.join(names)}")
    return lines


def _title(column):
    number = len(column.categories)
    if column.day_first:
        return f"{column.name} (day first)"
    return f"{column.name} ({number})" if number > 1 else str(column.name)


def _known_name(name, frame):
    # On the command line and in JSON, the numbers of columns without names are text.
    for one in frame.columns:
        if name == one or str(name) == str(one):
            return one
    raise unknown("column", str(name), [str(one) for one in frame.columns])


def _column(series: pd.Series, name, given) -> Column:
    import pandas as pd

    settings = _settings(name, given)
    kind, categories = settings.get("kind"), settings.get("categories")
    name = name if isinstance(name, str) else int(name)
    if kind == "identifier":
        return Column(name, kind)
    series = plain_cells(series, name)
    values = series.dropna()
    _refuse_infinite_numbers(values, name)
    if kind is None:
        kind = "ordinal" if _is_ranked(series) else _kind(values, name)
    if kind == "identifier":
        return Column(name, kind)
    if kind == "constant":
        return Column(name, kind, tuple(_plain(values.unique()[:1])))
    if values.empty and categories is None:
        raise ValueError(
            f"Column {name!r} must be {kind}, but all its cells are empty. Drop it, or give "
            "it no kind."
        )
    if kind in ("category", "ordinal"):
        if pd.api.types.is_datetime64_any_dtype(values):
            raise ValueError(
                f"Column {name!r} must be {kind}, but holds dates. Give it the kind date, or "
                "make its cells text: frame[name].astype(str)."
            )
        if categories is None:
            ranked = _is_ranked(series)
            categories = series.cat.categories if ranked else sorted(values.unique())
        # pandas turns whole numbers of a column with gaps into real ones.
        categories = pd.Index(categories)
        if pd.api.types.is_float_dtype(categories) and _is_whole(categories.to_numpy()):
            categories = categories.astype(np.int64)
        return Column(name, kind, tuple(_plain(categories)))
    if kind == "date":
        day_first = bool(settings.get("day_first", is_day_first(values)))
        days = to_days(values, name, day_first)
        whole = bool((days == np.floor(days)).all())
        low, high = days.min(), days.max()
        return Column(name, kind, (), low, high, integer=whole, day_first=day_first)
    if not pd.api.types.is_numeric_dtype(values):
        raise ValueError(
            f"Column {name!r} must be {kind}, but holds {str(values.iloc[0])!r}, which is "
            "not a number. Make it a category, or correct the table."
        )
    numbers = values.to_numpy(np.float64)
    low, high = float(numbers.min()), float(numbers.max())
    _check_numbers(numbers, kind, name)
    whole = kind in ("whole", "count") or _is_whole(numbers)
    return Column(
        name, kind, low=low, high=high, decimals=_decimals(numbers), integer=whole
    )


def _settings(name, given) -> dict[str, Any]:
    """Reads what was given for a column: its kind, and what goes with it."""
    settings: dict[str, Any]
    if given is None or isinstance(given, str):
        settings = {} if given is None else {"kind": given}
    elif isinstance(given, Mapping):
        settings = dict(given)
    else:
        raise ValueError(
            f"Column {name!r} was given {given!r}. Give its kind, one of "
            f"{', '.join(KINDS)}, or a dict such as {{'kind': 'ordinal', 'categories': "
            "['S', 'M', 'L']}."
        )
    for key in settings:
        if key not in _SETTINGS:
            raise unknown(f"setting of column {name!r}", str(key), _SETTINGS)
    kind, categories = settings.get("kind"), settings.get("categories")
    if kind is not None and kind not in KINDS:
        raise unknown(f"kind of column {name!r}", str(kind), KINDS)
    if "day_first" in settings and kind != "date":
        raise ValueError(
            f"Column {name!r} was given day_first, but not the kind date. Give both."
        )
    if categories is None:
        return settings
    if kind not in ("category", "ordinal"):
        raise ValueError(
            f"Column {name!r} was given categories, but not the kind category or ordinal. "
            "Give both."
        )
    is_list = isinstance(categories, Iterable) and not isinstance(categories, str | Mapping)
    settings["categories"] = values = list(categories) if is_list else []
    are_plain = all(isinstance(one, str | int | float | np.generic) for one in values)
    if not (values and are_plain and len(set(values)) == len(values)):
        raise ValueError(
            f"The categories of column {name!r} must be a list of different values, but are "
            f"{categories!r}."
        )
    return settings


def _check_numbers(numbers, kind, name):
    wrong = {
        "positive": numbers <= 0,
        "count": (numbers < 0) | (numbers != np.floor(numbers)),
        "whole": numbers != np.floor(numbers),
    }.get(kind, np.zeros(1, bool))
    if wrong.any():
        raise ValueError(
            f"Column {name!r} must be {kind}, but holds {numbers[np.argmax(wrong)]:g}. "
            "Give another kind, or correct the table."
        )


def _is_ranked(series):
    return bool(getattr(series.dtype, "ordered", False))


def _kind(values: pd.Series, name) -> str:
    import pandas as pd

    distinct = values.nunique()
    if distinct <= 1:
        return "constant"
    if pd.api.types.is_datetime64_any_dtype(values):
        return "date"
    if pd.api.types.is_bool_dtype(values) or not pd.api.types.is_numeric_dtype(values):
        _refuse_words_among_numbers(values, name)
        if distinct <= _FEW or isinstance(values.dtype, pd.CategoricalDtype):
            return "category"
        if are_dates(values):
            return "date"
        _refuse_written_numbers(values, name)
        if distinct > _MOST_CATEGORIES or _all_differ(values, distinct):
            return "identifier"
        return "category"
    numbers = values.to_numpy(np.float64)
    if not _is_whole(numbers):
        return "positive" if _is_more_even_by_logarithm(numbers) else "real"
    if _counts_rows(numbers, distinct, name):
        return "identifier"
    if distinct <= _FEW:
        return "category"
    is_count = numbers.min() == 0 and numbers.max() <= _LARGEST_COUNT
    return "count" if is_count else "whole"


def _refuse_infinite_numbers(values, name):
    import pandas as pd

    is_category = isinstance(values.dtype, pd.CategoricalDtype)
    numbers = values.cat.categories if is_category else values
    if pd.api.types.is_float_dtype(numbers) and np.isinf(numbers.to_numpy(float)).any():
        raise ValueError(
            f"Column {name!r} holds infinite numbers. Leave these cells empty if the values "
            "are missing, drop the column, or give it the kind identifier."
        )


def _refuse_words_among_numbers(values, name):
    import pandas as pd

    words = pd.to_numeric(values, errors="coerce").isna()
    if 0 < words.mean() < 0.5:
        row = words.idxmax()
        raise ValueError(
            f"Column {name!r} holds {values[row]!r} (row {row + 1} of the data), while "
            "most of its values are numbers. Correct the cell, leave it empty if it is "
            "missing, or give the column the kind category."
        )


def _refuse_written_numbers(values, name):
    """Refuses numbers that would be left out, or be categories, because of their form."""
    import pandas as pd

    words = values[pd.to_numeric(values, errors="coerce").isna()].astype(str)
    written = words.str.strip().str.fullmatch(_WRITTEN)
    if written.sum() > 0.5 * len(values):
        raise ValueError(
            f"Column {name!r} holds {words[written].iloc[0]!r}. Such numbers are not read: "
            "remove signs of currencies, percent signs and marks between thousands, and "
            "write all decimal marks of the file alike. Or give the column the kind "
            "category or identifier."
        )


def _all_differ(values, distinct):
    return len(values) >= _ROWS_THAT_TELL and distinct > 0.9 * len(values)


def _counts_rows(numbers, distinct, name):
    """Whether whole numbers count the rows, or are long with hardly any duplicates."""
    if isinstance(name, str) and _IDENTIFIER.fullmatch(name) and distinct == len(numbers):
        return True
    if not _all_differ(numbers, distinct):
        return False
    if distinct == len(numbers) and np.ptp(numbers) == len(numbers) - 1:
        return True
    # Amounts of money are long, too, but often rounded.
    rounded = (numbers % 10 == 0).mean()
    return numbers.min() >= 10 ** (_DIGITS - 1) and rounded < 0.3


def _is_whole(numbers):
    return bool(np.isfinite(numbers).all() and (numbers == np.floor(numbers)).all())


def _is_more_even_by_logarithm(numbers):
    if numbers.min() <= 0 or not np.isfinite(numbers).all():
        return False
    plain, logs = _skewness(numbers), _skewness(np.log(numbers))
    return plain > 2.0 and abs(logs) < 0.5 * plain


def _skewness(numbers):
    centered = numbers - numbers.mean()
    return float((centered**3).mean() / max(centered.std(), 1e-300) ** 3)


def _decimals(numbers):
    for decimals in range(7):
        if np.allclose(numbers, np.round(numbers, decimals), rtol=1e-12, atol=1e-12):
            return decimals
    return None


def _plain(values):
    """Values as JSON holds them; dates as text."""
    import pandas as pd

    plain = (v.item() if isinstance(v, np.generic) else v for v in values)
    return [str(v) if isinstance(v, pd.Timestamp) else v for v in plain]
