"""Training a model from a recipe, into a run folder."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_vae import data as data_module
from keras_vae import plots
from keras_vae.core.files import write_json
from keras_vae.data import DataSet, Preparation, Scaling, pipeline, steps_per_epoch
from keras_vae.evaluation import describe_scores, likelihood_scores
from keras_vae.models import VAE
from keras_vae.presets import METADATA, load_from_preset, read_metadata
from keras_vae.recipe import Recipe, build_model, build_objective, build_optimizer
from keras_vae.run_folder import CHECKPOINT, Keeper, claim

# What the closing evaluation may cost: examples, importance samples of each, and decoded
# elements of all together (half a minute or so); large images get fewer samples.
_MOST_EXAMPLES, _MOST_SAMPLES, _MOST_ELEMENTS = 500, 500, 200_000_000


def train(
    recipe: Recipe,
    output: str | Path,
    *,
    resume: bool = False,
    overwrite: bool = False,
    say: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Trains a model and leaves it, its history, scores and pictures in a folder.

    After each epoch the folder holds the best model so far and a checkpoint, each
    written whole. A run that ended early, however it ended, goes on with `resume`.

    Args:
        recipe: What to train.
        output: The run's folder.
        resume: Go on from the last finished epoch of the run in `output`; without one,
            start it.
        overwrite: Replace the run in `output`.
        say: Called with each line for the user.

    Returns:
        The held-out scores; see `keras_vae.evaluation.likelihood_scores`.

    Raises:
        FileExistsError: If `output` holds something that must not be replaced.
        ValueError: If recipe and data do not go together.

    Example:
        >>> train(Recipe(model="conv_vae", data="mnist_5k"), "runs/mnist_5k")
    """
    output = Path(output)
    data = data_module.load(
        recipe.data,
        image_size=recipe.image_size,
        channels=recipe.channels,
        seed=recipe.seed,
    )
    recipe = recipe.resolve(data)
    keras.utils.set_random_seed(recipe.seed)
    strategy = _strategy()
    with _policy(recipe), strategy.scope() if strategy else contextlib.nullcontext():
        model = build_model(recipe, data)
        preparation = _preparation(recipe, data, model)
        for name in ("validation", "test"):
            x = preparation(data.split(name)[0])
            model.likelihood.support.check(x, f"the {name} split of {data.name!r}")
        # Everything that can be refused has been checked; now the folder is touched.
        claim(output, recipe, resume, overwrite)
        if resume and _is_finished(output):
            say(f"the run in {output} is finished")
            return read_metadata(output)["scores"]
        model.compile(
            build_optimizer(recipe, data),
            build_objective(recipe, data),
            jit_compile=_jit(recipe, strategy),
        )
        model.optimizer.build(model.trainable_variables)
        say(_describe(recipe, data, model, strategy))
        metadata = _metadata(recipe, data, preparation)
        epochs = _fit(model, recipe, data, preparation, output, metadata, say)
    return _finish(output, epochs, data, preparation, say)


def _is_finished(output: Path) -> bool:
    if not (output / METADATA).exists():
        return False
    return read_metadata(output)["training"]["finished"]


def _fit(model, recipe, data, preparation, output, metadata, say) -> dict[str, int]:
    """Runs the epochs that are left to do."""
    keeper = Keeper(output, recipe, metadata)
    steps = steps_per_epoch(len(data.x_train), recipe.batch_size)
    done = keeper.restore(model, steps)
    if done:
        say(f"going on after epoch {done} of at most {recipe.epochs}")
    if not keeper.is_over:
        x, dynamic = data.x_train, recipe.binarize == "dynamic"
        if recipe.binarize == "static":
            x = preparation(x)
        batches = pipeline(
            x,
            recipe.batch_size,
            scaling=None if recipe.binarize == "static" else preparation.scaling,
            binarize="dynamic" if dynamic else None,
            seed=recipe.seed,
            start_step=done * steps,
        )
        model.fit(
            batches,
            steps_per_epoch=steps,
            epochs=recipe.epochs,
            initial_epoch=done,
            shuffle=False,
            validation_data=preparation(data.x_validation),
            validation_batch_size=500,
            callbacks=[keeper],
            verbose=1 if sys.stdout.isatty() else 2,
        )
    plots.save_figure(plots.loss_curves(_columns(keeper.rows)), output / "loss.png")
    return {"epochs": len(keeper.rows), "best_epoch": keeper.best_epoch + 1}


def _finish(output, epochs, data, preparation, say) -> dict[str, Any]:
    """Scores the best model on test data, draws pictures, and closes the run."""
    model, metadata = load_from_preset(output)
    say(f"best of {epochs['epochs']} epochs: {epochs['best_epoch']}")
    x = preparation(data.x_test)
    if len(x) > _MOST_EXAMPLES:
        # At random: some test sets are sorted by class.
        rows = np.random.default_rng(0).choice(len(x), _MOST_EXAMPLES, replace=False)
        x = x[np.sort(rows)]
    affordable = max(50, _MOST_ELEMENTS // x.size)
    scores = likelihood_scores(model, x, min(_MOST_SAMPLES, affordable))
    say(describe_scores(scores))
    pictures = draw(model, x, preparation.scaling, output)
    metadata["training"] = {**epochs, "finished": True}
    metadata["scores"] = {**scores, "split": "test"}
    write_json(output / METADATA, metadata)
    (output / CHECKPOINT).unlink(missing_ok=True)
    say(f"{output} holds the model" + (f" and {', '.join(pictures)}" if pictures else ""))
    return scores


def draw(model: VAE, x: np.ndarray, scaling: Scaling, output: Path) -> list[str]:
    """Draws samples and reconstructions of images, and the manifold of 2-D codes.

    Args:
        model: The model.
        x: Held-out observations in the units of the likelihood.
        scaling: Map from raw values to those units.
        output: Folder of the pictures.

    Returns:
        Names of the pictures; none for tables.
    """
    if len(model.event_shape) != 3 or model.event_shape[-1] not in (1, 3):
        return []
    value_range = plots.value_range_of(model.likelihood.support)
    plots.save_image_grid(model.sample(64), output / "samples.png", value_range=value_range)
    plots.save_reconstruction_pairs(
        x[:16],
        model.reconstruct(x[:16]),
        output / "reconstructions.png",
        value_range=value_range,
    )
    names = ["samples.png", "reconstructions.png"]
    if model.latent_dim == 2:
        manifold = plots.latent_manifold(model, value_range=value_range)
        plots.save_image(manifold, output / "manifold.png")
        names.append("manifold.png")
    return names


def _strategy() -> tf.distribute.Strategy | None:
    """All GPUs together where there are several; TensorFlow's own choice otherwise."""
    several = len(tf.config.list_physical_devices("GPU")) > 1
    return tf.distribute.MirroredStrategy() if several else None


@contextlib.contextmanager
def _policy(recipe: Recipe):
    before = keras.config.dtype_policy()
    if recipe.mixed_precision:
        keras.config.set_dtype_policy("mixed_float16")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _jit(recipe: Recipe, strategy) -> bool:
    if recipe.jit is not None:
        return recipe.jit
    # XLA fuses the optimizer's and the likelihood's many small operations (on CPUs up to
    # a third less time, see benchmarks/); under a strategy Keras cannot use it.
    return strategy is None


def _preparation(recipe: Recipe, data: DataSet, model: VAE) -> Preparation:
    scaling = Scaling.fit(data.x_train, model.likelihood.support, data.levels)
    return Preparation(scaling, recipe.binarize != "none", recipe.seed)


def _metadata(recipe: Recipe, data: DataSet, preparation: Preparation) -> dict[str, Any]:
    about = {
        "name": data.name,
        "licence": data.licence,
        "sha256": data.sha256,
        "event_shape": list(data.event_shape),
        "preparation": preparation.to_config(),
    }
    return {"model": recipe.model, "data": about}


def _describe(recipe: Recipe, data: DataSet, model: VAE, strategy) -> str:
    gpus = tf.config.list_physical_devices("GPU")
    kind = "GPU" if gpus else "CPU"
    count = len(gpus) if strategy else 1
    sizes = [len(data.split(name)[0]) for name in ("train", "validation", "test")]
    return (
        f"{recipe.model} with {model.count_params():,} weights, latent size "
        f"{model.latent_dim}, likelihood {recipe.likelihood}\n"
        f"{data.name}: {sizes[0]:,} examples of shape {data.event_shape} for training, "
        f"{sizes[1]:,} for validation, {sizes[2]:,} for the test\n"
        f"training on {count} {kind}"
        + (" with XLA" if _jit(recipe, strategy) else "")
        + (" in mixed precision" if recipe.mixed_precision else "")
    )


def _columns(rows: list[dict[str, float]]) -> dict[str, list[float]]:
    return {name: [row[name] for row in rows] for name in rows[0]}
