"""The gain of each part: one network, one budget, one part changed at a time.

The network is Tomczak and Welling's (gated dense layers 300-300 both ways, 40 latent
numbers). The data are statically binarized MNIST, 50,000 images, in batches of 100. Every
row has the same epochs, seed, Adam and cosine from 1e-3. Nothing is tuned for a row, so it
shows the gain of a part without tuning. The scores use the test images and the last epoch's
weights: the ELBO of all images, and the NLL of some with 5,000 importance samples. (A
Concrete model is scored as the model of bits that it stands for.) The plain VAE's NLL is of
the same images; the table has the difference and its standard error over images.

    KERAS_VAE_DATA=... python benchmarks/parts.py --output parts/ [--rows VAE vamp]

Finished rows stay in the folder and are not trained again.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import keras
import numpy as np

import keras_vae
from keras_vae.evaluation import active_units, mean_and_error

SHAPE, LATENT, UNITS, BATCH = (28, 28, 1), 40, 300, 100
PLAIN = "VAE"
BITS = {"posterior": "bernoulli", "latent_dim": 200}
ROWS = {
    PLAIN: {},
    "full covariance": {"posterior": "full_normal"},
    "full covariance, scaled": {
        "posterior": f"full_normal:off_diagonal_scale={1 / LATENT}"
    },
    "low rank": {"posterior": "low_rank_normal:rank=4"},
    "planar flow": {"posterior": "planar:num_layers=10"},
    "planar flow, unscaled": {"posterior": "planar:num_layers=10,params_scale=1"},
    "Householder flow": {"posterior": "householder:num_layers=8"},
    "Sylvester flow": {"posterior": "sylvester:rank=16,num_layers=4"},
    "Sylvester flow, unscaled": {
        "posterior": "sylvester:rank=16,num_layers=4,params_scale=1"
    },
    "IAF": {"posterior": "iaf:num_layers=2,hidden_units=320"},
    "VampPrior": {"prior": "vamp:num_components=500"},
    "mixture prior": {"prior": "mixture_of_normals:num_components=500"},
    "flow prior": {"prior": "learned:layer=(flow:num_layers=4,hidden_units=128)"},
    "IWAE-5": {"objective": "iwae:num_samples=5"},
    "IWAE-50": {"objective": "iwae:num_samples=50"},
    "DReG-5": {"objective": "dreg:num_samples=5"},
    "sticking the landing": {"objective": "stl"},
    "25 free nats": {"objective": "elbo:free_bits=25"},
    "bits, VIMCO-5": {**BITS, "objective": "vimco:num_samples=5"},
    "bits, leave one out, 5": {**BITS, "objective": "leave_one_out:num_samples=5"},
    "bits, NVIL": {**BITS, "objective": "nvil", "baseline": (100,)},
    "bits, straight-through": {**BITS, "posterior": "straight_through_bernoulli"},
    "bits, Concrete": {**BITS, "posterior": "relaxed_bernoulli:temperature=0.5"},
    "5 numbers": {"latent_dim": 5},
    # Vectors of length 1 have a number less to choose.
    "sphere of 5 dimensions": {"latent_dim": 6, "posterior": "power_spherical"},
    "20 numbers": {"latent_dim": 20},
    "sphere of 20 dimensions": {"latent_dim": 21, "posterior": "power_spherical"},
}


def gated(x, units: int):
    """A dense layer with a gate for each output."""
    gate = keras.layers.Dense(units, "sigmoid")(x)
    return keras.layers.Multiply()([keras.layers.Dense(units)(x), gate])


def make_model(
    seed: int,
    posterior: str = "normal",
    prior: str | None = None,
    latent_dim: int = LATENT,
    baseline: tuple[int, ...] | None = None,
) -> keras_vae.VAE:
    """Makes the model of a row.

    Args:
        seed: Seed of weights and noise.
        posterior: The posterior's name.
        prior: The prior's name; None is the posterior's default.
        latent_dim: Size of the latent vector.
        baseline: Widths of the hidden layers of NVIL's baseline; None for no baseline.

    Returns:
        The model, not compiled.
    """
    keras.utils.set_random_seed(seed)
    q = keras_vae.layers.get(posterior, latent_dim)
    x, z = keras.Input(SHAPE), keras.Input((latent_dim,))
    h = gated(gated(keras.layers.Flatten()(x), UNITS), UNITS)
    encoder = keras.Model(x, keras.layers.Dense(q.params_size)(h), name="encoder")
    # As the decoders of the package read unit vectors.
    scale = latent_dim**0.5 if posterior == "power_spherical" else 1.0
    h = gated(gated(keras.layers.Rescaling(scale)(z), UNITS), UNITS)
    decoder = keras.Model(z, keras.layers.Dense(784)(h), name="decoder")
    likelihood = keras_vae.layers.IndependentBernoulli(SHAPE)
    model = keras_vae.VAE(
        encoder, decoder, q, likelihood, prior, seed=seed, baseline=baseline
    )
    model.start_from(keras_vae.data.load("binarized_mnist").x_train.astype("f4")[::10])
    return model


class Clock(keras.callbacks.Callback):
    """Measures epochs in seconds of CPU time, which depend little on other work."""

    def on_train_begin(self, logs=None):
        """Starts an empty list."""
        self.seconds = []

    def on_epoch_begin(self, epoch, logs=None):
        """Starts the clock."""
        self.start = time.process_time()

    def on_epoch_end(self, epoch, logs=None):
        """Notes the time taken."""
        self.seconds.append(time.process_time() - self.start)


def measured(name: str, options) -> tuple[dict, np.ndarray]:
    """Trains and scores a row.

    Args:
        name: One of `ROWS`.
        options: The parsed command line.

    Returns:
        The row's scores, and the log-likelihood of each scored image.
    """
    parts = dict(ROWS[name])
    objective = parts.pop("objective", "elbo")
    data = keras_vae.data.load("binarized_mnist")
    x, x_test = data.x_train[: options.images].astype("f4"), data.x_test.astype("f4")
    model = make_model(options.seed, **parts)
    steps = options.epochs * (len(x) // BATCH)
    rate = keras.optimizers.schedules.CosineDecay(1e-3, steps)
    model.compile(keras.optimizers.Adam(rate), objective)
    clock = Clock()
    model.fit(x, batch_size=BATCH, epochs=options.epochs, verbose=2, callbacks=[clock])
    if isinstance(model.posterior, keras_vae.layers.RelaxedBernoulli):
        # Scored as what it stands for: a model of bits.
        bits = keras_vae.layers.IndependentBernoulli(model.latent.shape)
        networks = model.encoder, model.decoder
        model = keras_vae.VAE(*networks, bits, model.likelihood, seed=options.seed)
    chosen = np.random.default_rng(0).choice(len(x_test), options.limit, replace=False)
    log_p = model.log_likelihood(x_test[np.sort(chosen)], options.num_samples)
    shown = {
        "epochs": options.epochs,
        "num_samples": options.num_samples,
        "elbo": mean_and_error(model.elbo(x_test)),
        "active_units": int(active_units(model, x_test[:2000]).sum()),
        # The first epoch traces and compiles.
        "seconds": float(np.median(clock.seconds[1:] or clock.seconds)),
    }
    return shown, np.asarray(log_p)


def report(folder: Path) -> str:
    """Writes the table of the finished rows.

    Args:
        folder: Folder of the rows.

    Returns:
        Markdown.
    """
    lines = [
        "| part | ELBO | NLL | NLL, against the plain VAE | active units | CPU s an epoch |",
        "|---|---|---|---|---|---|",
    ]
    plain = np.load(folder / f"{PLAIN}.npy") if (folder / f"{PLAIN}.npy").exists() else None
    for name in ROWS:
        if not (folder / f"{name}.json").exists():
            continue
        shown = json.loads((folder / f"{name}.json").read_text())
        log_p = np.load(folder / f"{name}.npy")
        nll, against = mean_and_error(-log_p), "" if name == PLAIN else "?"
        if plain is not None and name != PLAIN:
            pair = mean_and_error(plain - log_p)
            against = f"{pair['mean']:+.2f} +- {pair['standard_error']:.2f}"
        elbo = shown["elbo"]
        lines.append(
            f"| {name} | {elbo['mean']:.2f} +- {elbo['standard_error']:.2f} "
            f"| {nll['mean']:.2f} +- {nll['standard_error']:.2f} | {against} "
            f"| {shown['active_units']} | {shown['seconds']:.1f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Runs unfinished rows, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", nargs="+", default=list(ROWS), choices=list(ROWS))
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--images", type=int, help="training images; default: all")
    parser.add_argument("--limit", type=int, default=1000, help="test images for NLL")
    parser.add_argument("--num-samples", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path("parts"))
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    for name in options.rows:
        if (options.output / f"{name}.json").exists():
            continue
        shown, log_p = measured(name, options)
        np.save(options.output / f"{name}.npy", log_p)
        # Written last: it marks the row as finished.
        (options.output / f"{name}.json").write_text(json.dumps(shown, indent=1))
        print(f"{name}: NLL {-log_p.mean():.2f}, {json.dumps(shown)}", flush=True)
        keras.backend.clear_session()
    print("\n" + report(options.output))


if __name__ == "__main__":
    main()
