r"""Imputation of tables with gaps: MIWAE beside what scikit-learn has.

Of each table, standardised, a share of the cells is hidden at random; every method learns
from what is left, and is asked for what is hidden. The error is the mean square of the
difference there, in variances of a column, over several masks (mean +- standard error).
With `--above-mean` hidden is what lies above the mean of its column, in the first half of
the columns (Ipsen et al. 2021), and the error is the root of the mean square: there
not-MIWAE, with a model of missingness, stands beside MIWAE; both keep their last weights.

    python benchmarks/imputation.py --table winequality_white=.../winequality_white.csv \
        --output imputation.json [--above-mean]

(Tables of numbers without a header; their last column is left out.)

Finished cells of the table are kept in `--output`, and a run that was interrupted goes on.
MIWAE (Mattei and Frellsen 2019): importance-weighted bound of 20 samples, Student-t
likelihood, 128-128 units, 10 latent ones, zeros for gaps in the encoder, stopped by
the error of 5% of the known cells, hidden for this, 1,000 importance samples to impute.
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

# This import makes the one after it possible.
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer

import keras_vae
from keras_vae.generation import impute

_BATCH, _STEPS_AT_A_TIME, _HELD_OUT, _MOST_ROWS = 64, 500, 0.05, 500


class BestByCells(keras.callbacks.Callback):
    """Keeps the weights with which known cells, hidden for this, are filled in best.

    The bound of held-out rows is another thing: it falls when the model grows too sure, long
    before filled values are at their best.

    Args:
        x: Rows [N, D] with gaps, and with more gaps in the place of these cells.
        true: The rows with these cells.
    """

    def __init__(self, x: np.ndarray, true: np.ndarray):
        """Knows no weights yet."""
        super().__init__()
        self.x, self.true = x[:_MOST_ROWS], true[:_MOST_ROWS]
        self.cells = np.isnan(self.x) & ~np.isnan(self.true)
        self.best, self.weights, self.epoch = np.inf, None, 0

    def on_epoch_end(self, epoch, logs=None):
        """Fills the cells in, and compares."""
        filled = impute(self.model, self.x, num_samples=100).mean
        error = np.square(filled - self.true)[self.cells].mean()
        if error < self.best:
            self.best, self.weights = error, self.model.get_weights()
            self.epoch = epoch
        # Three times without progress are enough.
        self.model.stop_training = epoch >= self.epoch + 3


def miwae(
    x: np.ndarray,
    seed: int,
    steps: int,
    missingness: str | None = None,
    select: bool = True,
):
    """Trains a MIWAE on a table with gaps and fills them.

    Args:
        x: Table [N, D], NaN where cells are hidden.
        seed: Seed of weights and draws.
        steps: Training steps at most.
        missingness: The part for p(s|x), which makes it a not-MIWAE; None for none.
        select: Whether cells that are hidden for this say which weights to keep; else the
            last are.

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
    # Other numbers than those of the mask.
    rng = np.random.default_rng([seed, 1])
    # Only what is seen counts here, too.
    hidden = rng.random(x.shape) < (_HELD_OUT if select else 0.0)
    more = np.where(hidden, np.nan, x).astype(np.float32)
    order = rng.permutation(len(x))
    model.start_from(more)
    rate = keras.optimizers.schedules.CosineDecay(1e-3, steps)
    model.compile(keras.optimizers.Adam(rate), "iwae:num_samples=20", jit_compile=True)
    batches = tf.data.Dataset.from_tensor_slices(more).shuffle(len(x), seed=seed)
    batches = batches.repeat().batch(_BATCH, drop_remainder=True)
    best = BestByCells(more[order], x[order])
    model.fit(
        batches,
        steps_per_epoch=_STEPS_AT_A_TIME,
        epochs=steps // _STEPS_AT_A_TIME,
        callbacks=[best] if select else [],
        verbose=0,
    )
    if select:
        model.set_weights(best.weights)
    return impute(model, x, num_samples=1000, seed=seed).mean


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
# What not-MIWAE may know: nothing, that values hide themselves, and which of them do.
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
        # The last column is what others want to tell from the rest.
        found[name] = pd.read_csv(path, header=None).to_numpy(float)[:, :-1]
    return {name: (x - x.mean(axis=0)) / x.std(axis=0) for name, x in found.items()}


def hidden_cells(x: np.ndarray, pattern: float | str, mask: int) -> np.ndarray:
    """Chooses what is hidden.

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
    # No method knows anything of a row or column without a value.
    hidden[:, hidden.all(axis=0)] = False
    hidden[hidden.all(axis=1), 0] = False
    return hidden


def error(x: np.ndarray, pattern: float | str, mask: int, method: str, steps: int) -> float:
    """Hides cells, has them filled, and returns the error.

    Args:
        x: Table [N, D], standardised.
        pattern: What is hidden; see `hidden_cells`.
        mask: Seed of the mask, and of all else.
        method: One of `PEERS` or `NOT_AT_RANDOM`.
        steps: Training steps of MIWAE at most.

    Returns:
        The mean square, in variances of a column.
    """
    hidden = hidden_cells(x, pattern, mask)
    seen = np.where(hidden, np.nan, x).astype(np.float32)
    if method in PEERS:
        filled = PEERS[method](mask).fit_transform(seen)
    else:
        # Known cells are not like the hidden ones where these lie above the mean.
        select = pattern != ABOVE_MEAN
        filled = miwae(seen, mask, steps, NOT_AT_RANDOM[method], select)
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
    """Runs what is missing in the results, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", action="append", default=[], metavar="NAME=FILE")
    parser.add_argument("--masks", type=int, default=5)
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--above-mean", action="store_true")
    parser.add_argument("--output", type=Path, default=Path("imputation.json"))
    options = parser.parse_args()
    found = json.loads(options.output.read_text()) if options.output.exists() else {}
    patterns = [ABOVE_MEAN] if options.above_mean else [0.5, 0.3]
    methods = [*PEERS, *(NOT_AT_RANDOM if options.above_mean else MODELS)]
    cells = itertools.product(
        range(options.masks), tables(options.table).items(), patterns, methods
    )
    for mask, (name, x), pattern, method in cells:
        key = json.dumps([name, pattern, mask, method])
        if key in found:
            continue
        found[key] = error(x, pattern, mask, method, options.steps)
        options.output.write_text(json.dumps(found, indent=1))
        print(f"{name}, {pattern}, mask {mask}, {method}: {found[key]:.4f}", flush=True)
        keras.backend.clear_session()
    report(found, methods, patterns)


if __name__ == "__main__":
    main()
