"""Functions that write the outputs of a model as pictures, sounds, arrays or tables."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from keras_vae.core.files import write_atomically
from keras_vae.core.folders import write_folder_atomically

if TYPE_CHECKING:
    import numpy as np

    from keras_vae.models import LatentVariableModel

PICTURES, SOUNDS = (".png", ".jpg", ".jpeg"), (".wav",)
_ARRAYS = (".npy", ".npz", ".csv", ".parquet")


def spectrogram_of(model: LatentVariableModel):
    """The `Spectrogram` of a model of sounds; None for other models."""
    return model.preprocessor and model.preprocessor.spectrogram


def check_output(output: Path, model: LatentVariableModel) -> None:
    """Refuses a file whose format cannot hold the model's data.

    Args:
        output: The file.
        model: The model.

    Raises:
        click.UsageError: If its suffix is unknown, or belongs to images or sounds and the
            data are of another kind.
    """
    suffix, shape = output.suffix.lower(), tuple(model.event_shape)
    if suffix not in (*PICTURES, *SOUNDS, *_ARRAYS):
        raise click.UsageError(
            "--output must end in .png, .jpg, .wav, .npy, .npz, .csv or .parquet, but is "
            f"{output}."
        )
    if suffix in SOUNDS and spectrogram_of(model) is None:
        raise click.UsageError(
            f"{output} would be a sound, but the model was not trained on sounds. Choose an "
            "--output that ends in .png, .npy, .npz or .csv."
        )
    if suffix in PICTURES and (len(shape) != 3 or shape[-1] not in (1, 3)):
        raise click.UsageError(
            f"{output} would be a picture, but observations of shape {shape} are not images. "
            "Choose an --output that ends in .npy, .npz or .csv."
        )


def write(
    output: Path,
    x: np.ndarray,
    model: LatentVariableModel,
    columns: int | None = None,
    names: Sequence[str] = (),
) -> None:
    """Writes raw observations: a picture, sounds, arrays or a table.

    Args:
        output: The file; its suffix decides the format.
        x: Raw observations [N, *raw].
        model: The model that made them.
        columns: Observations in a row of a picture.
        names: For sounds, a name for each; its file has it after the number.
    """
    from keras_vae import plots

    suffix, spectrogram = output.suffix.lower(), spectrogram_of(model)
    if suffix in SOUNDS:
        write_each_sound(output, x, model, names)
        return
    if suffix not in PICTURES:
        write_table(output, x)
        return
    if spectrogram is not None:
        lines = names[::columns] if columns else ()
        plots.save_spectrograms(x, spectrogram, output, columns, lines)
    else:
        plots.save_image_grid(x, output, columns, model.shown_range)
    click.echo(f"wrote {output}")


def write_each_sound(
    output: Path, x: np.ndarray, model: LatentVariableModel, names: Sequence[str] = ()
) -> None:
    """Writes sounds one after another into a file, and each into its own file.

    Args:
        output: The file of all sounds. A folder beside it has the single files: "a_each" for
            "a.wav". It is replaced if it exists.
        x: Waveforms [N, samples].
        model: The model that made them.
        names: A name for each sound; its file has it after the number.

    Raises:
        FileExistsError: If the folder holds other files than those of this function.
    """
    import numpy as np

    from keras_vae.data.sounds import write_sounds

    rate = model.preprocessor.spectrogram.sample_rate  # type: ignore[union-attr]
    folder, digits = output.with_name(f"{output.stem}_each"), max(3, len(str(len(x))))

    def write_each(folder):
        for i, one in enumerate(x):
            name = "_".join([f"{i + 1:0{digits}}", *names[i : i + 1]])
            # Names of classes may have any characters.
            name = re.sub(r"[^-\w.]+", "-", name)
            write_sounds(one[np.newaxis], rate, folder / f"{name}.wav")

    # The folder comes first, since it may be refused.
    is_ours = re.compile(r"\d{3,}(_[-\w.]+)?\.wav").fullmatch
    write_folder_atomically(
        folder, write_each, overwrite=True, replaceable=lambda name: bool(is_ours(name))
    )
    write_sounds(x, rate, output)
    click.echo(f"wrote {output}, and {len(x)} files in {folder}")


def write_table(output: Path, x) -> None:
    """Writes observations as arrays or as a table.

    Args:
        output: The file; its suffix decides the format: .csv, .parquet, .npy or .npz.
        x: Array [N, *event], or a `pandas.DataFrame`, whose header is written if its columns
            have names.

    Raises:
        click.UsageError: If a table of words would become an array.
    """
    import numpy as np
    import pandas as pd

    from keras_vae.data.tables import write_csv

    check_numbers(output, x)

    def frame():
        return pd.DataFrame(x if isinstance(x, pd.DataFrame) else x.reshape(len(x), -1))

    def array():
        if isinstance(x, pd.DataFrame):
            return x.to_numpy(np.float64, na_value=np.nan)
        return np.asarray(x)

    writers = {
        ".npy": lambda file: np.save(file, array()),
        ".npz": lambda file: np.savez_compressed(file, x=array()),
        ".csv": lambda file: write_csv(frame(), file),
        ".parquet": lambda file: frame().rename(columns=str).to_parquet(file, index=False),
    }
    write_file(output, writers[output.suffix.lower()])
    click.echo(f"wrote {output}")


def check_numbers(output: Path, x) -> None:
    """Refuses an array of Python objects, which only pickle could write.

    Args:
        output: The file.
        x: What is to be written: an array, a `pandas.DataFrame`, or None.

    Raises:
        click.UsageError: If `x` is a table of words, and `output` is to be an array.
    """
    import pandas as pd

    if output.suffix.lower() not in (".npy", ".npz") or not isinstance(x, pd.DataFrame):
        return
    if not all(map(pd.api.types.is_numeric_dtype, x.dtypes)):
        raise click.UsageError(
            f"{output} would be an array, which holds only numbers, but the table also has "
            "words or dates. Choose an --output that ends in .csv or .parquet."
        )


def write_file(output: Path, write) -> None:
    """Opens a file for NumPy to write, since NumPy would append its own suffix to a path.

    Args:
        output: The file.
        write: Called with the open file.
    """

    def write_open(path):
        with open(path, "wb") as file:
            write(file)

    write_atomically(output, write_open)
