"""VQ-VAE on a part of CIFAR-10 with the settings of Sonnet's notebook; bits per dimension.

    KERAS_VAE_DATA=... python benchmarks/vq_vae.py [--parts sonnet restarts bits] [--steps 10000]

The data are the 20,000 training and 1,000 test images of `cifar10_20k.npz`, a part of CIFAR-10.

- `sonnet`: the notebook's network and loss (squared error over the data's variance, plus the
  commitment): normalized MSE, perplexity, codes in use.
- `restarts`: codes in use after 1,000 steps, with and without k-means and restarts.
- `bits`: bits per dimension of a VQ-VAE with a prior learned over its codes, beside a
  Gaussian VAE of the same networks, both with discretized logistic pixels and the same number
  of steps.

FOLDER/results.json keeps the results; a killed run can be resumed.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import time
from pathlib import Path

import keras
import numpy as np

import keras_vae
from keras_vae.core.files import write_json
from keras_vae.generation import fit_prior
from keras_vae.models.prebuilt import reading
from keras_vae.models.vector_quantized.networks import Sizes, vq_networks

SHAPE, CODE_SIZE, NUM_CODES, BATCH, RATE = (32, 32, 3), 64, 512, 32, 3e-4
CODES_PER_IMAGE = 8 * 8
# Codes in use are counted after so many steps, over so many training images.
EARLY, COUNTED = 1_000, 5_000
NEITHER = {"kmeans": False, "restart": 0.0}


def images() -> tuple[np.ndarray, np.ndarray]:
    """Reads the training and the test images, uint8 [N, 32, 32, 3]."""
    path = Path(os.environ["KERAS_VAE_DATA"]) / "cifar10_20k.npz"
    with np.load(path) as arrays:
        return arrays["x_train"], arrays["x_test"]


def squared_error_model(variance: float, **quantizer) -> keras_vae.VQVAE:
    """The notebook's model, whose loss is proportional to ours.

    Its loss is mean(error^2) / variance + 0.25 mean(distance^2), with means over the 3,072
    numbers of an image and the 4,096 of its vectors. The loss times 3,072 has sums: -log p of
    a normal with half the variance, and a commitment of 0.25 * 3072 / 4096.

    Args:
        variance: Variance of the training data.
        **quantizer: Arguments of the `VectorQuantizer`.
    """
    pixels = math.prod(SHAPE)
    commitment = 0.25 * pixels / (CODES_PER_IMAGE * CODE_SIZE)
    return keras_vae.VQVAE.for_images(
        SHAPE,
        CODE_SIZE,
        NUM_CODES,
        {"name": "normal", "scale": math.sqrt(variance / 2)},
        posterior={"name": "vector_quantizer", "commitment": commitment, **quantizer},
        seed=0,
    )


class InUse(keras.callbacks.Callback):
    """Counts the codes in use after the first steps.

    Args:
        x: Images whose codes are counted.
        found: Dictionary for the share.
        stop: Whether to end training after the count.
    """

    def __init__(self, x, found: dict, stop: bool):
        """Keeps the images."""
        super().__init__()
        self.x, self.found, self.stop = x, found, stop

    def on_train_batch_end(self, batch, logs=None):
        """Counts, once."""
        if int(self.model.optimizer.iterations) == EARLY:
            codes = self.model.encode_indices(self.x)
            self.found[f"codes_in_use_after_{EARLY}"] = share_in_use(codes)
            self.model.stop_training = self.stop


class Log(keras.callbacks.Callback):
    """Notes the seconds of training and the epochs, and writes results.

    Args:
        found: Dictionary for them.
        write: Called after each epoch.
    """

    def __init__(self, found: dict, write):
        """Keeps the settings."""
        super().__init__()
        self.found, self.write = found, write

    def on_epoch_begin(self, epoch, logs=None):
        """Starts the clock."""
        self.start = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        """Notes the time; an epoch that runs again after a restart counts once."""
        seconds = self.found.setdefault("seconds_by_epoch", [])
        del seconds[epoch:]
        seconds.append(round(time.perf_counter() - self.start, 1))
        self.write()


def share_in_use(indices) -> float:
    """Share of the codes that are nearest to at least one vector."""
    return len(np.unique(indices)) / NUM_CODES


def perplexity(indices) -> float:
    """The exponential of the entropy of the codes' frequencies."""
    share = np.bincount(indices.ravel(), minlength=NUM_CODES) / indices.size
    return float(np.exp(-np.sum(share[share > 0] * np.log(share[share > 0]))))


def train(model, x, steps: int, folder: Path, callbacks) -> None:
    """Trains for a number of steps, or for the rest of them after an interruption.

    Args:
        model: The model.
        x: Images, in its units.
        steps: Minimum number of steps; training takes whole epochs.
        folder: Folder of the backup.
        callbacks: Further callbacks.
    """
    model.compile(keras.optimizers.Adam(RATE), jit_compile=False)
    backup = keras.callbacks.BackupAndRestore(
        str(folder / "backup"), delete_checkpoint=False
    )
    epochs = -(-steps * BATCH // len(x))
    keep = [backup, *callbacks]
    model.fit(x, epochs=epochs, batch_size=BATCH, callbacks=keep, verbose=2)


class Parts:
    """The parts of the benchmark; each notes its results.

    Args:
        folder: Folder of results and backups.
        steps: Steps of training.
        limit: Number of training images; None takes all.
        prior_epochs: Epochs of the prior over codes.
    """

    def __init__(self, folder: Path, steps: int, limit: int | None, prior_epochs: int):
        """Reads the images and earlier results."""
        self.folder, self.steps, self.prior_epochs = folder, steps, prior_epochs
        self.path = folder / "results.json"
        self.results = json.loads(self.path.read_text()) if self.path.exists() else {}
        self.x_train, self.x_test = (part[:limit] for part in images())

    def noted(self, name: str) -> dict:
        """The results of a part so far, a dictionary to add to."""
        return self.results.setdefault(name, {})

    def write(self) -> None:
        """Writes the results."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_json(self.path, self.results)

    def squared_error(self, name: str, steps: int, **quantizer):
        """Trains the notebook's model.

        Args:
            name: Name of its results.
            steps: Number of steps.
            **quantizer: Arguments of the `VectorQuantizer`.

        Returns:
            The model, the images in its units, and the data's variance.
        """
        x, x_test = (part / np.float32(255) - 0.5 for part in (self.x_train, self.x_test))
        variance = float(np.var(x, dtype="f8"))
        keras.utils.set_random_seed(0)
        vae = squared_error_model(variance, **quantizer)
        found = self.noted(name)
        stop = steps == EARLY
        callbacks = [InUse(x[:COUNTED], found, stop), Log(found, self.write)]
        train(vae, x, steps, self.folder / name, callbacks)
        return vae, x, x_test, variance

    def sonnet(self) -> None:
        """Normalized MSE and perplexity."""
        vae, x, x_test, variance = self.squared_error("sonnet", self.steps)
        x = x[:COUNTED]
        found, codes = self.noted("sonnet"), vae.encode_indices(x)
        by_batch = codes[: len(codes) // BATCH * BATCH].reshape(-1, BATCH, *codes.shape[1:])

        def normalized_mse(x):
            return float(np.mean(np.square(vae.reconstruct(x) - x)) / variance)

        found |= {
            "steps": int(vae.optimizer.iterations),
            "normalized_mse_train": normalized_mse(x),
            "normalized_mse_test": normalized_mse(x_test),
            "perplexity_of_batches": float(np.mean([perplexity(one) for one in by_batch])),
            "perplexity_train": perplexity(codes),
            "perplexity_test": perplexity(vae.encode_indices(x_test)),
            "codes_in_use": share_in_use(codes),
        }

    def restarts(self) -> None:
        """Codes in use after the first steps."""
        ways = {"neither": NEITHER, "kmeans_alone": {"restart": 0.0}}
        for name, quantizer in ways.items():
            self.squared_error(f"restarts_{name}", EARLY, **quantizer)

    def bits(self) -> None:
        """Bits per dimension of a VQ-VAE and a Gaussian VAE."""
        to_bits = 1 / (math.prod(SHAPE) * math.log(2))
        x, x_test = (part.astype("float32") for part in (self.x_train, self.x_test))
        for name, make in (("bits_vq_vae", vq_vae), ("bits_vae", gaussian_vae)):
            keras.utils.set_random_seed(0)
            model, found = make(), self.noted(name)
            train(model, x, self.steps, self.folder / name, [Log(found, self.write)])
            found["steps"] = int(model.optimizer.iterations)
            found["bound"] = float(-np.mean(model.elbo(x_test)) * to_bits)
            if name == "bits_vae":
                nats = model.log_likelihood(x_test, num_samples=100)
                found["100_samples"] = float(-np.mean(nats) * to_bits)
                continue
            start = time.perf_counter()
            prior = "pixel_cnn:filters=64,layers=6"
            fitted = fit_prior(model, x, prior, epochs=self.prior_epochs)
            found["seconds_of_prior"] = round(time.perf_counter() - start)
            found["with_pixel_cnn"] = float(-np.mean(fitted.elbo(x_test)) * to_bits)
            rate, _ = fitted.rate_and_distortion(x_test)
            found["bits_of_a_code"] = float(rate.mean() / math.log(2) / CODES_PER_IMAGE)


def vq_vae():
    """Makes the VQ-VAE whose pixels are discretized logistic.

    The gradient of its distortion is about six times the notebook's, and so is the commitment.
    """
    return keras_vae.VQVAE.for_images(
        SHAPE,
        CODE_SIZE,
        NUM_CODES,
        "discretized_logistic",
        posterior="vector_quantizer:commitment=1",
        seed=0,
    )


def gaussian_vae(channels: int = 16):
    """Makes a VAE of the same networks, with 8x8 normal vectors instead of codes.

    Args:
        channels: Length of the vectors.
    """
    px = keras_vae.layers.get("discretized_logistic", SHAPE)
    sizes = Sizes(SHAPE, scaling=reading(px, None))
    networks = vq_networks(sizes, 2 * channels, channels, 2)
    posterior = keras_vae.layers.IndependentNormal((8, 8, channels))
    return keras_vae.VAE(*networks, posterior, px, seed=0)


def main() -> None:
    """Runs the parts, and prints their results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    known = ["sonnet", "restarts", "bits"]
    parser.add_argument("--parts", nargs="+", choices=known, default=known)
    parser.add_argument("--steps", type=int, default=10_000, help="training steps")
    parser.add_argument("--prior-epochs", type=int, default=12)
    parser.add_argument("--images", type=int, help="number of images; default: all")
    parser.add_argument("--folder", type=Path, default=Path("runs/vq_vae"))
    options = parser.parse_args()
    limits = options.steps, options.images, options.prior_epochs
    parts = Parts(options.folder, *limits)
    for name in options.parts:
        getattr(parts, name)()
        parts.write()
    for name, found in parts.results.items():
        seconds = found.get("seconds_by_epoch", [])
        of_others = {k: v for k, v in found.items() if k != "seconds_by_epoch"}
        print(name, f"{sum(seconds):.0f} s of training", of_others)


if __name__ == "__main__":
    main()
