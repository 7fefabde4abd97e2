"""Swaps faces between two groups of people: one encoder, and a decoder for each group.

An attribute divides the faces of celeba_10k, by default into men and women. Two models share
one encoder and train in turn, an epoch each. Then the decoder of one group decodes the faces
of the other.

    KERAS_VAE_DATA=folder/of/celeba_10k.npz python examples/swap_faces.py --epochs 10

The picture shows held-out faces, three rows for each group: the originals, their
reconstructions by their own decoder, and the swap.
"""

from __future__ import annotations

import argparse

import keras
import numpy as np

import keras_vae
from keras_vae.core.names import unknown
from keras_vae.generation import swap

LATENT_DIM = 64
BATCH_SIZE = 64
COLUMNS = 8


def make_models(event_shape: tuple[int, int, int]) -> list[keras_vae.VAE]:
    """Makes two models of 8-bit images with one shared encoder, ready to train.

    Args:
        event_shape: Height, width and channels of an image.

    Returns:
        The two models.
    """
    arguments = (event_shape, LATENT_DIM, "discretized_logistic")
    a = keras_vae.ConvVAE(*arguments, seed=0)
    b = keras_vae.ConvVAE(*arguments, encoder=a.encoder, seed=1)
    for model in (a, b):
        # Each has its own optimizer, which keeps the moments of that model's gradients.
        model.compile("adam")
    return [a, b]


def groups_of(data, split: str, attribute: str, limit: int | None) -> list[np.ndarray]:
    """Divides a split by an attribute.

    Args:
        data: The `keras_vae.data.DataSet`.
        split: "train", "validation" or "test".
        attribute: Name of the attribute.
        limit: Maximum number of images of each group; None takes all.

    Returns:
        The images with the attribute and those without, each uint8 [N, H, W, C].
    """
    if attribute not in data.label_names:
        raise unknown("attribute", attribute, data.label_names)
    x, y = data.split(split)
    flags = y[:, data.label_names.index(attribute)]
    return [x[flags == flag][:limit] for flag in (1, 0)]


def train(models: list[keras_vae.VAE], groups: list[np.ndarray], epochs: int) -> None:
    """Trains the models in turn, and prints their progress.

    Args:
        models: Two models with a shared encoder.
        groups: The images of each, uint8 [N, H, W, C].
        epochs: Passes through each group.
    """
    for epoch in range(1, epochs + 1):
        elbos = []
        for model, x in zip(models, groups, strict=True):
            history = model.fit(x, batch_size=BATCH_SIZE, verbose=0).history
            elbos.append(f"{history['elbo'][-1]:.0f}")
        print(f"epoch {epoch}/{epochs}: ELBO {' and '.join(elbos)} nats", flush=True)


def rows_of(x: np.ndarray, own: keras_vae.VAE, other: keras_vae.VAE) -> list[np.ndarray]:
    """Originals, reconstructions by their own decoder, and swaps by the other's."""
    return [x, own.reconstruct(x), swap(x, source=own, target=other)]


def parse() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--attribute", default="Male", help="default: %(default)s")
    parser.add_argument("--epochs", type=int, default=10, help="default: %(default)s")
    parser.add_argument(
        "--limit", type=int, help="maximum number of training faces of a group"
    )
    parser.add_argument("--output", default="swap.png", help="default: %(default)s")
    given = parser.parse_args()
    if given.epochs < 1 or (given.limit is not None and given.limit < 1):
        parser.error("--epochs and --limit must be at least 1")
    if not given.output.lower().endswith(".png"):
        # Fail now, not after an hour of training.
        parser.error(f"--output must end in .png, but is {given.output}")
    return given


def main() -> None:
    """Trains, and writes the picture."""
    given = parse()
    keras.utils.set_random_seed(0)
    try:
        data = keras_vae.data.load("celeba_10k")
        groups = groups_of(data, "train", given.attribute, given.limit)
    except (ValueError, OSError) as error:
        raise SystemExit(f"error: {error}") from None
    print(f"{given.attribute}: {len(groups[0])} faces; not: {len(groups[1])}")
    a, b = make_models(data.event_shape)
    train([a, b], groups, given.epochs)

    x_a, x_b = groups_of(data, "test", given.attribute, None)
    columns = min(COLUMNS, len(x_a), len(x_b))
    rows = rows_of(x_a[:columns], a, b) + rows_of(x_b[:columns], b, a)
    keras_vae.plots.save_image_grid(
        np.concatenate(rows), given.output, columns=columns, value_range=(0, 255)
    )
    print(f"wrote {given.output}")


if __name__ == "__main__":
    main()
