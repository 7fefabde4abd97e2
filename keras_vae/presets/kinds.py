"""The classes and functions of Keras that a config may name, by kind, from Keras itself."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterator
from typing import Any

import keras

# Kind -> its base classes, and the packages inside Keras that define it.
_KINDS: dict[str, tuple[tuple[type, ...], tuple[str, ...]]] = {
    "layer": ((keras.Layer,), ("layers", "models", "applications")),
    "operation": ((keras.Operation,), ("ops", "activations")),
    "initializer": ((keras.Initializer,), ("initializers",)),
    "regularizer": ((keras.Regularizer,), ("regularizers",)),
    "constraint": ((keras.constraints.Constraint,), ("constraints",)),
    "dtype": ((keras.DTypePolicy,), ("dtype_policies",)),
    "quantization": (
        # The oldest supported Keras has no class for these configs.
        (keras.Quantizer, getattr(keras.quantizers, "QuantizationConfig", keras.Quantizer)),
        ("quantizers",),
    ),
}

# The public modules of Keras for names that it defines inside.
_PUBLIC = (
    keras,
    keras.layers,
    keras.models,
    keras.initializers,
    keras.regularizers,
    keras.constraints,
    keras.dtype_policies,
    keras.quantizers,
)

# Arguments that take code, or the name of a file, of a module or of a data set.
_CODE = set(
    "body body_fun branches call_fn cond dataset f false_fn filepath fn fun func function "
    "init_fn module tokenizer true_fn vocabulary".split()
)


@functools.cache
def classes() -> dict[tuple[str, str], str]:
    """Lists the classes of Keras that a config may name.

    Layers and operations that carry code, or read a file that the config names, are not
    among them: `Lambda`, `TFSMLayer`, `StringLookup`, `Switch`, `Map` and the like, which
    are recognised by their arguments.

    Returns:
        (module, name) -> kind, for every name under which Keras writes the class.

    Example:
        >>> classes()["keras.layers", "Dense"], classes()["keras.src.ops.numpy", "Log1p"]
        ('layer', 'operation')
    """
    kinds = {cls: kind for kind in _KINDS for cls in _classes_of(kind)}
    named = {(cls.__module__, cls.__name__): kind for cls, kind in kinds.items()}
    for package in _PUBLIC:
        for name, value in vars(package).items():
            if isinstance(value, type) and value in kinds:
                named[package.__name__, name] = kinds[value]
    return named


def _classes_of(kind: str) -> Iterator[type]:
    bases, packages = _KINDS[kind]
    homes = tuple(f"keras.src.{package}." for package in packages)
    for base in bases:
        for cls in _subclasses(base):
            if f"{cls.__module__}.".startswith(homes) and not _takes_code(cls):
                yield cls


def _subclasses(base: type[Any]) -> Iterator[type]:
    yield base
    for cls in base.__subclasses__():
        yield from _subclasses(cls)


def _takes_code(cls: type[Any]) -> bool:
    functions = [cls.__init__, getattr(cls, "call", None)]
    return any(_CODE & set(inspect.signature(f).parameters) for f in functions if f)


@functools.cache
def functions() -> frozenset[tuple[str, str]]:
    """Lists the functions of Keras that a config may name: its activations.

    Returns:
        (module, name); in configs, Keras also calls its own functions builtins.

    Example:
        >>> ("keras.activations", "relu") in functions()
        True
    """
    names = filter(_is_activation, vars(keras.activations))
    return frozenset(
        (module, n) for n in names for module in ("keras.activations", "builtins")
    )


def _is_activation(name: str) -> bool:
    try:
        return keras.activations.get(name) is getattr(keras.activations, name)
    except ValueError:
        return False
