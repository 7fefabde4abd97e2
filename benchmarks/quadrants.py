"""The rest of a digit, given some quadrants of it: a conditional VAE with a prior p(z|y).

    KERAS_VAE_DATA=... python benchmarks/quadrants.py [--quadrants 1 2 3] [--minutes 10]

The task is that of Sohn, Lee and Yan 2015, with the quadrants of Pyro's tutorial. The
condition is the lower left quadrant, the left half, or everything except the lower right
quadrant. The likelihood counts only the other pixels: the given ones are gaps in x. Training
images are binarized anew at each visit; test images are those of the statically binarized
MNIST. The learning rate falls to 0 within the minutes. The model keeps the weights of the
epoch with the best validation ELBO.
"""

from __future__ import annotations

import argparse
import time

import keras
import numpy as np
import tensorflow as tf

import keras_vae
from keras_vae.evaluation import likelihood_scores, plus_minus

SHAPE, LATENT, BATCH = (28, 28, 1), 32, 128
# Published NLL of the network without latent variables, and of the one with them.
PUBLISHED = {1: (100.4, 71.8), 2: (61.9, 51.0), 3: (25.4, 24.2)}


def given_part(quadrants: int) -> np.ndarray:
    """The mask of the given part of an image.

    Args:
        quadrants: 1, 2 or 3.

    Returns:
        Booleans [28, 28, 1].
    """
    given = np.zeros(SHAPE, bool)
    given[14:, :14] = True
    if quadrants >= 2:
        given[:, :14] = True
    if quadrants == 3:
        given[:14] = True
    return given


def split(x, given):
    """Splits images into the unknown and the given part.

    Args:
        x: 0/1 images [N, 28, 28, 1], float32.
        given: Booleans [28, 28, 1].

    Returns:
        The images with gaps (NaN) at the given pixels, and the conditions, with -1 at
        the pixels that are not given.
    """
    return tf.where(given, np.nan, x), tf.where(given, x, -1.0)


def conv(filters: int, stride: int = 2, cls=keras.layers.Conv2D):
    """A convolution that halves an image; a `Conv2DTranspose` doubles it."""
    return cls(filters, 4 if stride == 2 else 3, stride, "same", activation="relu")


def networks() -> tuple[keras.Model, keras.Model, keras.Model]:
    """Makes the encoder of (x, y), the decoder of (z, y) and the prior's network of y."""
    x, y = keras.Input(SHAPE, name="x"), keras.Input(SHAPE, name="y")
    z = keras.Input((LATENT,), name="z")
    both = keras.layers.Concatenate()([keras_vae.networks.Gaps()(x), y])
    h = keras.layers.Flatten()(conv(64)(conv(32)(both)))
    h = keras.layers.Dense(256, "relu")(h)
    encoder = keras.Model([x, y], keras.layers.Dense(2 * LATENT)(h), name="encoder")

    # The decoder reads the given part at every size on the way up.
    large = conv(16)(y)
    small = conv(32)(large)
    seen = keras.layers.Dense(128, "relu")(keras.layers.Flatten()(small))
    h = keras.layers.Dense(256, "relu")(keras.layers.Concatenate()([z, seen]))
    h = keras.layers.Reshape((7, 7, 64))(keras.layers.Dense(7 * 7 * 64, "relu")(h))
    up = keras.layers.Conv2DTranspose
    h = conv(32, cls=up)(keras.layers.Concatenate()([h, small]))
    h = conv(16, cls=up)(keras.layers.Concatenate()([h, large]))
    h = conv(16, 1)(keras.layers.Concatenate()([h, y]))
    decoder = keras.Model([z, y], keras.layers.Conv2D(1, 3, 1, "same")(h), name="decoder")

    h = keras.layers.Flatten()(conv(32)(conv(16)(y)))
    h = keras.layers.Dense(2 * LATENT)(keras.layers.Dense(128, "relu")(h))
    return encoder, decoder, keras.Model(y, h, name="prior_network")


def make_model(seed: int) -> keras_vae.VAE:
    """Makes the model.

    Args:
        seed: Seed of weights and noise.
    """
    keras.utils.set_random_seed(seed)
    encoder, decoder, of_prior = networks()
    return keras_vae.VAE(
        encoder,
        decoder,
        keras_vae.layers.IndependentNormal(LATENT),
        keras_vae.layers.IndependentBernoulli(SHAPE),
        keras_vae.priors.Conditional("normal", of_prior),
        condition=SHAPE,
        seed=seed,
    )


class WithinMinutes(keras.callbacks.Callback):
    """Lowers the learning rate to 0 on a cosine of the time, and stops there.

    Args:
        minutes: Duration of training.
        rate: The learning rate at the start.
    """

    def __init__(self, minutes: float, rate: float = 1e-3):
        """Keeps the settings."""
        super().__init__()
        self.seconds, self.rate = 60 * minutes, rate

    def on_train_begin(self, logs=None):
        """Starts the clock."""
        self.start = time.perf_counter()

    def on_train_batch_begin(self, batch, logs=None):
        """Sets the learning rate."""
        share = (time.perf_counter() - self.start) / self.seconds
        rate = 0.5 * self.rate * (1 + np.cos(np.pi * min(share, 1.0)))
        self.model.optimizer.learning_rate = rate

    def on_train_batch_end(self, batch, logs=None):
        """Ends the current epoch when the time is over; its validation still follows."""
        if time.perf_counter() - self.start > self.seconds:
            self.model.stop_training = True


def train(model, given, minutes: float, seed: int, images: int | None = None) -> None:
    """Trains a model.

    Args:
        model: The model.
        given: Booleans [28, 28, 1].
        minutes: Duration of training.
        seed: Seed of order and binarization.
        images: Number of training images; None takes all 50,000.
    """
    grey = keras_vae.data.load("mnist").x_train[:images]
    binary = keras_vae.data.load("binarized_mnist").x_validation.astype("f4")

    def drawn(x):
        return tf.cast(
            tf.random.uniform(tf.shape(x)) < tf.cast(x, "float32") / 255, "float32"
        )

    batches = (
        tf.data.Dataset.from_tensor_slices(grey)
        .shuffle(len(grey), seed)
        .batch(BATCH, drop_remainder=True)
        .map(lambda x: split(drawn(x), given))
        .prefetch(2)
    )
    held_out = tf.data.Dataset.from_tensor_slices(split(binary, given)).batch(500)
    best = keras.callbacks.EarlyStopping(
        "val_elbo", patience=10, mode="max", restore_best_weights=True
    )
    model.compile("adam", "elbo")
    model.fit(
        batches,
        epochs=1000,
        validation_data=held_out,
        callbacks=[WithinMinutes(minutes), best],
        verbose=2,
    )
    # The model does not have the best weights yet if its patience did not end training.
    if best.best_weights is not None:
        model.set_weights(best.best_weights)


def main() -> None:
    """Trains and scores a model for each number of quadrants, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quadrants", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--minutes", type=float, default=10.0, help="training time of each")
    parser.add_argument("--num-samples", type=int, default=100)
    parser.add_argument("--limit", type=int, default=1000, help="test images, at random")
    parser.add_argument("--images", type=int, help="training images; default: all")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    x_test = keras_vae.data.load("binarized_mnist").x_test.astype("f4")
    rows = []
    for quadrants in options.quadrants:
        given, model = given_part(quadrants), make_model(options.seed)
        train(model, given, options.minutes, options.seed, options.images)
        x, y = (part.numpy() for part in split(x_test, given))
        limits = {"num_samples": options.num_samples, "limit": options.limit}
        found = likelihood_scores(model, x, y=y, **limits)
        nll, bound = (
            plus_minus({**found[name], "mean": -found[name]["mean"]})
            for name in ("log_likelihood_of_all", "elbo_of_all")
        )
        published = " | ".join(f"{one:.1f}" for one in PUBLISHED[quadrants])
        rows.append(f"| {quadrants} | {nll} | {bound} | {published} |")
        print(rows[-1], flush=True)
    print(
        f"\nNLL of the rest in nats, {options.num_samples} importance samples of "
        f"{options.limit} test images, extended to all {len(x_test)} by the ELBO:\n\n"
        "| quadrants given | NLL | -ELBO | published: network | conditional VAE |\n"
        "|---|---|---|---|---|"
    )
    print("\n".join(rows))


if __name__ == "__main__":
    main()
