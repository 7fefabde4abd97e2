"""Tables in files, read by pandas."""

from __future__ import annotations

import csv
import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

_MISSING = ("", "na", "n/a", "nan", "null", "none", "?")
_MARKS = sorted({form for m in _MISSING for form in (m, m.upper(), m.title())})
# Python's float() also takes underscores and the digits of other scripts.
_NUMBER = re.compile(r"[+-]?(\d+[.,]?\d*|[.,]\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_SNIFFED = 1 << 16
_ROWS_LOOKED_AT = 1000


def read_frame(path: Path, header: bool | None = None) -> pd.DataFrame:
    """Reads a table as it is.

    Cells are separated by commas, semicolons, tabs or bars; numbers may have a decimal
    comma where those do not separate; the encoding is UTF-8, or UTF-16 with its mark. The
    first line names the columns if none of its cells is a number, or if it counts 0, 1, 2
    and so on, as pandas writes it; files without numbers need `header`. Missing cells are
    empty, `?`, `NA`, `null` and the like. Numbers with zeros in front are text.

    Args:
        path: The file, CSV or (with pyarrow) Parquet.
        header: Whether the first line names the columns; None looks.

    Returns:
        A row for each line that is not blank; columns without names are numbered from 0.

    Raises:
        ValueError: If the file has no rows, a column has no name or one that is there
            twice, or it cannot be read.

    Example:
        >>> frame = read_frame(Path("wine.csv"))
    """
    import pandas as pd

    if path.suffix.lower() == ".parquet":
        return _read_parquet(path)
    encoding = _encoding(path)
    try:
        with open(path, newline="", encoding=encoding) as file:
            sample = file.read(_SNIFFED)
        first, options = _dialect(sample)
        names = _header(first, path, header)
        options |= {
            "header": None if names is None else 0,
            "names": names,
            "index_col": False,
            "encoding": encoding,
            "skipinitialspace": True,
            "na_values": _MARKS,
        }
        with warnings.catch_warnings():
            # Of rows that are longer than the others pandas would drop the end.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            text = pd.read_csv(path, nrows=_ROWS_LOOKED_AT, dtype=str, **options)
            zeros = {c: str for c in text if text[c].str.match(r"0\d").any()}
            frame = pd.read_csv(path, dtype=zeros, low_memory=False, **options)
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


def _read_parquet(path: Path) -> pd.DataFrame:
    import pandas as pd

    try:
        frame = pd.read_parquet(path)
    except ImportError as error:
        raise ValueError(f"{path} needs pyarrow: pip install pyarrow.") from error
    # pyarrow's errors for damaged files have no base of their own.
    except Exception as error:
        raise ValueError(f"{path} is damaged or no Parquet file: {error}.") from error
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


def _header(first: list[str], path: Path, given: bool | None) -> list[str] | None:
    """The names in the first line; None if it holds data."""
    counted = len(first) > 1 and first == [str(i) for i in range(len(first))]
    if given is None:
        given = counted or not any(map(_NUMBER.fullmatch, first))
    if not first or not given:
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
