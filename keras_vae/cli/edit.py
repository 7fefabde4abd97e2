"""The command that changes an attribute of given images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from keras_vae.cli.opening import open_run
from keras_vae.cli.options import data_option, output_option, run_argument, split_option
from keras_vae.cli.package import PackageCommand
from keras_vae.core.names import unknown

if TYPE_CHECKING:
    import numpy as np

    from keras_vae.data import DataSet

# Examples that are prepared and embedded at a time: thousands of photographs take several times
# more memory as floats than as bytes.
_AT_A_TIME = 1024


@click.command(cls=PackageCommand)
@run_argument
@data_option
@split_option("test")
@click.option(
    "--attribute",
    "names",
    multiple=True,
    required=True,
    help="Name of an attribute or of a class. May be given several times; edits add up.",
)
@click.option(
    "--strength",
    type=click.FloatRange(0.0, min_open=True),
    default=1.5,
    show_default=True,
    help="Edits range from minus this multiple of the attribute to plus this multiple.",
)
@click.option(
    "--steps",
    type=click.IntRange(2),
    default=5,
    show_default=True,
    help="Edits in a row. If the number is odd, the middle one is the reconstruction.",
)
@click.option(
    "--count",
    type=click.IntRange(1),
    default=8,
    show_default=True,
    help="Number of images.",
)
@click.option(
    "--originals/--no-originals",
    default=True,
    show_default=True,
    help="Whether rows begin with the original. Some data may not be published.",
)
@output_option("edit.png", "The picture: .png.")
def edit(run, data, split, names, strength, steps, count, originals, output):
    """Write images with less and more of an attribute: a .png with a row for each image.

    The training split and its labels define the attribute. A row has the original and then
    the edits, from less to more of the attribute.
    """
    import numpy as np

    from keras_vae import plots
    from keras_vae.generation import edit_attribute
    from keras_vae.generation.attributes import mean_differences
    from keras_vae.training.splits import split_for

    if output.suffix.lower() != ".png":
        raise click.UsageError(f"--output must end in .png, but is {output}.")
    # The training split is needed even where all rows are edited.
    model, data_set = open_run(run, data, "train" if split == "all" else split)
    shape = tuple(model.event_shape)
    if len(shape) != 3 or shape[-1] not in (1, 3):
        raise click.UsageError(
            f"edit draws pictures, but observations of shape {shape} are not images. Use "
            "keras_vae.generation.edit_attribute from Python."
        )
    attributes = {name: _having(data_set, name) for name in names}
    # Examples of an unknown class neither have the attribute nor lack it.
    known = _has_label(data_set)
    z = _embed_training_data(model, data_set)[known]
    attributes = {name: having[known] for name, having in attributes.items()}
    vector = sum(mean_differences(z, attributes).values())
    x, y = split_for(model, data_set, split)
    x, y = np.asarray(x[:count]), None if y is None else y[:count]
    strengths = np.linspace(-strength, strength, steps)
    edited = edit_attribute(model, x, vector, strengths, y=y)
    rows = np.concatenate([x[:, np.newaxis], edited], axis=1) if originals else edited
    plots.save_image_grid(
        model.pictures(rows.reshape(-1, *model.raw_shape)),
        output,
        columns=rows.shape[1],
        value_range=model.shown_range,
    )
    click.echo(
        f"wrote {output}: {len(x)} rows, "
        + ("the original at the left, then " if originals else "")
        + f"{' + '.join(attributes)} from {-strength:g} to {strength:g}"
    )


def _having(data_set: DataSet, name: str) -> np.ndarray:
    """Training examples that have an attribute or belong to a class: booleans [N]."""
    import numpy as np

    y = data_set.y_train
    if y is None:
        raise ValueError(
            f"The data set {data_set.name!r} has no labels, so it is unknown which "
            "examples have an attribute. Give data with labels: --data."
        )
    if y.ndim > 2:
        raise ValueError(
            f"The labels of {data_set.name!r} have shape {y.shape}, but must be classes "
            "[N] or attributes [N, A]."
        )
    numbers = (
        range(y.shape[1]) if y.ndim == 2 else np.unique(y[_has_label(data_set)]).tolist()
    )
    indices = {str(number): number for number in numbers}
    labels = data_set.label_names
    names = indices if labels is None else {label: i for i, label in enumerate(labels)}
    index = names.get(name, indices.get(name))
    if index is None:
        raise unknown("attribute" if y.ndim == 2 else "class", name, names)
    return y[:, index] if y.ndim == 2 else y == index


def _has_label(data_set: DataSet) -> np.ndarray:
    """Which training examples have a class, and not -1; all if they have attributes."""
    import numpy as np

    y = np.asarray(data_set.y_train)
    return y != -1 if y.ndim == 1 else np.ones(len(y), bool)


def _embed_training_data(model, data_set: DataSet) -> np.ndarray:
    import numpy as np

    from keras_vae.training.splits import split_for

    x, y = split_for(model, data_set, "train")
    rows = (slice(one, one + _AT_A_TIME) for one in range(0, len(x), _AT_A_TIME))
    embedded = [model.embed(x[one], None if y is None else y[one]) for one in rows]
    return np.concatenate(embedded)
