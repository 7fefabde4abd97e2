"""Dates in tables: their recognition, their order of day and month, days since 1970."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


def are_dates(values: pd.Series) -> bool:
    """Whether all values are dates, in a form that people write.

    Args:
        values: Text.

    Example:
        >>> are_dates(pd.Series(["2021-03-05"])), are_dates(pd.Series(["7 rooms"]))
        (True, False)
    """
    import pandas as pd

    # pandas takes more texts for dates than people do.
    looks = values.astype(str).str.contains(r"^\s*\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}")
    if not looks.all():
        return False
    day_first = is_day_first(values)
    dates = pd.to_datetime(values, errors="coerce", dayfirst=day_first)
    return bool(dates.notna().all())


def is_day_first(values: pd.Series, usual: bool = False) -> bool:
    """Whether dates are written with the day before the month, as in 25/12/2020.

    Args:
        values: Dates, as text or in the form of pandas.
        usual: The answer for dates that may be read both ways, such as 05/03/2021. With
            dots (05.03.2021) the day always comes first.

    Returns:
        Whether they are; False if the year comes first.

    Example:
        >>> is_day_first(pd.Series(["05/03/2021", "25/12/2021"]))
        True
    """
    parts = values.dropna().astype(str).str.extract(r"^\s*(\d{1,2})([-/.])(\d{1,2})[-/.]")
    if parts.empty or parts[0].isna().any():
        return False
    if (parts[0].astype(int) > 12).any() or (parts[1] == ".").all():
        return True
    return usual and not (parts[2].astype(int) > 12).any()


def to_days(values: pd.Series, name, day_first: bool = False) -> np.ndarray:
    """Turns dates into days since 1970.

    Args:
        values: Dates, as text or in the form of pandas; None stays missing.
        name: Name of the column, for the error.
        day_first: How to read dates that may be read both ways, such as 05/03/2021.

    Returns:
        Array of floats; NaN for missing values.

    Raises:
        ValueError: If a value is not a date.
    """
    import pandas as pd

    if pd.api.types.is_numeric_dtype(values) and values.notna().any():
        # pandas would count nanoseconds.
        raise ValueError(
            f"Column {name!r} holds the number {values.dropna().iloc[0]}, which is not a "
            "date. Write dates as 2021-03-05, or give the column another kind."
        )
    try:
        dates = pd.to_datetime(values, dayfirst=is_day_first(values, day_first))
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"Column {name!r} holds a value that is not a date: {error}"
        ) from error
    since = dates - pd.Timestamp(0, tz=getattr(dates.dt, "tz", None))
    return (since / pd.Timedelta(days=1)).to_numpy(np.float64)


def as_text(dates: pd.Series, others: pd.Series, day_first: bool) -> pd.Series:
    """Writes dates in the form of other dates of their column.

    Args:
        dates: The dates.
        others: The column as it was read; its first date shows the form.
        day_first: Whether the day comes first in the column.

    Returns:
        Text; as 2021-03-05 if there is no other date, or one of an uncommon form.

    Example:
        >>> others = pd.Series(["25/12/2020"])
        >>> as_text(pd.Series(pd.to_datetime(["2021-03-05"])), others, day_first=True)[0]
        '05/03/2021'
    """
    from pandas.tseries.api import guess_datetime_format

    known = others.dropna().astype(str)
    form = None
    if len(known):
        day_first = is_day_first(known, day_first)
        form = guess_datetime_format(known.iloc[0], dayfirst=day_first)
    # These dates have no time zone.
    if form is None or "%z" in form:
        return dates.astype(str)
    return dates.dt.strftime(form)
