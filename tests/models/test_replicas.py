"""Training on two replicas is training on one: see `replicas_script.py`."""

import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

pytestmark = pytest.mark.slow

FOLDER = pathlib.Path(__file__).parent
RUNS = pytest.mark.parametrize(
    "run",
    [
        "even batches",
        "a last batch of one",
        "penalty, prior and weights",
        "a condition",
        "labels, some unknown",
        "raw data",
        "beta set meanwhile",
        "an objective made outside",
        "VAE-GAN of convolutions",
        "VAE-GAN, a last batch of one",
        "VAE-GAN, a margin",
    ],
)


@pytest.fixture(scope="module")
def report():
    path = os.pathsep.join([str(FOLDER), str(FOLDER.parents[1])])
    done = subprocess.run(
        [sys.executable, str(FOLDER / "replicas_script.py")],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("REPORT"))
    return json.loads(line.removeprefix("REPORT"))


@RUNS
def test_two_replicas_end_with_the_weights_of_one(report, run):
    assert report[run]["moved"] > 1e-2
    assert report[run]["weights"] < 1e-4


@RUNS
def test_two_replicas_log_the_numbers_of_one(report, run):
    logs = report[run]["logs"]
    assert {"loss", "val_loss", "elbo", "val_elbo"} <= set(logs)
    for one, two in logs.values():
        np.testing.assert_allclose(two, one, rtol=1e-4, atol=1e-4)


def test_the_margin_let_players_sit_out(report):
    logs = report["VAE-GAN, a margin"]["logs"]
    updates = [logs[f"{player}_updates"][0] for player in ("decoder", "discriminator")]
    assert 0 < np.mean(updates) < 1
    assert not any(name.startswith("val_") and "updates" in name for name in logs)


@RUNS
def test_two_replicas_evaluate_and_predict_like_one(report, run):
    for one, two in report[run]["scores"].values():
        np.testing.assert_allclose(two, one, rtol=1e-4, atol=1e-4)
    one, two, expected = report[run]["shapes"]
    assert one == two == expected
    assert report[run]["predictions"] < 1e-4


@pytest.mark.parametrize("term", ["layer", "regularizer"])
def test_the_divergence_of_layers_weighs_the_same_on_two_replicas(report, term):
    moved, apart = report["KL terms"][term]
    assert moved > 1e-2 and apart < 1e-5


def test_replicas_draw_different_noise(report):
    first, second = np.array(report["noise"])
    assert np.abs(first - second).min() > 1e-6
