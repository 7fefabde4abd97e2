"""What stands above the models knows their waist, and none of their parts (see DESIGN.md)."""

import ast
from pathlib import Path

import pytest

import keras_vae

PACKAGE = Path(keras_vae.__file__).parent
# Here everything goes through the waist: nothing has an attribute of such a name.
ROOMS = ("generation", "evaluation", "plots", "presets", "export", "explore")
# Here recipes have posteriors and data have likelihoods, too: models must not be asked.
WITH_RECIPES = ("training", "cli")
PARTS = {"prior", "encoder", "decoder", "posterior", "likelihood", "discriminator"}
# What holds a model.
MODELS = {"model", "vae", "source", "target", "background"}
# The one class that annotations name.
BASE = "LatentVariableModel"
# Whose classes are those of models and of their parts.
FLOORS_OF_PARTS = {"models", "layers", "priors", "objectives"}
ASKING = {"isinstance", "issubclass", "type"}


def sources(rooms):
    """Path of every source file of these rooms."""
    return [path for room in rooms for path in sorted((PACKAGE / room).rglob("*.py"))]


def name_of(path):
    """Path within the package."""
    return str(path.relative_to(PACKAGE))


def parts_touched(tree):
    """Attribute accesses and `getattr`s of parts: pairs of what is asked and the part."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in PARTS:
            yield ast.unparse(node.value), node.attr
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "getattr":
            owner, name = node.args[:2]
            if isinstance(name, ast.Constant) and name.value in PARTS:
                yield ast.unparse(owner), name.value


def is_model(owner):
    """Whether an expression looks like a model: `model`, `self.model`, `VAE.load(...)`."""
    name = owner.split("(")[0].split(".")
    return name[-1] in MODELS or (name[0].endswith("VAE") and len(name) > 1)


def annotations(tree):
    """Nodes of all annotations."""
    for node in ast.walk(tree):
        for field in ("annotation", "returns"):
            if getattr(node, field, None) is not None:
                yield from ast.walk(getattr(node, field))


def classes_imported(tree):
    """Names of classes of models and their parts that a file imports."""
    return {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        and node.module
        and (*node.module.split("."), "")[1] in FLOORS_OF_PARTS
        for alias in node.names
        if alias.name[0].isupper()
    }


def models_imported(tree):
    """What a file imports from `keras_vae.models`; its whole modules are "models"."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ("models" for one in node.names if "keras_vae.models" in one.name)
        if isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if module.startswith("keras_vae.models"):
                yield from (alias.name for alias in node.names)
            elif module == "keras_vae":
                yield from ("models" for one in node.names if one.name == "models")


def used_for_more_than_annotations(tree):
    """Lines where the base of models is named outside of annotations."""
    allowed = {id(node) for node in annotations(tree)}
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and node.id == BASE and id(node) not in allowed
    ]


def classes_asked_for(tree):
    """Names of classes of models and parts by which a file decides what to do."""
    classes = classes_imported(tree)
    return {
        ast.unparse(name)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ASKING
        for argument in node.args[1:]
        for name in ast.walk(argument)
        if (isinstance(name, ast.Name) and name.id in classes)
        or (isinstance(name, ast.Attribute) and ast.unparse(name.value) in FLOORS_OF_PARTS)
    }


def read(path):
    return ast.parse(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", sources(ROOMS), ids=name_of)
def test_rooms_go_through_the_waist(path):
    tree = read(path)
    assert list(parts_touched(tree)) == []
    assert set(models_imported(tree)) <= {BASE}
    assert used_for_more_than_annotations(tree) == []
    assert classes_asked_for(tree) == set()


@pytest.mark.parametrize("path", sources(WITH_RECIPES), ids=name_of)
def test_training_and_commands_ask_no_model_for_its_parts(path):
    tree = read(path)
    assert [pair for pair in parts_touched(tree) if is_model(pair[0])] == []
    assert classes_asked_for(tree) == set()


@pytest.mark.parametrize(
    "code, found",
    [
        ("model.prior.sample(3)", [("model", "prior")]),
        ("self.model.likelihood", [("self.model", "likelihood")]),
        ("getattr(vae, 'encoder', None)", [("vae", "encoder")]),
        ("VAE.from_preset(run).decoder", [("VAE.from_preset(run)", "decoder")]),
    ],
)
def test_parts_are_found(code, found):
    assert list(parts_touched(ast.parse(code))) == found
    assert is_model(found[0][0])


@pytest.mark.parametrize("owner", ["recipe", "data", "self", "options(model)", "VAE"])
def test_recipes_are_no_models(owner):
    assert not is_model(owner)


@pytest.mark.parametrize(
    "code, imported",
    [
        ("from keras_vae.models import VAE, LatentVariableModel", {"VAE", BASE}),
        ("from keras_vae.models.vae_gan import VAEGAN", {"VAEGAN"}),
        ("import keras_vae.models.vae", {"models"}),
        ("def f():\n    from keras_vae import models", {"models"}),
        ("from keras_vae import layers", set()),
    ],
)
def test_models_that_are_imported_are_found(code, imported):
    assert set(models_imported(ast.parse(code))) == imported


@pytest.mark.parametrize(
    "code, lines",
    [
        (f"def f(model: {BASE}) -> {BASE} | None:\n    x: {BASE} = model", []),
        (f"def f(model):\n    return isinstance(model, {BASE})", [2]),
        (f"model = {BASE}.from_preset('x')", [1]),
    ],
)
def test_uses_of_the_base_are_found(code, lines):
    assert used_for_more_than_annotations(ast.parse(code)) == lines


@pytest.mark.parametrize(
    "code, asked",
    [
        ("isinstance(q, Flow)", {"Flow"}),
        ("issubclass(type(q), (Flow, str))", {"Flow"}),
        ("isinstance(q, str)", set()),
        ("Flow(3)", set()),
    ],
)
def test_classes_that_are_asked_for_are_found(code, asked):
    tree = ast.parse(f"from keras_vae.layers import Flow\n{code}")
    assert classes_asked_for(tree) == asked
