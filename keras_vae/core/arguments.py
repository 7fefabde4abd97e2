"""The arguments of functions and classes, and their allowed values."""

from __future__ import annotations

import inspect
import math
import types
import typing
from collections.abc import Callable, Sequence
from typing import Any

# One of each kind of value that text can say.
_WRITTEN = (True, 1, 0.5, "word")
_UNIONS, _SEQUENCES = (typing.Union, types.UnionType), (Sequence, tuple, list)
_WORDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a finite number",
    str: "a word",
    dict: "a part",
    type(None): "none",
}


def named_arguments(function: Callable) -> dict[str, inspect.Parameter]:
    """Returns the arguments that a function takes by name.

    Args:
        function: The function.

    Returns:
        Parameters by name, with annotations as objects.
    """
    try:
        parameters = inspect.signature(function, eval_str=True).parameters
    except NameError:
        # Annotations with names that are imported only for type checkers.
        parameters = inspect.signature(function).parameters
    others = inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD
    return {k: p for k, p in parameters.items() if p.kind not in others}


def constructor_arguments(cls: type) -> dict[str, inspect.Parameter]:
    """Returns the arguments that a class takes by name, those of its bases included.

    Args:
        cls: The class.

    Returns:
        Parameters by name.
    """
    found: dict[str, inspect.Parameter] = {}
    for one in cls.__mro__:
        if one is not cls and one.__module__.split(".")[0] == "keras":
            break
        if "__init__" not in one.__dict__:
            continue
        constructor = one.__dict__["__init__"]
        named = named_arguments(constructor)
        found = {**named, **found}
        if len(named) == len(inspect.signature(constructor).parameters):
            break
    found.pop("self", None)
    return found


def can_be_written(parameter: inspect.Parameter) -> bool:
    """Tells whether there is text for an argument, or only objects.

    Args:
        parameter: The argument.

    Returns:
        Whether it may be a number, a word or the like.
    """
    return any(_admits(_hint(parameter), value) for value in _WRITTEN)


def fitting(value: Any, parameter: inspect.Parameter, what: str) -> Any:
    """Refuses a value of another kind than an argument's annotation or default.

    Args:
        value: The value.
        parameter: The argument.
        what: Its name in the message.

    Returns:
        The value; a whole number as float where the default is one.

    Raises:
        ValueError: If it is of another kind.
    """
    hint = _hint(parameter)
    if not _admits(hint, value):
        raise ValueError(f"{what} must be {_in_words(hint)}, but is {value!r}.")
    # Keras wants a point in its numbers.
    whole = type(value) is int and isinstance(parameter.default, float)
    return float(value) if whole else value


def _hint(parameter):
    """The type of an argument: its annotation, or the type of its default."""
    if parameter.annotation is not parameter.empty:
        return parameter.annotation
    return {bool: bool, int: float, float: float}.get(type(parameter.default), Any)


def _admits(hint, value) -> bool:
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return True
    if origin in _UNIONS:
        return any(_admits(one, value) for one in inner)
    if origin in _SEQUENCES:
        # A single value counts as a sequence of one.
        values = value if isinstance(value, list | tuple) else (value,)
        return all(_admits(inner[0], one) for one in values)
    if isinstance(value, bool):
        return hint is bool
    if hint is float:
        return isinstance(value, int | float) and math.isfinite(value)
    # Nothing is known of other annotations.
    return isinstance(value, hint) if isinstance(hint, type) else True


def _in_words(hint) -> str:
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in _UNIONS:
        return " or ".join(map(_in_words, inner))
    if origin in _SEQUENCES:
        return "whole numbers such as 32-64" if int in inner else "numbers such as (0, 1)"
    return _WORDS.get(hint, f"an object of {getattr(hint, '__name__', hint)}")
