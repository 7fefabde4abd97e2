"""Training a model from a recipe, into a run folder."""

from __future__ import annotations

import contextlib
import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import keras

from keras_vae.core.parts import part_name
from keras_vae.data import DataSet, pipeline, rows_with_more_labels, steps_per_epoch
from keras_vae.data.augmentation import Augmentation
from keras_vae.data.streaming import failures_are_said
from keras_vae.data.tables import describe_columns
from keras_vae.evaluation import CollapseWarning
from keras_vae.models import LatentVariableModel
from keras_vae.models.prebuilt import policy
from keras_vae.models.several_workers import check_shares
from keras_vae.presets.files import METADATA, read_metadata
from keras_vae.presets.lookup import find_preset
from keras_vae.training import fine_tuning, hardware
from keras_vae.training.building import (
    build_model,
    build_objective,
    build_optimizer,
    check_parts,
    kept_labels,
    labels_of,
    monitor_of,
    split_for,
    steps_of_epoch,
)
from keras_vae.training.closing import close
from keras_vae.training.progress import EpochLines, check_logs, log_callbacks
from keras_vae.training.reading import load_to_train
from keras_vae.training.recipe import Recipe
from keras_vae.training.run_folder import RunRecorder
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
        log: "csv", "tensorboard" or both: Keras's callbacks that log into `output`.

    Returns:
        The held-out scores; see `keras_vae.evaluation.held_out_scores`.

    Raises:
        ConnectionError: If another worker is gone, or the chief cannot go on.
        FileExistsError: If `output` holds something that must not be replaced.
        ImportError: If the package tensorboard is needed and missing.
        ValueError: If recipe and data, or the workers, do not fit together.

    Example:
        >>> scores = train(Recipe("mnist_5k", "conv_vae"), "runs/mnist_5k")
    """
    output = Path(output)
    check_parts(recipe)
    check_logs(log)
    # This comes first, since TensorFlow refuses workers once it has computed anything.
    strategy = hardware.find_strategy(say or _nothing)
    workers = Workers(strategy)
    if not workers.is_chief:
        say, verbose, log = None, False, ()
    quiet, say = say is None, say or _nothing
    with workers.in_step(), workers.folder(output) as own:
        recipe, before, data = _read(recipe, output, resume, say)
        keras.utils.set_random_seed(recipe.seed)
        half = hardware.half_precision() if recipe.mixed_precision else None
        with policy(half), strategy.scope() if strategy else contextlib.nullcontext():
            if before is None:
                model, binarize = build_model(recipe, data)
            else:
                model, binarize = fine_tuning.start(recipe, data, before)
            objective = build_objective(recipe, model, data)
            optimizer = build_optimizer(recipe, model, data)
            jit = hardware.use_xla(recipe, model, objective, strategy)
            # Refused now, not after the training.
            check_shares(cast(int, recipe.batch_size), model.distribute_strategy)
            split_for(model, data, "train")
            kept_labels(recipe, model, data)
            validation, _ = (_held_out(model, data, one) for one in ("validation", "test"))
            metadata = _metadata(recipe, data, model, objective)
            model.compile(optimizer, objective, jit_compile=jit)
            given = {"resume": resume, "overwrite": overwrite}
            workers.agree({**given, **recipe.to_config(), **metadata})
            # All checks are done; only now is the folder changed (to resume a run, it is
            # only read).
            workers.open_folder(output, own, recipe, resume, overwrite)
            if resume and (own / METADATA).exists():
                kept = read_metadata(own)
                _check_unchanged(output, kept, metadata)
                if kept["training"]["finished"]:
                    say(f"the run in {output} is finished")
                    return kept["scores"]
            say(_describe(recipe, data, model, metadata, workers, jit))
            recorder = RunRecorder(own, recipe, monitor_of(objective), model, metadata)
            resumed = bool(recorder.rows)
            callbacks = [recorder, *log_callbacks(log, own, resumed)]
            if not (quiet or verbose):
                callbacks.append(EpochLines(recorder, steps_of_epoch(recipe, data), say))
            _fit(model, recipe, data, binarize, validation, callbacks, say, verbose)
        return workers.of_chief(lambda: close(output, recorder, data, say))


def _nothing(_: str) -> None:
    """Prints nothing."""


def _read(recipe: Recipe, output: Path, resume: bool, say) -> tuple:
    """The recipe with the data's choices, the model to start from, and the data."""
    before = _open_preset(recipe, output)
    # All files of a resumed run were read when it began.
    goes_on = resume and (output / METADATA).exists()
    data = load_to_train(recipe, before, check=not goes_on)
    for line in [*data.notes, *describe_columns(data.columns or ())]:
        say(line)
    return recipe.resolve(data), before, data


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


def _held_out(model, data, split) -> tuple:
    """Held-out data in the model's units, checked, and their condition."""
    x, y = split_for(model, data, split)
    return model.to_units(x, scores=True, name=f"the {split} split of {data.name!r}"), y


def _check_unchanged(
    output: Path, before: dict[str, Any], metadata: dict[str, Any]
) -> None:
    """Refuses to continue a run with other data or another precision."""
    if before.get("from_preset") != metadata.get("from_preset"):
        raise ValueError(
            f"The preset that the run in {output} began with has changed since. Restore "
            "it, or train anew."
        )
    begun, here = before.get("policy"), metadata["policy"]
    if begun != here:
        raise ValueError(
            f"The run in {output} was begun in {begun}, but would continue in {here}: half "
            "precision differs between GPUs and CPUs. Continue on the kind of device where "
            "it began, or train anew."
        )
    before, now = before["data"], metadata["data"]
    if before["fingerprint"] != now["fingerprint"]:
        raise ValueError(
            f"{now['name']!r} has changed since the run in {output} began, and with it the "
            "held-out data. Restore the data, or train anew."
        )


def _fit(model, recipe, data, binarize, validation, callbacks, say, verbose) -> None:
    """Runs the remaining epochs."""
    recorder, steps = callbacks[0], steps_of_epoch(recipe, data)
    done = recorder.restore(model)
    if done:
        say(f"continuing after epoch {done} of at most {recipe.epochs}")
    if recorder.is_over:
        return
    x, y = split_for(model, data, "train")
    if model.learns_labels:
        labels = kept_labels(recipe, model, data)
        rows = rows_with_more_labels(labels)
        x, y = x[rows], labels[rows]
        validation = validation[0], labels_of(model, data, "validation")
    is_static = binarize == "static"
    if is_static:
        x = model.to_units(x, scores=True, name="x_train")
    # The stream prepares the batches ahead of the steps, so the model must not.
    prepare, model.preprocessor = model.preprocessor, None
    batches = pipeline(
        x if is_static else prepare.events(x),
        recipe.batch_size,
        y=y,
        scaling=None if is_static else prepare.scaling,
        binarize="dynamic" if binarize == "dynamic" else None,
        augment=None if recipe.augment is None else Augmentation(recipe.augment),
        seed=recipe.seed,
        start_step=done * steps,
    )
    decoded = model.objective.num_samples * math.prod(model.event_shape)
    # The same number for each replica.
    replicas = model.distribute_strategy.num_replicas_in_sync
    share = max(1, min(500, _ELEMENTS_AT_A_TIME // decoded) // replicas)
    # A single example has no variance.
    if len(validation[0]) > 1:
        callbacks.append(CollapseWarning(validation[0], say=say, y=validation[1]))
    with failures_are_said():
        model.fit(
            batches,
            steps_per_epoch=steps,
            epochs=recipe.epochs,
            initial_epoch=done,
            shuffle=False,
            validation_data=validation,
            validation_batch_size=share * replicas,
            callbacks=callbacks,
            # No progress bars in a log file.
            verbose=(1 if sys.stdout.isatty() else 2) if verbose else 0,
        )


def _metadata(recipe: Recipe, data: DataSet, model, objective) -> dict[str, Any]:
    """The metadata of the model, except for the results of training."""
    about: dict[str, Any] = {
        "name": data.name,
        "licence": data.licence,
        "fingerprint": data.fingerprint(
            labels=model.num_classes is not None or model.condition_shape is not None
        ),
        "event_shape": list(data.event_shape),
    }
    if data.sample_rate is not None:
        about["sample_rate"] = data.sample_rate
    likelihood = model.likelihood_text
    if "feature_distance" in objective.terms:
        likelihood = "distances in a discriminator's features"
    metadata = {
        "model": part_name(type(model)),
        "likelihood": likelihood,
        "binarized": model.preprocessor.seed if model.preprocessor.binarize else None,
        "policy": keras.config.dtype_policy().name,
        "data": about,
    }
    if recipe.from_preset is not None:
        metadata["from_preset"] = fine_tuning.origin(recipe)
    return metadata


def _values(data: DataSet, model: LatentVariableModel) -> str:
    """Lines about the kind of the values, if it was guessed."""
    if data.sample_rate is not None:
        return f"sounds are seen as spectrograms of shape {tuple(model.event_shape)}\n"
    if data.sha256 is None or data.columns:
        return ""
    if data.levels is None:
        name = data.likelihood
        if name not in ("poisson", "negative_binomial"):
            return ""
        return f"the values are treated as counts: {name} (see --likelihood)\n"
    low, high = data.levels
    return f"the values are treated as levels from {low} to {high} (see --levels)\n"


def _describe(recipe, data: DataSet, model, metadata, workers, jit: bool) -> str:
    kind = "GPU" if hardware.on_gpu() else "CPU"
    count = model.distribute_strategy.num_replicas_in_sync
    once = steps_per_epoch(len(data.x_train), recipe.batch_size)
    passes = steps_of_epoch(recipe, data) // once
    sizes = [len(data.split(name)[0]) for name in ("train", "validation", "test")]
    return (
        f"{metadata['model']} with {model.count_params():,} weights, latent size "
        f"{model.latent_dim}, likelihood {metadata['likelihood']}\n"
        f"{data.name}: {sizes[0]:,} examples of shape {data.event_shape} for training, "
        f"{sizes[1]:,} for validation, {sizes[2]:,} for the test\n"
        + _values(data, model)
        + (f"an epoch is {passes} passes through the training data\n" if passes > 1 else "")
        + f"training on {count} {kind}{'s' if count > 1 else ''}"
        + (f", by {workers.count} workers" if workers.count > 1 else "")
        + (" with XLA" if jit else "")
        + (" in mixed precision" if recipe.mixed_precision else "")
    )
