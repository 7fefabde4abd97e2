"""What needs no model starts at once: without TensorFlow, Keras or NumPy."""

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

import keras_vae
from keras_vae.cli import package
from keras_vae.cli.main import commands

REPOSITORY = Path(keras_vae.__file__).parents[1]
PRESET = "dense_vae_digits"

# The launcher, and at the end which packages were imported for it.
LAUNCH = """
import sys
before = set(sys.modules)
def told():
    new = {name.partition(".")[0] for name in set(sys.modules) - before}
    print("imported:", *sorted(new - sys.stdlib_module_names), file=sys.stderr)
from keras_vae_command import main
try:
    main()
finally:
    told()
"""


def launch(*arguments, code=LAUNCH, **environment):
    """Runs the command in a process of its own: the result, and what was imported."""
    result = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), **environment},
        timeout=120,
    )
    *_, last = [""] + result.stderr.splitlines()
    return result, set(last.removeprefix("imported:").split())


def subcommands(group=commands, words=()):
    """Each subcommand and its words, those of groups too."""
    for name, command in group.commands.items():
        yield [*words, name], command
        if isinstance(command, click.Group):
            yield from subcommands(command, [*words, name])


# Subcommands that do without the package. The help of `evaluate` lists its metrics.
LIGHT = {"zoo", "zoo list", "zoo show", "zoo verify"}
LATE_HELP = {"evaluate"}
SUBCOMMANDS = {" ".join(words): command for words, command in subcommands()}


@pytest.mark.parametrize(
    "arguments, code, words",
    [
        (["--help"], 0, "Commands:"),
        (["--version"], 0, f"keras-vae, version {keras_vae.__version__}"),
        ([], 2, "Commands:"),
        (["zoo", "list"], 0, PRESET),
        (["zoo", "show", PRESET], 0, "## Scores"),
        (["zoo", "verify", PRESET], 0, "files are undamaged"),
        (["trian"], 2, "Did you mean 'train'?"),
        (["zoo", "lst"], 2, "Did you mean 'list'?"),
        (["train", "--lerning-rate", "1"], 2, "No such option"),
        (["train", "--epoch", "1"], 2, "'--epochs'"),
        (["info"], 2, "Missing argument 'RUN'"),
        (["sample", PRESET, "--count", "0"], 2, "'--count'"),
        *(
            ([*name.split(), "--help"], 0, "Usage:")
            for name in SUBCOMMANDS
            if name not in LATE_HELP
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_nothing_heavy_is_imported_for(arguments, code, words):
    result, imported = launch(*arguments)
    assert result.returncode == code, result.stderr
    assert words in result.stdout + result.stderr
    assert imported == {"click", "keras_vae", "keras_vae_command"}


@pytest.mark.parametrize(
    "line, completions",
    [
        ("keras-vae tr", ["plain,train"]),
        ("keras-vae zoo l", ["plain,list"]),
        ("keras-vae train --ep", ["plain,--epochs"]),
        ("keras-vae evaluate --met", ["plain,--metrics"]),
        ("keras-vae sample dense_vae_d", ["dir,dense_vae_d", f"plain,{PRESET}"]),
        ("keras-vae serve dense_vae_d", ["dir,dense_vae_d", f"plain,{PRESET}"]),
        ("keras-vae zoo show dense_vae_d", ["dir,dense_vae_d", f"plain,{PRESET}"]),
    ],
)
def test_completion(line, completions):
    variables = {
        "_KERAS_VAE_COMPLETE": "bash_complete",
        "COMP_WORDS": line,
        "COMP_CWORD": str(line.count(" ")),
    }
    result, imported = launch(**variables)
    assert result.stdout.split() == completions
    assert imported == {"click", "keras_vae", "keras_vae_command"}


def test_the_readme_turns_completion_on():
    script, imported = launch(_KERAS_VAE_COMPLETE="bash_source")
    assert "_KERAS_VAE_COMPLETE=bash_complete" in script.stdout
    assert "tensorflow" not in imported
    readme = (REPOSITORY / "README.md").read_text()
    assert 'eval "$(_KERAS_VAE_COMPLETE=bash_source keras-vae)"' in readme


def test_every_module_of_the_command_imports_what_is_light():
    names = sorted(path.stem for path in (REPOSITORY / "keras_vae/cli").glob("*.py"))
    imports = f"import importlib\nfor name in {names}:\n    importlib.import_module("
    code = LAUNCH.replace("    main()\n", "").replace(
        "try:\n",
        "import importlib.util\n"
        "spec = importlib.util.find_spec('keras_vae')\n"
        "sys.modules['keras_vae'] = importlib.util.module_from_spec(spec)\n"
        f"{imports}f'keras_vae.cli.{{name}}')\n"
        "try:\n    pass\n",
    )
    result, imported = launch(code=code)
    assert result.returncode == 0, result.stderr
    assert imported == {"click", "keras_vae", "keras_vae_command"}


@pytest.mark.parametrize("name", SUBCOMMANDS)
def test_subcommands_import_the_package_before_they_run(name):
    assert isinstance(SUBCOMMANDS[name], package.PackageCommand) == (name not in LIGHT)


def test_the_package_is_executed_once(monkeypatch):
    before = dict(vars(keras_vae))
    package.import_package()
    assert vars(keras_vae) == before


@pytest.mark.slow
def test_a_folder_of_the_packages_name_does_not_hide_it(tmp_path):
    # As the clone beside a user's script. -c and -m look into the working directory first.
    (tmp_path / "keras_vae" / "docs").mkdir(parents=True)
    code = f"import os; os.chdir({str(tmp_path)!r})\n{LAUNCH}"
    result, _ = launch("--version", code=code)
    assert result.stdout.startswith("keras-vae, version")
    module = subprocess.run(
        [sys.executable, "-m", "keras_vae", "trian"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert module.returncode == 2 and "Did you mean 'train'?" in module.stderr
