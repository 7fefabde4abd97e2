"""Runs the examples in the docstrings of the package."""

import ast
import builtins
import doctest
import importlib
import inspect
from pathlib import Path

import keras
import pytest
import tensorflow as tf
from docstring_objects import FILES, OBJECTS, OBJECTS_OF

import keras_vae
from keras_vae.training import closing, hardware

PACKAGE = Path(keras_vae.__file__).parent
# What is too much for a test, and why.
NOT_RUN = {
    "keras_vae.training.run.train": "trains for minutes",
    "keras_vae.presets.hub.download": "needs the network",
    "keras_vae.presets.kaggle.download_from_kaggle": "needs the network",
    "keras_vae.data.streaming.prepared.prepare": "needs the network",
    "keras_vae.presets.hub.upload": "needs the network",
}
# Of these examples, the package without which they are skipped: it is no requirement.
NEEDS = {
    "keras_vae.export.writing.write": "tf2onnx",
    "keras_vae.data.sounds.decode_sounds": "soundfile",
}
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
PARSER = doctest.DocTestParser()


def module_name(path):
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def docstrings(node, name):
    """The docstring of a node of a syntax tree and of all below, with names and lines."""
    kinds = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    if isinstance(node, kinds) and (text := ast.get_docstring(node)):
        yield name, text, node.body[0].lineno - 1
    for child in ast.iter_child_nodes(node):
        inner = isinstance(child, kinds)
        yield from docstrings(child, f"{name}.{child.name}" if inner else name)


def examples():
    """Every docstring with an example: the owner's name, its module, file, text, line."""
    for path in sorted(PACKAGE.rglob("*.py")):
        module = module_name(path)
        for owner, text, line in docstrings(ast.parse(path.read_text("utf-8")), module):
            if ">>>" in text or "Example:" in text.split("\n"):
                yield owner, module, path, text, line


EXAMPLES = {one[0]: one for one in examples()}


class Checker(doctest.OutputChecker):
    """Compares output only where the docstring shows some."""

    def check_output(self, want, got, optionflags):
        return not want or super().check_output(want, got, optionflags)


def names_in(text):
    """The names that the code of an example reads or sets."""
    code = "".join(one.source for one in PARSER.get_examples(text))
    return {node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)}


def names_made_in(text):
    """The names that the code of an example sets: variables, functions, arguments, imports."""
    code = "".join(one.source for one in PARSER.get_examples(text))
    for node in ast.walk(ast.parse(code)):
        match node:
            case ast.Name(id=name, ctx=ast.Store()):
                yield name
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.arg(arg=name):
                yield name
            case ast.alias(name=name, asname=other):
                yield other or name.partition(".")[0]


def known_in(module):
    """The names of a module, and what makes the objects that its examples find ready."""
    return vars(importlib.import_module(module)), {**OBJECTS, **OBJECTS_OF.get(module, {})}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty working directory, with no data or presets but the package's own."""
    # Nobody looks at the scores of the runs, which are too short to be worth compiling.
    monkeypatch.setattr(hardware, "use_xla", lambda *_: False)
    monkeypatch.setattr(closing, "_MOST_SAMPLES", 10)
    # What is shown of a few epochs holds of two.
    fit = keras.Model.fit

    def shorter(self, *arguments, epochs=1, **options):
        return fit(self, *arguments, epochs=min(epochs, 2), **options)

    monkeypatch.setattr(keras.Model, "fit", shorter)
    monkeypatch.chdir(tmp_path)
    for name in ("KERAS_VAE_DATA", "KERAS_VAE_ZOO"):
        monkeypatch.delenv(name, raising=False)
    yield tmp_path
    tf.config.run_functions_eagerly(False)


@pytest.mark.thinned(every_case=True)
@pytest.mark.parametrize("owner", sorted(set(EXAMPLES) - set(NOT_RUN)))
def test_example_runs(owner, folder):
    _, module, path, text, line = EXAMPLES[owner]
    if owner in NEEDS:
        pytest.importorskip(NEEDS[owner])
    if module in FILES:
        FILES[module](folder)
    own, ready = known_in(module)
    made = {name: ready[name]() for name in names_in(text) & set(ready) - set(own)}
    # Graphs of training cost more than its few steps. (Long loops are better off in one.)
    tf.config.run_functions_eagerly(".fit(" in text)
    test = PARSER.get_doctest(text, {**own, **made}, owner, str(path), line)
    assert test.examples, "no line begins with >>>"
    said = []
    doctest.DocTestRunner(Checker(), False, FLAGS).run(test, out=said.append)
    assert not said, "".join(said)


def test_examples_know_their_names():
    # The examples themselves are slow; a name that is nowhere shows at once.
    unknown = {}
    for owner in sorted(set(EXAMPLES) - set(NOT_RUN)):
        _, module, _, text, _ = EXAMPLES[owner]
        own, ready = known_in(module)
        known = {*own, *ready, *dir(builtins), *names_made_in(text)}
        if names := names_in(text) - known:
            unknown[owner] = sorted(names)
    assert not unknown


def test_what_is_not_run_exists():
    assert set(NOT_RUN) | set(NEEDS) <= set(EXAMPLES)


def public():
    """Every class and function in the `__all__` of a folder of the package."""
    for path in sorted(PACKAGE.rglob("__init__.py")):
        module = importlib.import_module(module_name(path))
        for name in getattr(module, "__all__", ()):
            one = getattr(module, name)
            if inspect.isclass(one) or inspect.isfunction(one):
                yield f"{one.__module__}.{one.__qualname__}"


def test_every_public_name_has_an_example():
    assert sorted(set(public()) - set(EXAMPLES)) == []
