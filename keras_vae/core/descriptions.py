"""Parts as text: `"NAME:ARG=VALUE,..."`."""

from __future__ import annotations

import re
from typing import Any


def parse(identifier: str | dict) -> tuple[str, dict[str, Any]]:
    """Reads the description of a part.

    Args:
        identifier: `"NAME:ARG=VALUE,..."`, or a dict with `name` and arguments. Values are
            numbers, true, false, none, sizes (`500-500`), words, or parts of their own in
            parentheses (`learned:layer=(flow:num_layers=8)`).

    Returns:
        Name and arguments.

    Raises:
        ValueError: If it cannot be read.

    Example:
        >>> parse("conv_vae:latent_dim=40,filters=32-64")
        ('conv_vae', {'latent_dim': 40, 'filters': (32, 64)})
    """
    if isinstance(identifier, dict):
        if not isinstance(identifier.get("name"), str):
            raise ValueError(f"A part must say its 'name', but is {identifier!r}.")
        arguments = {
            key: tuple(value) if isinstance(value, list) else value
            for key, value in identifier.items()
            if key != "name"
        }
        return identifier["name"], arguments
    name, _, rest = identifier.partition(":")
    arguments = {}
    for item in _split(rest):
        key, equals, value = item.partition("=")
        if not equals or not key.strip() or not value.strip():
            raise ValueError(
                f"{item!r} in {identifier!r} is not ARG=VALUE. Write a part as "
                "NAME:ARG=VALUE,ARG=VALUE."
            )
        arguments[key.strip()] = _value(value.strip())
    return name.strip(), arguments


def describe(name: str, arguments: dict[str, Any]) -> str:
    """Writes a part as `parse` reads it.

    Args:
        name: Its name.
        arguments: Its arguments.

    Returns:
        `"NAME:ARG=VALUE,..."`.

    Example:
        >>> describe("conv_vae", {"latent_dim": 40, "filters": (32, 64)})
        'conv_vae:latent_dim=40,filters=32-64'
    """
    items = ",".join(f"{key}={_text(value)}" for key, value in arguments.items())
    return f"{name}:{items}" if items else name


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
        return text[1:-1]
    words = {"true": True, "false": False, "none": None}
    if text.lower() in words:
        return words[text.lower()]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    if re.fullmatch(r"\d+(-\d+)+", text):
        return tuple(int(size) for size in text.split("-"))
    return text


def _text(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    if isinstance(value, list | tuple):
        return "-".join(map(str, value))
    text = (
        describe(value["name"], parse(value)[1]) if isinstance(value, dict) else str(value)
    )
    return f"({text})" if set(text) & set(":,=") else text
