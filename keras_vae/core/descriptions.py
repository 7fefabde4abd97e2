"""Parts as text: `"NAME:ARG=VALUE,..."`."""

from __future__ import annotations

import re
from typing import Any

_WORDS = {"true": True, "false": False, "none": None}
_SIZES = re.compile(r"\d+(-\d+)+")


def parse(identifier: str | dict) -> tuple[str, dict[str, Any]]:
    """Reads the description of a part.

    Args:
        identifier: `"NAME:ARG=VALUE,..."`, or a dict with `name` and arguments. Values are
            numbers, true, false, none, sizes (`500-500`), words, and in parentheses parts
            (`learned:layer=(flow:num_layers=8)`) and numbers (`condition=(40,)`). Names of
            parts are in lower case; upper case is read as lower case.

    Returns:
        Name and arguments; sequences as tuples, parts within them as text.

    Raises:
        ValueError: If it cannot be read.

    Example:
        >>> parse("conv_vae:latent_dim=40,filters=32-64")
        ('conv_vae', {'latent_dim': 40, 'filters': (32, 64)})
    """
    if isinstance(identifier, dict):
        name = identifier.get("name")
        if not isinstance(name, str) or not all(str(k).isidentifier() for k in identifier):
            raise ValueError(
                f"A part is a dict of 'name' and arguments, but is {identifier!r}."
            )
        arguments = {k: _plain(v) for k, v in identifier.items() if k != "name"}
        return name.strip().lower(), arguments
    name, _, rest = identifier.partition(":")
    arguments = {}
    for item in _split(rest):
        key, equals, value = (one.strip() for one in item.partition("="))
        if not equals or not key or not value:
            raise ValueError(
                f"{item!r} in {identifier!r} is not ARG=VALUE. Write a part as "
                "NAME:ARG=VALUE,ARG=VALUE."
            )
        if key in arguments:
            raise ValueError(f"{identifier!r} gives {key} twice. Leave one out.")
        arguments[key] = _value(value)
    return name.strip().lower(), arguments


def describe(name: str, arguments: dict[str, Any]) -> str:
    """Writes a part as `parse` reads it.

    Args:
        name: Its name.
        arguments: Its arguments.

    Returns:
        `"NAME:ARG=VALUE,..."`.

    Raises:
        ValueError: If an argument cannot be written as text.

    Example:
        >>> describe("conv_vae", {"latent_dim": 40, "filters": (32, 64)})
        'conv_vae:latent_dim=40,filters=32-64'
    """
    arguments = {key: _plain(value) for key, value in arguments.items()}
    text = written(name, arguments)
    for key, value in parse(text)[1].items():
        if value != arguments[key] or type(value) is not type(arguments[key]):
            raise ValueError(
                f"{key} of {name} cannot be written as text: {arguments[key]!r}. Values are "
                "numbers, true, false, none, words, sequences of numbers, and parts."
            )
    return text


def written(name: str, arguments: dict[str, Any]) -> str:
    """Writes a part for people to read, who need not get it back.

    Args:
        name: Its name.
        arguments: Its arguments.

    Returns:
        As `describe`.
    """
    items = ",".join(f"{key}={_text(value)}" for key, value in arguments.items())
    return f"{name}:{items}" if items else name


def _plain(value: Any) -> Any:
    """A value as `parse` returns it."""
    if isinstance(value, list | tuple):
        return tuple(value)
    if isinstance(value, dict) and "class_name" not in value:
        return describe(*parse(value))
    return value


def _split(text: str) -> list[str]:
    """Splits at commas outside of parentheses."""
    items, depth, start = [], 0, 0
    for i, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if depth < 0 or (depth and i == len(text) - 1):
            raise ValueError(f"The parentheses in {text!r} do not match.")
        if letter == "," and not depth:
            items.append(text[start:i])
            start = i + 1
    return [item for item in (*items, text[start:]) if item.strip()]


def _value(text: str) -> Any:
    if text[0] == "(" and text[-1] == ")":
        inner = text[1:-1].strip()
        numbers = [_number(one.strip()) for one in inner.split(",") if one.strip()]
        is_sequence = ("," in inner or not inner) and None not in numbers
        return tuple(numbers) if is_sequence else inner
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if _SIZES.fullmatch(text):
        return tuple(int(size) for size in text.split("-"))
    number = _number(text)
    return text if number is None else number


def _number(text: str) -> int | float | None:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return None


def _text(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    if isinstance(value, tuple):
        sizes = "-".join(map(str, value))
        if _SIZES.fullmatch(sizes):
            return sizes
        return f"({', '.join(map(str, value))}{',' * (len(value) == 1)})"
    text = str(value)
    return f"({text})" if set(text) & set(":,=") else text
