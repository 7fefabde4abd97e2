"""`keras-vae label`."""

from __future__ import annotations

import click

from keras_vae.cli.opening import open_run
from keras_vae.cli.options import data_option, output_option, run_argument, split_option
from keras_vae.cli.package import PackageCommand
from keras_vae.cli.writing import write_table
from keras_vae.core.names import unknown


@click.command(cls=PackageCommand)
@run_argument
@data_option
@split_option("all")
@output_option("labels.csv", "The file: .csv, .parquet, .npy or .npz.")
def label(run, data, split, output):
    """Write the labels predicted by the model in RUN, with a row for each example.

    `row` is the example's number in the data and `label` the most probable class. Each class
    has a column with its probability. The command prints the accuracy if the data have labels.
    """
    import numpy as np
    import pandas as pd

    from keras_vae.evaluation import label_scores, plus_minus
    from keras_vae.training.splits import labels_of

    suffixes = (".csv", ".parquet", ".npy", ".npz")
    if output.suffix.lower() not in suffixes:
        raise unknown("kind of --output", output.suffix, suffixes)
    model, data_set = open_run(run, data, split)
    x, _ = data_set.split(split)
    predicted = model.predict_label(x)
    known = model.preprocessor and model.preprocessor.conditions
    names = known and known.classes or range(len(predicted.probabilities[0]))
    rows = np.arange(len(x))
    if split != "all" and data_set.rows is not None:
        rows = data_set.rows[split]
    table = pd.DataFrame({"row": rows, "label": np.array(names)[predicted.label]})
    for name, column in zip(names, predicted.probabilities.T, strict=True):
        table[f"p({name})"] = column
    write_table(output, table)
    y = labels_of(model, data_set, split)
    if y is not None and (y >= 0).any():
        scores = label_scores(model, x, y)
        click.echo(
            f"{plus_minus(scores['label_accuracy'], '.2%')} of {scores['num_labels']:,} known "
            "labels are predicted"
        )
