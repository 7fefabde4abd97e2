r"""Imputation of tables with gaps: MIWAE beside the methods of scikit-learn.

The program standardises each table and hides a share of its cells at random. Every method
learns from the other cells and fills the hidden ones. The error is the mean square of the
difference there, in variances of a column, over several masks (mean +- standard error).
`--above-mean` hides the values above the mean of their column, in the first half of the
columns (Ipsen et al. 2021). The error is then the root of the mean square, and the table also
has not-MIWAE, which has a model of missingness.

    python benchmarks/imputation.py --table winequality_white=.../winequality_white.csv \
        --output imputation.json [--above-mean]

(Tables of numbers without a header; their last column is left out.)

`--output` keeps finished cells of the table, so an interrupted run can be resumed. MIWAE is
trained as in its authors' notebook (Mattei and Frellsen 2019): importance-weighted bound of
20 samples, Student-t likelihood, 128-128 units, 10 latent ones, zeros for gaps in the
encoder, Adam with step size 2e-4, 1,001 epochs (but at most 10,000 steps), 10,000 importance
samples to impute. No setting was chosen by its score.
"""

from __future__ import annotations

import argparse
import itertools
import json
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.ensemble import RandomForestRegressor

# The next import needs this one.
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer

import keras_vae
from keras_vae.generation import impute

_BATCH, _MOST_STEPS, _SAMPLES = 64, 10_000, 10_000


def miwae(x: np.ndarray, seed: int, epochs: int, missingness: str | None = None):
    """Trains a MIWAE on a table with gaps and fills them.

    Args:
        x: Table [N, D], NaN where cells are hidden.
        seed: Seed of weights and draws.
        epochs: Passes through the rows, with at most `_MOST_STEPS` steps in all.
        missingness: The part for p(s|x), for a not-MIWAE; None trains a MIWAE.

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
        missingness=missingness,
        seed=seed,
    )
    model.start_from(x)
    model.compile(keras.optimizers.Adam(2e-4), "iwae:num_samples=20", jit_compile=True)
    rows = tf.data.Dataset.from_tensor_slices(x).shuffle(len(x), seed=seed).repeat()
    # All batches have one shape: a smaller last batch would need its own compilation.
    steps = min(epochs * len(x) // _BATCH, _MOST_STEPS)
    model.fit(rows.batch(_BATCH), steps_per_epoch=steps, verbose=0)
    return impute(model, x, num_samples=_SAMPLES, seed=seed).mean


def miss_forest(seed: int):
    """Random forests column by column, as missForest does."""
    forest = RandomForestRegressor(50, max_features="sqrt", random_state=seed)
    return IterativeImputer(forest, max_iter=3, random_state=seed)


PEERS = {
    "mean": lambda seed: SimpleImputer(),
    "KNN (10)": lambda seed: KNNImputer(n_neighbors=10),
    "iterative (ridge)": lambda seed: IterativeImputer(max_iter=20, random_state=seed),
    "random forests": miss_forest,
}
MODELS = {"MIWAE": None}
# not-MIWAE may know nothing, that values hide themselves, or also which values do.
NOT_AT_RANDOM = {
    "MIWAE": None,
    "not-MIWAE, linear": "linear",
    "not-MIWAE, nonlinear": "nonlinear",
    "not-MIWAE, self-masking": "self_masking",
    "not-MIWAE, high values": "self_masking:direction=high",
}
ABOVE_MEAN = "above the mean"


def tables(paths: list[str]) -> dict[str, np.ndarray]:
    """The tables by name, standardised."""
    found = {
        "breast cancer": load_breast_cancer().data,
        "wine": load_wine().data,
    }
    for one in paths:
        name, _, path = one.partition("=")
        # The last column is the label that others predict from the rest.
        found[name] = pd.read_csv(path, header=None).to_numpy(float)[:, :-1]
    return {name: (x - x.mean(axis=0)) / x.std(axis=0) for name, x in found.items()}


def hidden_cells(x: np.ndarray, pattern: float | str, mask: int) -> np.ndarray:
    """Chooses the hidden cells.

    Args:
        x: Table [N, D], standardised.
        pattern: Share of the cells, at random, or `ABOVE_MEAN`.
        mask: Seed.

    Returns:
        Booleans [N, D].
    """
    if pattern == ABOVE_MEAN:
        return (x > 0) & (np.arange(x.shape[1]) < x.shape[1] // 2)
    hidden = np.random.default_rng(mask).random(x.shape) < pattern
    # No method can fill a row or column without a value.
    hidden[:, hidden.all(axis=0)] = False
    hidden[hidden.all(axis=1), 0] = False
    return hidden


def error(
    x: np.ndarray, pattern: float | str, mask: int, method: str, epochs: int
) -> float:
    """Hides cells, fills them, and returns the error.

    Args:
        x: Table [N, D], standardised.
        pattern: The hidden cells; see `hidden_cells`.
        mask: Seed of the mask and of everything else.
        method: One of `PEERS` or `NOT_AT_RANDOM`.
        epochs: Passes of MIWAE through the rows.

    Returns:
        The mean square, in variances of a column.
    """
    hidden = hidden_cells(x, pattern, mask)
    seen = np.where(hidden, np.nan, x).astype(np.float32)
    if method in PEERS:
        filled = PEERS[method](mask).fit_transform(seen)
    else:
        filled = miwae(seen, mask, epochs, NOT_AT_RANDOM[method])
    return float(np.square(filled - x)[hidden].mean())


def report(found: dict[str, float], methods: list[str], patterns: list) -> None:
    """Prints the table in Markdown."""
    cells = {}
    for key, value in found.items():
        name, pattern, _, method = json.loads(key)
        if pattern in patterns:
            value = value if pattern != ABOVE_MEAN else np.sqrt(value)
            cells.setdefault((name, pattern), {}).setdefault(method, []).append(value)
    print("\n| table | hidden | " + " | ".join(methods) + " | masks |")
    print("|---" * (3 + len(methods)) + "|")
    for (name, pattern), by_method in sorted(cells.items(), key=str):
        texts = []
        for method in methods:
            values = np.array(by_method.get(method, [np.nan]))
            spread = (
                values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
            )
            texts.append(f"{values.mean():.3f} +- {spread:.3f}")
        text = pattern if pattern == ABOVE_MEAN else f"{pattern:.0%}"
        count = min(len(values) for values in by_method.values())
        print(f"| {name} | {text} | " + " | ".join(texts) + f" | {count} |")


def main() -> None:
    """Computes missing results, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", action="append", default=[], metavar="NAME=FILE")
    parser.add_argument("--only", nargs="+", help="names of tables; default: all")
    parser.add_argument("--masks", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=1001)
    parser.add_argument("--above-mean", action="store_true")
    parser.add_argument("--output", type=Path, default=Path("imputation.json"))
    options = parser.parse_args()
    found = json.loads(options.output.read_text()) if options.output.exists() else {}
    patterns = [ABOVE_MEAN] if options.above_mean else [0.5, 0.3]
    methods = [*PEERS, *(NOT_AT_RANDOM if options.above_mean else MODELS)]
    chosen = tables(options.table)
    if options.only:
        if missing := set(options.only) - set(chosen):
            parser.error(f"--only: {min(missing)} is none of {', '.join(chosen)}")
        chosen = {name: chosen[name] for name in options.only}
    cells = itertools.product(range(options.masks), chosen.items(), patterns, methods)
    for mask, (name, x), pattern, method in cells:
        key = json.dumps([name, pattern, mask, method])
        if key in found:
            continue
        found[key] = error(x, pattern, mask, method, options.epochs)
        options.output.write_text(json.dumps(found, indent=1))
        print(f"{name}, {pattern}, mask {mask}, {method}: {found[key]:.4f}", flush=True)
        keras.backend.clear_session()
    report(found, methods, patterns)


if __name__ == "__main__":
    main()
