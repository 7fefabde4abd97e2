"""The house has floors: a module imports only from the floors below it (see DESIGN.md)."""

import ast
from pathlib import Path

import pytest

import keras_vae

PACKAGE = Path(keras_vae.__file__).parent

# From the ground up. Every module at the top of the package stands on one of them.
FLOORS = [
    ["version"],
    ["core"],
    ["data", "networks", "layers"],
    ["priors", "objectives"],
    ["export", "presets"],
    ["models"],
    ["generation", "evaluation", "plots"],
    ["explore", "training"],
    ["cli"],
    ["__main__"],
]
FLOOR_OF = {name: floor for floor, names in enumerate(FLOORS) for name in names}


def top_level_modules():
    """Names of the modules and folders of the package."""
    files = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__"}
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    return files | folders


def sources():
    """Path of every source file but the package's own __init__.py."""
    return sorted(set(PACKAGE.rglob("*.py")) - {PACKAGE / "__init__.py"})


def unit_of(path):
    """The top-level module that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def units_imported(tree):
    """Top-level modules of the package that a syntax tree imports, wherever in it.

    The package as a whole is returned as "keras_vae", a relative import as ".".
    """
    units = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level:
            names = ["keras_vae.."]
        elif isinstance(node, ast.ImportFrom) and node.module == "keras_vae":
            names = [f"keras_vae.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module]
        else:
            continue
        parts = [(*name.split("."), "keras_vae")[:3] for name in names]
        units |= {part[1] or "." for part in parts if part[0] == "keras_vae"}
    return units


def allowed(importer, imported):
    """Whether a unit may import another."""
    if imported == importer:
        return True
    if imported not in FLOOR_OF:
        return False
    upper, lower = FLOOR_OF[importer], FLOOR_OF[imported]
    return lower < upper


@pytest.mark.parametrize(
    "code, units",
    [
        ("import keras_vae", {"keras_vae"}),
        ("import keras_vae.data.own_data as f", {"data"}),
        ("from keras_vae import layers, models", {"layers", "models"}),
        ("def f():\n    from keras_vae.models.vae import VAE", {"models"}),
        ("from . import base", {"."}),
        ("from ..data import files", {"."}),
        ("import keras\nfrom tensorflow import data", set()),
    ],
)
def test_imports_are_read(code, units):
    assert units_imported(ast.parse(code)) == units


def test_every_module_stands_on_a_floor():
    assert top_level_modules() - set(FLOOR_OF) == set()


@pytest.mark.parametrize("path", sources(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_come_from_below(path):
    importer = unit_of(path)
    imported = units_imported(ast.parse(path.read_text(encoding="utf-8")))
    wrong = {one for one in imported if not allowed(importer, one)}
    assert not wrong, f"{importer} must not import {wrong}"


def test_the_rule_itself():
    assert allowed("models", "layers") and allowed("cli", "training")
    assert allowed("layers", "core") and allowed("priors", "layers")
    for importer, imported in [
        ("core", "data"),
        ("data", "networks"),
        ("data", "models"),
        ("data", "layers"),
        ("layers", "priors"),
        ("priors", "objectives"),
        ("layers", "data"),
        ("models", "plots"),
        ("export", "plots"),
        ("models", "keras_vae"),
        ("layers", "."),
        ("cli", "nowhere"),
    ]:
        assert not allowed(importer, imported), (importer, imported)
