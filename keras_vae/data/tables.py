"""Numeric tables in CSV files."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np

_MISSING = ("", "na", "n/a", "nan", "null", "none", "?")


def read_csv(path: Path) -> np.ndarray:
    """Reads a comma-separated table of numbers.

    The first line may name the columns; it is taken as such if none of its cells is a
    number. Every column is data: a column of labels has to be taken out beforehand.
    Blank lines are passed over.

    Args:
        path: The file, UTF-8.

    Returns:
        Table `[N, D]`, float64.

    Raises:
        ValueError: If a cell is empty, NaN or no number, or a line has another number
            of cells; the error names the line and column.

    Example:
        >>> x = read_csv(Path("wine.csv"))
    """
    header, table = None, []
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            for row in reader:
                if not row:
                    continue
                if header is None and not table and not any(map(_is_number, row)):
                    header = _checked_header(row, path)
                    continue
                width = len(table[0]) if table else len(header or row)
                table.append(_numbers(row, header, width, path, reader.line_num))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} is not a UTF-8 CSV file: {error}.") from error
    if not table:
        raise ValueError(f"{path} has no rows of data.")
    return np.array(table, np.float64)


def _checked_header(names: list[str], path: Path) -> list[str]:
    for column, name in enumerate(names, start=1):
        if name.strip().lower() in _MISSING:
            raise ValueError(
                f"{path}: column {column} has no name in the first line, but {name!r}. "
                "If it is an index written by pandas, write the file with index=False; "
                "if the line holds data, fill in the cell or drop the row."
            )
    return names


def _numbers(row, header, width, path, line) -> list[float]:
    if len(row) != width:
        raise ValueError(
            f"{path}, line {line}: {len(row)} cells where {width} are expected."
        )
    numbers = [float(cell) if _is_number(cell) else math.nan for cell in row]
    if all(map(math.isfinite, numbers)):
        return numbers
    column = next(i for i, n in enumerate(numbers) if not math.isfinite(n))
    cell = row[column]
    title = f" ({header[column]})" if header else ""
    where = f"{path}, line {line}, column {column + 1}{title}"
    if cell.strip().lower() in _MISSING:
        raise ValueError(
            f"{where}: the cell is missing ({cell!r}). Fill it in or drop the row."
        )
    raise ValueError(
        f"{where}: {cell!r} is not a finite number. Encode text as numbers, and "
        "separate cells by commas."
    )


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
