"""Parts by name: `"vamp:num_components=500"`, a dict, or the object itself."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable
from typing import Any

import keras

from keras_vae.core.arguments import (
    can_be_written,
    constructor_arguments,
    fitting,
    named_arguments,
)
from keras_vae.core.descriptions import parse, written
from keras_vae.core.names import unknown


class Room:
    """The parts of one kind that can be named: layers, priors, objectives.

    A class is known by its name in small letters (`BetaTC` is "beta_tc"), without
    "Independent" and "Prior", or by its `part_name`; where that is None, as of parts that
    need networks, it cannot be named. Classes of your own count as soon as
    they are registered with Keras.

    Args:
        kind: Name of such parts in messages, such as "prior".
        base: Their base class.
        make: Function of a class that returns what makes an object of it, or None where
            the class cannot be made by name; None is the class itself.

    Example:
        >>> room = Room("prior", Prior)
        >>> room.get("mixture_of_normals:num_components=10").num_components
        10
    """

    def __init__(self, kind: str, base: type, make: Callable | None = None):
        """Knows no part yet: the classes are looked up when asked."""
        self.kind, self.base, self.make = kind, base, make or (lambda cls: cls)

    def parts(self) -> dict[str, type]:
        """Returns the classes by name, sorted."""
        named = (one for one in registered(self.base) if _has_name(one))
        found = {part_name(one): one for one in named if self.make(one)}
        return dict(sorted(found.items()))

    def names(self) -> list[str]:
        """Returns all names that are understood, sorted."""
        return list(self.parts())

    def part(self, name: str) -> Any:
        """Returns the class of a name.

        Args:
            name: Its name.

        Raises:
            ValueError: If there is no such part.
        """
        known = self.parts()
        if name not in known:
            advice = "(To use your own parts: keras-vae --import FILE.)"
            raise unknown(self.kind, name, self.names(), advice)
        return known[name]

    def arguments(self, name: str) -> dict[str, inspect.Parameter]:
        """Returns the arguments of a part, those of its base classes included.

        Args:
            name: Its name.

        Returns:
            Parameters by name.

        Raises:
            ValueError: If there is no such part.
        """
        cls = self.part(name)
        make = self.make(cls)
        return constructor_arguments(make) if make is cls else named_arguments(make)

    def check(self, identifier: str | dict) -> tuple[str, dict[str, Any]]:
        """Reads a description, without making the part.

        Args:
            identifier: `"NAME"`, `"NAME:ARG=VALUE,..."`, or a dict with `name` and
                arguments.

        Returns:
            Name and arguments.

        Raises:
            ValueError: If there is no such part or argument (the error names the nearest),
                or a value has the wrong type.
        """
        name, arguments = parse(identifier)
        parameters = self.arguments(name)
        for key, value in arguments.items():
            if key not in parameters:
                known = (k for k, one in parameters.items() if can_be_written(one))
                raise unknown(f"argument of the {self.kind} {name}:", key, known)
            what = f"{key} of the {self.kind} {name}"
            arguments[key] = fitting(value, parameters[key], what)
        return name, arguments

    def get(self, identifier: Any, **given: Any) -> Any:
        """Returns the part for a name, a description or an object.

        Args:
            identifier: What `check` takes, a dict as Keras serializes objects, or an
                object.
            **given: Arguments that the caller knows, such as a shape; those that the class
                does not take are left out. The identifier takes precedence.

        Returns:
            The part; an object is returned as it is.

        Raises:
            ValueError: As `check`; or if the constructor refuses an argument, or needs one
                more.
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
                f"{self.kind} must be a name such as {next(iter(self.parts()))!r}, or an "
                f"object of a class derived from {self.base.__name__}, but is "
                f"{identifier!r}."
            )
        name, arguments = self.check(identifier)
        parameters = self.arguments(name)
        given = {key: value for key, value in given.items() if key in parameters}
        for key, one in parameters.items():
            if one.default is one.empty and key not in given and key not in arguments:
                raise ValueError(
                    f"The {self.kind} {name!r} needs {key}: write {name}:{key}=..."
                )
        try:
            return self.make(self.part(name))(**{**given, **arguments})
        except TypeError as error:
            raise ValueError(
                f"The {self.kind} {name!r} cannot be made: {error}."
            ) from error


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


def _has_name(cls: type) -> bool:
    return cls.__dict__.get("part_name", "") is not None


def part_text(part: Any) -> str:
    """Writes a part as text.

    Args:
        part: An object with a `get_config`.

    Returns:
        Its name, and the numbers, words and parts among its arguments that are not its
        defaults, without seed and size.

    Example:
        >>> part_text(IndependentNormal(3, scale="shared"))
        'normal:scale=shared'
    """
    config = part.get_config()
    arguments = {}
    for key, one in constructor_arguments(type(part)).items():
        value = config.get(key)
        if isinstance(value, dict) and "class_name" in value and one.default is not None:
            # A part that was written in text.
            value = part_text(getattr(part, key))
        if key in ("seed", "event_size", "dtype") or value == one.default:
            continue
        if isinstance(value, bool | int | float | str):
            arguments[key] = value
    return written(part_name(type(part)), arguments)


def registered(base: type[Any]) -> Iterable[type]:
    """Finds all classes below a base that Keras can make again.

    Args:
        base: The base class.

    Yields:
        The classes.
    """
    for one in base.__subclasses__():
        if keras.saving.get_registered_object(keras.saving.get_registered_name(one)) is one:
            yield one
        yield from registered(one)
