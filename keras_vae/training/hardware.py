"""How to compute on this machine: devices, precision, compiler."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable

import tensorflow as tf

from keras_vae.training.recipe import Recipe
from keras_vae.training.workers import read_cluster

# Number of decoded elements in a batch up to which XLA's convolutions are faster on a CPU.
_SMALL_BATCH = 100_000


def on_gpu() -> bool:
    """Tells whether TensorFlow sees a GPU."""
    return bool(tf.config.list_physical_devices("GPU"))


def prepare_devices(recipe: Recipe) -> None:
    """Makes settings of this process that TensorFlow takes before it computes anything.

    GPUs allocate memory as they need it, so that other processes can use them, too.
    Deterministic operations stay on until the process ends.

    Args:
        recipe: What to train.
    """
    if recipe.deterministic:
        tf.config.experimental.enable_op_determinism()
    # Refused once the process has computed something: then its memory is the caller's choice.
    # (A ValueError where it has limited the memory.)
    with contextlib.suppress(RuntimeError, ValueError):
        for one in tf.config.list_physical_devices("GPU"):
            tf.config.experimental.set_memory_growth(one, True)


def find_strategy(say: Callable[[str], None]) -> tf.distribute.Strategy | None:
    """Finds the distribution strategy.

    Args:
        say: Called with a line for the user, if this process waits for others.

    Returns:
        A strategy for the workers of TF_CONFIG with all their GPUs, or for all GPUs if
        there are several; otherwise None, TensorFlow's default.

    Raises:
        RuntimeError: If TF_CONFIG names workers and TensorFlow has computed already.
        ValueError: If TF_CONFIG is wrong.
    """
    if cluster := read_cluster():
        count, place = cluster
        chief = " (the chief)" if place == 0 else ""
        say(f"worker {place + 1} of {count}{chief}: waiting for the others")
        try:
            return tf.distribute.MultiWorkerMirroredStrategy()
        except RuntimeError as error:
            raise RuntimeError(
                "Training on the workers of TF_CONFIG must be the first that a process "
                f"does with TensorFlow: {error}. Train in a new process."
            ) from error
    several = len(tf.config.list_physical_devices("GPU")) > 1
    return tf.distribute.MirroredStrategy() if several else None


def half_precision() -> str:
    """Name of the mixed policy that may be fast here."""
    # CPUs with AMX multiply bfloat16 fast, and it needs no scaling of the loss.
    return "mixed_float16" if on_gpu() else "mixed_bfloat16"


def use_xla(
    recipe: Recipe, model, objective, strategy: tf.distribute.Strategy | None
) -> bool:
    """Decides whether training is compiled with XLA.

    Args:
        recipe: What to train; its `jit` decides if it is given.
        model: The model.
        objective: Its objective.
        strategy: The result of `find_strategy`.

    Returns:
        Whether to compile.

    Raises:
        ValueError: If the recipe asks for it on several devices.
    """
    if recipe.jit and strategy is not None:
        raise ValueError(
            "Keras cannot compile with XLA on several GPUs or workers. Leave --jit out, or "
            "show TensorFlow one GPU only (CUDA_VISIBLE_DEVICES=0, and no TF_CONFIG)."
        )
    if recipe.jit is not None:
        return recipe.jit
    if strategy is not None or on_gpu():
        return strategy is None
    # XLA lacks the operations of some discrete draws.
    if not model.latent.is_reparameterized:
        return False
    # XLA fuses the optimizer's and the likelihood's many small operations (on CPUs up to
    # a third less time, see benchmarks/). But on CPUs its convolutions are slower, which is
    # noticeable in larger batches (28 x 28 pixels: 0.9 of the time in batches of 32, 1.1 of
    # 128, 1.35 of 256), and a game takes long to compile.
    if not _has_convolutions(model):
        return True
    decoded = recipe.batch_size * objective.num_samples * math.prod(model.event_shape)
    return decoded <= _SMALL_BATCH and not objective.players


def _has_convolutions(layer) -> bool:
    inner = getattr(layer, "layers", ())
    return hasattr(layer, "kernel_size") or any(map(_has_convolutions, inner))
