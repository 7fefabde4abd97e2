"""Checks of sizes and counts."""

from __future__ import annotations


def positive_int(n, argument: str) -> int:
    """Checks that an argument is an integer above zero.

    Args:
        n: The number.
        argument: What to call it in the message.

    Returns:
        The number as a Python integer.

    Raises:
        ValueError: If it is anything else.
    """
    if isinstance(n, bool) or not hasattr(n, "__index__") or n <= 0:
        raise ValueError(f"{argument} must be a positive integer, but is {n!r}.")
    return int(n)
