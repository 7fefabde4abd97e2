"""The verbs that use a trained model: sample, reconstruct, embed, info."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from keras_vae.cli.options import PATH, data_option, run_argument, seed_option, split_option
from keras_vae.cli.package import Verb
from keras_vae.core.files import write_atomically

if TYPE_CHECKING:
    import numpy as np

    from keras_vae.data import DataSet
    from keras_vae.models import LatentVariableModel


_PICTURES = (".png", ".jpg", ".jpeg")
_NO_CONDITION = "--y was given, but this model has no condition. Leave it out."


@click.command(cls=Verb)
@run_argument
@click.option(
    "--count",
    type=click.IntRange(1),
    help="How many  [default: 64; by level 10 in a row]",
)
@click.option(
    "--output", type=PATH, help="The file  [default: samples.png; of tables samples.csv]"
)
@click.option(
    "--by-level",
    is_flag=True,
    help="Of a hierarchy, a picture whose rows share more and more of the highest levels.",
)
@click.option("--temperature", type=float, default=1.0, show_default=True)
@click.option(
    "--draw/--mean",
    default=None,
    help="Draw from p(x|z), or take its mean  [default: the mean; of tables drawn rows]",
)
@click.option(
    "--y",
    metavar="CLASS",
    help="Condition of all samples: a class, or label=value,... of several labels; or all, "
    "for as many of each class  [default: all]",
)
@seed_option
def sample(run, count, output, by_level, temperature, draw, y, seed):
    """Make new data with the model in RUN: a .png or .jpg, or .npy, .npz or .csv.

    Of a model of classes a picture has a row for each class. A table gets the columns of
    the condition, too.
    """
    from keras_vae.models import LatentVariableModel

    model = LatentVariableModel.from_preset(run)
    is_table = len(model.event_shape) < 3
    output = output or Path("samples.csv" if is_table else "samples.png")
    _check_output(output, model.event_shape)
    if by_level:
        if draw is not None or temperature != 1.0:
            raise click.UsageError("--by-level shows means, at temperature 1.")
        count = count or 10
        y, _ = conditions_of(model, y, count)
        _by_level(output, "level_samples", model, count, seed, y=y)
        return
    count = count or 64
    y, columns = conditions_of(model, y, count)
    samples = model.sample(count, y, seed, temperature, draw)
    known = model.preprocessor and model.preprocessor.conditions
    if known and hasattr(samples, "join"):
        samples = samples.join(known.as_table(y, count))
    _write(output, samples, model.shown_range, columns)


@click.command(cls=Verb)
@run_argument
@data_option
@split_option("test")
@click.option("--count", type=click.IntRange(1), default=16, show_default=True)
@click.option("--output", type=PATH, default="pairs.png", show_default=True)
@click.option(
    "--by-level",
    is_flag=True,
    help="Of a hierarchy, a picture whose rows are told by fewer and fewer levels.",
)
def reconstruct(run, data, split, count, output, by_level):
    """Show data beside their reconstructions: .png or .jpg, or .npy, .npz or .csv."""
    from keras_vae import plots
    from keras_vae.training.building import split_for

    model, data_set = open_run(run, data, split)
    _check_output(output, model.event_shape)
    x, y = split_for(model, data_set, split)
    x, y = x[:count], None if y is None else y[:count]
    if by_level:
        _by_level(output, "level_reconstructions", model, x, y=y)
        return
    reconstructions = model.reconstruct(x, y)
    if output.suffix.lower() not in _PICTURES:
        _write(output, reconstructions, model.shown_range)
        return
    shown = model.shown_range
    plots.save_reconstruction_pairs(x, reconstructions, output, value_range=shown)
    click.echo(f"wrote {output}")


def _by_level(output, name, model, *arguments, **options):
    """Writes the picture of a hierarchy that a function of `plots` makes."""
    from keras_vae import plots

    if output.suffix.lower() not in _PICTURES:
        raise click.UsageError(f"--by-level makes a picture, .png or .jpg, not {output}.")
    if model.num_levels < 2:
        raise click.UsageError(
            "--by-level is for a hierarchy, but this model has one level."
        )
    plots.save_image(getattr(plots, name)(model, *arguments, **options), output)
    click.echo(f"wrote {output}")


@click.command(cls=Verb)
@run_argument
@data_option
@split_option("all")
@click.option("--output", type=PATH, default="z.npz", show_default=True)
def embed(run, data, split, output):
    """Write the codes z [N, D] of data, with labels y if there are any.

    A .csv has a row for each, with its number in the data, and of images its file.
    """
    import numpy as np

    from keras_vae.training.building import split_for

    if output.suffix.lower() not in (".npz", ".csv", ".parquet"):
        raise click.UsageError(
            f"--output must end in .npz, .csv or .parquet, but is {output}."
        )
    model, data_set = open_run(run, data, split)
    x, y = data_set.split(split)
    arrays: dict[str, Any] = {"z": model.embed(*split_for(model, data_set, split))}
    if output.suffix.lower() != ".npz":
        write_table(output, _codes_as_table(arrays["z"], y, data_set, split))
        return
    if y is not None:
        arrays["y"] = y
        if data_set.label_names is not None:
            arrays["label_names"] = np.array(data_set.label_names)
    _write_file(output, lambda file: np.savez_compressed(file, **arrays))
    click.echo(f"wrote {output}: z {arrays['z'].shape}" + (", y" if "y" in arrays else ""))


def _codes_as_table(z, y, data_set, split):
    import numpy as np

    table = data_set.table_of_rows(split)
    for i, one in enumerate(z.reshape(len(z), -1).T):
        table[f"z{i + 1}"] = one
    if y is not None and y.ndim == 1:
        names = data_set.label_names
        table["y"] = y if names is None else np.array(names)[y]
    return table


@click.command(cls=Verb)
@run_argument
def info(run):
    """Say what the folder RUN holds: model, data, training, scores."""
    from keras_vae.evaluation import describe_scores
    from keras_vae.models import LatentVariableModel
    from keras_vae.training.fine_tuning import read_run

    folder, metadata, _ = read_run(run)
    model = LatentVariableModel.from_preset(folder)
    about, training = metadata.get("data"), metadata.get("training")
    kind = metadata.get("model") or "saved from Python"
    lines = [
        f"{kind}: {type(model).__name__}, {model.count_params():,} weights, latent size "
        f"{model.latent_dim}, likelihood {model.likelihood_text}"
    ]
    if isinstance(about, dict):
        shape = tuple(about["event_shape"])
        licence = f"licence: {about['licence']}"
        lines.append(f"data: {about['name']}, events of shape {shape}; {licence}")
    if isinstance(training, dict):
        state = "finished" if training["finished"] else "not finished; best model so far"
        lines.append(f"training: {training['epochs']} epochs, {state}")
    click.echo("\n".join(lines))
    if "scores" in metadata:
        click.echo(describe_scores(metadata["scores"]))


def open_run(
    run: Path, name: str | None, split: str
) -> tuple[LatentVariableModel, DataSet]:
    """Loads a run's model and the data to use it on, in the model's size.

    Args:
        run: Folder that `keras-vae train` wrote, or the name of a preset.
        name: Name of a data set, or a path; None is what the run was trained on.
        split: What will be used of the data; other splits than "all" need the data as
            they were in training.

    Returns:
        The model, which takes raw data, and the `DataSet`.

    Raises:
        ValueError: If the data do not fit the model, or have changed since training.

    Example:
        >>> model, data_set = open_run(Path("runs/faces"), None, "test")
    """
    from keras_vae.models import LatentVariableModel
    from keras_vae.training.fine_tuning import check_shape, read_run
    from keras_vae.training.reading import load_to_use

    folder, metadata, recipe = read_run(run)
    model = LatentVariableModel.from_preset(folder)
    if not name:
        if recipe is None:
            raise ValueError(
                f"{run} was saved from Python and does not say what data it is for. "
                "Give --data."
            )
        name = recipe.data
    data_set = load_to_use(name, model, recipe, split)
    for line in data_set.notes:
        click.echo(line, err=True)
    check_shape(model, data_set, f"The model in {run}")
    if recipe is None or name != recipe.data or split == "all":
        return model, data_set
    labels = model.num_classes is not None or model.condition_shape is not None
    if data_set.fingerprint(labels) != metadata["data"]["fingerprint"]:
        raise ValueError(
            f"{name} has changed since {run} was trained, so what is held out now may "
            "have been trained on. Put the data back as they were, or use --split all."
        )
    return model, data_set


def _check_output(output: Path, event_shape) -> None:
    suffix = output.suffix.lower()
    if suffix not in (*_PICTURES, ".npy", ".npz", ".csv", ".parquet"):
        raise click.UsageError(
            "--output must end in .png, .jpg, .npy, .npz, .csv or .parquet, but is "
            f"{output}."
        )
    if suffix in _PICTURES and (len(event_shape) != 3 or event_shape[-1] not in (1, 3)):
        raise click.UsageError(
            f"Events of shape {tuple(event_shape)} are no images; let --output end in "
            ".npy, .npz or .csv."
        )


def conditions_of(model, text: str | None, count: int) -> tuple[Any, int | None]:
    """Reads the conditions of samples.

    Args:
        model: The model.
        text: What was written: a class, labels by name, numbers of a model without names,
            or all; None is all where the model has classes.
        count: Number of samples.

    Returns:
        The condition, for `sample`, and in how many columns a picture shows them: a row
        for each class.

    Raises:
        ValueError: If there is no such class, or the model needs to be told one.
    """
    import numpy as np

    known = model.preprocessor and model.preprocessor.conditions
    classes = known.classes if known else model.num_classes and range(model.num_classes)
    if text in (None, "all") and (classes or model.condition_shape is None):
        if not classes and text is not None:
            raise ValueError(_NO_CONDITION)
        if not classes:
            return None, None
        columns = -(-count // len(classes))
        return np.arange(count) // columns, columns if columns > 1 else None
    if model.condition_shape is None and not model.learns_labels:
        raise ValueError(_NO_CONDITION)
    if known and text not in (None, "all"):
        return known.read(text), None
    if known:
        wanted = ",".join(f"{one.name}=..." for one in known.columns)
        raise ValueError(f"Say the condition of the samples: --y {wanted}")
    try:
        given = np.array([float(one) for one in (text or "").split(",")])
    except ValueError:
        raise click.UsageError(
            f"--y is a number, or several such as 0,1,0, but is {text!r}."
        ) from None
    return given[0] if model.num_classes and len(given) == 1 else given, None


def _write(
    output: Path,
    x: np.ndarray,
    value_range: tuple[float, float],
    columns: int | None = None,
) -> None:
    """Writes raw observations: a picture, arrays or a table."""
    from keras_vae import plots

    if output.suffix.lower() in _PICTURES:
        plots.save_image_grid(x, output, columns, value_range)
        click.echo(f"wrote {output}")
    else:
        write_table(output, x)


def write_table(output: Path, x) -> None:
    """Writes observations as arrays or as a table.

    Args:
        output: The file; its suffix says how: .csv, .parquet, .npy or .npz.
        x: Array [N, *event], or a `pandas.DataFrame`, whose header is written if its columns
            have names.
    """
    import numpy as np
    import pandas as pd

    def frame():
        return pd.DataFrame(x if isinstance(x, pd.DataFrame) else x.reshape(len(x), -1))

    def write_csv(file):
        table = frame()
        named = any(isinstance(name, str) for name in table.columns)
        table.to_csv(file, index=False, header=named)

    writers = {
        ".npy": lambda file: np.save(file, np.asarray(x)),
        ".npz": lambda file: np.savez_compressed(file, x=np.asarray(x)),
        ".csv": write_csv,
        ".parquet": lambda file: frame().rename(columns=str).to_parquet(file, index=False),
    }
    _write_file(output, writers[output.suffix.lower()])
    click.echo(f"wrote {output}")


def _write_file(output: Path, write) -> None:
    """Lets NumPy write into an open file: to a path it would append its own suffix."""

    def write_open(path):
        with open(path, "wb") as file:
            write(file)

    write_atomically(output, write_open)
