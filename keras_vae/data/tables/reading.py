"""Tables in files, read by pandas."""

from __future__ import annotations

import csv
import itertools
import mmap
import re
import warnings
from collections import defaultdict
from collections.abc import Collection
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
_ZERO_IN_FRONT = re.compile(r"[\s,;|\"']0\d")
_ROWS_AT_A_TIME = 1 << 16
_CELLS_AT_A_TIME, _LEAST_MAP = 1 << 19, 1 << 20
# This many equally spaced numbers hardly occur by chance.
_COUNTED = 4


def read_frame(
    path: Path, header: bool | None = None, text: Collection[str | int] = ()
) -> pd.DataFrame:
    """Reads a table without changing it.

    Cells are separated by commas, semicolons, tabs or bars; numbers may have a decimal
    comma if commas do not separate cells; the encoding is UTF-8, or UTF-16 with its mark.
    The first line names the columns if none of its cells is a number, or if its numbers
    count (0, 1, 2 as pandas writes it; years, wavelengths) and those of the second line do
    not; files without numbers need `header`. Missing cells are empty, `?`, `NA`, `null` and
    the like. Numbers with zeros in front are text.

    Args:
        path: The file, CSV or (with pyarrow) Parquet.
        header: Whether the first line names the columns; None finds out.
        text: Columns whose cells are text even where all look like numbers.

    Returns:
        A row for each line that is not blank; columns without names are numbered from 0.

    Raises:
        ValueError: If the file has no rows, a column has no name or a name that occurs
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
        lines, options = _dialect(sample)
        names = _header(lines, path, header)
        options |= {
            "header": None if names is None else 0,
            "names": names,
            "index_col": False,
            "encoding": encoding,
            "skipinitialspace": True,
            "na_values": _MARKS,
        }
        with warnings.catch_warnings():
            # pandas would drop the end of rows that are longer than others.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            dtype = dict.fromkeys([*text, *_with_zeros_in_front(path, options)], str)
            frame = _read_in_pieces(path, {"dtype": dtype, **options})
    except pd.errors.EmptyDataError:
        frame = pd.DataFrame()
    except UnicodeError as error:
        raise ValueError(f"{path} is not text in UTF-8: {error}. Convert it.") from error
    except (csv.Error, pd.errors.ParserError, pd.errors.ParserWarning) as error:
        raise ValueError(
            f"{path} is not a table: {str(error).strip()}. Give every row the same number "
            "of cells."
        ) from error
    if not len(frame):
        raise ValueError(f"{path} has no rows of data.")
    return frame


def cells_as_written(path: Path, frame: pd.DataFrame) -> pd.DataFrame:
    """Reads a table again, without changing how its numbers are written.

    Args:
        path: The CSV file.
        frame: The table that `read_frame` read from it.

    Returns:
        The same table with the text of each cell, such as "38.50"; in columns of numbers
        with a decimal comma, the numbers of `frame`.

    Example:
        >>> cells_as_written(Path("wine.csv"), read_frame(Path("wine.csv")))
    """
    import pandas as pd

    names = list(frame.columns)
    written = read_frame(path, any(isinstance(one, str) for one in names), names)
    for name in names:
        kind = frame[name].dtype
        if pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_bool_dtype(kind):
            numbers = pd.to_numeric(written[name], errors="coerce")
            if numbers.isna().ne(frame[name].isna()).any():
                written[name] = frame[name]
    return written


def _with_zeros_in_front(path: Path, options: dict[str, Any]) -> set[Any]:
    """The columns in which a number has zeros in front, as postal codes have."""
    import pandas as pd

    # A look at the text is cheap; only where it finds such a number, cells are read.
    with open(path, newline="", encoding=options["encoding"]) as file:
        end = "\n"
        while text := file.read(_SNIFFED):
            if _ZERO_IN_FRONT.search(end + text):
                break
            end = text[-2:]
        else:
            return set()
    found: set[Any] = set()
    with pd.read_csv(path, dtype=str, chunksize=_ROWS_AT_A_TIME, **options) as reader:
        for rows in reader:
            others = (name for name in rows if name not in found)
            found |= {one for one in others if rows[one].str.match(r"0\d").any()}
    return found


def _read_in_pieces(path: Path, options: dict[str, Any]) -> pd.DataFrame:
    """Reads rows piece by piece, so that memory holds little more than their numbers.

    The first pass finds the kinds of columns and the number of rows, the second one fills
    them.
    """
    import pandas as pd

    width = len(pd.read_csv(path, nrows=1, **options).columns)
    options = {**options, "low_memory": False}
    by_piece = {**options, "chunksize": max(1, _CELLS_AT_A_TIME // max(1, width))}
    kinds, count = defaultdict(set), 0
    with pd.read_csv(path, **by_piece) as reader:
        for piece in reader:
            count += len(piece)
            for name, column in piece.items():
                kinds[name].add(column.dtype)
    if count <= by_piece["chunksize"] or any(map(_are_mixed, kinds.values())):
        # If words occur late, only all cells together determine the kind of the column.
        return pd.read_csv(path, **options)
    columns: dict[Any, Any] = {
        name: _room(count, one) if _are_numbers(one) else [] for name, one in kinds.items()
    }
    start = 0
    with pd.read_csv(path, **by_piece) as reader:
        for piece in reader:
            for name, column in piece.items():
                if isinstance(columns[name], list):
                    columns[name].append(column)
                else:
                    columns[name][start : start + len(piece)] = column
            start += len(piece)
    for name, one in columns.items():
        if isinstance(one, list):
            columns[name] = pd.concat(one, ignore_index=True)
    return pd.DataFrame(columns, copy=False)


def _are_numbers(kinds: set[Any]) -> bool:
    return {str(one) for one in kinds} <= {"int64", "float64"}


def _are_mixed(kinds: set[Any]) -> bool:
    return len(kinds) > 1 and not _are_numbers(kinds)


def _room(count: int, kinds: set[Any]) -> np.ndarray:
    """An array for a column of numbers."""
    dtype = np.result_type(*kinds)
    if (size := count * dtype.itemsize) < _LEAST_MAP:
        return np.empty(count, dtype)
    # A separate memory map is released as soon as the column is no longer needed; the
    # process may keep other freed memory.
    return np.frombuffer(mmap.mmap(-1, size), dtype)


def _read_parquet(path: Path) -> pd.DataFrame:
    import pandas as pd

    try:
        frame = pd.read_parquet(path)
    except ImportError as error:
        raise ValueError(f"{path} needs pyarrow: pip install pyarrow.") from error
    # pyarrow's errors for damaged files have no common base class.
    except Exception as error:
        raise ValueError(f"{path} is damaged or not a Parquet file: {error}.") from error
    if not len(frame):
        raise ValueError(f"{path} has no rows of data.")
    return frame


def is_number(cell: str) -> bool:
    """Whether a cell is a number in a usual notation.

    Args:
        cell: The text.

    Example:
        >>> is_number("1.5"), is_number("1,5"), is_number("1_5"), is_number("nan")
        (True, True, False, False)
    """
    return _NUMBER.fullmatch(cell) is not None


def _encoding(path: Path) -> str:
    with open(path, "rb") as file:
        start = file.read(2)
    return "utf-16" if start in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"


def _dialect(sample: str) -> tuple[list[list[str]], dict[str, Any]]:
    """The cells of the first two lines, and the settings for pandas to read cells."""
    first = (line for line in sample.splitlines() if line.strip())
    lines = list(itertools.islice(first, 2))
    line = lines[0] if lines else ""
    quote = "'" if line.lstrip().startswith("'") else '"'
    outside = re.sub(f"{quote}.*?{quote}", "", line)
    separator = max(",;\t|", key=outside.count)
    rows = csv.reader(lines, delimiter=separator, quotechar=quote)
    with_comma, with_point = (
        len(re.findall(rf"(?<![\w.,])-?\d+{mark}\d+(?![\w.,])", sample))
        for mark in (",", r"\.")
    )
    decimal = "," if separator != "," and with_comma > with_point else "."
    options = {"sep": separator, "quotechar": quote, "decimal": decimal}
    return [[cell.strip() for cell in cells] for cells in rows], options


def _header(lines: list[list[str]], path: Path, given: bool | None) -> list[str] | None:
    """The names in the first line; None if it holds data."""
    first, *below = lines or [[]]
    if given is None:
        given = not any(map(is_number, first)) or _counts(first, below)
    if not first or not given:
        return None
    empty = all(name.lower() in _MISSING for name in first)
    for column, name in enumerate(first, start=1):
        # A name may be that of sodium ("NA"), or of the class "none".
        if empty or name in ("", "?"):
            raise ValueError(
                f"{path}: column {column} has no name in the first line, but {name!r}. "
                "If it is an index written by pandas, write the file with index=False; "
                "if the line holds data, fill in the cell or drop the row."
            )
        if first.count(name) > 1:
            raise ValueError(
                f"{path}: {first.count(name)} columns are called {name!r}. Give each its "
                "own name."
            )
    return first


def _counts(first: list[str], below: list[list[str]]) -> bool:
    """Whether only the numbers in the first line rise in equal steps."""
    if len(first) > 1 and first == [str(i) for i in range(len(first))]:
        return True
    at = [i for i, cell in enumerate(first) if is_number(cell)]
    if len(at) < _COUNTED or not below or len(below[0]) != len(first):
        return False
    return _are_steps([first[i] for i in at]) and not _are_steps([below[0][i] for i in at])


def _are_steps(cells: list[str]) -> bool:
    """Whether cells are numbers that rise in equal steps."""
    if not all(map(is_number, cells)):
        return False
    steps = np.diff([float(cell.replace(",", ".")) for cell in cells])
    return bool(steps[0] > 0 and np.allclose(steps, steps[0], rtol=1e-6, atol=0))
