"""Training on two replicas is training on one: see `replicas_script.py`."""

import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest
from replica_cases import CASES, same

pytestmark = pytest.mark.slow

FOLDER = pathlib.Path(__file__).parent
RUNS = pytest.mark.parametrize("run", list(CASES))


@pytest.fixture(scope="module")
def report():
    path = os.pathsep.join([str(FOLDER), str(FOLDER.parents[1])])
    done = subprocess.run(
        [sys.executable, str(FOLDER / "replicas_script.py")],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("REPORT"))
    return json.loads(line.removeprefix("REPORT"))


@RUNS
def test_two_replicas_train_evaluate_and_predict_like_one(report, run):
    same(*report[run])


def test_the_margin_let_players_sit_out(report):
    logs = report["VAE-GAN, a margin and a penalty"][1]["logs"]
    updates = [logs[f"{player}_updates"] for player in ("decoder", "discriminator")]
    assert 0 < np.mean(updates) < 1
    assert not any(name.startswith("val_") and "updates" in name for name in logs)


@pytest.mark.parametrize("term", ["layer", "regularizer"])
def test_the_divergence_of_layers_weighs_the_same_on_two_replicas(report, term):
    moved, apart = report["KL terms"][term]
    assert moved > 1e-2 and apart < 1e-5


@pytest.mark.parametrize("objective", ["score_function", "elbo"])
def test_running_means_outlast_a_replica_without_examples(report, objective):
    start, end = map(np.array, report["empty share"][objective])
    assert np.isfinite(end).all() and np.abs(end - start).max() > 1e-4


def test_replicas_draw_different_noise(report):
    first, second = np.array(report["noise"])
    assert np.abs(first - second).min() > 1e-6
