"""A public name of keras_vae.evaluation that no test imports fails here."""

import ast
from pathlib import Path

from keras_vae import evaluation

TESTS = sorted(set(Path(__file__).parent.glob("test_*.py")) - {Path(__file__)})


def names_imported(path):
    """Names that a test imports from keras_vae.evaluation, and does use."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "keras_vae.evaluation"
        for alias in node.names
    }
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return imported & used


def test_every_public_name_is_tested():
    tested = set().union(*(names_imported(path) for path in TESTS))
    assert set(evaluation.__all__) - tested == set()


def test_every_public_name_is_described():
    for name in set(evaluation.__all__) - {"METRICS"}:
        assert getattr(evaluation, name).__doc__.strip()
