"""From the rows of a table to numbers that a model reads, and back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_vae.data.tables.cells import check_names, plain_cells
from keras_vae.data.tables.columns import Column
from keras_vae.data.tables.dates import to_days

if TYPE_CHECKING:
    import pandas as pd

# Number of mixture components of a column of numbers, and of rows for each.
_COMPONENTS, _ROWS_OF_ONE = 5, 100


def to_codes(
    frame: pd.DataFrame, columns: Sequence[Column], use_up: bool = False
) -> np.ndarray:
    """Converts a table to numbers: categories to their number, dates to days since 1970.

    Args:
        frame: The table; its columns may come in any order.
        columns: The columns. Identifiers and constants may be missing.
        use_up: Whether to remove the columns from the table one after another, so that they
            are not in memory twice.

    Returns:
        Array [N, D] of the modelled columns, float64, column after column in memory; NaN is
        missing.

    Raises:
        ValueError: If a column is missing or unknown, or a value does not belong to its
            column.

    Example:
        >>> to_codes(frame, columns).shape
        (40, 2)
    """
    check_names(frame)
    names = list(frame.columns)
    missing = [str(c.name) for c in columns if c.is_modelled and c.name not in names]
    known = {c.name for c in columns}
    other = [str(name) for name in names if name not in known]
    if missing or other:
        raise ValueError(
            "The columns of the table are not those of the training data:"
            + (f" missing are {', '.join(missing)};" if missing else "")
            + (f" unknown are {', '.join(other)};" if other else "")
            + " columns are matched by name. Rename them, or leave out unknown columns."
        )
    take = frame.pop if use_up else frame.__getitem__
    modelled = [column for column in columns if column.is_modelled]
    codes = np.empty((len(modelled), len(frame)))
    for row, column in zip(codes, modelled, strict=True):
        row[:] = _codes(take(column.name), column)
    return codes.T


def beyond_bounds(frame: pd.DataFrame, columns: Sequence[Column]) -> list[str]:
    """Describes whole numbers that `to_codes` reads as the nearest one of the training data.

    Args:
        frame: The table.
        columns: The columns.

    Returns:
        A line for each column that holds such numbers.

    Example:
        >>> beyond_bounds(pd.DataFrame({"age": [200]}), [Column("age", "whole", low=17, high=90)])
        ['1 value of age is beyond 17 to 90, the bounds of the training data, and ...']
    """
    import pandas as pd

    lines = []
    for one in columns:
        if one.kind != "whole" or one.name not in frame:
            continue
        numbers = pd.to_numeric(frame[one.name], errors="coerce")
        if count := int(((numbers < one.low) | (numbers > one.high)).sum()):
            values = "value of {} is" if count == 1 else "values of {} are"
            lines.append(
                f"{count:,} {values.format(one.name)} beyond {one.low:.0f} to "
                f"{one.high:.0f}, the bounds of the training data, and read as the nearest "
                "of these; scores do not show how far beyond"
            )
    return lines


def to_frame(codes: np.ndarray, columns: Sequence[Column], index=None) -> pd.DataFrame:
    """Converts numbers to the table that they stand for.

    Args:
        codes: Array [N, D] of the modelled columns; whole numbers need not be whole yet,
            and numbers need not lie within the bounds of the training data.
        columns: The columns. Identifiers are left out; constants have their value.
        index: Index of the rows; None counts them.

    Returns:
        The table, with the names, kinds, categories, whole numbers, decimals and bounds of
        the training data.

    Example:
        >>> to_frame(to_codes(frame, columns), columns)
    """
    import pandas as pd

    codes = np.asarray(codes, np.float64)
    modelled = iter(codes.T)
    found = {}
    for column in columns:
        if column.is_modelled:
            found[column.name] = _values(next(modelled), column)
        elif column.kind == "constant":
            found[column.name] = [*column.categories, None][0]
    return pd.DataFrame(found, index=range(len(codes)) if index is None else index)


def write_csv(frame: pd.DataFrame, file: Any) -> None:
    """Writes a table, with a header if the columns have names.

    Args:
        frame: The table; without names its columns are numbered.
        file: A path or a file to write to.

    Example:
        >>> write_csv(pd.DataFrame({"age": [30, 41]}), "people.csv")
    """
    named = any(isinstance(name, str) for name in frame.columns)
    if not named:
        # Columns that a model omits stay empty, so the others keep their place.
        frame = frame.reindex(columns=range(max(frame.columns) + 1))
    frame.to_csv(file, index=False, header=named)


def likelihood_of(columns: Sequence[Column], codes: np.ndarray) -> dict[str, Any]:
    """Chooses the likelihood of a table: a distribution for each column.

    Real numbers and dates are mixtures of normals, whole numbers mixtures of discretized
    logistics within the bounds of the data, counts negative binomial, positive numbers
    log-normal, categories categorical and ranks ordinal.

    Args:
        columns: The columns.
        codes: Training data [N, D], as `to_codes` writes them.

    Returns:
        A description of a `keras_vae.layers.Blockwise`.

    Example:
        >>> layers.get(likelihood_of(columns, codes))
    """
    components = int(np.clip(len(codes) // _ROWS_OF_ONE, 1, _COMPONENTS))
    blocks = defaultdict(list)
    for i, column in enumerate(c for c in columns if c.is_modelled):
        blocks[_distribution(column, components)].append(i)
    return {
        "name": "blockwise",
        "blocks": [
            f"{name}{',' if ':' in name else ':'}event_shape={len(mine)}"
            for name, mine in blocks.items()
        ],
        "columns": list(blocks.values()),
    }


def _distribution(column, components):
    if column.kind in ("category", "ordinal"):
        name = "categorical" if column.kind == "category" else "ordinal"
        return f"{name}:num_classes={max(len(column.categories), 2)}"
    if column.kind == "whole":
        levels = f"discretized_logistic:low={column.low:.0f},high={column.high:.0f}"
        return f"mixture:num_components={components},component=({levels})"
    if column.kind in ("real", "date"):
        # A narrower component than this is a value that occurs many times.
        return f"mixture:num_components={components},component=(normal:floor=0.01)"
    return {"count": "negative_binomial", "positive": "log_normal"}[column.kind]


def _codes(series: pd.Series, column: Column) -> np.ndarray:
    import pandas as pd

    series = plain_cells(series, column.name)
    if column.kind in ("category", "ordinal"):
        index = pd.Index(column.categories)
        numbers = index.get_indexer(series)
        strange = (numbers < 0) & series.notna().to_numpy()
        if strange.any():
            raise ValueError(
                f"Column {column.name!r} has the value {_first(series, strange)!r}, which "
                f"the training data did not have: {_some(column.categories)}. Leave the "
                "cell empty to mark it as missing."
            )
        return np.where(series.isna(), np.nan, numbers)
    if column.kind == "date":
        return to_days(series, column.name, column.day_first)
    numbers = pd.to_numeric(series, errors="coerce").to_numpy(np.float64)
    strange = (~np.isfinite(numbers)) & series.notna().to_numpy()
    if strange.any():
        raise ValueError(
            f"Column {column.name!r} holds {str(series[strange].iloc[0])!r}, which is not "
            "a finite number. Correct the table, or leave the cell empty."
        )
    if column.kind == "whole":
        # The lowest and the highest level include the values beyond them.
        numbers = np.clip(numbers, column.low, column.high)
    return numbers


def _first(series, chosen):
    """The first of the chosen cells, in its written form."""
    value = series[chosen].iloc[0]
    return value.item() if isinstance(value, np.generic) else value


def _some(categories):
    shown = ", ".join(map(repr, categories[:8]))
    return shown + (", ..." if len(categories) > 8 else "")


def _values(codes: np.ndarray, column: Column):
    import pandas as pd

    missing = np.isnan(codes)
    if column.kind in ("category", "ordinal"):
        numbers = np.clip(np.round(np.where(missing, 0, codes)), 0, None).astype(int)
        values = np.array([*column.categories], object)[
            np.minimum(numbers, len(column.categories) - 1)
        ]
        values = pd.Series(np.where(missing, None, values))
        whole = all(type(one) is int for one in column.categories)
        return (values.astype("Int64") if whole else values.infer_objects()).array
    codes = np.clip(codes, column.low, column.high)
    if column.kind == "date":
        days = np.round(codes) if column.integer else codes
        return pd.to_datetime(days, unit="D").round("s")
    if column.decimals is not None:
        codes = np.round(codes, column.decimals)
    return pd.array(codes).astype("Int64") if column.integer else codes
