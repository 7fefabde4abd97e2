"""Bounds of a model of binarized MNIST, from loose to tight, with gaps, time and memory.

    KERAS_VAE_DATA=... python benchmarks/likelihood.py RUN [--simulated 50] [--full]
    KERAS_VAE_DATA=... python benchmarks/likelihood.py RUN --train 60

RUN is the folder of a run (or the name of a preset) of static MNIST. `--train EPOCHS`
first trains one there: the VAE with one stochastic layer of Burda et al. 2016 (784-200-200-50,
tanh, batches of 20, Adam with epsilon 1e-4). Theirs took 3280 epochs and reached 88.71 nats
(86.76 with dynamic binarization); its learning rate fell from 1e-3 to 1e-4 in stages of
growing length. This one takes a fraction of the epochs, and its learning rate falls from 1e-3
to 0 on a cosine.
"""

from __future__ import annotations

import argparse
import math
import sys
import time

import keras
import numpy as np
from memory import peak_memory
from train_speed import matrix_speed

import keras_vae
from keras_vae.data import load, pipeline, steps_per_epoch
from keras_vae.evaluation import (
    annealed_importance_sampling,
    bidirectional_check,
    inference_gaps,
    mean_and_error,
    plus_minus,
)

_VERBOSE = int(sys.stdout.isatty())


def train(folder: str, epochs: int, images: int | None) -> None:
    """Trains the VAE of Burda et al. in a fraction of their epochs, and saves it.

    Args:
        folder: Destination.
        epochs: Passes through the training data.
        images: Number of training images; None takes all 50,000.
    """
    x = load("binarized_mnist").x_train[:images]
    steps = steps_per_epoch(len(x), 20)
    schedule = keras.optimizers.schedules.CosineDecay(1e-3, steps * epochs)
    keras.utils.set_random_seed(0)
    model = keras_vae.DenseVAE(
        (28, 28, 1), 50, hidden_units=(200, 200), activation="tanh", seed=0
    )
    model.compile(keras.optimizers.Adam(schedule, epsilon=1e-4), jit_compile=True)
    start = time.perf_counter()
    model.fit(
        pipeline(x, 20), steps_per_epoch=steps, epochs=epochs, shuffle=False, verbose=2
    )
    model.save_to_preset(folder)
    print(f"{epochs} epochs in {time.perf_counter() - start:.0f} s\n")


def bounds(model, x, num_samples: int, ais_steps: int) -> None:
    """Prints the bounds of the same images, from loose to tight.

    Args:
        model: The model.
        x: Images.
        num_samples: Draws of the tightest importance-weighted bound.
        ais_steps: Temperatures of annealed importance sampling; 0 omits it.
    """
    ways = {"ELBO": lambda: model.elbo(x, 100)}
    for n in sorted({5, 50, num_samples}):
        ways[f"IWAE-{n}"] = lambda n=n: model.log_likelihood(x, n)
    if ais_steps:
        ways[f"AIS, {ais_steps} steps"] = lambda: annealed_importance_sampling(
            model, x, ais_steps, verbose=_VERBOSE
        )
    print(f"| bound of log p(x), {len(x)} images | nats | above the row before | seconds |")
    print("|---|---|---|---|")
    before = None
    for name, way in ways.items():
        start = time.perf_counter()
        values = way()
        seconds = time.perf_counter() - start
        rise = "" if before is None else plus_minus(mean_and_error(values - before))
        print(f"| {name} | {plus_minus(mean_and_error(values))} | {rise} | {seconds:.0f} |")
        before = values


def sandwich(model, count: int, ais_steps: int) -> None:
    """Prints bounds of the error of annealed importance sampling on the model's own images.

    Args:
        model: The model.
        count: Images to draw from it.
        ais_steps: Temperatures.
    """
    start = time.perf_counter()
    found = bidirectional_check(model, count, ais_steps, verbose=_VERBOSE)
    seconds = time.perf_counter() - start
    print(f"\n| AIS, {ais_steps} steps, {count} simulated images, {seconds:.0f} s | nats |")
    print("|---|---|")
    names = {"lower": "lower bound", "upper": "upper bound", "gap": "between them"}
    for name, score in found.summary.items():
        print(f"| {names[name]} | {plus_minus(score)} |")


def gaps(model, x, steps: int) -> None:
    """Prints the inference gaps.

    Args:
        model: The model.
        x: Images.
        steps: Steps of the local optimization.
    """
    start = time.perf_counter()
    found = inference_gaps(model, x, steps=steps, verbose=_VERBOSE)
    seconds = time.perf_counter() - start
    print(f"\n| {len(x)} images, {seconds:.0f} s | nats |\n|---|---|")
    for name, score in found.summary.items():
        print(f"| {name.replace('_', ' ')} | {plus_minus(score)} |")


def full(model, x, num_samples: int) -> None:
    """Prints the log-likelihood of many images, with time, matrix speed and memory.

    Args:
        model: The model; its decoder has dense layers only.
        x: Images.
        num_samples: Draws for each.
    """
    kernels = [w for w in model.decoder.trainable_weights if w.path.endswith("kernel")]
    # A multiplication and an addition for each weight, draw and image.
    operations = 2 * sum(math.prod(w.shape) for w in kernels) * len(x) * num_samples
    before = matrix_speed()
    start = time.perf_counter()
    values = model.log_likelihood(x, num_samples, verbose=_VERBOSE)
    seconds = time.perf_counter() - start
    peak = max(before, matrix_speed())
    memory = peak_memory()
    speed = operations / seconds
    score = plus_minus(mean_and_error(values))
    print(f"\n{len(x)} images x {num_samples} draws: {score} nats")
    print(
        f"{seconds:.0f} s; the decoder's products, {operations / 1e12:.1f} TFLOP, at "
        f"{speed / 1e9:.0f} GFLOP/s, {speed / peak:.0%} of the machine's "
        f"{peak / 1e9:.0f}; peak memory of the process {memory / 1e9:.2f} GB"
    )


def main() -> None:
    """Trains if asked to, and prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", help="folder of a run, or name of a preset")
    parser.add_argument("--images", type=int, default=100, help="test images, at random")
    parser.add_argument("--num-samples", type=int, default=5000)
    parser.add_argument("--ais-steps", type=int, default=500, help="0 omits AIS")
    parser.add_argument(
        "--simulated", type=int, default=0, help="simulated images, for AIS from both sides"
    )
    parser.add_argument("--gap-steps", type=int, default=1000, help="0 omits the gaps")
    parser.add_argument("--train", type=int, metavar="EPOCHS", help="train RUN first")
    parser.add_argument("--train-limit", type=int, help="training images; default: all")
    parser.add_argument("--full", action="store_true", help="also score all test images")
    parser.add_argument("--full-images", type=int, default=10_000)
    options = parser.parse_args()
    if options.simulated and not options.ais_steps:
        parser.error("--simulated needs --ais-steps of at least 1")
    if options.train:
        train(options.run, options.train, options.train_limit)
    model = keras_vae.VAE.from_preset(options.run)
    everything = load("binarized_mnist").x_test
    rows = np.random.default_rng(0).permutation(len(everything))[: options.images]
    x = everything[np.sort(rows)]
    if options.images:
        bounds(model, x, options.num_samples, options.ais_steps)
    if options.simulated:
        sandwich(model, options.simulated, options.ais_steps)
    if options.images and options.gap_steps:
        gaps(model, x, options.gap_steps)
    if options.full:
        full(model, everything[: options.full_images], options.num_samples)


if __name__ == "__main__":
    main()
