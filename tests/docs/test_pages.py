"""Runs the code of the README and of the pages, and parses their command lines."""

import ast
import re
import shlex
from pathlib import Path

import click
import pytest
from docstring_objects import OBJECTS, data_set

import keras_vae
from keras_vae.cli.main import commands

REPOSITORY = Path(keras_vae.__file__).parents[1]
DOCS = REPOSITORY / "docs"
PAGES = [REPOSITORY / "README.md", *sorted(DOCS.glob("*.md"))]
# Pages whose command lines are parsed, too.
OF_FOLDERS = [
    *(REPOSITORY / one / "README.md" for one in ("benchmarks", "notebooks")),
    *sorted((REPOSITORY / "zoo").glob("*/README.md")),
]
FENCE = re.compile(
    r"(<!-- not run: .+ -->\n)?^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL
)


def blocks(page, language):
    """The blocks of a page in a language that are not marked as not run."""
    for mark, name, code in FENCE.findall(page.read_text("utf-8")):
        if name == language and not mark:
            yield code


def name_of(page):
    return page.stem


@pytest.mark.slow
@pytest.mark.parametrize(
    "page", [one for one in PAGES if [*blocks(one, "python")]], ids=name_of
)
def test_python_of_a_page_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("KERAS_VAE_DATA", raising=False)
    load = keras_vae.data.load
    monkeypatch.setattr(
        keras_vae.data,
        "load",
        lambda name: data_set() if str(name) == "mnist_5k" else load(name),
    )
    code = "\n".join(blocks(page, "python"))
    tree = ast.parse(code)
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    ready = {name: OBJECTS[name]() for name in used & set(OBJECTS)}
    exec(compile(tree, str(page), "exec"), {"__name__": "page", **ready})


def lines():
    """Every line of a page that runs the command, whole."""
    for page in (*PAGES, *OF_FOLDERS):
        for code in blocks(page, "bash"):
            for line in code.replace("\\\n", " ").splitlines():
                _, found, rest = line.partition("keras-vae ")
                if found and not line.startswith("docker"):
                    yield page.stem, shlex.split(rest, comments=True)


def parse(group, words):
    """Reads a subcommand's words as the command does, without running it."""
    name, *rest = words
    command = group.commands[name]
    if isinstance(command, click.Group):
        return parse(command, rest)
    return command.make_context(name, rest)


@pytest.mark.parametrize("page, words", lines(), ids=lambda one: None)
def test_command_lines_of_a_page_are_understood(page, words, tmp_path, monkeypatch):
    monkeypatch.chdir(REPOSITORY)
    if words[0] == "--import":
        words = words[2:]
    parse(commands, words if words[-1] != "..." else [*words[:-1], "recipe.json"])


def test_the_readme_is_short():
    assert len((REPOSITORY / "README.md").read_text().splitlines()) <= 150


def test_links_of_the_readme_lead_somewhere():
    text = (REPOSITORY / "README.md").read_text()
    links = re.findall(r'\]\(([^)#]+)|src="([^"]+)"', text)
    missing = [
        one
        for pair in links
        for one in pair
        if one and "://" not in one and not (REPOSITORY / one).exists()
    ]
    assert not missing


def test_every_page_is_in_the_navigation():
    site = (REPOSITORY / "mkdocs.yml").read_text()
    pages = {str(one.relative_to(DOCS)) for one in DOCS.rglob("*.md") if one.is_file()}
    ours = {one for one in pages if not re.match("zoo|notebooks|benchmarks", one)}
    assert not [one for one in ours if one not in site]


def test_the_reference_has_every_public_room():
    rooms = {
        one for one in keras_vae.__all__ if hasattr(getattr(keras_vae, one), "__path__")
    }
    pages = {one.stem for one in (DOCS / "reference").glob("*.md")}
    assert rooms <= pages


def test_the_reference_has_the_rooms_within_rooms():
    text = "".join(one.read_text() for one in (DOCS / "reference").glob("*.md"))
    named = set(re.findall(r"^::: (\S+)$", text, re.MULTILINE))
    assert named >= {
        f"keras_vae.{one}"
        for one in (
            *("data.tables", "explore", "export.local_server", "layers.bijectors"),
            *("models.LatentVariableModel", "models.hierarchical"),
            *("models.vector_quantized", "presets.hub.upload"),
        )
    }


def test_the_readme_names_every_command():
    text = (REPOSITORY / "README.md").read_text()
    assert not [
        one
        for one in commands.commands
        if f"`{one}`" not in text and f"keras-vae {one} " not in text
    ]


def test_floors_and_waist_are_the_same_on_both_pages():
    design, contributing = (
        (REPOSITORY / one).read_text() for one in ("docs/design.md", "CONTRIBUTING.md")
    )
    floors = [
        re.search(r"^    core  <.*\n.*cli$", one, re.M) for one in (design, contributing)
    ]
    assert floors[0] and floors[1] and floors[0][0] == floors[1][0]
    waist = [
        re.search(r"`encode`,(\s+`\w+`,)+\s+`\w+`", one) for one in (design, contributing)
    ]
    names = [re.findall(r"`(\w+)`", one[0]) for one in waist if one]
    assert len(names) == 2 and names[0] == names[1]


def options(group):
    """Every option of every subcommand."""
    for command in group.commands.values():
        if isinstance(command, click.Group):
            yield from options(command)
        yield from (one for one in command.params if isinstance(one, click.Option))


def test_options_that_messages_and_pages_name_exist():
    # (The last one is an option of the tests.)
    known = {"--help", "--version", "--every-case"}
    for one in (*options(commands), *commands.params):
        known |= {*one.opts, *one.secondary_opts}
    texts = {
        page: " ".join(
            re.findall(r"`(?!python )[^`\n]+`", FENCE.sub("", page.read_text("utf-8")))
        )
        for page in PAGES
    }
    for path in (REPOSITORY / "keras_vae").rglob("*.py"):
        texts[path] = path.read_text("utf-8")
    named = re.compile(r"(?<![\w-])--[a-z]+(?:-[a-z]+)*(?![\w-])")
    assert not [
        (path.name, one)
        for path, text in texts.items()
        for one in named.findall(text)
        if one not in known
    ]


def test_every_option_has_a_help():
    # A subclass may write its help when it is asked for.
    assert not [
        one.opts for one in options(commands) if type(one) is click.Option and not one.help
    ]


def test_no_help_begins_with_what_it_is_of():
    assert not [one.name for one in options(commands) if (one.help or "").startswith("Of ")]
