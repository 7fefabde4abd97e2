"""Checks of arguments that have a number for each level."""

from __future__ import annotations

from collections.abc import Sequence

from keras_vae.core.numbers import sizes


def several_levels(values, argument: str, other: str) -> tuple[int, ...]:
    """Checks that there are enough levels for a hierarchy.

    Args:
        values: A number for each level.
        argument: What to call them in the message.
        other: The model that has one level.

    Returns:
        The numbers.

    Raises:
        ValueError: If there are fewer than two, or one is not a positive integer.
    """
    numbers = sizes(values, argument)
    if len(numbers) < 2:
        raise ValueError(
            f"A hierarchy has two levels or more, but {argument} is {numbers}. Give a "
            f"number for each level, or take {other}, which has one level."
        )
    return numbers


def one_a_level(
    values, argument: str, levels: Sequence[int], of_levels: str
) -> tuple[int, ...]:
    """Checks that an argument has a number for each level.

    Args:
        values: The numbers.
        argument: What to call them in the message.
        levels: The values of another argument for each level.
        of_levels: The name of that argument.

    Returns:
        The numbers.

    Raises:
        ValueError: If there are more or fewer, or one is not a positive integer.
    """
    numbers = sizes(values, argument)
    if len(numbers) != len(levels):
        raise ValueError(
            f"{of_levels} has {len(levels)} levels, but {argument} has {len(numbers)} "
            "numbers. Give one for each level."
        )
    return numbers
