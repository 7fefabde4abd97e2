"""Configs from strangers: what they name is looked at before Keras sees them."""

from __future__ import annotations

from typing import Any

import keras

# What carries code, or reads a file that the config names. Keras's safe mode refuses most
# of these as well; which ones depends on its version.
_REFUSED = {
    "__lambda__",
    "Lambda",
    "TFSMLayer",
    "TorchModuleWrapper",
    "FlaxLayer",
    "JaxLayer",
    "StringLookup",
    "IntegerLookup",
    "IndexLookup",
    "TextVectorization",
}


def screen(config: Any) -> None:
    """Refuses a config that names anything but objects of Keras and registered ones.

    Args:
        config: A config as JSON holds it; every level is looked at.

    Raises:
        ValueError: If an object in it is of another package, or carries code.

    Example:
        >>> screen(keras.saving.serialize_keras_object(vae))
    """
    if isinstance(config, list | tuple):
        for value in config:
            screen(value)
    if isinstance(config, dict):
        if "class_name" in config:
            _screen_object(config)
        for value in config.values():
            screen(value)


def _screen_object(config: dict[str, Any]) -> None:
    name, module = config["class_name"], config.get("module")
    if "." in str(name):
        raise ValueError(f"it names {name!r}, and a class has no dot in its name")
    if name in _REFUSED:
        raise ValueError(f"it has a {name}, which carries code or reads files")
    registered = config.get("registered_name")
    if name == "function":
        # A function is named in place of its config.
        registered, module = config.get("config"), "builtins"
    if registered and keras.saving.get_registered_object(registered) is not None:
        return
    if module is None or module == "keras" or str(module).startswith("keras."):
        return
    # Keras's own functions are called builtins in a config.
    if module == "builtins" and callable(getattr(keras.activations, str(registered), None)):
        return
    raise ValueError(
        f"it names {module}.{name}, which is neither of Keras nor registered with it "
        "(keras.saving.register_keras_serializable)"
    )
