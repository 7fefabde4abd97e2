"""The names and cells of tables, in the few types that everything else here knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

# Names that pandas gives to the types of cells.
_NUMBERS = ("integer", "floating", "mixed-integer-float", "decimal")
_DATES = ("date", "datetime", "datetime64")
_OTHERS = ("string", "boolean", "empty")
_PLAIN = (str, int, float, bool)
_TEXT = ("string", "mixed", "mixed-integer")
# pandas knows the gaps of a frame, except these.
_GAPS = ("", "?")


def check_names(frame: pd.DataFrame) -> None:
    """Refuses names of columns that are neither text nor whole numbers, or occur twice.

    Args:
        frame: The table.

    Raises:
        ValueError: If there is such a name.

    Example:
        >>> check_names(pd.DataFrame({"a": [1], 2: [3]}))
    """
    for name in frame.columns:
        if not (isinstance(name, str) or hasattr(name, "__index__")):
            raise ValueError(
                f"Names of columns must be text or whole numbers, but one is {name!r}. "
                "Rename them: frame.columns = [str(name) for name in frame.columns]."
            )
    if twice := frame.columns[frame.columns.duplicated()].tolist():
        raise ValueError(
            f"Several columns are called {twice[0]!r}. Give each its own name."
        )


def plain_cells(series: pd.Series, name: str | int) -> pd.Series:
    """Brings the cells of a column to text, numbers, booleans or dates.

    Python's own numbers and dates, as databases give them, become those of pandas. "?" and
    empty text are missing values; where they stood among numbers, these become numbers.

    Args:
        series: The column.
        name: Its name, for the error.

    Returns:
        The column, with rows counted from 0.

    Raises:
        ValueError: If it holds something else, or text beside other cells.

    Example:
        >>> plain_cells(pd.Series([1.5, None], dtype=object), "price").dtype
        dtype('float64')
    """
    import pandas as pd

    series = _without_marks(series.reset_index(drop=True))
    is_category = isinstance(series.dtype, pd.CategoricalDtype)
    values = pd.Series(series.cat.categories) if is_category else series
    kind = pd.api.types.infer_dtype(values)
    if kind in _NUMBERS:
        return pd.to_numeric(series) if series.dtype == object else series
    if kind in _DATES:
        return pd.to_datetime(series.astype(object) if is_category else series)
    if kind in _OTHERS:
        return series
    raise _refusal(values.dropna(), name)


def _without_marks(series: pd.Series) -> pd.Series:
    """The column with gaps where text says that a value is missing."""
    import pandas as pd

    is_category = isinstance(series.dtype, pd.CategoricalDtype)
    values = pd.Series(series.cat.categories) if is_category else series
    if pd.api.types.infer_dtype(values) not in _TEXT:
        return series
    gaps = values.map(lambda one: isinstance(one, str) and one.strip() in _GAPS)
    if not gaps.any():
        return series
    if is_category:
        return series.cat.remove_categories(values[gaps])
    series = series.mask(gaps)
    known = series.dropna()
    # Without the marks pandas would have read numbers. (Zeros in front mean text.)
    are_numbers = (
        len(known)
        and known.map(lambda one: isinstance(one, str)).all()
        and pd.to_numeric(known, errors="coerce").notna().all()
        and not known.str.match(r"\s*0\d").any()
    )
    return pd.to_numeric(series) if are_numbers else series


def _refusal(values: pd.Series, name: str | int) -> ValueError:
    """The error for cells of a strange type, or of several types."""
    types = values.map(type)
    usual = types.value_counts().idxmax()
    if not issubclass(usual, _PLAIN):
        return ValueError(
            f"Column {name!r} holds {values.iloc[0]!r}, but cells must be text, numbers, "
            "booleans or dates. Convert the column, drop it, or give it the kind identifier."
        )
    other = (types != usual).idxmax()
    return ValueError(
        f"Column {name!r} holds {values[other]!r} (row {other + 1}), while most of its cells "
        f"are of the type {usual.__name__}. Correct the cell, leave it empty if it is "
        "missing, or make all cells text: frame[name].astype(str)."
    )
