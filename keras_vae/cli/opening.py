"""The model and the data of a command: a run and its data, or other ones."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from keras_vae.data import DataSet
    from keras_vae.models import LatentVariableModel


def usual_split(run: Path, data: str | None) -> str:
    """Which part of the data is used if none is named.

    Args:
        run: The run, or the name of a preset.
        data: The value of the option `--data`.

    Returns:
        "test" for the data of the run, and "all" for others, of which the model saw none.
    """
    from keras_vae.training.fine_tuning import read_run

    recipe = read_run(run)[-1]
    is_own = data is None or (recipe is not None and data == recipe.data)
    return "test" if is_own else "all"


def open_run(
    run: Path, name: str | None, split: str
) -> tuple[LatentVariableModel, DataSet]:
    """Loads a run's model and the data to use it on, in the model's size.

    Args:
        run: Folder that `keras-vae train` wrote, or the name of a preset.
        name: Name of a data set, or a path; None takes the data of the run.
        split: The split that will be used; every split but "all" needs the data as they
            were in training.

    Returns:
        The model, which takes raw data, and the `DataSet`.

    Raises:
        FileNotFoundError: If there is no such run, or its data are not found.
        ValueError: If the data do not fit the model, or have changed since training.

    Example:
        >>> model, data_set = open_run(Path("runs/faces"), None, "test")
    """
    from keras_vae.data import is_missing
    from keras_vae.models import LatentVariableModel
    from keras_vae.training.fine_tuning import check_shape, read_run
    from keras_vae.training.reading import load_to_use

    folder, metadata, recipe = read_run(run)
    model = LatentVariableModel.from_preset(folder)
    if not name:
        if recipe is None:
            raise ValueError(
                f"{run} was saved from Python and does not name its data. Give --data."
            )
        name = recipe.data
        if is_missing(name):
            raise FileNotFoundError(
                f"There is no {name} here. It holds the data of {run}, and this path is "
                "relative to the folder in which the run was trained. Go there, or give "
                "--data."
            )
    data_set = load_to_use(name, model, recipe, split)
    for line in data_set.notes:
        click.echo(line, err=True)
    check_shape(model, data_set, f"The model in {run}")
    if recipe is None or name != recipe.data or split == "all":
        return model, data_set
    labels = model.num_classes is not None or model.condition_shape is not None
    if data_set.fingerprint(labels) != metadata["data"]["fingerprint"]:
        raise ValueError(
            f"{name} has changed since {run} was trained, so the model may have been trained "
            "on data that are now held out. Restore the data, or use --split all."
        )
    return model, data_set
