"""Frey faces with a standard normal prior and with a VampPrior, in bits per dimension.

The protocol is that of Tomczak and Welling 2018: frames in random order, 1,565 for training
and 200 each for validation and the test; gated dense layers 300-300 both ways, 40 latent
numbers, 500 pseudo-inputs; Adam 5e-4, batches of 100, KL warm-up over 100 epochs, and an end
50 epochs after the best one. They report 4.63 for the standard normal prior and 4.57 for
the VampPrior. In a random order neighbouring frames of the film fall into different splits.
`--blocks` takes the split of the package instead, whose held-out frames are in blocks.

    KERAS_VAE_DATA=... python benchmarks/frey_faces.py [--blocks]
"""

from __future__ import annotations

import argparse
import math
import time

import keras
import numpy as np
from parts import gated

import keras_vae
from keras_vae.data import load
from keras_vae.evaluation import mean_and_error

SHAPE, LATENT, UNITS, BATCH, WARM_UP = (28, 20, 1), 40, 300, 100, 100
PRIORS = {"standard normal": None, "VampPrior": "vamp:num_components=500"}


def splits(blocks: bool) -> list[np.ndarray]:
    """Splits the frames.

    Args:
        blocks: Whether to hold out blocks of the film instead of single frames.

    Returns:
        Training, validation and test frames, as floats from 0 to 255.
    """
    data = load("frey_faces")
    parts = [data.x_train, data.x_validation, data.x_test]
    if not blocks:
        frames = np.random.default_rng(0).permutation(np.concatenate(parts))
        parts = np.split(frames, [1565, 1765])
    return [part.astype(np.float32) for part in parts]


def make_model(prior: str | None, x_train: np.ndarray) -> keras_vae.VAE:
    """Makes the model of a row.

    Args:
        prior: The prior's name; None is the standard normal.
        x_train: Training frames, for the pseudo-inputs.

    Returns:
        The model, not compiled.
    """
    keras.utils.set_random_seed(0)
    posterior = keras_vae.layers.get("normal", LATENT)
    likelihood = keras_vae.layers.get("discretized_logistic", SHAPE, low=0, high=255)
    x, z = keras.Input(SHAPE), keras.Input((LATENT,))
    h = keras.layers.Rescaling(1 / 255)(keras.layers.Flatten()(x))
    params = keras.layers.Dense(posterior.params_size)(gated(gated(h, UNITS), UNITS))
    encoder = keras.Model(x, params, name="encoder")
    h = gated(gated(z, UNITS), UNITS)
    decoder = keras.Model(z, keras.layers.Dense(likelihood.params_size)(h), name="decoder")
    model = keras_vae.VAE(encoder, decoder, posterior, likelihood, prior, seed=0)
    model.start_from(x_train)
    return model


def row(name: str, frames: list[np.ndarray], options) -> str:
    """Trains and scores a model.

    Args:
        name: One of `PRIORS`.
        frames: The three splits.
        options: The parsed command line.

    Returns:
        A row of the table.
    """
    x_train, x_validation, x_test = frames
    model = make_model(PRIORS[name], x_train)
    objective = keras_vae.objectives.ELBO().warmed_up(WARM_UP * -(-len(x_train) // BATCH))
    model.compile(keras.optimizers.Adam(5e-4), objective)
    stop = keras.callbacks.EarlyStopping(
        *("val_elbo", 0, 50),
        mode="max",
        start_from_epoch=WARM_UP,
        restore_best_weights=True,
    )
    start = time.process_time()
    model.fit(
        x_train,
        batch_size=BATCH,
        epochs=options.epochs,
        validation_data=x_validation,
        callbacks=[stop],
        verbose=2,
    )
    seconds = time.process_time() - start
    unit = math.prod(SHAPE) * math.log(2)
    log_p = model.log_likelihood(x_test, options.num_samples)
    bits, elbo = mean_and_error(-log_p / unit), mean_and_error(-model.elbo(x_test) / unit)
    cells = [f"{one['mean']:.3f} +- {one['standard_error']:.3f}" for one in (bits, elbo)]
    return f"| {name} | {' | '.join(cells)} | {stop.best_epoch + 1} | {seconds / 60:.1f} |"


def main() -> None:
    """Runs both rows, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--blocks", action="store_true", help="hold out blocks of the film")
    parser.add_argument("--epochs", type=int, default=2000, help="at most")
    parser.add_argument("--num-samples", type=int, default=5000)
    options = parser.parse_args()
    frames = splits(options.blocks)
    rows = [row(name, frames, options) for name in PRIORS]
    print("\n| prior | bits per dimension | -ELBO | best epoch | CPU minutes |")
    print("|---|---|---|---|---|")
    print("\n".join(rows))


if __name__ == "__main__":
    main()
