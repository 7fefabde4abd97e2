"""Checks the names in untrusted configs before Keras reads them."""

from __future__ import annotations

import re
from typing import Any

import keras

from keras_vae.presets.kinds import classes, functions

# Values that JSON cannot express. Keras builds no object of a named class from these.
_VALUES = {
    "__bytes__",
    "__ellipsis__",
    "__keras_tensor__",
    "__numpy__",
    "__slice__",
    "__tensor__",
}
_NUMBERS = re.compile(r"(bool|u?int|b?float|complex)\d{0,3}\Z")

# A place says which kind may be named there: one kind, or one of the following.
_ANYTHING = "anything"  # In the config of a registered class, whose arguments are unknown.
_NOTHING = "nothing"  # Among the values that a layer is called with, for instance.
_MEMBER = "member"  # In the list of a network's layers.

_ALLOWED = {
    _ANYTHING: {"layer", "initializer", "regularizer", "constraint", "dtype"}
    | {"quantization", "activation"},
    _MEMBER: {"layer", "operation"},
    # Layers such as LeakyReLU are given as activations.
    "activation": {"layer", "activation"},
}


def screen(config: Any, place: str = _ANYTHING) -> None:
    """Refuses a config that names anything but the parts of a network.

    A config may name the classes of Keras that a network needs, the activations of Keras,
    and classes that the program has registered with
    `keras.saving.register_keras_serializable`. Each must be in a place of its kind: an
    initializer as an initializer and so on. Among the values that a layer or an operation
    is called with, nothing may be named.

    Args:
        config: A config as JSON holds it; every level is checked.
        place: The kind that may be named at this level.

    Raises:
        ValueError: If it names anything else.

    Example:
        >>> screen(plain_config(keras.saving.serialize_keras_object(vae)))
        >>> screen({"class_name": "eval", "module": "builtins", "config": {}})
        Traceback (most recent call last):
        ValueError: ...
    """
    if isinstance(config, list | tuple):
        for value in config:
            screen(value, place)
    elif isinstance(config, dict) and "class_name" in config:
        _screen_object(config, place)
    elif isinstance(config, dict):
        for key, value in config.items():
            screen(value, _place_of(key, place))
    elif place == _NOTHING and _registered(config) is not None:
        # Keras turns a text into the object that is registered under it.
        raise ValueError(f"it names {config!r} among values, where nothing may be named")


def _place_of(key: str, around: str) -> str:
    """Returns the kind that may be named in an entry of a config."""
    if around == _NOTHING:
        return around
    if key == "layers":
        return _MEMBER
    for kind in ("activation", "constraint", "initializer", "regularizer"):
        if key.endswith(kind):
            return kind
    return {"dtype": "dtype", "quantization_config": "quantization"}.get(key, around)


def _screen_object(config: dict[str, Any], place: str) -> None:
    if config.get("compile_config"):
        raise ValueError("it says how to compile a network; presets hold none of that")
    if config["class_name"] in _VALUES:
        _screen_value(config)
        inside = _NOTHING
    elif config["class_name"] == "function":
        return _screen_function(config, place)
    else:
        inside = _screen_class(config, place)
    for key, value in config.items():
        if key == "config":
            screen(value, inside)
        elif not isinstance(value, str):
            screen(value, _NOTHING)
    for node in config.get("inbound_nodes") or ():
        # Without a symbolic tensor, Keras would compute at once instead of building.
        if not isinstance(node, dict) or not _has_tensor(node):
            raise ValueError(f"it calls a {config['class_name']} without an input")


def _screen_value(config: dict[str, Any]) -> None:
    dtype = (config.get("config") or {}).get("dtype")
    # One element of a text dtype may take gigabytes.
    if dtype is not None and not _NUMBERS.match(str(dtype)):
        raise ValueError(f"it has a value of the dtype {dtype!r}")


def _has_tensor(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(map(_has_tensor, value))
    if not isinstance(value, dict):
        return False
    is_one = value.get("class_name") == "__keras_tensor__"
    return is_one or any(map(_has_tensor, value.values()))


def _screen_function(config: dict[str, Any], place: str) -> None:
    name, module = config.get("config"), config.get("module")
    if _registered(name) is None and (module, name) not in functions():
        raise _refusal(config, place)
    if "activation" not in _ALLOWED.get(place, {place}):
        raise _refusal(config, place)


def _screen_class(config: dict[str, Any], place: str) -> str:
    """Refuses an object, or returns the place of its config."""
    registered = _registered(config.get("registered_name", config["class_name"]))
    if registered is not None:
        # A function is not a class, and would replace an object.
        if place == _NOTHING or not isinstance(registered, type):
            raise _refusal(config, place)
        return _ANYTHING
    kind = classes().get((str(config.get("module")), str(config["class_name"])))
    if kind is None or kind not in _ALLOWED.get(place, {place}):
        raise _refusal(config, place)
    return _NOTHING if kind == "operation" else kind


def _refusal(config: dict[str, Any], place: str) -> ValueError:
    name, module = config["class_name"], config.get("module")
    if name == "function":
        name = config.get("config")
    where = {
        _NOTHING: "where nothing may be named",
        _ANYTHING: "which no preset may name",
        _MEMBER: "as a layer of a network",
    }.get(place, f"as its {place}")
    return ValueError(
        f"it names {module}.{name} {where}. A preset may name layers, activations, "
        "initializers and the like of Keras, each in its place, and what the program has "
        "registered (keras.saving.register_keras_serializable; keras-vae --import FILE)"
    )


def _registered(name: Any) -> Any:
    return keras.saving.get_registered_object(name) if isinstance(name, str) else None
