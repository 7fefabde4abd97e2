"""The share of the inference gaps that a richer family of posteriors closes.

One decoder of statically binarized MNIST (16 latent numbers, 200 units) is trained with
IWAE-8 and then frozen. Posteriors of three families (diagonal normal, full covariance, four
Sylvester flows) are trained on it, each with a small and a large encoder.
`evaluation.inference_gaps` splits log p(x) - ELBO of the same test images into two gaps. The
approximation gap remains with the best member of the family; the encoder adds the
amortization gap by missing that member. The decoder's log p(x) is one number for all rows:
the highest of the rows' estimates, which are all lower bounds in expectation.

    KERAS_VAE_DATA=... python benchmarks/inference_gaps.py
"""

from __future__ import annotations

import argparse
import time

import keras
import numpy as np

import keras_vae
from keras_vae.data import load
from keras_vae.evaluation import (
    InferenceGaps,
    inference_gaps,
    mean_and_error,
    plus_minus,
)

SHAPE, LATENT, UNITS, BATCH = (28, 28, 1), 16, 200, 100
FAMILIES = {
    "diagonal normal": "normal",
    "full covariance": "full_normal",
    "Sylvester flow": "sylvester:rank=4,num_layers=4",
}
ENCODERS = {"small": (20,), "large": (500, 500)}


def make_decoder() -> keras.Model:
    """Makes the decoder that all posteriors share."""
    layers = [
        keras.Input((LATENT,)),
        keras.layers.Dense(UNITS, "tanh"),
        keras.layers.Dense(784),
    ]
    return keras.Sequential(layers, name="decoder")


def trained(family: str, hidden_units, decoder, x, epochs: int, objective="elbo"):
    """Trains a posterior, and the decoder unless it is frozen.

    Args:
        family: Name of the posterior's layer.
        hidden_units: Widths of the encoder's hidden layers.
        decoder: The decoder.
        x: Training images.
        epochs: Passes through them.
        objective: The objective of training.

    Returns:
        The model.
    """
    keras.utils.set_random_seed(0)
    q = keras_vae.layers.get(family, LATENT)
    # The posterior starts at the layer's usual parameters, near the prior.
    end = keras.layers.Dense(
        q.params_size,
        kernel_initializer=keras.initializers.RandomNormal(stddev=0.01),
        bias_initializer=keras.initializers.Constant(q.initial_params(0)),
    )
    hidden = [keras.layers.Dense(units, "relu") for units in hidden_units]
    encoder = keras.Sequential(
        [keras.Input(SHAPE), keras.layers.Flatten(), *hidden, end], name="encoder"
    )
    likelihood = keras_vae.layers.IndependentBernoulli(SHAPE)
    model = keras_vae.VAE(encoder, decoder, q, likelihood, seed=0)
    if decoder.trainable:
        model.start_from(x[::10].astype("f4"))
    steps = epochs * (len(x) // BATCH)
    rate = keras.optimizers.schedules.CosineDecay(1e-3, steps)
    model.compile(keras.optimizers.Adam(rate), objective)
    model.fit(x, batch_size=BATCH, epochs=epochs, verbose=0)
    return model


def report(rows: dict[tuple[str, str], InferenceGaps]) -> str:
    """Writes the table, with one log p(x) for all rows.

    Args:
        rows: Gaps by the names of family and encoder.

    Returns:
        Markdown.
    """
    best = max((one.log_likelihood for one in rows.values()), key=np.mean)
    lines = [
        f"log p(x): {plus_minus(mean_and_error(best))} nats, {len(best)} images",
        "",
        "| posterior | encoder | ELBO | approximation gap | amortization gap |",
        "|---|---|---|---|---|",
    ]
    for (family, size), found in rows.items():
        found = found._replace(log_likelihood=best)
        scores = found.amortized_bound, found.approximation_gap, found.amortization_gap
        cells = " | ".join(plus_minus(mean_and_error(one)) for one in scores)
        lines.append(f"| {family} | {size} | {cells} |")
    return "\n".join(lines)


def against_diagonal(rows: dict[tuple[str, str], InferenceGaps]) -> str:
    """Compares each gap with the diagonal normal's, over paired images.

    Args:
        rows: Gaps by the names of family and encoder.

    Returns:
        Lines of text.
    """
    plain, *others = dict.fromkeys(family for family, _ in rows)
    lines = []
    for family in others:
        for size in dict.fromkeys(size for _, size in rows):
            one, other = rows[plain, size], rows[family, size]
            # (log p(x) is the same and cancels.)
            closed = mean_and_error(other.local_bound - one.local_bound)
            amortized = mean_and_error(one.amortization_gap - other.amortization_gap)
            lines.append(
                f"{family}, {size} encoder: the approximation gap is narrower by "
                f"{plus_minus(closed)}, the amortization gap by {plus_minus(amortized)}"
            )
    return "\n".join(lines)


def main() -> None:
    """Trains the decoder and the posteriors, and prints the gaps."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--families", nargs="+", default=list(FAMILIES), choices=list(FAMILIES)
    )
    parser.add_argument("--epochs", type=int, default=10, help="for each posterior")
    parser.add_argument("--images", type=int, help="training images; default: all")
    parser.add_argument("--limit", type=int, default=100, help="test images, at random")
    parser.add_argument("--num-samples", type=int, default=2500)
    parser.add_argument("--gap-steps", type=int, default=600)
    options = parser.parse_args()
    data = load("binarized_mnist")
    x = data.x_train[: options.images]
    chosen = np.random.default_rng(0).choice(len(data.x_test), options.limit, replace=False)
    x_test = data.x_test[np.sort(chosen)]
    decoder, start = make_decoder(), time.perf_counter()
    objective = "iwae:num_samples=8"
    trained("normal", ENCODERS["large"], decoder, x, options.epochs, objective)
    decoder.trainable = False
    print(f"decoder: {time.perf_counter() - start:.0f} s", flush=True)
    rows = {}
    for family in options.families:
        for size, hidden_units in ENCODERS.items():
            start = time.perf_counter()
            model = trained(FAMILIES[family], hidden_units, decoder, x, options.epochs)
            seconds = time.perf_counter() - start
            found = inference_gaps(
                model, x_test, options.num_samples, steps=options.gap_steps
            )
            rows[family, size] = found
            print(
                f"{family}, {size} encoder: trained in {seconds:.0f} s, gaps in "
                f"{time.perf_counter() - start - seconds:.0f} s, estimate of log p(x) "
                f"{found.log_likelihood.mean():.2f}",
                flush=True,
            )
    print("\n" + report(rows) + "\n\n" + against_diagonal(rows))


if __name__ == "__main__":
    main()
