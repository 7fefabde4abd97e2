"""Finds anomalies, digits among clothes, and shows how the likelihood alone fails.

The program takes a model that was trained on Fashion-MNIST. It scores the test images of
Fashion-MNIST and MNIST with every method of `keras_vae.evaluation.anomaly_scores`, and prints
how well each method separates the digits (the anomalies) from the clothes.

    keras-vae train dense_vae:latent_dim=20 --data fashion_mnist --epochs 4 \
        --output runs/fashion
    python examples/anomalies.py runs/fashion

An AUROC of 0.5 is a guess. Digits seem more normal than held-out clothes if it is lower: this
is the well-known failure of likelihoods. The program also trains the background model of the
likelihood ratio, on the same images with some of their pixels replaced by noise.
"""

from __future__ import annotations

import argparse

import keras
import numpy as np

import keras_vae
from keras_vae.evaluation import anomaly_scores, auroc
from keras_vae.presets.files import read_metadata
from keras_vae.presets.lookup import find_preset

METHODS = (
    "elbo",
    "log_likelihood",
    "reconstruction",
    "input_complexity",
    "likelihood_ratio",
)


def train_background(
    model: keras_vae.VAE, x: np.ndarray, epochs: int, noise: float, seed: int
) -> keras_vae.VAE:
    """Trains a model of the same architecture on mutated images.

    Args:
        model: The original model.
        x: Its training images, raw: whole numbers.
        epochs: Passes through them.
        noise: Share of the pixels that get a random level.
        seed: Seed of the noise, the weights and the order.

    Returns:
        The background model.
    """
    keras.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)
    levels = rng.integers(0, 1 + int(x.max()), size=x.shape).astype(x.dtype)
    mutated = np.where(rng.random(x.shape) < noise, levels, x)
    # A model from the same config has the same preprocessor, but new weights.
    background = type(model).from_config(model.get_config())
    background.compile(keras.optimizers.Adam(1e-3), jit_compile=True)
    background.fit(mutated, batch_size=128, epochs=epochs, verbose=2)
    return background


def main() -> None:
    """Trains the background model, scores both test sets and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("run", help="folder of a run, or name of a preset")
    parser.add_argument(
        "--anomalies", default="mnist", help="data of the same shape (default: mnist)"
    )
    parser.add_argument(
        "--count", type=int, default=1000, help="test images of each data set"
    )
    parser.add_argument("--num-samples", type=int, default=50, help="importance samples")
    parser.add_argument("--background-epochs", type=int, default=4)
    parser.add_argument("--noise", type=float, default=0.2, help="share of mutated pixels")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    model = keras_vae.VAE.from_preset(options.run)
    trained_on = read_metadata(find_preset(options.run))["data"]["name"]
    normal, others = (keras_vae.data.load(n) for n in (trained_on, options.anomalies))
    x = {
        "normal": normal.x_test[: options.count],
        "anomalous": others.x_test[: options.count],
    }
    background = train_background(
        model, normal.x_train, options.background_epochs, options.noise, options.seed
    )
    print(f"{options.anomalies} among {trained_on}, {options.count} test images each")
    print(f"{'score':<18}{'AUROC':>7}    mean score of normal and anomalous images, nats")
    for method in METHODS:
        scores = {
            name: anomaly_scores(
                model,
                images,
                method,
                options.num_samples,
                options.seed,
                background if method == "likelihood_ratio" else None,
            )
            for name, images in x.items()
        }
        area = auroc(**scores)
        print(
            f"{method:<18}{area['mean']:7.3f} +- {area['standard_error']:.3f}"
            f"{scores['normal'].mean():10.1f}{scores['anomalous'].mean():10.1f}"
        )


if __name__ == "__main__":
    main()
