"""The logs of a run for other programs: spreadsheets, TensorBoard, MLflow, Weights & Biases."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from keras_vae.core.files import read_json, write_json
from keras_vae.core.names import unknown
from keras_vae.training.recipe import Recipe
from keras_vae.training.run_folder import LOG, LOG_IDS, TENSORBOARD

# Number of epochs from one picture to the next.
LOG_IMAGES = 5


class LoggedRun(NamedTuple):
    """What a logger knows about a run.

    Attributes:
        name: Its name, that of its folder.
        folder: The folder.
        recipe: The recipe, whose values are logged.
        resumed: Whether earlier epochs are in the logs already.
        quiet: Whether nothing may be printed.
    """

    name: str
    folder: Path
    recipe: Recipe
    resumed: bool
    quiet: bool


class Log(NamedTuple):
    """An open log.

    Attributes:
        callback: Logs the scores of each epoch.
        show: Function of a name, a picture (uint8 [H, W, 3]) and an epoch, which logs the
            picture; None if the log cannot hold pictures.
    """

    callback: keras.callbacks.Callback
    show: Callable[[str, np.ndarray, int], None] | None = None


class Logger(NamedTuple):
    """A kind of log.

    Attributes:
        open: Opens the log of a run; it is closed at the end of the block.
        package: The package that it needs, which is also the name of our extra, or None.
        shows_pictures: Whether the log can hold pictures.
    """

    open: Callable[[LoggedRun], contextlib.AbstractContextManager[Log]]
    package: str | None = None
    shows_pictures: bool = True


@contextlib.contextmanager
def _csv(run: LoggedRun) -> Iterator[Log]:
    yield Log(keras.callbacks.CSVLogger(str(run.folder / LOG), append=run.resumed))


@contextlib.contextmanager
def _tensorboard(run: LoggedRun) -> Iterator[Log]:
    folder = run.folder / TENSORBOARD
    with contextlib.ExitStack() as opened:

        @functools.cache
        def writer():
            # Beside Keras's train/ and validation/, since TensorBoard reads one file of a
            # folder at a time. Made for the first picture: a writer makes its file at once.
            made = tf.summary.create_file_writer(str(folder / "pictures"))
            return opened.enter_context(contextlib.closing(made))

        def show(name, picture, epoch):
            with writer().as_default(epoch):
                tf.summary.image(name, picture[np.newaxis])
            writer().flush()

        yield Log(keras.callbacks.TensorBoard(str(folder), write_graph=False), show)


@contextlib.contextmanager
def _mlflow(run: LoggedRun) -> Iterator[Log]:
    import mlflow

    if run.quiet:
        logging.getLogger("mlflow").setLevel(logging.WARNING)

    def log(epoch, logs):
        with _or_warning(mlflow.MlflowException):
            mlflow.log_metrics(logs, step=epoch)

    def show(name, picture, epoch):
        with _or_warning(mlflow.MlflowException):
            mlflow.log_image(picture, key=name, step=epoch, synchronous=True)

    if mlflow.active_run() is not None:
        raise ValueError(
            "--log mlflow begins a run of its own, but this process has an active MLflow "
            "run. End it first: mlflow.end_run()."
        )
    try:
        active = mlflow.start_run(_kept_id(run, "mlflow"), run_name=run.name)
    except mlflow.MlflowException as error:
        raise _cannot_begin("mlflow", error) from error
    # An exception in the block, or Ctrl-C, marks the run as failed.
    with active:
        _keep_id(run, "mlflow", active.info.run_id)
        with _or_warning(mlflow.MlflowException):
            mlflow.log_params(run.recipe.to_config())
        # Not MLflow's own callback: it logs validation scores once more without their epoch,
        # and hides its errors.
        yield Log(keras.callbacks.LambdaCallback(on_epoch_end=log), show)


@contextlib.contextmanager
def _wandb(run: LoggedRun) -> Iterator[Log]:
    import wandb
    from wandb.integration.keras import WandbMetricsLogger

    given = {"name": run.name, "config": run.recipe.to_config(), "resume": "allow"}
    if run.quiet:
        given["settings"] = wandb.Settings(silent=True)
    try:
        active = wandb.init(id=_kept_id(run, "wandb"), **given)
    except wandb.Error as error:
        raise _cannot_begin("wandb", error) from error

    def show(name, picture, epoch):
        # The callback plots all of epoch/ over epoch/epoch.
        active.log({f"epoch/{name}": wandb.Image(picture), "epoch/epoch": epoch})

    # An exception in the block, or Ctrl-C, marks the run as failed. (`with active` would
    # also print its traceback.)
    code = 1
    try:
        _keep_id(run, "wandb", active.id)
        yield Log(WandbMetricsLogger(), show)
        code = 0
    finally:
        active.finish(exit_code=code)


@contextlib.contextmanager
def _or_warning(error: type[Exception]) -> Iterator[None]:
    """Goes on where a server is out of reach: a training is worth more than its log."""
    try:
        yield
    except error as gone:
        warnings.warn(f"The log of this epoch is incomplete: {gone}", stacklevel=2)


def _cannot_begin(logger: str, error: Exception) -> ValueError:
    return ValueError(
        f"--log {logger} cannot begin: {error} (A resumed run goes on in the log that "
        f"{LOG_IDS} names in its folder; without this file it begins another.)"
    )


def _ids(run: LoggedRun) -> dict[str, str]:
    path = run.folder / LOG_IDS
    return read_json(path) if path.exists() else {}


def _kept_id(run: LoggedRun, logger: str) -> str | None:
    """The logger's id of the run, if the run was logged there before."""
    return _ids(run).get(logger)


def _keep_id(run: LoggedRun, logger: str, value: str) -> None:
    """Writes it down, so that a resumed run goes on in the same log."""
    write_json(run.folder / LOG_IDS, {**_ids(run), logger: value})


LOGGERS = {
    "csv": Logger(_csv, shows_pictures=False),
    "tensorboard": Logger(_tensorboard, "tensorboard"),
    "mlflow": Logger(_mlflow, "mlflow"),
    "wandb": Logger(_wandb, "wandb"),
}


def check_logs(names: Sequence[str], every: int) -> None:
    """Refuses loggers that are not known.

    Args:
        names: Of `LOGGERS`.
        every: Number of epochs from one picture to the next, 0 for none.

    Raises:
        ValueError: If a name is unknown, or `every` is not a number of epochs.
    """
    if isinstance(every, bool) or not isinstance(every, int) or every < 0:
        raise ValueError(
            "log_images must be a number of epochs, or 0 for no pictures, but is "
            f"{every!r}."
        )
    for name in names:
        if name not in LOGGERS:
            raise unknown("logger", name, LOGGERS)


def check_packages(names: Sequence[str]) -> None:
    """Refuses loggers whose package is missing.

    Args:
        names: Of `LOGGERS`.

    Raises:
        ImportError: If a package is not installed.
    """
    for name in names:
        package = LOGGERS[name].package
        if package is not None and not _is_installed(package):
            raise ImportError(
                f"--log {name} needs the package {package}, which is not installed: "
                f'pip install -e ".[{package}]" in the clone of keras_vae.'
            )


def _is_installed(package: str) -> bool:
    found = importlib.util.find_spec(package)
    # A folder of logs such as wandb/ looks like a package without a file of its own.
    return found is not None and found.origin is not None


@contextlib.contextmanager
def open_logs(names: Sequence[str], run: LoggedRun) -> Iterator[list[Log]]:
    """Opens the logs of a run, and closes them at its end, whatever ends it.

    Args:
        names: Of `LOGGERS`, whose packages are installed.
        run: The run.

    Yields:
        The logs.

    Example:
        >>> run = LoggedRun("a", Path("runs/a"), recipe, resumed=False, quiet=False)
        >>> with open_logs(["csv"], run) as logs:
        ...     vae.fit(x_train, callbacks=[log.callback for log in logs])
    """
    with contextlib.ExitStack() as opened:
        yield [
            opened.enter_context(LOGGERS[name].open(run)) for name in dict.fromkeys(names)
        ]
