"""Training a model from a recipe, into a run folder."""

from __future__ import annotations

import contextlib
import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import keras

from keras_vae.data.streaming import failures_are_said
from keras_vae.data.tables import describe_columns
from keras_vae.evaluation import CollapseWarning
from keras_vae.models import LatentVariableModel
from keras_vae.models.prebuilt import policy
from keras_vae.presets.files import METADATA, read_metadata
from keras_vae.presets.lookup import find_preset
from keras_vae.training import hardware
from keras_vae.training.building import check_parts
from keras_vae.training.closing import close
from keras_vae.training.game_watch import DiscriminatorWarning
from keras_vae.training.logs import (
    LOG_IMAGES,
    LOGGERS,
    LoggedRun,
    check_logs,
    check_packages,
    open_logs,
)
from keras_vae.training.pictures import PictureLog, shows_images
from keras_vae.training.progress import EpochLines
from keras_vae.training.reading import load_to_train
from keras_vae.training.recipe import Recipe
from keras_vae.training.run_folder import RunRecorder, check_folder, for_one_process
from keras_vae.training.run_metadata import check_unchanged, describe, metadata_of
from keras_vae.training.setup import Setup, set_up
from keras_vae.training.workers import Workers

# Number of decoded elements in a validation batch, so that it fits into memory if a
# training batch does.
_ELEMENTS_AT_A_TIME = 4_000_000


def train(
    recipe: Recipe,
    output: str | Path,
    *,
    resume: bool = False,
    overwrite: bool = False,
    say: Callable[[str], None] | None = print,
    verbose: bool = False,
    log: Sequence[str] = (),
    log_images: int = LOG_IMAGES,
) -> dict[str, Any]:
    """Trains a model and writes it, its history, scores and pictures to a folder.

    After each epoch the folder holds the best model so far (for a VAE-GAN, which has no
    score, the last) and a checkpoint, each written whole. A run that ended early for any
    reason continues with `resume`. Labels are the condition of a model that has one.

    If the environment variable TF_CONFIG names several workers, each calls this function,
    and they train in step: every batch is that of one process, shared out among them. The
    chief writes the folder; the others write nothing permanent.

    Args:
        recipe: What to train.
        output: The run's folder.
        resume: Continue after the last finished epoch of the run in `output`, or start it
            if there is none.
        overwrite: Replace the run in `output`.
        say: Called with each line for the user; None prints nothing, and counts no steps.
        verbose: Whether Keras prints all logs of `fit`, instead of a line per epoch.
        log: Names of loggers: "csv" and "tensorboard" log into `output`, "mlflow" and
            "wandb" where these packages log by default.
        log_images: Number of epochs from one picture in the logs to the next, 0 for none:
            samples and reconstructions of images, in all logs but "csv".

    Returns:
        The held-out scores; see `keras_vae.evaluation.held_out_scores`.

    Raises:
        ConnectionError: If another worker is gone, or the chief cannot go on.
        FileExistsError: If `output` holds something that must not be replaced.
        ImportError: If the package of a logger is missing.
        ValueError: If recipe and data, or the workers, do not fit together.

    Example:
        >>> scores = train(Recipe("mnist_5k", "conv_vae"), "runs/mnist_5k")
    """
    output = Path(output)
    check_parts(recipe)
    check_logs(log, log_images)
    # This comes first, since TensorFlow refuses workers once it has computed anything.
    hardware.prepare_devices(recipe)
    strategy = hardware.find_strategy(say or _nothing)
    workers = Workers(strategy)
    # All workers draw the pictures, and the chief alone logs them.
    every = log_images if any(LOGGERS[name].shows_pictures for name in log) else 0
    if not workers.is_chief:
        say, verbose, log = None, False, ()
    check_packages(log)
    quiet, say = say is None, say or _nothing
    with workers.in_step(), workers.folder(output) as own:
        before = _open_preset(recipe, output)
        if workers.count == 1 and output.exists():
            # Said before the data are read. (Several workers say it together, below.)
            with for_one_process(output):
                check_folder(output, resume, overwrite)
        recipe, data = _read(recipe, before, output, resume, say)
        given = {"resume": resume, "overwrite": overwrite, "data": data.name}
        given["log_images"] = every
        # Before the models are made, which wait for each other. The data may lie at other
        # places.
        workers.agree({**recipe.to_config(), **given})
        keras.utils.set_random_seed(recipe.seed)
        half = hardware.half_precision() if recipe.mixed_precision else None
        with policy(half), strategy.scope() if strategy else contextlib.nullcontext():
            setup = set_up(recipe, data, before, strategy)
            metadata = metadata_of(recipe, data, setup.model)
            workers.agree(metadata)
            # All checks are done; only now is the folder changed (to resume a run, it is
            # only read).
            workers.open_folder(output, own, recipe, resume, overwrite)
            if resume and (own / METADATA).exists():
                kept = read_metadata(own)
                check_unchanged(output, kept, metadata)
                if kept["training"]["finished"]:
                    say(f"the run in {output} is finished")
                    return kept["scores"]
            say(describe(recipe, setup, data, metadata, workers.count))
            recorder = RunRecorder(own, recipe, setup.monitor, setup.model, metadata)
            logged = LoggedRun(
                output.resolve().name, own, recipe, bool(recorder.rows), quiet
            )
            with open_logs(log, logged) as logs:
                callbacks = [recorder, *(one.callback for one in logs)]
                if every and shows_images(setup.model):
                    shows = [one.show for one in logs if one.show]
                    callbacks.append(PictureLog(setup.model, data, every, shows))
                if not (quiet or verbose):
                    callbacks.append(EpochLines(recorder, setup.steps, say))
                _fit(setup, recorder, callbacks, say, verbose)
        return workers.of_chief(lambda: close(output, recorder, data, say))


def _nothing(_: str) -> None:
    """Prints nothing."""


def _read(recipe: Recipe, before, output: Path, resume: bool, say) -> tuple:
    """The recipe with the usual choices, and the data."""
    # All files of a resumed run were read when it began.
    goes_on = resume and (output / METADATA).exists()
    data = load_to_train(recipe, before, check=not goes_on)
    for line in [*data.notes, *describe_columns(data.columns or ())]:
        say(line)
    return recipe.resolve(data, before), data


def _open_preset(recipe: Recipe, output: Path) -> LatentVariableModel | None:
    """Loads the model that training starts from, if there is one."""
    if recipe.from_preset is None:
        return None
    if find_preset(recipe.from_preset).resolve() == output.resolve():
        raise ValueError(
            f"{output} is the preset that training starts from, and would be replaced. "
            "Choose another --output."
        )
    return LatentVariableModel.from_preset(recipe.from_preset)


def _fit(setup: Setup, recorder: RunRecorder, callbacks, say, verbose) -> None:
    """Runs the remaining epochs."""
    model, validation = setup.model, setup.validation
    done, epochs = recorder.restore(model), cast(int, recorder.recipe.epochs)
    if done:
        say(f"continuing after epoch {done} of at most {epochs}")
    if recorder.is_over:
        return
    # The stream prepares the batches ahead of the steps, so the model must not.
    model.preprocessor = None
    decoded = model.objective.num_samples * math.prod(model.event_shape)
    # The same number for each replica.
    replicas = model.distribute_strategy.num_replicas_in_sync
    share = max(1, min(500, _ELEMENTS_AT_A_TIME // decoded) // replicas)
    # A single example has no variance.
    if len(validation[0]) > 1:
        callbacks.append(CollapseWarning(validation[0], say=say, y=validation[1]))
    if model.objective.is_adversarial:
        callbacks.append(DiscriminatorWarning(say))
    with failures_are_said():
        model.fit(
            setup.batches(start_step=done * setup.steps),
            steps_per_epoch=setup.steps,
            epochs=epochs,
            initial_epoch=done,
            shuffle=False,
            validation_data=validation,
            validation_batch_size=share * replicas,
            callbacks=callbacks,
            # No progress bars in a log file.
            verbose=(1 if sys.stdout.isatty() else 2) if verbose else 0,
        )
