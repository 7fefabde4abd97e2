"""`keras-vae train`."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import click

from keras_vae.cli.interrupts import ctrl_c_is_an_interrupt
from keras_vae.cli.options import PATH
from keras_vae.cli.package import PackageCommand
from keras_vae.core.files import read_json
from keras_vae.training.recipe import Recipe

_NO_DATA = "The data are missing: give --data with the name of a data set or a path."


def recipe_options(command):
    """Gives a command an option for each field of a recipe except the model."""
    for field in reversed(dataclasses.fields(Recipe)):
        if field.metadata.get("hidden"):
            continue
        text = field.metadata["help"]
        if field.default is not None:
            text += f"  [default: {field.default}]"
        name = f"--{field.name.replace('_', '-')}"
        if "bool" in field.type:
            option = click.option(f"{name}/--no-{name[2:]}", default=None, help=text)
        else:
            option = click.option(name, type=_type(field), default=None, help=text)
        command = option(command)
    return command


def _type(field):
    if field.name == "image_size":
        return ImageSize()
    if field.name == "levels":
        return Levels()
    if "float" in field.type:
        return float
    return int if "int" in field.type else str


class Levels(click.ParamType):
    """Two whole numbers with a colon between them."""

    name = "low:high"

    def convert(self, value, param, ctx):
        """Reads them."""
        low, _, high = value.partition(":")
        try:
            return int(low), int(high)
        except ValueError:
            self.fail(f"must be LOW:HIGH, such as 0:16, but is {value!r}.", param, ctx)


class ImageSize(click.ParamType):
    """A whole number for squares, or height and width with an x between them."""

    name = "size"

    def convert(self, value, param, ctx):
        """Reads it."""
        height, x, width = value.partition("x")
        try:
            return int(height), int(width if x else height)
        except ValueError:
            self.fail(f"must be a size such as 64 or 48x64, but is {value!r}.", param, ctx)


@click.command(cls=PackageCommand)
@click.argument("model", required=False, metavar="[MODEL | RECIPE.json]")
@click.option("--output", type=PATH, help="Folder of the run  [default: runs/MODEL_DATA]")
@click.option("--resume", is_flag=True, help="Continue after the last finished epoch.")
@click.option("--overwrite", is_flag=True, help="Replace the run in the folder.")
@recipe_options
@click.option(
    "--column",
    "kinds",
    multiple=True,
    metavar="NAME=KIND",
    help="For tables: the kind of a column: real, positive, whole, count, category, "
    "ordinal, date or identifier. May be given several times.",
)
@click.option("--quiet", is_flag=True, help="Print only errors.")
@click.option("--verbose", is_flag=True, help="Print all logged values, as Keras does.")
@click.option(
    "--log",
    multiple=True,
    metavar="csv|tensorboard|mlflow|wandb",
    help="Log scores, and pictures where the logger shows them: csv and tensorboard into the "
    "run's folder, mlflow and wandb where these packages log. May be given several times.",
)
@click.option(
    "--log-images",
    type=click.IntRange(min=0),
    default=5,
    show_default=True,
    metavar="K",
    help="Log samples and reconstructions of images every K epochs and after the last one; "
    "0 logs none.",
)
def train(
    model, output, resume, overwrite, kinds, quiet, verbose, log, log_images, **values
):
    """Train MODEL on --data, or follow a recipe.

    MODEL is a name such as conv_vae, with arguments as in
    conv_vae:latent_dim=40,filters=32-64. `keras-vae parts models` lists all models;
    `keras-vae parts` also lists posteriors, priors, likelihoods and objectives. Options
    change single values of a recipe. --from-preset starts from a trained model; leave out
    MODEL then. The best model so far can be used after Ctrl-C, and --resume continues.
    """
    if resume and overwrite:
        raise click.UsageError("--resume and --overwrite exclude each other.")
    if quiet and verbose:
        raise click.UsageError("--quiet and --verbose exclude each other.")
    values = {name: value for name, value in values.items() if value is not None}
    if kinds or "columns" in values:
        values["columns"] = _columns(values.get("columns"), kinds)
    recipe = _recipe(model, output, resume, values)
    if output is None:
        title = Path(recipe.title).name
        output = Path("runs") / f"{title}_{Path(recipe.data).stem.replace(':', '_')}"
    from keras_vae import training

    try:
        with ctrl_c_is_an_interrupt():
            training.train(
                recipe,
                output,
                resume=resume,
                overwrite=overwrite,
                say=None if quiet else click.echo,
                verbose=verbose,
                log=log,
                log_images=log_images,
            )
    except KeyboardInterrupt:
        kept = (
            f"; {output} keeps the finished epochs. To continue: keras-vae train --resume "
            f"--output {output}"
            if (output / "metadata.json").exists()
            else " before the end of the first epoch; nothing was saved"
        )
        click.echo(f"\ninterrupted{kept}", err=True)
        sys.exit(130)


def _columns(path: str | None, kinds: tuple[str, ...]) -> dict:
    """Kinds of columns by name: those of a file, then those of options."""
    columns = {} if path is None else read_json(path)
    if not isinstance(columns, dict):
        raise click.UsageError(
            f"{path} must hold a JSON object of kinds by the names of columns, but does not."
        )
    for one in kinds:
        name, equals, kind = one.rpartition("=")
        if not equals:
            raise click.UsageError(
                f"--column must be NAME=KIND, such as age=count, but is {one!r}."
            )
        columns[name] = kind
    return columns


def _recipe(model, output, resume, values) -> Recipe:
    """Makes a recipe from a file or a model's name, and options."""
    if model is not None and not model.endswith(".json"):
        if "data" in values:
            return Recipe(model=model, **values)
        if not resume or output is None:
            raise click.UsageError(_NO_DATA)
        values["model"] = model
    elif model is not None:
        return dataclasses.replace(Recipe.from_json(model), **values)
    elif "from_preset" in values and "data" in values:
        return Recipe(**values)
    elif "from_preset" in values and not resume:
        raise click.UsageError(_NO_DATA)
    if not resume or output is None:
        raise click.UsageError(
            "The model is missing: give one such as conv_vae, or a recipe.json. (To continue "
            "a run: --resume --output FOLDER. `keras-vae parts models` lists the models.)"
        )
    if not (output / "recipe.json").exists():
        raise FileNotFoundError(
            f"There is no run in {output} to continue: it has no recipe.json. Correct "
            "--output, or give a model to begin a run."
        )
    return dataclasses.replace(Recipe.from_json(output / "recipe.json"), **values)
