"""Tables in CSV files, read by pandas."""

from __future__ import annotations

import csv
import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

_MISSING = ("", "na", "n/a", "nan", "null", "none", "?")
_MARKS = sorted({form for m in _MISSING for form in (m, m.upper(), m.title())})
# Python's float() also takes underscores and the digits of other scripts.
_NUMBER = re.compile(r"[+-]?(\d+[.,]?\d*|[.,]\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_SNIFFED = 1 << 16


def read_csv(path: Path) -> np.ndarray:
    """Reads a table of numbers.

    Every column is data: a column of labels has to be taken out beforehand.

    Args:
        path: The file; see `read_frame`.

    Returns:
        Table `[N, D]`, float64.

    Raises:
        ValueError: If a cell is missing or no finite number, or a row has another number
            of cells; the error names the row and column.

    Example:
        >>> x = read_csv(Path("wine.csv"))
    """
    frame = read_frame(path)
    numbers = frame.select_dtypes(["number", "bool"])
    if (
        numbers.shape == frame.shape
        and np.isfinite(x := numbers.to_numpy(np.float64)).all()
    ):
        return x
    raise _bad_cell(frame, path)


def read_frame(path: Path) -> pd.DataFrame:
    """Reads a table as it is.

    Cells are separated by commas, semicolons, tabs or bars; numbers may have a decimal
    comma where those do not separate; the encoding is UTF-8, or UTF-16 with its mark. The
    first line names the columns if none of its cells is a number, or if it counts 0, 1, 2
    and so on, as pandas writes it. Missing cells are empty, `?`, `NA`, `null` and the like.

    Args:
        path: The file.

    Returns:
        A row for each line that is not blank; columns without names are numbered from 0.

    Raises:
        ValueError: If the file has no rows, a column has no name or one that is there
            twice, or it cannot be read.

    Example:
        >>> frame = read_frame(Path("wine.csv"))
    """
    import pandas as pd

    encoding = _encoding(path)
    try:
        with open(path, newline="", encoding=encoding) as file:
            sample = file.read(_SNIFFED)
        first, options = _dialect(sample)
        header = _header(first, path)
        with warnings.catch_warnings():
            # Of rows that are longer than the others pandas would drop the end.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = pd.read_csv(
                path,
                header=None if header is None else 0,
                names=header,
                index_col=False,
                encoding=encoding,
                skipinitialspace=True,
                na_values=_MARKS,
                low_memory=False,
                **options,
            )
    except pd.errors.EmptyDataError:
        frame = pd.DataFrame()
    except UnicodeError as error:
        raise ValueError(f"{path} is not text in UTF-8: {error}. Convert it.") from error
    except (csv.Error, pd.errors.ParserError, pd.errors.ParserWarning) as error:
        raise ValueError(
            f"{path} is no table: {str(error).strip()}. Give every row the same number of cells."
        ) from error
    if not len(frame):
        raise ValueError(f"{path} has no rows of data.")
    return frame


def _encoding(path: Path) -> str:
    with open(path, "rb") as file:
        start = file.read(2)
    return "utf-16" if start in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"


def _dialect(sample: str) -> tuple[list[str], dict[str, Any]]:
    """The cells of the first line, and how pandas is to separate and read cells."""
    line = next((line for line in sample.splitlines() if line.strip()), "")
    quote = "'" if line.lstrip().startswith("'") else '"'
    outside = re.sub(f"{quote}.*?{quote}", "", line)
    separator = max(",;\t|", key=outside.count)
    cells = next(csv.reader([line], delimiter=separator, quotechar=quote), [])
    with_comma, with_point = (
        len(re.findall(rf"(?<![\w.,])-?\d+{mark}\d+(?![\w.,])", sample))
        for mark in (",", r"\.")
    )
    decimal = "," if separator != "," and with_comma > with_point else "."
    options = {"sep": separator, "quotechar": quote, "decimal": decimal}
    return [cell.strip() for cell in cells], options


def _header(first: list[str], path: Path) -> list[str] | None:
    """The names in the first line; None if it holds data."""
    counted = len(first) > 1 and first == [str(i) for i in range(len(first))]
    if not first or (any(map(_NUMBER.fullmatch, first)) and not counted):
        return None
    for column, name in enumerate(first, start=1):
        if name.lower() in _MISSING:
            raise ValueError(
                f"{path}: column {column} has no name in the first line, but {name!r}. "
                "If it is an index written by pandas, write the file with index=False; "
                "if the line holds data, fill in the cell or drop the row."
            )
        if first.count(name) > 1:
            raise ValueError(
                f"{path}: {first.count(name)} columns are called {name!r}. Give each a "
                "name of its own."
            )
    return first


def _bad_cell(frame: pd.DataFrame, path: Path) -> ValueError:
    """Says which cell is the first that is no finite number."""
    import pandas as pd

    numbers = frame.apply(pd.to_numeric, errors="coerce").to_numpy(np.float64)
    row, column = np.argwhere(~np.isfinite(numbers))[0]
    cell, name = frame.iat[row, column], frame.columns[column]
    title = f" ({name})" if isinstance(name, str) else ""
    where = f"{path}, row {row + 1} of the data, column {column + 1}{title}"
    if pd.isna(cell):
        return ValueError(f"{where}: the cell is missing. Fill it in or drop the row.")
    return ValueError(
        f"{where}: {str(cell)!r} is not a finite number. Encode text as numbers."
    )
