"""Checks of numbers that are arguments."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any


def positive_int(n: Any, argument: str) -> int:
    """Checks that an argument is an integer above zero.

    Args:
        n: The number.
        argument: Its name in the message.

    Returns:
        The number as a Python integer.

    Raises:
        ValueError: If it is anything else.
    """
    is_number = hasattr(n, "__index__") and not getattr(n, "ndim", 0)
    if isinstance(n, bool) or not is_number or n <= 0:
        raise ValueError(f"{argument} must be a positive integer, but is {n!r}.")
    return int(n)


def sizes(values, argument: str) -> tuple[int, ...]:
    """Checks that an argument is one size or several.

    Args:
        values: A positive integer, or a sequence of some.
        argument: Its name in the message.

    Returns:
        The sizes; none for an empty sequence.

    Raises:
        ValueError: If it is anything else.
    """
    values = values if hasattr(values, "__iter__") else (values,)
    if isinstance(values, str):
        raise ValueError(f"{argument} must be sizes such as (500, 500), but is {values!r}.")
    return tuple(positive_int(n, argument) for n in values)


def finite(value, argument: str) -> float:
    """Checks that an argument is a finite number.

    Args:
        value: The number.
        argument: Its name in the message.

    Returns:
        The number as a float.

    Raises:
        ValueError: If it is anything else.
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        raise ValueError(f"{argument} must be a number, but is {value!r}.")
    if not math.isfinite(value):
        raise ValueError(f"{argument} must be finite, but is {value!r}.")
    return float(value)


def positive(value, argument: str) -> float:
    """Checks that an argument is a finite number above zero.

    Args:
        value: The number.
        argument: Its name in the message.

    Returns:
        The number as a float.

    Raises:
        ValueError: If it is anything else.
    """
    if not_negative(value, argument) == 0:
        raise ValueError(f"{argument} must be positive, but is {value!r}.")
    return float(value)


def not_negative(value, argument: str) -> float:
    """Checks that an argument is a finite number of at least zero.

    Args:
        value: The number.
        argument: Its name in the message.

    Returns:
        The number as a float.

    Raises:
        ValueError: If it is anything else.
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        raise ValueError(f"{argument} must be a number, but is {value!r}.")
    number = float(value)
    if not 0 <= number < math.inf:
        raise ValueError(f"{argument} must be finite and not negative, but is {value!r}.")
    return number


def fraction(value, argument: str) -> float:
    """Checks that an argument is a number from 0 to below 1.

    Args:
        value: The number.
        argument: Its name in the message.

    Returns:
        The number as a float.

    Raises:
        ValueError: If it is anything else.
    """
    if not_negative(value, argument) >= 1:
        raise ValueError(f"{argument} must be below 1, but is {value!r}.")
    return float(value)


def share(value, argument: str) -> float:
    """Checks that an argument is a number from 0 to 1.

    Args:
        value: The number.
        argument: Its name in the message.

    Returns:
        The number as a float.

    Raises:
        ValueError: If it is anything else.
    """
    if not_negative(value, argument) > 1:
        raise ValueError(f"{argument} must be at most 1, but is {value!r}.")
    return float(value)
