"""The commands `impute` and `anomalies`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from keras_vae.cli.opening import open_run
from keras_vae.cli.options import output_option, run_argument, seed_option
from keras_vae.cli.package import PackageCommand
from keras_vae.cli.writing import check_numbers, spectrogram_of, write_table
from keras_vae.core.names import unknown

# Images and sounds in the picture of the least likely ones.
_WORST_IMAGES, _WORST_SOUNDS = 64, 24


@click.command(cls=PackageCommand)
@run_argument
@click.option("--data", required=True, help="The data with gaps: a table, or .npy, .npz.")
@output_option("filled.csv", "The file: .csv, .parquet, .npy or .npz.")
@click.option(
    "--draws",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    metavar="N",
    help="Also write N tables with draws of the missing values: OUTPUT_1.csv and so on.",
)
@click.option(
    "--method",
    default="importance",
    show_default=True,
    metavar="NAME",
    help="importance or gibbs. gibbs is better if many values are missing.",
)
@click.option(
    "--num-samples",
    type=click.IntRange(1),
    default=1000,
    show_default=True,
    help="Importance samples for each row, or turns of its Gibbs chains together.",
)
@seed_option
def impute(run, data, output, draws, method, num_samples, seed):
    """Fill in missing values of data with the model in RUN, conditional on known values."""
    import numpy as np

    from keras_vae import generation
    from keras_vae.training.splits import split_for

    _check_output(output)
    model, data_set = open_run(run, data, "all")
    check_numbers(output, data_set.table)
    x, y = split_for(model, data_set, "all")
    missing = np.isnan(x) if x.dtype.kind == "f" else np.zeros(x.shape, bool)
    if not missing.any():
        raise ValueError(f"{data} has no gaps: every cell has a value.")
    settings = {
        "num_samples": num_samples,
        "num_draws": max(draws, 1),
        "seed": seed,
        "y": y,
    }
    settings["verbose"] = int(sys.stdout.isatty())
    filled = generation.impute(model, x, method=method, **settings)
    known = _known_cells(Path(data), data_set, output)
    write_table(output, _in_the_table(filled.mean, data_set, known))
    for i in range(draws):
        path = output.with_name(f"{output.stem}_{i + 1}{output.suffix}")
        write_table(path, _in_the_table(filled.draws[i], data_set, known))
    trust = filled.efficiency[missing.reshape(len(x), -1).any(axis=1)]
    click.echo(
        f"{missing.sum():,} of {missing.size:,} values in {len(trust):,} of {len(x):,} rows "
        f"were missing; effective samples: {np.median(trust):.0%} of {num_samples} (median "
        "of these rows)"
    )


def _known_cells(path, data_set, output):
    """The table as it was read; for text in a text file, as it was written."""
    from keras_vae.data.tables import cells_as_written

    table = data_set.table
    is_text = path.suffix.lower() in (".csv", ".tsv") and output.suffix.lower() == ".csv"
    if table is None or not is_text:
        # pandas holds whole numbers as floats in a column with gaps.
        return None if table is None else table.convert_dtypes().astype(object)
    return cells_as_written(path, table).convert_dtypes().astype(object)


def _in_the_table(filled, data_set, known_cells):
    """The known cells of a table, with its gaps filled."""
    from keras_vae.data.tables import as_text, to_frame
    from keras_vae.data.tables.cells import plain_cells

    table, columns = data_set.table, data_set.columns
    if table is None:
        return filled
    if not hasattr(filled, "columns"):
        # A model without a preprocessor answers with the numbers that it was given.
        filled = to_frame(filled, columns)
    answer = known_cells.copy()
    for column in columns:
        if column.name not in filled or column.name not in table:
            continue
        new, known = filled[column.name], plain_cells(table[column.name], column.name)
        if column.kind == "date":
            new = as_text(new, known, column.day_first)
        answer[column.name] = answer[column.name].where(known.notna().to_numpy(), new.array)
    return answer.infer_objects()


@click.command(cls=PackageCommand)
@run_argument
@click.option("--data", required=True, help="The data to rank: a name, or a path.")
@output_option("ranked.csv", "The file: .csv, .parquet, .npy or .npz.")
@click.option(
    "--count",
    type=click.IntRange(1),
    help="Write only the COUNT least likely rows  [default: all]",
)
@click.option(
    "--num-samples",
    type=click.IntRange(1),
    default=100,
    show_default=True,
    help="Importance samples for each row.",
)
@seed_option
def anomalies(run, data, output, count, num_samples, seed):
    """Rank the rows of data, from the least to the most likely for the model in RUN.

    The score is -log p(x) of the known values, in nats, so a row with few of them tends to
    come late. For tables, OUTPUT also has the share of each column: how many nats less
    likely it is, given the row's latent code, than in the median row. For images and sounds,
    a .png beside OUTPUT shows the least likely ones.
    """
    import numpy as np

    from keras_vae import plots
    from keras_vae.evaluation import anomaly_ranking
    from keras_vae.training.splits import split_for

    _check_output(output)
    model, data_set = open_run(run, data, "all")
    check_numbers(output, data_set.table)
    x, y = split_for(model, data_set, "all")
    ranking = anomaly_ranking(model, x, num_samples, seed=seed, y=y)
    order = ranking.order if count is None else ranking.order[:count]
    # The table as it was read: the numbers of x are within the bounds of the training data.
    # (pandas holds whole numbers as floats in a column with gaps.)
    read = None if data_set.table is None else data_set.table.convert_dtypes()
    table = ranking.table(model, x if read is None else read, order)
    worst = f"row {order[0]}, counted from 0,"
    if data_set.files is not None:
        files = data_set.table_of_rows("all")["file"]
        table.insert(1, "file", files.to_numpy()[order])
        worst = f"{files.iloc[order[0]]}, {worst}"
    write_table(output, table)
    score, median = ranking.scores[order[0]], np.median(ranking.scores)
    click.echo(
        f"{worst} is the least likely: {score:.1f} nats, the median has {median:.1f}"
    )
    path, spectrogram = output.with_suffix(".png"), spectrogram_of(model)
    if spectrogram is not None:
        plots.save_spectrograms(x[order[:_WORST_SOUNDS]], spectrogram, path)
    elif len(model.event_shape) == 3 and model.event_shape[-1] in (1, 3):
        shown = model.pictures(x[order[:_WORST_IMAGES]])
        plots.save_image_grid(shown, path, value_range=model.shown_range)
    else:
        return
    click.echo(f"wrote {path}")


def _check_output(output: Path) -> None:
    if output.suffix.lower() not in (".csv", ".npy", ".npz", ".parquet"):
        raise unknown(
            "kind of --output", output.suffix, [".csv", ".parquet", ".npy", ".npz"]
        )
