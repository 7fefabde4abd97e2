r"""The distance of synthetic rows from real ones, and their use for a classifier.

    python benchmarks/synthetic_tables.py --train adult_train.csv --test adult_test.csv \
        --label income --seconds 240 [--peer-python PYTHON] --output synthetic/

A `DenseVAE` trains on the training rows, including "?", for a given CPU time of one thread.
TVAE (`ctgan`, in its own environment) trains for about the same time, and says how long. Each
makes as many rows as there are test rows. These are compared with the test rows, which
neither has seen:

- marginals: the total variation distance of each column, half the sum of |p - q| over its
  categories; columns of numbers are cut at 19 quantiles of the training rows. Unknown cells
  do not count.
- associations: the mean difference of Cramer's V, over all pairs of these columns.
- a classifier of the label (`HistGradientBoostingClassifier`), trained on the synthetic
  rows and tested on the test rows.

The row "real rows" has as many training rows instead of synthetic ones, and shows the best
possible scores. Finished rows stay in `--output` and are not made again.
"""

from __future__ import annotations

import argparse
import itertools
import json
import subprocess
import time
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import OrdinalEncoder

import keras_vae

_BINS = 20


class WithinSeconds(keras.callbacks.Callback):
    """Lowers the learning rate to 0 on a cosine of the CPU time, and stops there.

    Args:
        seconds: CPU time of training.
        rate: The learning rate at the start.
    """

    def __init__(self, seconds: float, rate: float = 1e-3):
        """Keeps the settings."""
        super().__init__()
        self.seconds, self.rate, self.start = seconds, rate, time.process_time()

    def on_train_batch_begin(self, batch, logs=None):
        """Sets the learning rate."""
        share = (time.process_time() - self.start) / self.seconds
        self.model.optimizer.learning_rate = (
            0.5 * self.rate * (1 + np.cos(np.pi * min(share, 1.0)))
        )

    def on_train_batch_end(self, batch, logs=None):
        """Ends training when the time is over."""
        if time.process_time() - self.start > self.seconds:
            self.model.stop_training = True


def make_rows(path: Path, count: int, options) -> pd.DataFrame:
    """Trains a VAE on a raw table, and samples rows.

    Args:
        path: The training rows.
        count: Number of synthetic rows.
        options: Seconds, prior, sizes.

    Returns:
        The rows.
    """
    clock = WithinSeconds(options.seconds)
    data = keras_vae.data.load(str(path))
    vae = keras_vae.DenseVAE(
        data.event_shape,
        options.latent_dim,
        data.likelihood,
        hidden_units=options.hidden_units,
        prior=options.prior,
        gaps="mask",
        seed=0,
    )
    vae.preprocessor = keras_vae.data.Preprocessor.fit(data, vae.support)
    vae.start_from(vae.to_units(data.x_train))
    vae.compile("adam", options.objective, jit_compile=True)
    vae.fit(data.x_train, batch_size=256, epochs=10_000, callbacks=[clock], verbose=0)
    steps = int(vae.optimizer.iterations)
    elbo = vae.elbo(data.x_validation).mean()
    print(f"{steps} steps, validation ELBO {elbo:.2f} nats a row", flush=True)
    return vae.sample(count, seed=1)


def cut(tables: dict[str, pd.DataFrame], label: str) -> dict[str, pd.DataFrame]:
    """Numbers every column's categories and bins, the same way in all tables.

    Args:
        tables: Tables by name, "train" among them.
        label: A column that is always a category.

    Returns:
        Tables of whole numbers; -1 marks an unknown cell.
    """
    answer = {name: pd.DataFrame(index=one.index) for name, one in tables.items()}
    for column in tables["train"]:
        first = tables["train"][column]
        if pd.api.types.is_numeric_dtype(first) and column != label:
            edges = np.unique(first.quantile(np.arange(1, _BINS) / _BINS))
            for name, one in tables.items():
                codes = np.searchsorted(edges, one[column], side="right")
                answer[name][column] = np.where(one[column].isna(), -1, codes)
        else:
            known = sorted(first.dropna().unique())
            for name, one in tables.items():
                answer[name][column] = pd.Categorical(one[column], known).codes
    return answer


def distances(rows: pd.DataFrame, test: pd.DataFrame) -> dict[str, float]:
    """Total variation distance of each column."""
    found = {}
    for column in test:
        sizes = max(rows[column].max(), test[column].max()) + 1
        p, q = (
            np.bincount(one[column][one[column] >= 0], minlength=sizes)
            for one in (rows, test)
        )
        found[column] = 0.5 * float(np.abs(p / p.sum() - q / q.sum()).sum())
    return found


def associations(rows: pd.DataFrame) -> np.ndarray:
    """Cramer's V of all pairs of columns."""
    found = []
    for a, b in itertools.combinations(rows, 2):
        known = (rows[a] >= 0) & (rows[b] >= 0)
        counts = pd.crosstab(rows[a][known], rows[b][known]).to_numpy(float)
        expected = counts.sum(1, keepdims=True) * counts.sum(0) / counts.sum()
        chi2 = (np.square(counts - expected) / expected).sum()
        smaller = max(min(counts.shape) - 1, 1)
        found.append(np.sqrt(chi2 / counts.sum() / smaller))
    return np.array(found)


def classify(rows: pd.DataFrame, test: pd.DataFrame, label: str) -> tuple[float, float]:
    """Trains a classifier of the label on rows.

    Args:
        rows: Training rows.
        test: Test rows.
        label: The column to predict.

    Returns:
        Accuracy and area under the ROC curve on the test rows.
    """
    x, x_test = rows.drop(columns=label), test.drop(columns=label)
    words = [name for name in x if not pd.api.types.is_numeric_dtype(test[name])]
    settings = {"handle_unknown": "use_encoded_value", "unknown_value": np.nan}
    codes = OrdinalEncoder(**settings).fit(test[words])
    x[words], x_test[words] = codes.transform(x[words]), codes.transform(x_test[words])
    model = HistGradientBoostingClassifier(categorical_features=words, random_state=0)
    y, y_test = rows[label].astype(str), test[label].astype(str)
    model.fit(x.astype({one: float for one in x}), y)
    x_test = x_test.astype({one: float for one in x_test})
    positive = list(model.classes_).index(sorted(y_test.unique())[-1])
    score = model.predict_proba(x_test)[:, positive]
    accuracy = float((model.predict(x_test) == y_test).mean())
    return accuracy, float(roc_auc_score(y_test == model.classes_[positive], score))


def main() -> None:
    """Makes missing rows, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--test", type=Path, required=True)
    parser.add_argument("--label", required=True)
    parser.add_argument("--seconds", type=float, default=240.0, help="CPU time of each")
    parser.add_argument("--latent-dim", type=int, default=32)
    parser.add_argument("--hidden-units", type=int, nargs="+", default=[256, 256])
    parser.add_argument("--prior", default="standard_normal")
    parser.add_argument("--objective", default="elbo")
    parser.add_argument("--peer-python", help="Python with ctgan; omits TVAE if not given")
    parser.add_argument("--output", type=Path, default=Path("synthetic"))
    options = parser.parse_args()
    options.output.mkdir(exist_ok=True, parents=True)
    read = {"na_values": ["?"], "skipinitialspace": True}
    real = {name: pd.read_csv(getattr(options, name), **read) for name in ("train", "test")}
    count = len(real["test"])

    ours, peer = options.output / "keras_vae.csv", options.output / "tvae.csv"
    if not ours.exists():
        make_rows(options.train, count, options).to_csv(ours, index=False)
    if options.peer_python and not peer.exists():
        program = Path(__file__).with_name("peer_tvae.py")
        settings = ["--seconds", str(options.seconds), "--rows", str(count)]
        files = [str(program), str(options.train), str(peer)]
        subprocess.run([options.peer_python, *files, *settings], check=True)

    tables = {"real rows": real["train"].sample(count, random_state=0)}
    for name, path in {"keras_vae": ours, "TVAE": peer}.items():
        if path.exists():
            tables[name] = pd.read_csv(path, **read)
    coded = cut({**real, **tables}, options.label)
    of_test = associations(coded["test"])
    print(
        "\n| rows | marginals, mean distance | largest | associations | accuracy | AUC |\n"
        "|---|---|---|---|---|---|"
    )
    found = {}
    for name, rows in tables.items():
        apart = distances(coded[name], coded["test"])
        worst = max(apart, key=lambda column: apart[column])
        pairs = float(np.abs(associations(coded[name]) - of_test).mean())
        accuracy, auc = classify(rows, real["test"], options.label)
        found[name] = {"distances": apart, "pairs": pairs, "accuracy": accuracy, "auc": auc}
        print(
            f"| {name} | {np.mean(list(apart.values())):.3f} | {apart[worst]:.3f} ({worst}) "
            f"| {pairs:.3f} | {accuracy:.2%} | {auc:.3f} |",
            flush=True,
        )
    (options.output / "scores.json").write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
