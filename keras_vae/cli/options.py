"""Arguments and options that several commands have."""

from __future__ import annotations

import os
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from keras_vae.presets.lookup import preset_folders


class _UserPath(click.Path):
    """A path, in which ~ is the home folder: shells leave it in --output=~/runs/a."""

    def convert(self, value, param, ctx):
        """Reads it."""
        return super().convert(os.path.expanduser(value), param, ctx)


PATH = _UserPath(path_type=Path)


def complete_run(context, parameter, incomplete: str) -> list[CompletionItem]:
    """Completes folders and names of presets."""
    names = [name for name in preset_folders() if name.startswith(incomplete)]
    return [CompletionItem(incomplete, type="dir"), *map(CompletionItem, names)]


# A folder of `keras-vae train`, or the name of a preset.
run_argument = click.argument("run", type=PATH, shell_complete=complete_run)
data_option = click.option(
    "--data", help="Name of a data set, or a path  [default: the data of the run]"
)
seed_option = click.option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Seed of all random draws.",
)


def split_option(default: str | None):
    """The option `--split`.

    Args:
        default: The split if none is given; None takes "test" of the data of the run, and
            all of other data: see `cli.opening.usual_split`.

    Returns:
        A decorator of a command.

    Example:
        >>> @split_option("test")
        ... def command(split): ...
    """
    return click.option(
        "--split",
        type=click.Choice(["train", "validation", "test", "all"]),
        default=default,
        show_default=default or "test; of other data than the run's, all",
        help="Part of the data; 'all' keeps the order of your data.",
    )


def output_option(default: str, help: str):
    """The option `--output` of a command that always writes a file.

    Args:
        default: The file if none is given.
        help: What the file may be.

    Returns:
        A decorator of a command.

    Example:
        >>> @output_option("page.html", "The page: .html.")
        ... def command(output): ...
    """
    return click.option(
        "--output", type=PATH, default=default, show_default=True, help=help
    )
