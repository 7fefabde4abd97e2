"""Disentangling of `sprites` by five objectives and the plain VAE, over several seeds.

The sprites imitate dSprites but are not dSprites: shapes, sizes and ranges differ, so the
scores do not compare with published figures. All rows have the same dense networks, 10
latent numbers, images, epochs and Adam. Their weights are those of the papers for dSprites;
nothing is tuned. The scores are MIG and DCI (50 trees that see all codes) of posterior
means, and the FactorVAE score of 1,500 points of 32 images.

    python benchmarks/disentangling.py --seeds 3 --output disentangling/

A JSON file keeps finished runs, which are not trained again. The program goes seed by seed,
so an interrupted run has results for each row. The folder has pictures of the first seed's
traversals.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import keras
import numpy as np

import keras_vae
from keras_vae.data import Sprites, load, pipeline, steps_per_epoch
from keras_vae.evaluation import active_units, dci, factor_vae_score, mig
from keras_vae.plots import save_image, traversals

LATENT, UNITS, BATCH = 10, (200, 200), 64
# (The capacity rises over the whole of training.)
ROWS = {
    "VAE": "elbo",
    "beta-VAE": "elbo:beta=4",
    "beta-TC": "beta_tc:beta=6",
    "FactorVAE": "factor_vae:gamma=35",
    "DIP-II": "dip:kind=ii,off_diagonal=10,diagonal=10",
    "annealed capacity": "capacity:capacity=(warm_up:steps={steps},end=25),gamma=100",
}
SCORES = {
    "mig": "MIG",
    "disentanglement": "DCI disentanglement",
    "completeness": "DCI completeness",
    "informativeness": "DCI informativeness",
    "factor_vae_score": "FactorVAE score",
    "elbo": "ELBO",
    "active_units": "active units",
}


def measured(name: str, seed: int, options) -> dict[str, float]:
    """Trains and scores a model.

    Args:
        name: One of `ROWS`.
        seed: Seed of weights and noise.
        options: The parsed command line.

    Returns:
        Scores by name, and the seconds of training.
    """
    keras.utils.set_random_seed(seed)
    data = load("sprites")
    x = data.x_train[: options.images]
    critic = (200, 200, 200) if name == "FactorVAE" else None
    model = keras_vae.DenseVAE(
        data.event_shape, LATENT, hidden_units=UNITS, critic=critic, seed=seed
    )
    # The frequencies of 4,096 pixels need no more images.
    model.start_from(x[:2000].astype("f4"))
    steps = steps_per_epoch(len(x), BATCH)
    objective = ROWS[name].format(steps=options.epochs * steps)
    model.compile(keras.optimizers.Adam(1e-3), objective, jit_compile=True)
    start = time.perf_counter()
    model.fit(
        pipeline(x, BATCH, seed=seed),
        steps_per_epoch=steps,
        epochs=options.epochs,
        shuffle=False,
        verbose=0,
    )
    seconds = time.perf_counter() - start
    sprites = Sprites()
    factors = sprites.sample(options.scored, seed=0)
    codes = model.embed(sprites.draw(factors))
    points = {"num_train": 1000, "num_test": 500, "batch_size": 32, "num_variance": 2000}
    if seed == 0:
        picture = traversals(model, data.x_test[:500].astype("f4"))
        save_image(picture, options.output / f"{name}.png")
    return {
        "mig": mig(codes, factors),
        **dci(codes, factors, trees="random_forest"),
        "factor_vae_score": factor_vae_score(model.embed, sprites, **points)["mean"],
        "elbo": float(np.mean(model.elbo(data.x_test.astype("f4")))),
        "active_units": int(active_units(model, data.x_test.astype("f4")).sum()),
        "seconds": seconds,
    }


def report(found: dict[str, dict[str, float]]) -> str:
    """Writes the table: mean and standard deviation over the finished seeds.

    Args:
        found: Scores by "row/seed".

    Returns:
        Markdown.
    """
    lines = [
        f"| objective | seeds | {' | '.join(SCORES.values())} |",
        "|" + "---|" * (2 + len(SCORES)),
    ]
    for name in ROWS:
        runs = [one for key, one in found.items() if key.split("/")[0] == name]
        if not runs:
            continue
        cells = []
        for score in SCORES:
            values = np.array([one[score] for one in runs])
            form = ".3f" if score not in ("elbo", "active_units") else ".1f"
            spread = format(values.std(ddof=1), form) if len(values) > 1 else "n/a"
            cells.append(f"{values.mean():{form}} +- {spread}")
        lines.append(f"| {name} | {len(runs)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Runs unfinished models, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", nargs="+", default=list(ROWS), choices=list(ROWS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--images", type=int, help="training images; default: all")
    parser.add_argument("--scored", type=int, default=4000, help="images for MIG and DCI")
    parser.add_argument("--output", type=Path, default=Path("disentangling"))
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    kept = options.output / "scores.json"
    found = json.loads(kept.read_text()) if kept.exists() else {}
    for seed in range(options.seeds):
        for name in options.rows:
            if f"{name}/{seed}" in found:
                continue
            found[f"{name}/{seed}"] = measured(name, seed, options)
            kept.write_text(json.dumps(found, indent=1))
            print(f"{name}, seed {seed}: {found[f'{name}/{seed}']}", flush=True)
            keras.backend.clear_session()
    print("\n" + report(found))


if __name__ == "__main__":
    main()
