"""Training a model from a recipe, into a run folder."""

from __future__ import annotations

import contextlib
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_vae import data as data_module
from keras_vae import plots
from keras_vae.core.files import write_json
from keras_vae.core.support import REAL
from keras_vae.data import DataSet, pipeline, steps_per_epoch
from keras_vae.evaluation import CollapseWarning, describe_scores, held_out_scores
from keras_vae.models import VAE, LatentVariableModel
from keras_vae.models.prebuilt import policy
from keras_vae.presets.files import METADATA, read_metadata
from keras_vae.presets.lookup import find_preset
from keras_vae.training import fine_tuning, hardware
from keras_vae.training.building import (
    build_model,
    build_objective,
    build_optimizer,
    build_preprocessor,
    monitor_of,
)
from keras_vae.training.recipe import Recipe
from keras_vae.training.run_folder import RunRecorder, open_folder, remove_checkpoints

# What the closing evaluation may cost: examples, importance samples of each, and decoded
# elements of all together (half a minute or so); large images get fewer samples.
_MOST_EXAMPLES, _MOST_SAMPLES, _MOST_ELEMENTS = 500, 500, 200_000_000
# Decoded elements in a validation batch, so that it fits where a training batch does.
_ELEMENTS_AT_A_TIME = 4_000_000
# Training data that parts may start from, such as pseudo-inputs.
_MOST_STARTS = 10_000


def train(
    recipe: Recipe,
    output: str | Path,
    *,
    resume: bool = False,
    overwrite: bool = False,
    say: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Trains a model and leaves it, its history, scores and pictures in a folder.

    After each epoch the folder holds the best model so far (of a VAE-GAN, which no score
    judges, the last) and a checkpoint, each
    written whole. A run that ended early, however it ended, goes on with `resume`.

    Args:
        recipe: What to train.
        output: The run's folder.
        resume: Go on from the last finished epoch of the run in `output`; without one,
            start it.
        overwrite: Replace the run in `output`.
        say: Called with each line for the user.

    Returns:
        The held-out scores; see `keras_vae.evaluation.held_out_scores`.

    Raises:
        FileExistsError: If `output` holds something that must not be replaced.
        ValueError: If recipe and data do not go together.

    Example:
        >>> train(Recipe("mnist_5k", "conv_vae"), "runs/mnist_5k")
    """
    output = Path(output)
    before = _open_preset(recipe, output)
    if before is not None:
        recipe = fine_tuning.with_sizes(recipe, before.event_shape)
    data = data_module.load(
        recipe.data,
        image_size=recipe.image_size,
        channels=recipe.channels,
        seed=recipe.seed,
    )
    recipe = recipe.resolve(data)
    keras.utils.set_random_seed(recipe.seed)
    strategy = hardware.find_strategy()
    half = hardware.half_precision() if recipe.mixed_precision else None
    with policy(half), strategy.scope() if strategy else contextlib.nullcontext():
        model, preprocessor, binarize = _start(recipe, data, before)
        objective = build_objective(recipe, model, data)
        optimizer = build_optimizer(recipe, model, data)
        jit = hardware.use_xla(recipe, model, objective, strategy)
        for name in ("validation", "test"):
            # Refused now, and not after the training.
            _units(model, preprocessor, data.split(name)[0], f"the {name} split")
        metadata = _metadata(recipe, data, preprocessor, objective)
        model.compile(optimizer, objective, jit_compile=jit)
        # Everything that can be refused has been checked; now the folder is touched (to
        # resume a run it is only read).
        open_folder(output, recipe, resume, overwrite)
        if resume:
            _check_unchanged(output, metadata)
        if resume and _is_finished(output):
            say(f"the run in {output} is finished")
            return read_metadata(output)["scores"]
        say(_describe(recipe, data, model, strategy, jit))
        monitor = monitor_of(objective)
        recorder = RunRecorder(output, recipe, monitor, preprocessor, metadata)
        _fit(model, recipe, data, preprocessor, binarize, recorder, say)
    return _finish(output, recorder, data.x_test, say)


def _open_preset(recipe: Recipe, output: Path) -> LatentVariableModel | None:
    """Loads the model that training starts from, if there is one."""
    if recipe.from_preset is None:
        return None
    if find_preset(recipe.from_preset).resolve() == output.resolve():
        raise ValueError(
            f"{output} is the preset that training starts from, and would be replaced. "
            "Choose another --output."
        )
    return VAE.from_preset(recipe.from_preset)


def _start(recipe: Recipe, data: DataSet, before) -> tuple:
    """Makes the model, new or from a preset, its preprocessor and its binarization.

    The preprocessor is kept apart while the model is trained on a stream of prepared
    batches.
    """
    if before is None:
        model = build_model(recipe, data)
        return model, *build_preprocessor(recipe, model, data)
    model = fine_tuning.start(recipe, data, before)
    binarize = fine_tuning.binarization(recipe, model)
    preprocessor, model.preprocessor = model.preprocessor, None
    return model, preprocessor, binarize


def _units(model, preprocessor, x, name: str) -> np.ndarray:
    """Held-out data as the model reads them, checked."""
    x = x if preprocessor is None else preprocessor.held_out(x)
    model.support.check(x, name)
    return x


def _is_finished(output: Path) -> bool:
    if not (output / METADATA).exists():
        return False
    return read_metadata(output)["training"]["finished"]


def _check_unchanged(output: Path, metadata: dict[str, Any]) -> None:
    """Refuses to go on with other data or another precision than the run began with."""
    if not (output / METADATA).exists():
        return
    before = read_metadata(output)
    if before.get("from_preset") != metadata.get("from_preset"):
        raise ValueError(
            f"The preset that the run in {output} began with has changed since. Put it "
            "back as it was, or train anew."
        )
    begun, here = before.get("policy"), metadata["policy"]
    if begun != here:
        raise ValueError(
            f"The run in {output} was begun in {begun}, but here it would go on in {here}: "
            "half precision is another one on GPUs than on CPUs. Go on where it was begun, "
            "or train anew."
        )
    before, now = before["data"], metadata["data"]
    if before["fingerprint"] != now["fingerprint"]:
        raise ValueError(
            f"{now['name']!r} has changed since the run in {output} began, and with it "
            "what is held out. Put the data back as they were, or train anew."
        )


def _fit(model, recipe, data, preprocessor, binarize, recorder, say) -> None:
    """Runs the epochs that are left to do."""
    steps = steps_per_epoch(len(data.x_train), recipe.batch_size)
    done = recorder.restore(model)
    if done:
        say(f"going on after epoch {done} of at most {recipe.epochs}")
    else:
        model.start_from(_some_units(preprocessor, data.x_train))
    if recorder.is_over:
        return
    static = binarize == "static"
    scaling = None if preprocessor is None else preprocessor.scaling
    batches = pipeline(
        preprocessor.held_out(data.x_train) if static else data.x_train,
        recipe.batch_size,
        scaling=None if static else scaling,
        binarize="dynamic" if binarize == "dynamic" else None,
        seed=recipe.seed,
        start_step=done * steps,
    )
    x_validation = _units(model, preprocessor, data.x_validation, "the validation split")
    decoded = model.objective.num_samples * math.prod(model.event_shape)
    callbacks = [recorder]
    # A single example has no variance.
    if len(x_validation) > 1:
        callbacks.append(CollapseWarning(x_validation, say=say))
    model.fit(
        batches,
        steps_per_epoch=steps,
        epochs=recipe.epochs,
        initial_epoch=done,
        shuffle=False,
        validation_data=x_validation,
        validation_batch_size=max(1, min(500, _ELEMENTS_AT_A_TIME // decoded)),
        callbacks=callbacks,
        verbose=1 if sys.stdout.isatty() else 2,
    )


def _some_units(preprocessor, x) -> np.ndarray:
    """The first training data in the model's units, for parts that start from data."""
    x = x[:_MOST_STARTS]
    return x if preprocessor is None else preprocessor(x)


def _finish(output, recorder, x, say) -> dict[str, Any]:
    """Scores the best model on test data, draws pictures, and closes the run."""
    plots.save_figure(plots.loss_curves(_columns(recorder.rows)), output / "loss.png")
    model, metadata = VAE.from_preset(output), read_metadata(output)
    epochs = {"epochs": len(recorder.rows), "best_epoch": recorder.best_epoch + 1}
    if recorder.monitor is None:
        say(f"kept is the last of {epochs['epochs']} epochs; look at the pictures")
    else:
        say(f"best of {epochs['epochs']} epochs: {epochs['best_epoch']}")
    if recorder.monitor and epochs["best_epoch"] == recorder.recipe.epochs:
        say("the last epoch was the best: a new run with more --epochs may be better")
    metadata["training"] = {**epochs, "finished": True, "monitor": recorder.monitor}
    if scores := _scores(model, x):
        say(describe_scores(scores))
        metadata["scores"] = {**scores, "split": "test"}
    pictures = draw(model, x[:16], output)
    write_json(output / METADATA, metadata)
    remove_checkpoints(output)
    say(f"{output} holds the model" + (f" and {', '.join(pictures)}" if pictures else ""))
    return scores


def _scores(model, x) -> dict[str, Any]:
    elements = min(len(x), _MOST_EXAMPLES) * math.prod(model.event_shape)
    samples = min(_MOST_SAMPLES, max(50, _MOST_ELEMENTS // elements))
    # Of a VAE-GAN it is images, not draws for each example.
    samples = samples if model.trains_likelihood else _MOST_SAMPLES
    return held_out_scores(model, x, samples, limit=_MOST_EXAMPLES)


def draw(model: LatentVariableModel, x: np.ndarray, output: Path) -> list[str]:
    """Draws samples and reconstructions of images, and the manifold of 2-D codes.

    Args:
        model: The model.
        x: Held-out raw observations.
        output: Folder of the pictures.

    Returns:
        Names of the pictures; none for tables.
    """
    if len(model.event_shape) != 3 or model.event_shape[-1] not in (1, 3):
        return []
    shown = {"value_range": model.shown_range}
    plots.save_image_grid(model.sample(64), output / "samples.png", **shown)
    pairs = (x, model.reconstruct(x), output / "reconstructions.png")
    plots.save_reconstruction_pairs(*pairs, **shown)
    names = ["samples.png", "reconstructions.png"]
    if model.latent.shape == (2,) and model.latent.support == REAL:
        plots.save_image(plots.latent_manifold(model), output / "manifold.png")
        names.append("manifold.png")
    return names


def _metadata(recipe: Recipe, data: DataSet, preprocessor, objective) -> dict[str, Any]:
    about = {
        "name": data.name,
        "licence": data.licence,
        "fingerprint": data.fingerprint(),
        "event_shape": list(data.event_shape),
    }
    policy_name = keras.config.dtype_policy().name
    drawn = preprocessor is not None and preprocessor.binarize
    metadata = {
        "model": recipe.title,
        "likelihood": _likelihood(recipe, data, objective),
        "binarized": preprocessor.seed if drawn else None,
        "policy": policy_name,
        "data": about,
    }
    if recipe.from_preset is not None:
        metadata["from_preset"] = fine_tuning.origin(recipe)
    return metadata


def _describe(recipe: Recipe, data: DataSet, model: VAE, strategy, jit: bool) -> str:
    kind = "GPU" if hardware.on_gpu() else "CPU"
    count = strategy.num_replicas_in_sync if strategy else 1
    sizes = [len(data.split(name)[0]) for name in ("train", "validation", "test")]
    likelihood = _likelihood(recipe, data, model.objective)
    return (
        f"{recipe.title} with {model.count_params():,} weights, latent size "
        f"{model.latent_dim}, likelihood {likelihood}\n"
        f"{data.name}: {sizes[0]:,} examples of shape {data.event_shape} for training, "
        f"{sizes[1]:,} for validation, {sizes[2]:,} for the test\n"
        f"training on {count} {kind}"
        + (" with XLA" if jit else "")
        + (" in mixed precision" if recipe.mixed_precision else "")
    )


def _likelihood(recipe: Recipe, data: DataSet, objective) -> str:
    """The likelihood in words."""
    if objective.players:
        return "distances in a discriminator's features"
    return recipe.likelihood or data.likelihood


def _columns(rows: list[dict[str, float]]) -> dict[str, list[float]]:
    return {name: [row[name] for row in rows] for name in rows[0]}
