r"""Imputation of tables with gaps: MIWAE beside what scikit-learn has.

Of each table, standardised, a share of the cells is hidden at random; every method learns
from what is left, and is asked for what is hidden. The error is the mean square of the
difference there, in variances of a column, over several masks (mean +- standard error).

    python benchmarks/imputation.py --table winequality_white=.../winequality_white.csv \
        --output imputation.json

Finished cells of the table are kept in `--output`, and a run that was interrupted goes on.
MIWAE (Mattei and Frellsen 2019): importance-weighted bound of 20 samples, Student-t
likelihood, 128-128 units, 10 latent ones, zeros for gaps in the encoder, 1,000 importance
samples to impute.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.ensemble import RandomForestRegressor

# This import makes the one after it possible.
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer

import keras_vae
from keras_vae.generation import impute

_BATCH = 64


def miwae(x: np.ndarray, seed: int, steps: int) -> np.ndarray:
    """Trains a MIWAE on a table with gaps and fills them.

    Args:
        x: Table [N, D], NaN where cells are hidden.
        seed: Seed of weights and draws.
        steps: Training steps.

    Returns:
        The table without gaps.
    """
    model = keras_vae.DenseVAE(
        (x.shape[1],),
        latent_dim=10,
        hidden_units=(128, 128),
        activation="relu",
        likelihood="student_t",
        gaps="fill",
        seed=seed,
    )
    model.start_from(x)
    rate = keras.optimizers.schedules.CosineDecay(1e-3, steps)
    model.compile(keras.optimizers.Adam(rate), "iwae:num_samples=20", jit_compile=True)
    rows = tf.data.Dataset.from_tensor_slices(x).shuffle(len(x), seed=seed).repeat()
    batches = rows.batch(_BATCH, drop_remainder=True)
    model.fit(batches, steps_per_epoch=500, epochs=steps // 500, verbose=0)
    return impute(model, x, num_samples=1000, seed=seed).mean


def miss_forest(seed: int):
    """Random forests column by column, as missForest does."""
    forest = RandomForestRegressor(100, max_features="sqrt", n_jobs=-1, random_state=seed)
    return IterativeImputer(forest, max_iter=5, random_state=seed)


PEERS = {
    "mean": lambda seed: SimpleImputer(),
    "KNN (10)": lambda seed: KNNImputer(n_neighbors=10),
    "iterative (ridge)": lambda seed: IterativeImputer(max_iter=20, random_state=seed),
    "random forests": miss_forest,
}


def tables(paths: list[str]) -> dict[str, np.ndarray]:
    """The tables by name, standardised."""
    found = {
        "breast cancer": load_breast_cancer().data,
        "wine": load_wine().data,
    }
    for one in paths:
        name, _, path = one.partition("=")
        found[name] = keras_vae.data.load(path, levels=None).table.to_numpy(float)
    return {name: (x - x.mean(axis=0)) / x.std(axis=0) for name, x in found.items()}


def error(x: np.ndarray, share: float, mask: int, method: str, steps: int) -> float:
    """Hides cells, has them filled, and returns the mean square of the error.

    Args:
        x: Table [N, D], standardised.
        share: Share of the cells to hide.
        mask: Seed of the mask, and of all else.
        method: One of `PEERS`, or "MIWAE".
        steps: Training steps of MIWAE.

    Returns:
        Variances of a column.
    """
    hidden = np.random.default_rng(mask).random(x.shape) < share
    # No method knows anything of a row or column without a value.
    hidden[:, hidden.all(axis=0)] = False
    hidden[hidden.all(axis=1), 0] = False
    seen = np.where(hidden, np.nan, x).astype(np.float32)
    if method == "MIWAE":
        filled = miwae(seen, mask, steps)
    else:
        filled = PEERS[method](mask).fit_transform(seen)
    return float(np.square(filled - x)[hidden].mean())


def report(found: dict[str, float], masks: int) -> None:
    """Prints the table in Markdown."""
    cells = {}
    for key, value in found.items():
        name, share, _, method = json.loads(key)
        cells.setdefault((name, share), {}).setdefault(method, []).append(value)
    methods = [*PEERS, "MIWAE"]
    print("\n| table | hidden | " + " | ".join(methods) + " |")
    print("|---" * (2 + len(methods)) + "|")
    for (name, share), by_method in cells.items():
        texts = []
        for method in methods:
            values = np.array(by_method.get(method, [np.nan]))
            spread = (
                values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
            )
            texts.append(f"{values.mean():.3f} +- {spread:.3f}")
        print(f"| {name} | {share:.0%} | " + " | ".join(texts) + " |")
    print(f"\n{masks} masks each.")


def main() -> None:
    """Runs what is missing in the results, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", action="append", default=[], metavar="NAME=FILE")
    parser.add_argument("--masks", type=int, default=5)
    parser.add_argument("--steps", type=int, default=9000)
    parser.add_argument("--output", type=Path, default=Path("imputation.json"))
    options = parser.parse_args()
    found = json.loads(options.output.read_text()) if options.output.exists() else {}
    for mask in range(options.masks):
        for name, x in tables(options.table).items():
            for share in (0.5, 0.3):
                for method in (*PEERS, "MIWAE"):
                    key = json.dumps([name, share, mask, method])
                    if key in found:
                        continue
                    found[key] = error(x, share, mask, method, options.steps)
                    options.output.write_text(json.dumps(found, indent=1))
                    print(f"{name}, {share:.0%}, mask {mask}, {method}: {found[key]:.4f}")
                    keras.backend.clear_session()
    report(found, options.masks)


if __name__ == "__main__":
    main()
