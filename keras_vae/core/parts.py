"""Parts by name: `"vamp:num_components=500"`, a dict, or the object itself."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from typing import Any

import keras

from keras_vae.core.names import unknown


class Room:
    """The parts of one kind that can be named: layers, priors, objectives.

    A class is known by its name in small letters (`BetaTC` is "beta_tc"), without
    "Independent" and "Prior", or by its `part_name`. Classes of your own count as soon as
    they are registered with Keras.

    Args:
        kind: What the parts are called in messages, such as "prior".
        base: Their base class.

    Example:
        >>> room = Room("prior", Prior)
        >>> room.get("mixture_of_normals:num_components=10").num_components
        10
    """

    def __init__(self, kind: str, base: type):
        """Knows no part yet: the classes are looked up when asked."""
        self.kind, self.base = kind, base

    def parts(self) -> dict[str, type]:
        """Returns the classes by name, sorted."""
        found = {part_name(one): one for one in _public(self.base)}
        return dict(sorted(found.items()))

    def get(self, identifier: Any, **given: Any) -> Any:
        """Returns the part for a name, a description or an object.

        Args:
            identifier: `"NAME"`, `"NAME:ARG=VALUE,..."`, a dict with `name` and arguments,
                a dict as Keras serializes objects, or an object.
            **given: Arguments that the caller knows, such as a shape; those that the class
                does not take are left out. What the identifier says comes first.

        Returns:
            The part; an object is returned as it is.

        Raises:
            ValueError: If there is no such part, or it has no such argument; the nearest
                is told.
        """
        if isinstance(identifier, self.base):
            return identifier
        if isinstance(identifier, type):
            raise ValueError(
                f"{self.kind} is the class {identifier.__name__}; pass an object of it: "
                f"{identifier.__name__}(...)."
            )
        if isinstance(identifier, dict) and "class_name" in identifier:
            return self.get(keras.saving.deserialize_keras_object(identifier))
        if not isinstance(identifier, str | dict):
            raise ValueError(
                f"{self.kind} must be a name such as {self._example()!r}, or an object of "
                f"a class derived from {self.base.__name__}, but is {identifier!r}."
            )
        name, arguments = parse(identifier)
        known = self.parts()
        if name not in known:
            raise unknown(self.kind, name, known)
        parameters = constructor_arguments(known[name])
        for argument in arguments:
            if argument not in parameters:
                raise unknown(f"argument of the {self.kind} {name!r}", argument, parameters)
        given = {key: value for key, value in given.items() if key in parameters}
        try:
            return known[name](**{**given, **arguments})
        except TypeError as error:
            raise ValueError(
                f"The {self.kind} {name!r} cannot be made: {error}."
            ) from error

    def _example(self):
        return next(iter(self.parts()))


def part_name(cls: type) -> str:
    """Returns the name of a part.

    Args:
        cls: Its class.

    Returns:
        The class's `part_name`, or its name in small letters with underscores.

    Example:
        >>> part_name(IndependentStudentT)
        'student_t'
    """
    if given := cls.__dict__.get("part_name"):
        return given
    name = re.sub(r"^Independent(?=[A-Z])|(?<=[a-z])Prior$", "", cls.__name__)
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    return name.lower()


def constructor_arguments(cls: type) -> dict[str, inspect.Parameter]:
    """Returns the arguments that a class takes by name, those of its bases included.

    Args:
        cls: The class.

    Returns:
        Parameters by name.
    """
    found: dict[str, inspect.Parameter] = {}
    for one in cls.__mro__:
        if one.__module__.split(".")[0] == "keras":
            break
        if "__init__" not in one.__dict__:
            continue
        parameters = list(inspect.signature(one.__init__).parameters.values())[1:]
        named = {p.name: p for p in parameters if p.kind is not p.VAR_KEYWORD}
        found = {**named, **found}
        if len(named) == len(parameters):
            break
    return found


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


def _public(base: type) -> Iterable[type]:
    """All classes below a base that Keras can make again."""
    for one in base.__subclasses__():
        if keras.saving.get_registered_object(keras.saving.get_registered_name(one)) is one:
            yield one
        yield from _public(one)


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
