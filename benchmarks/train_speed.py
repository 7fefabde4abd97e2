"""Seconds an epoch of a dense VAE in `fit`, beside the machine's floor and pythae.

The model is 784-500-500-z50, Bernoulli, on 50,000 binarized MNIST digits, batch 128, Adam
1e-3. Each way runs in its own process, in turn, `--rounds` times. The table has the first
epoch of each (compilation) in its own column.

    KERAS_VAE_DATA=... python benchmarks/train_speed.py [--peer-python PYTHON]

pythae is measured if this Python or `--peer-python` (its own environment, with torch) can
import it. `--before` measures another checkout of the package in turn with this one:

    git worktree add ../before COMMIT
    KERAS_VAE_DATA=... python benchmarks/train_speed.py --before ../before
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

# Ways to train, from the plainest to the one that `keras-vae train` uses.
WAYS = {
    "fit(array)": {"stream": False, "jit": False},
    "fit(array), XLA": {"stream": False, "jit": True},
    "fit(pipeline)": {"stream": True, "jit": False},
    "fit(pipeline), XLA": {"stream": True, "jit": True},
}
BEFORE = "before: "
PEER = Path(__file__).with_name("peer_pythae.py")
WEIGHTS = 784 * 500 + 500 * 500 + 500 * 100 + 50 * 500 + 500 * 500 + 500 * 784


def measure(way: str, epochs: int, limit: int) -> list[float]:
    """Trains in this process.

    Args:
        way: A key of `WAYS`.
        epochs: Number of epochs.
        limit: Number of training images.

    Returns:
        Seconds of each epoch.
    """
    import keras

    import keras_vae
    from keras_vae.data import load, pipeline, steps_per_epoch

    x = load("binarized_mnist").x_train[:limit]
    model = keras_vae.DenseVAE((28, 28, 1), latent_dim=50, seed=0)
    model.compile(keras.optimizers.Adam(1e-3), jit_compile=WAYS[way]["jit"])
    clock = epoch_clock()
    arguments = {"epochs": epochs, "verbose": 0, "callbacks": [clock]}
    if WAYS[way]["stream"]:
        steps = steps_per_epoch(len(x), 128)
        batches = pipeline(x, 128)
        model.fit(batches, steps_per_epoch=steps, shuffle=False, **arguments)
    else:
        model.fit(x.astype("float32"), batch_size=128, **arguments)
    return clock.seconds


def epoch_clock():
    """Makes a Keras callback that times epochs.

    Returns:
        The callback, with the list `seconds`.
    """
    import time

    import keras

    class Clock(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.seconds = []

        def on_epoch_begin(self, epoch, logs=None):
            self.start = time.perf_counter()

        def on_epoch_end(self, epoch, logs=None):
            self.seconds.append(time.perf_counter() - self.start)

    return Clock()


def matrix_speed(size: int = 2048) -> float:
    """Times products of square float32 matrices.

    Args:
        size: Number of rows and of columns.

    Returns:
        Floating point operations in a second, the best of 20 tries.
    """
    import time

    import tensorflow as tf

    best = 0.0
    a = tf.random.normal((size, size))
    for _ in range(20):
        start = time.perf_counter()
        tf.matmul(a, a).numpy()
        best = max(best, 2 * size**3 / (time.perf_counter() - start))
    return best


def in_process(*arguments: str, python: str = sys.executable, checkout: str | None = None):
    """Runs a Python program whose last line is JSON.

    Args:
        *arguments: The program and its arguments.
        python: The interpreter.
        checkout: Folder whose package `keras_vae` is imported; None imports the usual one.

    Returns:
        The content of that line.

    Raises:
        RuntimeError: If the program failed; the message has its output.
    """
    environment = {"TF_CPP_MIN_LOG_LEVEL": "3", **os.environ}
    if checkout is not None:
        environment["PYTHONPATH"] = checkout
    result = subprocess.run(
        [python, *arguments], capture_output=True, text=True, env=environment
    )
    if result.returncode:
        raise RuntimeError(f"{arguments} failed:\n{result.stdout}\n{result.stderr}")
    return json.loads(result.stdout.strip().splitlines()[-1])


def has_pythae(python: str) -> bool:
    """Tells whether an interpreter can import pythae.

    Args:
        python: The interpreter.

    Returns:
        Whether it can.
    """
    return (
        subprocess.run([python, "-c", "import pythae"], capture_output=True).returncode == 0
    )


def report(times: dict[str, list[list[float]]], speed: float, images: int) -> None:
    """Prints the table.

    Args:
        times: For each way, seconds of each epoch of each round.
        speed: The machine's floating point operations in a second.
        images: Number of training images.
    """
    # Forward, and backward to weights and to inputs: two operations each for every weight
    # and example.
    operations = 3 * 2 * WEIGHTS * images
    floor = operations / speed
    print(
        f"matrix speed {speed / 1e9:.0f} GFLOP/s; an epoch is {operations / 1e9:.0f} GFLOP"
    )
    print(f"{'':<28}{'s/epoch':>9}{'min':>8}{'max':>8}{'first':>8}{'x floor':>9}")
    print(f"{'floor':<28}{floor:>9.2f}{'':>24}{1:>9.2f}")
    medians = {}
    for way, rounds in times.items():
        later = [s for seconds in rounds for s in seconds[1:] or seconds]
        medians[way] = statistics.median(later)
        first = min(seconds[0] for seconds in rounds)
        print(
            f"{way:<28}{medians[way]:>9.2f}{min(later):>8.2f}{max(later):>8.2f}"
            f"{first:>8.2f}{medians[way] / floor:>9.2f}"
        )
    for way in WAYS:
        for other in ("pythae", BEFORE + way):
            if other in medians:
                print(f"{way} / {other}: {medians[way] / medians[other]:.2f}")


def main() -> None:
    """Measures all ways in turn and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=5, help="epochs of each round")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--train-limit", type=int, default=50_000, help="training images")
    parser.add_argument("--peer-python", default=sys.executable)
    parser.add_argument("--before", help="folder of another checkout to measure")
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--matrix-speed", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        print(json.dumps(measure(options.way, options.epochs, options.train_limit)))
        return
    if options.matrix_speed:
        print(json.dumps([matrix_speed()]))
        return
    if options.before and not Path(options.before, "keras_vae").is_dir():
        parser.error(f"--before {options.before} holds no package keras_vae")
    peer = has_pythae(options.peer_python)
    if not peer:
        print("pythae is not installed there and is omitted")
    times = {}
    size = ["--epochs", str(options.epochs), "--train-limit", str(options.train_limit)]
    speed = max(in_process(__file__, "--matrix-speed")[0] for _ in range(options.rounds))
    for _ in range(options.rounds):
        for way in WAYS:
            command = (__file__, "--way", way, *size)
            times.setdefault(way, []).append(in_process(*command))
            if options.before:
                seconds = in_process(*command, checkout=options.before)
                times.setdefault(BEFORE + way, []).append(seconds)
        if peer:
            measured = in_process(str(PEER), *size, python=options.peer_python)
            times.setdefault("pythae", []).append(measured["seconds"])
    report(times, speed, options.train_limit)


if __name__ == "__main__":
    main()
