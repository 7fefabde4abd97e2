"""`keras-vae train`."""

from __future__ import annotations

import dataclasses
import inspect
import re
import sys
from pathlib import Path

import click

from keras_vae import training
from keras_vae.cli.interrupts import ctrl_c_is_an_interrupt
from keras_vae.presets.files import METADATA
from keras_vae.training.fine_tuning import fine_tuning_recipe
from keras_vae.training.recipe import CHOICES, MODELS, Recipe
from keras_vae.training.run_folder import RECIPE

_NO_DATA = "Say what to train on: --data with the name of a data set or a path."


class Sizes(click.ParamType):
    """Positive integers separated by commas, such as 500,500."""

    name = "N,N,..."

    def convert(self, value, param, ctx):
        """Turns the text into a tuple."""
        if isinstance(value, tuple):
            return value
        try:
            return tuple(int(part) for part in value.split(","))
        except ValueError:
            self.fail(f"{value!r} is not a list of whole numbers such as 500,500.")


def recipe_options(command):
    """Gives a command one option for each value of a recipe but the model."""
    document = inspect.getdoc(Recipe) or ""
    for field in reversed(dataclasses.fields(Recipe)):
        if field.name == "model":
            continue
        about = re.search(
            rf"^    {field.name}: (.+?)(?=^    \w+: |^\S|\Z)", document, re.M | re.S
        )
        text = " ".join(about.group(1).split()) if about else ""
        if field.name in CHOICES:
            text += f" One of: {', '.join(CHOICES[field.name])}."
        if field.default not in (dataclasses.MISSING, None):
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
        return (int, int)
    for word, kind in (("tuple", Sizes()), ("int", int), ("float", float)):
        if word in field.type:
            return kind
    return str


@click.command()
@click.argument("model", required=False, metavar="[MODEL | RECIPE.json]")
@click.option("--output", type=Path, help="Folder of the run  [default: runs/MODEL_DATA]")
@click.option("--resume", is_flag=True, help="Go on from the last finished epoch.")
@click.option("--overwrite", is_flag=True, help="Replace the run in the folder.")
@recipe_options
def train(model, output, resume, overwrite, **values):
    """Train MODEL (dense_vae, conv_vae, vae_gan) on --data, or what a recipe says.

    Options change single values of a recipe. With --from-preset training goes on from a
    trained model, which also says what MODEL is. After Ctrl-C the best model so far can be
    used, and --resume goes on.
    """
    if resume and overwrite:
        raise click.UsageError("--resume and --overwrite exclude each other.")
    values = {name: value for name, value in values.items() if value is not None}
    recipe = _recipe(model, output, resume, values)
    if output is None:
        output = Path("runs") / f"{recipe.model}_{Path(recipe.data).stem}"
    try:
        with ctrl_c_is_an_interrupt():
            training.train(
                recipe, output, resume=resume, overwrite=overwrite, say=click.echo
            )
    except KeyboardInterrupt:
        kept = (
            f"; {output} keeps the finished epochs. To go on: keras-vae train --resume "
            f"--output {output}"
            if (output / METADATA).exists()
            else " before the end of the first epoch; nothing is kept"
        )
        click.echo(f"\ninterrupted{kept}", err=True)
        sys.exit(130)


def _recipe(model, output, resume, values) -> Recipe:
    """Puts a recipe together from a file or a model's name, and options."""
    if resume and model in MODELS and "data" not in values and output is not None:
        model, values = None, {"model": model, **values}
    if "from_preset" in values and not (model or "").endswith(".json"):
        if "data" in values:
            given = values if model is None else {"model": model, **values}
            return fine_tuning_recipe(given.pop("from_preset"), given)
        if not resume:
            raise click.UsageError(_NO_DATA)
    if model is None:
        if not resume or output is None:
            raise click.UsageError(
                f"Say what to train: one of {', '.join(MODELS)}, or a recipe.json. (To go "
                "on with a run: --resume --output FOLDER.)"
            )
        recipe = Recipe.from_json(output / RECIPE)
    elif model.endswith(".json"):
        recipe = Recipe.from_json(model)
    elif "data" in values:
        return Recipe(model=model, **values)
    else:
        raise click.UsageError(_NO_DATA)
    return dataclasses.replace(recipe, **values)
