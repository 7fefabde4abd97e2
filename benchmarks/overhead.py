r"""The package's overhead over plain Keras: import, embedding, sampling.

    python benchmarks/overhead.py [--images 10000] [--rounds 5]

Each import runs in its own process, in turn with one that imports TensorFlow and TensorFlow
Probability alone. Codes and samples of a dense and of a convolutional model are timed in turn
with `predict` of the same Keras networks on the same arrays, which only computes the networks'
outputs. The table has medians of the rounds after the first.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

import numpy as np

_PLAIN = "import tensorflow, tensorflow_probability; tensorflow_probability.distributions"


def seconds(do) -> float:
    """Returns the seconds that a function takes."""
    start = time.perf_counter()
    do()
    return time.perf_counter() - start


def in_turn(ways: dict, rounds: int) -> dict[str, float]:
    """Times several ways in turn, so that other load on the machine slows all alike.

    Args:
        ways: Functions by name.
        rounds: Number of rounds; one more before them does not count.

    Returns:
        Median seconds by name.
    """
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds + 1):
        for name, do in ways.items():
            times[name].append(seconds(do))
    return {name: statistics.median(every[1:]) for name, every in times.items()}


def run(code: str):
    """Runs code in a new Python process."""
    subprocess.run([sys.executable, "-c", code], check=True, stderr=subprocess.DEVNULL)


def imports(rounds: int) -> dict[str, float]:
    """Times the imports."""
    ways = {"TensorFlow and TFP": _PLAIN, "keras_vae": "import keras_vae"}
    return in_turn(
        {name: lambda code=code: run(code) for name, code in ways.items()}, rounds
    )


def model_times(name: str, images: int, rounds: int) -> dict[str, float]:
    """Times codes and samples of a model, and `predict` of its networks."""
    import keras_vae

    model = keras_vae.models.get(
        f"{name}:latent_dim=32", (28, 28, 1), likelihood="bernoulli"
    )
    rng = np.random.default_rng(0)
    x = (rng.random((images, 28, 28, 1)) < 0.2).astype("float32")
    z = rng.standard_normal((images, 32)).astype("float32")
    return in_turn(
        {
            "embed": lambda: model.embed(x),
            "encoder.predict": lambda: model.encoder.predict(x, batch_size=256, verbose=0),
            "sample": lambda: model.sample(images),
            "decoder.predict": lambda: model.decoder.predict(z, batch_size=256, verbose=0),
        },
        rounds,
    )


def main():
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    found = imports(arguments.rounds)
    plain, ours = found.values()
    print("| what | plain | keras_vae | times |")
    print("|---|---|---|---|")
    print(f"| import, s | {plain:.2f} | {ours:.2f} | {ours / plain:.2f} |", flush=True)
    for name in ("dense_vae", "conv_vae"):
        took = model_times(name, arguments.images, arguments.rounds)
        for ours, plain in (("embed", "encoder.predict"), ("sample", "decoder.predict")):
            rates = [arguments.images / took[one] for one in (plain, ours)]
            print(
                f"| {name}, {ours}, images a second | {rates[0]:,.0f} | {rates[1]:,.0f} "
                f"| {took[ours] / took[plain]:.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    sys.exit(main())
