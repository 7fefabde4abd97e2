"""`keras-vae train` on the workers of TF_CONFIG."""

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from runs import contents, history, recipe, run, weights
from workers import clusters, ends, start

import keras_vae
from keras_vae.presets.files import read_metadata
from keras_vae.training import closing
from keras_vae.training.workers import Workers, read_cluster

ADDRESSES = ["10.0.0.1:2222", "10.0.0.2:2222"]


def config(cluster=None, **task):
    cluster = {"worker": ADDRESSES} if cluster is None else cluster
    return json.dumps({"cluster": cluster, "task": {"type": "worker", "index": 0, **task}})


@pytest.mark.parametrize(
    "text, found",
    [
        ("", None),
        (config(), (2, 0)),
        (config(index=1), (2, 1)),
        (config({"chief": ADDRESSES[:1], "worker": ADDRESSES[1:]}), (2, 1)),
        (config({"chief": ADDRESSES[:1], "worker": ADDRESSES[1:]}, type="chief"), (2, 0)),
        # As on one machine of a cluster that could have more.
        (config({"worker": ADDRESSES[:1]}), None),
    ],
)
def test_the_place_of_a_worker_is_read(monkeypatch, text, found):
    monkeypatch.setenv("TF_CONFIG", text)
    assert read_cluster() == found


@pytest.mark.parametrize(
    "text, words",
    [
        ("{'cluster': 1}", "is not JSON"),
        ("[1]", "lacks cluster and task"),
        ('{"cluster": {"worker": ["a:1"]}}', "lacks task"),
        ('{"task": {"type": "worker", "index": 0}}', "lacks cluster"),
        (config(index=2), r'task .*"index": 2.*, but there are .*"index": 1'),
        (config(type="evaluator"), "evaluator"),
        (config({"worker": ADDRESSES, "ps": ["a:1"]}), "job 'ps'"),
        (
            config({"worker": ["nowhere", "a:1"]}),
            "'nowhere', which is not of the form host:port",
        ),
        (config({"worker": "a:1"}), "not of the form host:port"),
        (config({"worker": ["a:1", "a:1"]}), "two workers the same address"),
        (config({"chief": ADDRESSES}), "at most one chief"),
        (config({}), "must name workers"),
    ],
)
def test_a_wrong_cluster_is_refused_before_anything_is_done(
    monkeypatch, tmp_path, text, words
):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(ValueError, match=f"TF_CONFIG .*{words}"):
        run(recipe(), tmp_path / "run")
    assert not (tmp_path / "run").exists()


PAGE = Path(keras_vae.__file__).parents[1] / "docs" / "several_machines.md"


def lines_of(scheduler):
    """What a scheduler's section does to set the variable."""
    section = PAGE.read_text("utf-8").split(f"## {scheduler}")[1].split("## ")[0]
    found = re.findall(r"^ *(export .+|srun .+)$", section, re.MULTILINE)
    return "\n".join(found) + ("\n'" if scheduler == "SLURM" else "")


@pytest.mark.parametrize(
    "scheduler, environment",
    [
        ("Kubernetes", {"JOB_COMPLETION_INDEX": "1"}),
        ("SLURM", {"SLURM_PROCID": "1", "SLURM_JOB_NODELIST": "node[07-08]"}),
    ],
)
def test_the_page_sets_the_variable_rightly(monkeypatch, scheduler, environment):
    stubs = "scontrol() { printf 'node07\\nnode08\\n'; }\nsrun() { shift; \"$@\"; }\n"
    script = stubs + lines_of(scheduler).replace("\n'", "\n printenv TF_CONFIG'")
    script += "\nprintenv TF_CONFIG" if scheduler == "Kubernetes" else ""
    done = subprocess.run(
        ["bash", "-c", script], env={**os.environ, **environment}, capture_output=True
    )
    assert done.returncode == 0, done.stderr
    monkeypatch.setenv("TF_CONFIG", done.stdout.decode())
    assert read_cluster() == (2, 1)


@pytest.mark.parametrize(
    "error, is_told",
    [
        (tf.errors.UnavailableError(None, None, "Socket closed"), True),
        (tf.errors.InternalError(None, None, "Connection reset by peer"), True),
        (tf.errors.AbortedError(None, None, "Collective ops is aborted by: ..."), True),
        (tf.errors.InternalError(None, None, "Failed to launch CUDA kernel"), False),
        (tf.errors.CancelledError(None, None, "Iterator was cancelled"), False),
    ],
)
def test_what_fails_here_is_not_told_of_others(error, is_told):
    workers = Workers(None)
    workers.count = 2
    with pytest.raises(ConnectionError if is_told else type(error)):
        with workers.in_step():
            raise error


def test_one_alone_does_without_the_others(tmp_path):
    workers = Workers(None)
    with workers.in_step(), workers.folder(tmp_path) as own:
        assert own == tmp_path and workers.is_chief
        workers.agree({"seed": 0})
        assert workers.of_chief(lambda: {1: "not JSON"}) == {1: "not JSON"}


# Draws that differ from the mean by 1e-6: noise, which each worker has its own of, is out
# of play, but not that of the data.
EPOCHS = 4
GIVEN = {
    "posterior": "normal:scale=0.000001",
    "likelihood": "bernoulli",
    "binarize": "dynamic",
    "epochs": EPOCHS,
    "jit": None,
}
OPTIONS = ["--posterior", GIVEN["posterior"], "--likelihood", "bernoulli"]
OPTIONS += ["--binarize", "dynamic", "--epochs", EPOCHS, "--batch-size", 128, "--resume"]


def started(folder, tmp):
    """Two workers with the same command; each has a folder for what does not last."""
    command = ["-m", "keras_vae", "train", recipe().model, "--data", "digits"]
    command += [*OPTIONS, "--output", folder]
    for index in range(2):
        (tmp / str(index)).mkdir(parents=True)
    return [
        start(command, config, TMPDIR=str(tmp / str(index)))
        for index, config in enumerate(clusters(2))
    ]


def wait_for_epochs(folder, count, processes):
    deadline, path = time.monotonic() + 600, folder / "history.csv"
    while not path.exists() or len(path.read_text().splitlines()) <= count:
        assert all(one.poll() is None for one in processes), ends(processes)
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.fixture(scope="module")
def attempts(tmp_path_factory):
    """The folder of a run, and how its attempts ended: two kills, then none."""
    tmp = tmp_path_factory.mktemp("workers")
    folder, found = tmp / "run", []
    for attempt, killed in enumerate((1, 0, None)):
        processes = started(folder, tmp / str(attempt))
        if killed is not None:
            wait_for_epochs(folder, attempt + 1, processes)
            processes[killed].send_signal(signal.SIGKILL)
        found.append(ends(processes))
        if killed is not None:
            assert attempt < len(history(folder)["epoch"]) < EPOCHS
    return folder, found, tmp / "2" / "1"


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("attempt, killed", [(0, 1), (1, 0)])
def test_who_is_left_ends_in_plain_words(attempts, attempt, killed):
    _, found, _ = attempts
    assert found[attempt][killed][0] == -signal.SIGKILL
    code, _, err = found[attempt][1 - killed]
    assert code == 1
    assert "keras-vae: error: Another worker is gone" in err and "--resume" in err
    assert "Traceback" not in err


@pytest.mark.slow
def test_started_again_they_go_on_and_the_chief_alone_speaks_and_writes(attempts):
    folder, found, tmp = attempts
    (code, chief, err), (other_code, other, _) = found[-1]
    assert (code, other_code) == (0, 0), err
    assert "training on 2 CPUs, by 2 workers" in chief and "continuing after epoch" in chief
    assert other == "worker 2 of 2: waiting for the others\n"
    assert not list(tmp.glob("keras_vae*"))
    assert read_metadata(folder)["training"]["finished"]


@pytest.mark.slow
def test_killed_workers_end_with_the_run_of_one_process(attempts, tmp_path):
    folder, *_ = attempts
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(closing, "_MOST_SAMPLES", 500)
        run(recipe(**GIVEN), tmp_path / "one")
    assert set(contents(folder)) == set(contents(tmp_path / "one"))
    one, two = history(tmp_path / "one"), history(folder)
    for name in one:
        np.testing.assert_allclose(two[name], one[name], rtol=1e-3, err_msg=name)
    np.testing.assert_allclose(
        weights(folder), weights(tmp_path / "one"), rtol=0, atol=1e-3
    )
    scores = [read_metadata(one)["scores"] for one in (folder, tmp_path / "one")]
    assert scores[0]["elbo"]["mean"] == pytest.approx(scores[1]["elbo"]["mean"], rel=1e-3)
