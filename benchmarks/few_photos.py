"""A model of few photos, with and without random changes of the training images.

    KERAS_VAE_DATA=... python benchmarks/few_photos.py --output few_photos/

writes the first 400 faces of `celeba_10k` as JPEG files of odd sizes, trains a model on that
folder as `keras-vae train conv_vae --data FOLDER --augment CHANGES` does, and prints a row for
each kind of changes. The scores are of 40 held-out photos. Finished runs stay in the folder,
and interrupted ones continue.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from keras_vae.data import load
from keras_vae.evaluation import plus_minus
from keras_vae.training import Recipe, train

CHANGES = ("none", "flip", "flip,shift=3")


def write_photos(folder: Path, count: int) -> None:
    """Writes faces as JPEG files of odd sizes.

    Args:
        folder: Where to write.
        count: Number of faces.
    """
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    for i, face in enumerate(load("celeba_10k").x_train[:count]):
        height = int(rng.integers(90, 220))
        size = int(height * rng.uniform(0.8, 1.25)), height
        image = Image.fromarray(face).resize(size, Image.Resampling.BICUBIC)
        image.save(folder / f"{i:04}.jpg", quality=88)


def main() -> None:
    """Trains the missing models and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("few_photos"))
    parser.add_argument("--model", default="conv_vae")
    parser.add_argument("--count", type=int, default=400)
    parser.add_argument("--epochs", type=int, default=50)
    options = parser.parse_args()
    photos = options.output / "photos"
    if not photos.exists():
        write_photos(photos, options.count)
    print("| changes | ELBO | log-likelihood | bits per dimension |\n|---|---|---|---|")
    for changes in CHANGES:
        recipe = Recipe(str(photos), options.model, augment=changes, epochs=options.epochs)
        folder = options.output / changes.replace(",", "_").replace("=", "")
        scores = train(recipe, folder, resume=True, say=None)
        texts = [
            plus_minus(scores[key], form)
            for key, form in (
                *(("elbo", ".0f"), ("log_likelihood", ".0f")),
                ("bits_per_dimension", ".3f"),
            )
        ]
        print(f"| {changes} | {' | '.join(texts)} |", flush=True)


if __name__ == "__main__":
    main()
