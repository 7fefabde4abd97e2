"""Training on two workers is training on one: see `workers_script.py`."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from replica_cases import same
from workers import clusters, ends, start
from workers_script import TRAININGS, trained

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
FOLDER = Path(__file__).parent


@pytest.fixture(scope="module")
def reports():
    """What this process alone, the chief and the other worker came to."""
    path = os.pathsep.join([str(FOLDER), str(FOLDER.parents[1])])
    script = FOLDER / "workers_script.py"
    found = [trained()]
    processes = [start([script], one, PYTHONPATH=path) for one in clusters(2)]
    for code, out, err in ends(processes):
        assert code == 0, err[-4000:]
        (line,) = (line for line in out.splitlines() if line.startswith("REPORT"))
        found.append(json.loads(line.removeprefix("REPORT")))
    return found


@pytest.mark.parametrize("run", TRAININGS)
def test_two_workers_train_evaluate_and_predict_like_one(reports, run):
    one, *workers = (report[run] for report in reports)
    for worker in workers:
        same(one, worker)


def test_a_stream_is_that_of_one(reports):
    one, *workers = (report["streamed"] for report in reports)
    for worker in workers:
        np.testing.assert_allclose(worker, one, rtol=0, atol=1e-5)


def test_in_any_order_each_observation_comes_once(reports):
    one, chief, other = (report["shuffled"] for report in reports)
    assert chief == other
    # The weights stay, and so each epoch's loss is that of all observations.
    np.testing.assert_allclose(chief["loss"], one["val_loss"], rtol=1e-4)


def test_workers_draw_different_noise(reports):
    first, second = (np.array(report["noise"]) for report in reports[1:])
    assert np.abs(first - second).min() > 1e-6


@pytest.mark.parametrize(
    "what, words",
    [
        ("fit", "batch_size is 3, which 2 replicas on several workers cannot share"),
        ("evaluate", "batch_size is 3"),
        ("predict", "batch_size is 3"),
        ("a stream", "size of a batch of x is 3"),
        ("a generator", "x is a list_iterator, which several workers cannot share out"),
        ("no seed", "Without a seed, each worker would shuffle in its own order"),
        ("other data", "the number of observations is 9, 8 on the replicas in turn"),
        ("other seeds", "the model's seed is 0, 1 on the replicas in turn"),
    ],
)
def test_all_workers_refuse_what_they_cannot_share(reports, what, words):
    for report in reports[1:]:
        assert words in report["refusals"][what]


@pytest.mark.parametrize(
    "what, of_chief, of_other",
    [
        ("shares", "batch_size is 31, which 2 repl", "batch_size is 31, which 2 repl"),
        (
            "recipes",
            "but those of one differ; see its error",
            "same inputs: model is 'dense_vae:latent_dim=2,hidden_units=9' here and 'dense",
        ),
        ("folder", "FileExistsError: ", "ConnectionError: The chief cannot continue: "),
    ],
)
def test_runs_that_workers_cannot_share_are_refused_by_all(
    reports, what, of_chief, of_other
):
    _, chief, other = (report.get("unlike runs") for report in reports)
    assert of_chief in chief[what] and of_other in other[what]
