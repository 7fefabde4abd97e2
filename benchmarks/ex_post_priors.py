"""The gain of samples from a prior fitted afterwards, for an autoencoder and a VAE.

Both have one dense network (500-500, 16 latent numbers) and are trained on the same images
of Fashion-MNIST, greys from 0 to 1. Then `generation.fit_prior` fits priors to their codes:
a mixture of 50 normals, and a second-stage VAE (256-256). The package's Frechet distance
from test images, on the features "random_conv_v1" (not an FID), scores the samples (means of
p(x|z)) of each. One picture shows all samples.

    KERAS_VAE_DATA=... python benchmarks/ex_post_priors.py --output ex_post_priors.png
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import keras
import numpy as np

import keras_vae
from keras_vae.data import load
from keras_vae.evaluation import frechet_distance, plus_minus, random_conv
from keras_vae.generation import fit_prior
from keras_vae.plots import image_rows, save_figure

SHAPE, LATENT, BATCH, SHOWN = (28, 28, 1), 16, 128, 12
MODELS = {
    "autoencoder": {"posterior": "deterministic", "objective": "reconstruction"},
    "VAE": {"posterior": "normal", "objective": "elbo"},
}
PRIORS = {
    "N(0, I)": None,
    "mixture": "mixture_of_normals:num_components=50",
    "second-stage VAE": "second_stage_vae:hidden_units=256-256",
}


def trained(name: str, x: np.ndarray, epochs: int) -> keras_vae.VAE:
    """Trains a model.

    Args:
        name: One of `MODELS`.
        x: Training images.
        epochs: Passes through them.

    Returns:
        The model.
    """
    keras.utils.set_random_seed(0)
    likelihood = keras_vae.layers.IndependentNormal(SHAPE, scale="shared")
    posterior, objective = MODELS[name]["posterior"], MODELS[name]["objective"]
    model = keras_vae.DenseVAE(SHAPE, LATENT, likelihood, posterior=posterior, seed=0)
    model.start_from(x)
    steps = epochs * (len(x) // BATCH)
    rate = keras.optimizers.schedules.CosineDecay(1e-3, steps)
    model.compile(keras.optimizers.Adam(rate), objective)
    model.fit(x, batch_size=BATCH, epochs=epochs, verbose=0)
    return model


def main() -> None:
    """Trains both models, fits the priors, prints the distances and writes the picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--data", choices=("fashion_mnist", "mnist"), default="fashion_mnist"
    )
    parser.add_argument("--images", type=int, default=10_000, help="training images")
    parser.add_argument("--epochs", type=int, default=10, help="epochs of both models")
    parser.add_argument(
        "--prior-epochs", type=int, default=10, help="maximum number of epochs of the prior"
    )
    parser.add_argument("--samples", type=int, default=3000, help="samples and test images")
    parser.add_argument("--output", type=Path, default=Path("ex_post_priors.png"))
    options = parser.parse_args()
    data = load(options.data)
    x = data.x_train[: options.images].astype("f4") / 255.0
    x_test = data.x_test[: options.samples].astype("f4") / 255.0
    extract = random_conv()
    of_test = extract(x_test)

    def distance(images):
        return plus_minus(frechet_distance(extract(np.clip(images, 0, 1)), of_test))

    print("| model | prior | Frechet distance | seconds to fit |\n|---|---|---|---|")
    print(f"| | training images | {distance(x[: options.samples])} | |", flush=True)
    pictures = {}
    for name in MODELS:
        model = trained(name, x, options.epochs)
        print(f"| {name} | reconstructions | {distance(model.reconstruct(x_test))} | |")
        for prior_name, prior in PRIORS.items():
            start = time.perf_counter()
            fitted = model
            if prior is not None:
                fitted = fit_prior(model, x, prior, epochs=options.prior_epochs)
            seconds = "" if prior is None else f"{time.perf_counter() - start:.0f}"
            samples = fitted.sample(options.samples, seed=1)
            row = f"| {name} | {prior_name} | {distance(samples)} | {seconds} |"
            print(row, flush=True)
            pictures[f"{name}, {prior_name}"] = np.clip(samples[:SHOWN], 0, 1)
    save_figure(image_rows(pictures, value_range=(0, 1)), options.output)


if __name__ == "__main__":
    main()
