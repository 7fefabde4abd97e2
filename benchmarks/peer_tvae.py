"""Trains TVAE of the package ctgan on a table and writes synthetic rows.

    PYTHON benchmarks/peer_tvae.py TRAIN.csv SYNTHETIC.csv --seconds 240 --rows 16281

Columns of words are categories, with "?" as one more.
The CPU time of an epoch of few rows, of one thread, determines the number of epochs. An epoch of
all rows takes longer than in proportion, so training may take several times as long; the program
prints its CPU time. The search for the modes of columns is not counted.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import pandas as pd
import torch
from ctgan import TVAE

_TIMED_ROWS = 4000


def fitted(table: pd.DataFrame, discrete: list[str], epochs: int) -> TVAE:
    """A TVAE with the settings of the package, trained for some epochs."""
    torch.manual_seed(0)
    np.random.seed(0)
    model = TVAE(epochs=epochs)
    model.fit(table, discrete)
    return model


def _seconds(table, discrete, epochs):
    start = time.process_time()
    fitted(table, discrete, epochs)
    return time.process_time() - start


def main() -> None:
    """Trains, writes rows, and prints the time taken."""
    parser = argparse.ArgumentParser()
    parser.add_argument("train")
    parser.add_argument("output")
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--rows", type=int, required=True)
    options = parser.parse_args()
    torch.set_num_threads(1)
    table = pd.read_csv(options.train)
    discrete = [name for name in table if table[name].dtype == object]
    # The search for the modes of columns takes longer than many epochs, so it is not
    # counted, and few rows tell how long an epoch takes.
    few = table.sample(min(_TIMED_ROWS, len(table)), random_state=0)
    # The first fit also pays for the start of PyTorch.
    _, short, long = (_seconds(few, discrete, epochs) for epochs in (1, 5, 45))
    epoch = max(long - short, 1e-3) / 40 * len(table) / len(few)
    epochs = max(1, int(options.seconds / epoch))
    start = time.process_time()
    model = fitted(table, discrete, epochs)
    print(f"{epochs} epochs, {time.process_time() - start:.0f} CPU seconds", flush=True)
    model.sample(options.rows).to_csv(options.output, index=False)


if __name__ == "__main__":
    main()
