"""The cost of training and scoring as the work grows, as a table and a plot.

    python benchmarks/cost.py [--repeats 20] [--short] [--output docs/images/cost.png]

One thing varies at a time: batch size, image size, latent size of a training step, and
the importance samples of `log_likelihood`. Images are random 0/1 pixels; the time does not
depend on them. Steps of the dense model are compiled with XLA, those of the convolutional
one are not. Times are medians over the repeats, after a first call that compiles.
`log_likelihood` has a tenth of the repeats.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import keras
import matplotlib
import numpy as np

import keras_vae
from keras_vae.plots import save_figure

matplotlib.use("Agg")

# What varies, the model, and the values.
BATCH, IMAGE, LATENT, SAMPLES = "batch size", "image size", "latent size", "samples"
SWEEPS = {
    (BATCH, "dense"): [32, 64, 128, 256, 512, 1024],
    (BATCH, "conv"): [32, 64, 128, 256, 512],
    (IMAGE, "dense"): [28, 64, 128],
    (IMAGE, "conv"): [28, 64, 128],
    (LATENT, "dense"): [2, 10, 50, 200, 500],
    (LATENT, "conv"): [2, 10, 50, 200, 500],
    (SAMPLES, "dense"): [1, 10, 100, 1000, 5000],
    (SAMPLES, "conv"): [1, 10, 100, 1000],
}
USUAL = {BATCH: 128, IMAGE: 28, LATENT: 50}
# Images that `log_likelihood` scores at a time.
SCORED = 100


def seconds(work: Callable[[], None], repeats: int) -> float:
    """Times a function.

    Args:
        work: The function; its first call is not counted.
        repeats: Number of calls after the first.

    Returns:
        Median seconds of a call.
    """
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def measure(model_name: str, what: str, value: int, repeats: int) -> float:
    """Measures one point.

    Args:
        model_name: "dense" (500-500) or "conv" (halvings down to 8 pixels or fewer).
        what: The quantity that varies.
        value: Its value.
        repeats: Number of measurements; scores have a tenth of it, at least one.

    Returns:
        Milliseconds an image of a training step or of a score.
    """
    keras.backend.clear_session()
    sizes = {**USUAL, what: value}
    count = SCORED if what == SAMPLES else sizes[BATCH]
    shape = (sizes[IMAGE], sizes[IMAGE], 1)
    models = {"dense": keras_vae.DenseVAE, "conv": keras_vae.ConvVAE}
    model = models[model_name](shape, sizes[LATENT], seed=0)
    x = np.random.default_rng(0).integers(0, 2, (count, *shape)).astype("float32")
    if what == SAMPLES:
        repeats = max(1, repeats // 10)
        return 1e3 / count * seconds(lambda: model.log_likelihood(x, value), repeats)
    # The faster choice on CPUs for all but small batches.
    model.compile(keras.optimizers.Adam(1e-3), jit_compile=model_name == "dense")
    return 1e3 / count * seconds(lambda: model.train_on_batch(x), repeats)


def table(found: dict[tuple[str, str], dict[int, float]]) -> None:
    """Prints the measurements as a Markdown table.

    Args:
        found: Milliseconds an image by value, for each sweep.
    """
    print("| what grows | model | milliseconds an image |\n|---|---|---|")
    for (what, model), points in found.items():
        row = ", ".join(f"{value}: {cost:.3g}" for value, cost in points.items())
        print(f"| {what} | {model} | {row} |")


def plot(found: dict[tuple[str, str], dict[int, float]], path: str) -> None:
    """Draws the measurements, one panel for each thing that varies.

    Args:
        found: Milliseconds an image by value, for each sweep.
        path: The picture's file.
    """
    from matplotlib import pyplot as plt
    from matplotlib import ticker

    kinds = list(dict.fromkeys(what for what, _ in found))
    figure, axes = plt.subplots(1, len(kinds), figsize=(3.2 * len(kinds), 3), squeeze=False)
    for axis, kind in zip(axes[0], kinds, strict=True):
        for (what, model), points in found.items():
            if what == kind:
                axis.plot(list(points), list(points.values()), "o-", label=model)
        axis.set(xscale="log", yscale="log", xlabel=kind)
        values = max((found[sweep] for sweep in found if sweep[0] == kind), key=len)
        axis.set_xticks(list(values), labels=list(values))
        axis.yaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
        axis.yaxis.set_major_formatter("{x:g}")
        axis.yaxis.set_minor_formatter(ticker.NullFormatter())
        axis.tick_params(axis="x", which="minor", bottom=False, labelbottom=False)
        axis.set_title(
            "log_likelihood" if kind == SAMPLES else "training step", fontsize=10
        )
    axes[0, 0].set_ylabel("milliseconds an image")
    axes[0, 0].legend()
    figure.tight_layout()
    save_figure(figure, path)


def main() -> None:
    """Measures, prints the table and draws the plot."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--short", action="store_true", help="the first value of each")
    parser.add_argument("--output", default="docs/images/cost.png")
    options = parser.parse_args()
    found = {}
    for (what, model), values in SWEEPS.items():
        values = values[:1] if options.short else values
        found[what, model] = {
            value: measure(model, what, value, options.repeats) for value in values
        }
    table(found)
    plot(found, options.output)


if __name__ == "__main__":
    main()
