"""The folder of a training run: its files, and which of them may be replaced."""

from __future__ import annotations

import contextlib
import csv
import functools
import io
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import keras
import numpy as np

from keras_vae.core.files import write_atomically, write_json, write_weights
from keras_vae.models import LatentVariableModel
from keras_vae.models.optimizers import averaged
from keras_vae.presets.files import CONFIG, METADATA, RECIPE, WEIGHTS
from keras_vae.training.recipe import Recipe

HISTORY = "history.csv"
# Written for loggers, if they are asked for: the last one holds the ids that MLflow and
# Weights & Biases gave to the run.
LOG, TENSORBOARD, LOG_IDS = "log.csv", "tensorboard", "log_ids.json"
PICTURES = (
    "loss.png",
    "samples.png",
    "reconstructions.png",
    "manifold.png",
    "samples.csv",
    "samples.wav",
)


@contextlib.contextmanager
def for_one_process(folder: Path) -> Iterator[None]:
    """Keeps other processes out of a run's folder; a process that dies lets it go.

    Where the system cannot lock folders (Windows, some network disks), nothing is kept out.

    Args:
        folder: The folder; it is made if there is none.

    Raises:
        FileExistsError: If another process trains there.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    opened = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FileExistsError(
                f"Another process is training in {folder}. Wait until it ends, or choose "
                "another --output."
            ) from None
        except OSError:
            # This disk cannot lock.
            pass
        yield
    finally:
        os.close(opened)


def check_folder(folder: Path, resume: bool, overwrite: bool) -> bool:
    """Refuses a folder that holds what a run must not touch.

    Args:
        folder: The folder.
        resume: Whether to continue the run in it.
        overwrite: Whether to delete the run in it.

    Returns:
        Whether it holds a run.

    Raises:
        FileExistsError: If the folder holds anything that must not be touched.
    """
    # A process that was killed may have left a hidden temporary file.
    if not folder.exists() or all(file.name[0] == "." for file in folder.iterdir()):
        return False
    if not (folder / RECIPE).exists():
        raise FileExistsError(
            f"{folder} exists and is not the folder of a run (it has no {RECIPE}). "
            "Choose another --output."
        )
    if not (resume or overwrite):
        raise FileExistsError(
            f"{folder} holds a run already. Continue it (--resume), replace it "
            "(--overwrite), or choose another --output."
        )
    return True


def open_folder(folder: Path, recipe: Recipe, resume: bool, overwrite: bool) -> None:
    """Begins a run in a folder, or refuses to.

    Args:
        folder: The folder.
        recipe: The resolved recipe of the run.
        resume: Whether to continue the run in it.
        overwrite: Whether to delete the run in it.

    Raises:
        FileExistsError: If the folder holds anything that must not be touched.
        ValueError: If `resume` is True and it holds a run of another recipe.
    """
    if not check_folder(folder, resume, overwrite):
        write_json(folder / RECIPE, recipe.to_config())
    elif resume:
        _check_same(Recipe.from_json(folder / RECIPE), recipe, folder)
    else:
        for name in (METADATA, WEIGHTS, CONFIG, HISTORY, LOG, LOG_IDS, *PICTURES):
            (folder / name).unlink(missing_ok=True)
        # TensorBoard would draw both runs as one.
        if (folder / TENSORBOARD).exists():
            shutil.rmtree(folder / TENSORBOARD)
        remove_checkpoints(folder)
        write_json(folder / RECIPE, recipe.to_config())


def _check_same(before: Recipe, now: Recipe, folder: Path) -> None:
    old, new = before.to_config(), now.to_config()
    differences = [
        f"{name} was {old.get(name)!r} and is now {new.get(name)!r}"
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    ]
    if differences:
        raise ValueError(
            f"{folder} holds a run of another recipe: {'; '.join(differences)}. Resume it "
            f"unchanged (keras-vae train --resume --output {folder}), or choose another "
            "--output."
        )


def read_history(folder: Path) -> list[dict[str, float]]:
    """Reads `history.csv`.

    Args:
        folder: The run's folder.

    Returns:
        One dict for each finished epoch, empty before the first.
    """
    path = folder / HISTORY
    if not path.exists():
        return []
    with open(path, newline="", encoding="utf-8") as file:
        rows = [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]
    return [{**row, "epoch": int(row["epoch"])} for row in rows]


def checkpoints(folder: Path) -> list[tuple[int, Path]]:
    """Finds the checkpoints of a run: one, or two if a kill left the earlier one.

    Args:
        folder: The run's folder.

    Returns:
        For each, its number of epochs and its path.
    """
    pattern = re.compile(r"checkpoint-(\d+)\.weights\.h5")
    found = ((pattern.fullmatch(path.name), path) for path in folder.iterdir())
    return [(int(match[1]), path) for match, path in found if match]


def remove_checkpoints(folder: Path) -> None:
    """Deletes the checkpoints of a run, which then cannot be resumed.

    Args:
        folder: The run's folder.
    """
    for _, path in checkpoints(folder):
        path.unlink()


class RunRecorder(keras.callbacks.Callback):
    """Records history, checkpoint and best model after each epoch, and stops early.

    Keras has a callback for each of these, but they forget the best score when a run is
    resumed, and a kill can leave their files half-written. Here all decisions depend only
    on the history, so a resumed run decides like an uninterrupted one.

    Args:
        folder: The run's folder.
        recipe: The recipe.
        monitor: The validation score that decides; None keeps the last epoch.
        model: The model, with the preprocessor to save with it.
        metadata: Metadata of the best model.
    """

    def __init__(
        self,
        folder: Path,
        recipe: Recipe,
        monitor: str | None,
        model: LatentVariableModel,
        metadata: dict[str, Any],
    ):
        """Creates the callback, with the history of earlier epochs."""
        super().__init__()
        self.folder, self.recipe, self.monitor = folder, recipe, monitor
        self.metadata = metadata
        self.rows = read_history(folder)
        # It is never compiled, so that the model's file has no optimizer slots.
        self._best_model = type(model).from_config(model.get_config())

    @property
    def best_epoch(self) -> int | None:
        """Index of the best epoch so far; epochs of the warm-up do not count."""
        start = min(self.recipe.warmup_epochs, max(len(self.rows) - 1, 0))
        scores = [self._score(row) for row in self.rows[start:]]
        return start + int(np.argmax(scores)) if scores else None

    @property
    def is_over(self) -> bool:
        """Whether all epochs are done, or too many have passed since the best one."""
        best = self.best_epoch
        if best is None:
            return False
        waited = len(self.rows) - 1 - best
        most = cast(int, self.recipe.epochs)
        return len(self.rows) >= most or waited >= self.recipe.patience

    def _score(self, row):
        if self.monitor is None:
            # Later is better.
            return row["epoch"]
        return row[self.monitor] if self.monitor == "val_elbo" else -row[self.monitor]

    def restore(self, model: LatentVariableModel) -> int:
        """Loads the last checkpoint into a compiled model.

        Args:
            model: The model, compiled.

        Returns:
            The number of epochs of the checkpoint; 0 without one.

        Raises:
            ValueError: If `history.csv` lacks epochs.
        """
        epoch, checkpoint = max(checkpoints(self.folder), default=(0, None))
        if len(self.rows) < epoch:
            raise ValueError(
                f"{self.folder / HISTORY} has {len(self.rows)} epochs, but {checkpoint} "
                f"was written after {epoch}. Restore the whole history, or start anew with "
                "--overwrite."
            )
        # A kill between the two files leaves one more row than the checkpoint has epochs.
        self.rows = self.rows[:epoch]
        if checkpoint is not None:
            model.load_weights(checkpoint)
        return epoch

    def on_test_begin(self, logs=None):
        """Uses the weights that would be kept for validation."""
        self._averages = averaged(self.model.optimizers.values())
        self._averages.__enter__()

    def on_test_end(self, logs=None):
        """Returns to the weights in training."""
        self._averages.__exit__(None, None, None)

    def on_epoch_end(self, epoch, logs=None):
        """Writes the history, the model if it is the best, and the checkpoint."""
        row = {"epoch": epoch, **{k: float(v) for k, v in logs.items()}}
        if not np.isfinite(list(row.values())).all():
            raise FloatingPointError(
                f"Training diverged in epoch {epoch + 1}: {row}. The best model of the "
                f"{len(self.rows)} epochs before it is kept. Lower the learning rate, or "
                "look for outliers in the data."
            )
        self.rows.append(row)
        _write_history(self.folder, self.rows)
        if self.best_epoch == epoch:
            self._keep_best()
        earlier = checkpoints(self.folder)
        # The name has the epoch, so it never disagrees with the contents.
        checkpoint = self.folder / f"checkpoint-{epoch + 1}.weights.h5"
        write_atomically(checkpoint, functools.partial(write_weights, self.model))
        for _, path in earlier:
            if path != checkpoint:
                path.unlink()
        if self.is_over:
            self.model.stop_training = True

    def _keep_best(self):
        # If an optimizer keeps averages of the weights, they are the model.
        with averaged(self.model.optimizers.values()):
            self._best_model.set_weights(self.model.get_weights())
        training = {"epochs": len(self.rows), "finished": False}
        metadata = {**self.metadata, "training": training}
        self._best_model.save_to_preset(self.folder, metadata)


def _write_history(folder, rows):
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_atomically(
        folder / HISTORY, lambda p: p.write_text(text.getvalue(), encoding="utf-8")
    )
