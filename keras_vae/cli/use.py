"""The commands that use a trained model: sample, reconstruct, interpolate, embed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from keras_vae.cli.conditions import conditions_of, names_of, usual_count
from keras_vae.cli.opening import open_run, usual_split
from keras_vae.cli.options import (
    PATH,
    data_option,
    output_option,
    run_argument,
    seed_option,
    split_option,
)
from keras_vae.cli.package import PackageCommand
from keras_vae.cli.writing import (
    PICTURES,
    SOUNDS,
    check_output,
    spectrogram_of,
    write,
    write_file,
    write_table,
)


@click.command(cls=PackageCommand)
@run_argument
@click.option(
    "--count",
    type=click.IntRange(1),
    help="Number of samples  [default: 64, or the nearest smaller multiple of the number of "
    "classes; 10 in a row with --by-level]",
)
@click.option(
    "--output",
    type=PATH,
    help="The file  [default: samples.png; samples.csv for tables, samples.wav for sounds]",
)
@click.option(
    "--by-level",
    is_flag=True,
    help="For hierarchies: write a picture. Each row shares more of the highest levels.",
)
@click.option(
    "--temperature",
    type=float,
    default=1.0,
    show_default=True,
    help="Factor of the prior's standard deviations; below 1, samples are more typical.",
)
@click.option(
    "--draw/--mean",
    default=None,
    help="Draw from p(x|z), or take its mean  [default: --mean; --draw for tables]",
)
@click.option(
    "--y",
    metavar="CLASS",
    help="Condition of all samples: a class, or label=value,... for several labels. The "
    "word all takes all classes in turn.  [default: all]",
)
@seed_option
def sample(run, count, output, by_level, temperature, draw, y, seed):
    """Make new data with the model in RUN: .png, .jpg, .wav, .npy, .npz, .csv or .parquet.

    If the condition is a class, and --count is a multiple of the number of classes, a
    picture has a row for each class. A table also gets the columns of the condition. A .wav
    holds all sounds one after another, and a folder beside it has a file for each sound; a
    .png shows their spectrograms.
    """
    from keras_vae.models import LatentVariableModel

    model = LatentVariableModel.from_preset(run)
    is_table = len(model.event_shape) < 3
    usual = ".wav" if spectrogram_of(model) else ".csv" if is_table else ".png"
    output = output or Path(f"samples{usual}")
    check_output(output, model)
    if by_level:
        if draw is not None or temperature != 1.0:
            raise click.UsageError(
                "--by-level shows means at temperature 1: leave out --draw, --mean and "
                "--temperature."
            )
        count = count or 10
        y, _ = conditions_of(model, y, count)
        _by_level(output, "level_samples", model, count, seed, y=y)
        return
    count = count or usual_count(model, y)
    y, columns = conditions_of(model, y, count)
    samples = model.sample(count, y, seed, temperature, draw)
    known = model.preprocessor and model.preprocessor.conditions
    if known and hasattr(samples, "join"):
        samples = samples.join(known.as_table(y, count))
    write(output, samples, model, columns, names_of(known, y, count))


@click.command(cls=PackageCommand)
@run_argument
@data_option
@split_option(None)
@click.option(
    "--count",
    type=click.IntRange(1),
    default=16,
    show_default=True,
    help="Number of examples.",
)
@output_option("pairs.png", "The file.")
@click.option(
    "--by-level",
    is_flag=True,
    help="For hierarchies: write a picture. Each row takes fewer levels from the data.",
)
def reconstruct(run, data, split, count, output, by_level):
    """Show data beside their reconstructions: a picture, .wav, .npy, .npz, .csv or .parquet.

    A .wav has each sound and then its reconstruction; a folder beside it has a file for each.
    """
    import numpy as np

    from keras_vae import plots
    from keras_vae.training.splits import split_for

    split = split or usual_split(run, data)
    model, data_set = open_run(run, data, split)
    check_output(output, model)
    x, y = split_for(model, data_set, split)
    x, y = x[:count], None if y is None else y[:count]
    if by_level:
        _by_level(output, "level_reconstructions", model, x, y=y)
        return
    reconstructions = model.reconstruct(x, y)
    spectrogram = spectrogram_of(model)
    if output.suffix.lower() in SOUNDS:
        pairs = np.stack([x, reconstructions], axis=1).reshape(-1, x.shape[1])
        write(output, pairs, model, names=["original", "reconstruction"] * len(x))
        return
    if output.suffix.lower() not in PICTURES:
        write(output, reconstructions, model)
        return
    if spectrogram is not None:
        rows = {"original": x, "reconstruction": reconstructions}
        plots.save_figure(plots.spectrogram_rows(rows, spectrogram), output)
    else:
        shown = model.shown_range
        plots.save_reconstruction_pairs(x, reconstructions, output, value_range=shown)
    click.echo(f"wrote {output}")


def _by_level(output, name, model, *arguments, **options):
    """Writes a picture of a hierarchy, made by a function of `plots`."""
    from keras_vae import plots

    if output.suffix.lower() not in PICTURES:
        raise click.UsageError(
            f"--by-level makes a picture: --output must end in .png or .jpg, but is {output}."
        )
    if model.num_levels < 2:
        raise click.UsageError(
            "--by-level is for hierarchies, but this model has one level. Leave it out."
        )
    plots.save_image(getattr(plots, name)(model, *arguments, **options), output)
    click.echo(f"wrote {output}")


@click.command(cls=PackageCommand)
@run_argument
@data_option
@split_option(None)
@click.option(
    "--count",
    type=click.IntRange(1),
    default=4,
    show_default=True,
    help="Number of walks.",
)
@click.option(
    "--steps",
    type=click.IntRange(2),
    default=8,
    show_default=True,
    help="Number of points of a walk, including both ends.",
)
@output_option("walks.png", "The file.")
def interpolate(run, data, split, count, steps, output):
    """Interpolate between pairs of data: a picture, .wav, .npy, .npz, .csv or .parquet.

    The first walk goes from the first example to the second in the latent space, the next
    from the third to the fourth, and so on; a picture has a row for each walk. Its ends are
    reconstructions. If the model has a condition, the whole walk has that of its first
    example.
    """
    from keras_vae.training.splits import split_for

    split = split or usual_split(run, data)
    model, data_set = open_run(run, data, split)
    check_output(output, model)
    x, y = split_for(model, data_set, split)
    count = min(count, len(x) // 2)
    if not count:
        raise ValueError(f"A walk needs two examples, but {data_set.name!r} has {len(x)}.")
    first, second = (
        model.embed(x[i : 2 * count : 2], None if y is None else y[i : 2 * count : 2])
        for i in (0, 1)
    )
    told = None if y is None else y[: 2 * count : 2]
    walks = model.interpolate_codes(first, second, steps, told)
    names = [f"walk-{i + 1}" for i in range(count) for _ in range(steps)]
    points = model.as_table(walks.reshape(-1, *walks.shape[2:]))
    write(output, points, model, steps, names)


@click.command(cls=PackageCommand)
@run_argument
@data_option
@split_option("all")
@output_option("z.npz", "The file: .npz, .csv or .parquet.")
def embed(run, data, split, output):
    """Write the codes z of data, [N, *latent], with labels y if there are any.

    A .csv or .parquet has a row for each example: its flat code, its number in the data
    and, for images and sounds, its file; labels are in the column y, or in y(NAME) if there
    are several.
    """
    import numpy as np

    from keras_vae.training.splits import split_for

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
    write_file(output, lambda file: np.savez_compressed(file, **arrays))
    click.echo(f"wrote {output}: z {arrays['z'].shape}" + (", y" if "y" in arrays else ""))


def _codes_as_table(z, y, data_set, split):
    import numpy as np
    import pandas as pd

    from keras_vae.data.tables import to_frame

    table = data_set.table_of_rows(split)
    for i, one in enumerate(z.reshape(len(z), -1).T):
        table[f"z{i + 1}"] = one
    names = data_set.label_names
    if y is not None and y.ndim == 1:
        # An unknown class, -1, has no name.
        table["y"] = y if names is None else np.array([*names, None], object)[y]
    elif y is not None:
        columns = range(1, y.shape[1] + 1) if names is None else names
        labels = pd.DataFrame(y, columns=columns)
        if data_set.labels is not None:
            labels = to_frame(y, data_set.labels)
        for name, values in labels.items():
            table[f"y({name})"] = values
    return table
