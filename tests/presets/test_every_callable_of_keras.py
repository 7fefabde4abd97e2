"""Whatever of Keras a config names: it is refused, or building the network does no harm."""

import contextlib
import functools
import json
import sys
from types import ModuleType

import keras
import pytest

from keras_vae.presets.kinds import classes, functions
from keras_vae.presets.screen import screen

# What Python reports when code touches the world.
_WORLD = ("os.", "shutil.", "socket.", "subprocess.", "webbrowser.", "exec", "open")
_watching, _seen = False, []


def _audit(event, arguments):
    if _watching and event.startswith(_WORLD):
        # Keras may look for its own files, and Python for its modules.
        if event == "open" and str(arguments[1]) in ("r", "rb", "None"):
            return
        if event in ("exec", "os.listdir", "os.scandir"):
            return
        _seen.append((event, arguments))


sys.addaudithook(_audit)


@contextlib.contextmanager
def harmless():
    """Fails if the block writes, runs or reaches anything, or alters a setting."""
    global _watching
    before = settings()
    _seen.clear()
    _watching = True
    try:
        yield
    finally:
        _watching = False
    assert not _seen
    assert settings() == before


def settings():
    return (
        keras.config.epsilon(),
        keras.config.floatx(),
        keras.config.image_data_format(),
        keras.config.is_traceback_filtering_enabled(),
        keras.config.is_interactive_logging_enabled(),
        keras.config.is_flash_attention_enabled(),
        keras.config.max_epochs(),
        keras.config.dtype_policy().name,
        keras.saving.get_registered_object("keras_vae>VAE"),
    )


@functools.cache
def callables():
    """(module, name) of all that Keras lets its users call, and where it is defined."""
    found, todo, seen = set(), [keras], set()
    while todo:
        module = todo.pop()
        seen.add(module)
        for name, value in vars(module).items():
            if isinstance(value, ModuleType):
                inside = value.__name__.startswith("keras.")
                if inside and value not in seen and ".src" not in value.__name__:
                    todo.append(value)
            elif callable(value) and not name.startswith("_"):
                found.add((module.__name__, name))
                if hasattr(value, "__name__"):
                    found.add((str(value.__module__), value.__name__))
    return sorted(found)


def tensor(shape=(None, 4)):
    history = ["input", 0, 0]
    config = {"shape": list(shape), "dtype": "float32", "keras_history": history}
    return {"class_name": "__keras_tensor__", "config": config}


def network(*layers, output="input"):
    """A Functional network of an input and other layers."""
    start = {
        "module": "keras.layers",
        "class_name": "InputLayer",
        "config": {"batch_shape": [None, 4], "dtype": "float32", "name": "input"},
        "registered_name": None,
        "name": "input",
        "inbound_nodes": [],
    }
    return {
        "module": "keras.src.models.functional",
        "class_name": "Functional",
        "config": {
            "name": "network",
            "trainable": True,
            "layers": [start, *layers],
            "input_layers": [["input", 0, 0]],
            "output_layers": [[output, 0, 0]],
        },
        "registered_name": "Functional",
    }


def dense(**config):
    node = {"args": [tensor()], "kwargs": {}}
    config = {"units": 2, "name": "dense", **config}
    return {
        **thing("keras.layers", "Dense", config),
        "name": "dense",
        "inbound_nodes": [node],
    }


def thing(module, name, config=None):
    return {
        "module": module,
        "class_name": name,
        "config": config or {},
        "registered_name": None,
    }


def function(module, name):
    return {**thing(module, "function", name), "registered_name": "function"}


def as_layer(module, name):
    node = {"args": [tensor()], "kwargs": {}}
    config = {"name": "it"}
    return network({**thing(module, name, config), "name": "it", "inbound_nodes": [node]})


def as_a_value(module, name):
    node = {"args": [tensor(), function(module, name)], "kwargs": {}}
    add = thing("keras.src.ops.numpy", "Add", {"name": "add"})
    return network({**add, "name": "add", "inbound_nodes": [node]})


def as_an_object_among_values(module, name):
    node = {"args": [tensor(), thing(module, name)], "kwargs": {}}
    add = thing("keras.src.ops.numpy", "Add", {"name": "add"})
    return network({**add, "name": "add", "inbound_nodes": [node]})


def as_a_branch(module, name):
    """As an audit had it: a node off the network's path, whose branch is called."""
    branch = function(module, name)
    node = {"args": [tensor((None,)), [branch, branch]], "kwargs": {}}
    switch = thing("keras.src.ops.core", "Switch", {"name": "switch"})
    return network({**switch, "name": "switch", "inbound_nodes": [node]})


def as_argument(key, wrap):
    return lambda module, name: network(dense(**{key: wrap(module, name)}), output="dense")


WORDS = {
    "an object": thing,
    "a function": function,
    "its path": lambda module, name: f"{module}.{name}",
    "its name": lambda module, name: name,
}
KEYS = ("activation", "initializer", "regularizer", "constraint", "dtype", "quantization")
PLACES = {
    "a layer": as_layer,
    "a branch": as_a_branch,
    "a value": as_a_value,
    "an object among values": as_an_object_among_values,
    **{
        f"{words} for {key}": as_argument(
            {"quantization": "quantization_config"}.get(key, key)
            if key in ("activation", "dtype", "quantization")
            else f"kernel_{key}",
            wrap,
        )
        for key in KEYS
        for words, wrap in WORDS.items()
        # Keras looks up texts in one and the same way everywhere but in activations.
        if "its" not in words or key in ("activation", "initializer")
    },
}
# Where nothing at all of Keras may be named.
REFUSING = ["a branch", "a value", "an object among values"]
REFUSING += [f"a function for {key}" for key in KEYS if key != "activation"]


def test_keras_has_callables():
    assert len(callables()) > 2000
    assert ("keras.visualization", "plot_image_gallery") in callables()
    assert ("keras.src.ops.core", "switch") in callables()


@pytest.mark.thinned
@pytest.mark.parametrize("place", PLACES)
def test_what_is_named_is_refused_or_harmless(place):
    passed, met = 0, set()
    for module, name in callables():
        config = PLACES[place](module, name)
        # Many have several homes, of which a text may say nothing.
        if (text := json.dumps(config)) in met:
            continue
        met.add(text)
        with harmless():
            try:
                screen(config)
            except ValueError:
                continue
            passed += 1
            # Arguments that are missing raise whatever the class raises.
            with contextlib.suppress(Exception):
                keras.saving.deserialize_keras_object(config)(keras.ops.ones((2, 4)))
    assert (passed == 0) == (place in REFUSING)


def test_without_the_screen_it_does_harm():
    config = as_a_branch("keras.config", "disable_traceback_filtering")
    keras.config.enable_traceback_filtering()
    with pytest.raises(AssertionError), harmless(), contextlib.suppress(Exception):
        keras.saving.deserialize_keras_object(config)
    assert not keras.config.is_traceback_filtering_enabled()
    keras.config.enable_traceback_filtering()


def test_what_may_be_named_is_a_small_part():
    allowed = {*classes(), *functions()}
    public = set(callables())
    assert len(allowed & public) < len(public) / 3
    for module in ("keras.visualization", "keras.config", "keras.utils", "keras.saving"):
        assert not [name for home, name in allowed if home == module]
