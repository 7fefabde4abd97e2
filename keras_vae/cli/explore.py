"""The command that writes a page to explore a model."""

from __future__ import annotations

from typing import Any

import click

from keras_vae.cli.opening import open_run
from keras_vae.cli.options import data_option, output_option, run_argument, split_option
from keras_vae.cli.package import PackageCommand


@click.command(cls=PackageCommand)
@run_argument
@data_option
@split_option("train")
@click.option(
    "--no-data",
    is_flag=True,
    help="Make the page from the model alone, without points and examples.",
)
@click.option(
    "--count",
    type=click.IntRange(2),
    default=2000,
    show_default=True,
    help="Maximum number of points on the map, which are codes of examples.",
)
@click.option(
    "--examples",
    type=click.IntRange(0),
    default=12,
    show_default=True,
    help="Number of examples on the page; 0 for data that may not be published.",
)
@output_option("page.html", "The page: .html.")
def explore(run, data, split, no_data, count, examples, output):
    """Write an HTML page to explore the model: sliders, a map and a pad to draw on.

    The page contains the model and runs it in the browser, without a server or a network.
    """
    from keras_vae.explore import write_page
    from keras_vae.models import LatentVariableModel

    if output.suffix.lower() not in (".html", ".htm"):
        raise click.UsageError(f"--output must end in .html, but is {output}.")
    if no_data and data:
        raise click.UsageError("Give --data or --no-data, not both.")
    given: dict[str, Any] = {}
    if no_data:
        model = LatentVariableModel.from_preset(run)
    else:
        model, data_set = open_run(run, data, split)
        given = _some_of(model, data_set, split, count, examples)
    lacking = write_page(model, output, title=run.name, **given)
    for line in lacking:
        click.echo(line, err=True)
    shown = min(examples, len(given["x"])) if given else 0
    held = f", with {shown} examples of the data" if shown else ""
    click.echo(f"wrote {output}: {output.stat().st_size / 1e6:.1f} MB{held}")


def _some_of(model, data_set, split: str, count: int, examples: int) -> dict[str, Any]:
    """A random part of a data set, with its labels and its description."""
    import numpy as np

    from keras_vae.data.conditions import labels_of
    from keras_vae.training.splits import split_for

    x, y = split_for(model, data_set, split)
    rows = np.random.default_rng(0).permutation(len(x))[:count]
    labels = {}
    if data_set.split(split)[1] is not None:
        table = labels_of(data_set, split).iloc[rows]
        labels = {str(name): table[name].to_numpy() for name in table.columns}
    kind = {"all": "", "train": "training "}.get(split, f"{split} ")
    return {
        "x": x[rows],
        "y": None if y is None else y[rows],
        "labels": labels,
        "of": f"{kind}examples of {data_set.name}",
        "notes": [f"Data: {data_set.name}; licence: {data_set.licence}"],
        "examples": examples,
    }
