"""Loads all data, by name or by path."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_vae.core.names import unknown
from keras_vae.data.dataset import DataSet
from keras_vae.data.named import load_named, names
from keras_vae.data.own_data import FILE_KINDS, TABLES, load_path, table_data
from keras_vae.data.own_files import load_prepared
from keras_vae.data.sounds import holds_sounds, is_sound
from keras_vae.data.sources import own_file
from keras_vae.data.streaming.image_file import SUFFIXES
from keras_vae.data.streaming.prepared import PREFIX
from keras_vae.data.streaming.records import record_files
from keras_vae.data.tables import Column

if TYPE_CHECKING:
    import pandas as pd

    from keras_vae.data.preprocessor import Preprocessor


def load(
    name_or_path: str | os.PathLike | pd.DataFrame,
    *,
    image_size: tuple[int, int] | None = None,
    channels: int | None = None,
    seed: int = 0,
    columns: Mapping[str, Any] | Sequence[Column] | None = None,
    label: str | Sequence[Column | str] | None = None,
    header: bool | None = None,
    levels: tuple[int, int] | None = None,
    skip_damaged: bool = False,
    cut: bool = True,
    stream: bool | None = None,
    check: bool = True,
    sample_rate: int | None = None,
    seconds: float | None = None,
) -> DataSet:
    """Loads a named data set, or your own data from a folder or file.

    A name takes precedence over a file of the same name in the working directory (write
    `./digits` for the file). Your own data may be:

    - a folder of images, of any formats and sizes (see `load_images`). Names of
      sub-folders are labels; sub-folders train, validation (or val, valid) and test are
      splits;
    - `.tfrecord` files, one or a folder of them: images, encoded, as feature `image`, and
      perhaps `label`. Words in their names (train, test) are splits;
    - `tfds:NAME`: a set of images of `tensorflow_datasets`, with its own splits;
    - a folder of sounds (WAV, FLAC, OGG and what else the package soundfile reads), likewise
      (see `keras_vae.data.sounds.decode_sounds`);
    - `.npy`: one array, a table `[N, D]` or images `[N, H, W]`, `[N, H, W, C]`;
    - `.npz`: `x_train`, and where present `x_validation`, `x_test` and `y_...` for
      each; or one array called `x`, `images` or `data`, or the only one, with labels
      `y`;
    - `.csv` (of any separator), `.tsv`, `.parquet`: a table. What its columns are is found
      out (`keras_vae.data.tables.infer_columns`) unless `columns` says it; empty cells,
      `?`, `NA` and the like are missing. A `pandas.DataFrame` is the same; missing are what
      pandas says, empty text and `?`.

    Splits that your data lack are drawn from the training rows with `seed`, a tenth for
    each. Named sets have fixed splits, whatever the seed. Likelihood and levels of your
    data follow from the values (see `keras_vae.data.kinds`).

    Args:
        name_or_path: One of `names()`, a path, or a `pandas.DataFrame`.
        image_size: `(height, width)`, for a folder of images.
        channels: 1 (grey) or 3 (RGB), for a folder of images.
        seed: Seed of the split of your own data.
        columns: For a table, kinds of columns by name, such as `{"age": "count"}`; or the
            columns of a trained model's preprocessor, which the table must have.
        label: For a table, name of the column that holds the labels, or several names with
            commas between them; or a sequence of these and of the columns of a trained
            model's conditions. The model does not learn them.
        header: For a table, whether its first line names the columns; None finds out.
        levels: Smallest and largest possible value of an array or a table of pixels, if the
            data do not contain them, such as `(0, 1023)`.
        skip_damaged: Whether to leave out files of a folder that cannot be read.
        cut: Whether to draw splits that your data lack. False is for data to use with a
            trained model: rows without a split are all in the test split.
        stream: Whether to read images from their files when they are needed, instead of
            holding them in memory: x then is a `Streamed`. None streams images that would
            take more than a quarter of this machine's memory.
        check: Whether to read all streamed images once now, so that damaged ones are named
            at once.
        sample_rate: Samples per second, for sounds. The default is the rate of most files,
            16,000 at most.
        seconds: Length of sounds. The default is that of the longest, two seconds at most;
            a few far longer sounds do not count.

    Returns:
        The data set.

    Raises:
        ValueError: If the name is unknown, an argument does not apply, or the data
            cannot be read.
        TypeError: If something else is given, such as an array.
        FileNotFoundError: If the path does not exist, or a named set is not available.

    Example:
        >>> load("digits")
        >>> load("photos/", image_size=(64, 64), seed=1)
    """
    is_frame = hasattr(name_or_path, "iloc") and hasattr(name_or_path, "columns")
    if not is_frame and not isinstance(name_or_path, str | os.PathLike):
        raise TypeError(
            "load reads a name, a path or a pandas.DataFrame, but was given a "
            f"{type(name_or_path).__name__}. Pass arrays to fit, or save them first "
            "(numpy.save('own.npy', x)). Convert other tables to a pandas.DataFrame."
        )
    if stream and (is_frame or name_or_path in names()):
        raise ValueError(
            "stream is for folders of images and TFRecord files; tables and named sets are "
            "held in memory. Leave it out (--stream)."
        )
    if is_frame:
        foreign = image_size, channels, header, sample_rate, seconds
        if any(one is not None for one in foreign):
            raise ValueError(
                "image_size and channels are for folders of images, sample_rate and seconds "
                "for sounds, header for files, but a table was given. Leave them out."
            )
        frame: Any = name_or_path
        name = Path("DataFrame")
        return table_data(
            frame.copy(deep=False), name, seed, columns, label, None, levels, cut
        )
    if isinstance(name_or_path, str) and name_or_path in names():
        if image_size is not None or channels is not None:
            raise ValueError(
                "image_size and channels are for folders of images; the named set "
                f"{name_or_path!r} has its own. Leave them out."
            )
        others = columns, label, header, levels, sample_rate, seconds
        if any(one is not None for one in others) or skip_damaged:
            raise ValueError(
                "columns, label, header, levels, sample_rate, seconds and skip_damaged are "
                f"for your own data, but {name_or_path!r} is a named set. Leave them out."
            )
        return load_named(name_or_path)
    if isinstance(name_or_path, str) and name_or_path.startswith(PREFIX):
        if any(one is not None for one in (columns, label, header, levels)):
            raise ValueError(
                "columns, label, header and levels are for tables and arrays, but "
                f"{name_or_path!r} is a set of images. Leave them out."
            )
        if sample_rate is not None or seconds is not None:
            raise ValueError(
                f"sample_rate and seconds are for sounds, but {name_or_path!r} is a set of "
                "images. Leave them out."
            )
        return load_prepared(
            *(name_or_path, image_size, channels, seed, skip_damaged, cut, stream, check)
        )
    path = _path(name_or_path)
    if _is_path(name_or_path, path):
        return load_path(
            path,
            image_size,
            channels,
            seed,
            columns,
            label,
            header,
            levels,
            skip_damaged,
            cut,
            stream,
            check,
            sample_rate,
            seconds,
        )
    raise ValueError(
        f"{unknown('data set or file', name_or_path, names())} Or give {FILE_KINDS}."
    )


def is_table(name_or_path: Any) -> bool:
    """Whether an input of `load` is a table with columns.

    Args:
        name_or_path: What is to be loaded.

    Example:
        >>> is_table("wine.csv"), is_table("digits")
        (True, False)
    """
    if hasattr(name_or_path, "iloc"):
        return True
    return name_or_path not in names() and Path(name_or_path).suffix.lower() in TABLES


def is_missing(name_or_path: str) -> bool:
    """Whether an input of `load` is a relative path at which there is nothing.

    Args:
        name_or_path: What is to be loaded.

    Example:
        >>> is_missing("digits"), is_missing("no/such/folder")
        (False, True)
    """
    path = _path(name_or_path)
    is_name = name_or_path in names() or name_or_path.startswith(PREFIX)
    return not (is_name or path.is_absolute() or path.exists())


def load_first(*choices: str) -> DataSet:
    """Loads the first of several named sets that is in `$KERAS_VAE_DATA`, or the last.

    It is for texts and tests that prefer a large set, but can use a small one. Only the
    last may be downloaded.

    Args:
        *choices: Names, the best first; the last is loaded as `load` does.

    Returns:
        The data set.

    Raises:
        ValueError: If a name is unknown, or there is none.
        FileNotFoundError: If none is at hand.

    Example:
        >>> data = load_first("mnist", "digits")
    """
    if not choices:
        raise ValueError("load_first needs the name of at least one data set.")
    for name in choices:
        if name not in names():
            raise unknown("data set", name, names())
    for name in choices[:-1]:
        path = own_file(name)
        if path is not None and path.is_file():
            return load_named(name)
    return load_named(choices[-1])


def settings_like(
    name_or_path: str, event_shape: Sequence[int], preprocessor: Preprocessor | None
) -> dict[str, Any]:
    """Returns the settings with which `load` gives data that fit a model.

    Args:
        name_or_path: What is to be loaded.
        event_shape: Shape of the model's events.
        preprocessor: The model's preprocessor, or None.

    Returns:
        Arguments of `load`: `image_size` and `channels` for images, `sample_rate` and
        `seconds` for sounds, the `columns` and labels or the `levels` for a table; nothing
        for named sets and arrays.

    Example:
        >>> load("photos/", **settings_like("photos/", vae.event_shape, vae.preprocessor))
    """
    path = _path(name_or_path)
    if name_or_path in names():
        return {}
    spectrogram = preprocessor and preprocessor.spectrogram
    if spectrogram and (path.is_dir() or is_sound(path)):
        rate = spectrogram.sample_rate
        return {"sample_rate": rate, "seconds": spectrogram.num_samples / rate}
    if is_sound(path) or (path.is_dir() and holds_sounds(path)):
        return {}
    is_image = path.is_dir() or path.suffix.lower() in SUFFIXES or record_files(path)
    if is_image or str(name_or_path).startswith(PREFIX):
        if len(event_shape) != 3:
            return {}
        return {"image_size": tuple(event_shape[:2]), "channels": event_shape[-1]}
    if preprocessor is None or not is_table(name_or_path):
        return {}
    if not preprocessor.columns:
        return {"levels": preprocessor.levels}
    found: dict[str, Any] = {"columns": preprocessor.columns}
    if preprocessor.conditions is not None and preprocessor.conditions.labels:
        found["label"] = preprocessor.conditions.labels
    return found


def _path(given: str | os.PathLike) -> Path:
    # Unlike Path.expanduser, it leaves ~name alone if there is no such user.
    return Path(os.path.expanduser(given))


def _is_path(given: str | os.PathLike, path: Path) -> bool:
    if not isinstance(given, str):
        return True
    # Path("") would be the working directory.
    return given != "" and (path.exists() or "/" in given or os.sep in given)
