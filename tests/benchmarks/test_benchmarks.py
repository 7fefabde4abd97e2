"""The programs of benchmarks/ run, and what they print keeps the laws of what it is."""

import contextlib
import importlib
import io
import json
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from keras_vae.training import closing, hardware

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
NUMBER = r"(-?\d+(?:\.\d+)?(?:e-?\d+)?)"

pytestmark = pytest.mark.slow
needs_data = pytest.mark.skipif(
    not Path(os.getenv("KERAS_VAE_DATA", ""), "binarized_mnist.npz").exists(),
    reason="needs binarized_mnist in $KERAS_VAE_DATA",
)


# What they measure is their process, or they set how TensorFlow runs.
ALONE = {
    "gpu_check.py",
    "overhead.py",
    "peers.py",
    "several_machines.py",
    "streaming.py",
    "train_speed.py",
}


def run(folder, program, *arguments):
    """A program in a process of its own."""
    return subprocess.run(
        [sys.executable, str(BENCHMARKS / program), *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(BENCHMARKS.parent)},
        capture_output=True,
        text=True,
        timeout=1500,
    )


def printed_by(folder, program, *arguments):
    """What a program prints. (Most share this process: TensorFlow starts slowly.)"""
    if program in ALONE:
        done = run(folder, program, *arguments)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout
    printed = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(printed):
        patch.chdir(folder)
        patch.setattr(sys, "argv", [program, *arguments])
        # XLA would compile, and the end of a run would score, for longer than it trains.
        patch.setattr(hardware, "use_xla", lambda *_: False)
        patch.setattr(closing, "_MOST_SAMPLES", 10)
        # Programs import what lies beside them.
        patch.syspath_prepend(BENCHMARKS)
        runpy.run_path(str(BENCHMARKS / program), run_name="__main__")
    return printed.getvalue()


def scores(table):
    """Mean and standard error of each row of a printed table, by its name."""
    rows = re.findall(rf"^\| ([^|]+) \| {NUMBER} \+- {NUMBER} \|", table, re.MULTILINE)
    return {name: (float(mean), float(error)) for name, mean, error in rows}


@needs_data
def test_bounds_gaps_and_the_sandwich_are_in_order(tmp_path):
    table = printed_by(
        tmp_path,
        *("likelihood.py", "dense_vae_binarized_mnist", "--images", "10"),
        *("--num-samples", "500", "--ais-steps", "100", "--gap-steps", "200"),
        *("--simulated", "8", "--full", "--full-images", "20"),
    )
    found = scores(table)
    ordered = [found[f"IWAE-{n}"][0] for n in (5, 50, 500)]
    ordered = [found["ELBO"][0], *ordered]
    assert (np.diff(ordered) > 0).all()
    assert abs(found["AIS, 100 steps"][0] - ordered[-1]) < ordered[-1] - ordered[0]
    between, error = found["between them"]
    assert found["upper bound"][0] > found["lower bound"][0] and between > -5 * error
    for gap in ("approximation gap", "amortization gap"):
        assert found[gap][0] > 0
    gaps = found["approximation gap"][0] + found["amortization gap"][0]
    assert found["total gap"][0] == pytest.approx(gaps, abs=0.02)
    assert re.search(rf"20 images x 500 draws: {NUMBER} \+- {NUMBER} nats", table)


def test_inferences_of_a_hierarchy_have_a_row_each(tmp_path):
    options = ("--folder", "runs", "--data", "digits", "--epochs", "1", "--images", "6")
    model = "ladder_vae:latent_dims=4-2,hidden_units=6-5,depth=1"
    command = ("hierarchies.py", *options, "--num-samples", "3", "--model", model)
    table = printed_by(tmp_path, *command)
    for name in ("ladder", "top_down", "bidirectional"):
        row = re.search(
            rf"^\| {name} \| [\d,]+ \| {NUMBER} \| {NUMBER} \+- {NUMBER} "
            rf"\| {NUMBER} \+- {NUMBER} \| {NUMBER}, {NUMBER} \| [012] of 2 \|$",
            table,
            re.MULTILINE,
        )
        assert row and float(row[2]) > 0
    # What is finished is not done again.
    (tmp_path / "runs" / "top_down").rename(tmp_path / "gone")
    assert printed_by(tmp_path, *command).splitlines()[-3:] == table.splitlines()[-3:]


def test_cost_is_measured_and_drawn(tmp_path):
    options = ("--short", "--repeats", "1", "--output", "cost.png")
    table = printed_by(tmp_path, "cost.py", *options)
    rows = re.findall(r"^\| ([a-z ]+) \| (dense|conv) \| (.+) \|$", table, re.MULTILINE)
    assert {(what, model) for what, model, _ in rows} == {
        (what, model)
        for what in ("batch size", "image size", "latent size", "samples")
        for model in ("dense", "conv")
    }
    assert all(float(point.split(": ")[1]) > 0 for _, _, point in rows)
    assert (tmp_path / "cost.png").read_bytes().startswith(b"\x89PNG")


@needs_data
@pytest.mark.parametrize("network", ["dense", "conv"])
def test_the_side_of_keras_vae_is_trained_and_scored(tmp_path, network):
    settings = ("peers.py", "--network", network)
    short = ("--epochs", "2", "--train-limit", "256")
    trained = printed_by(tmp_path, *settings, "--train", "ours.keras", *short)
    trained = json.loads(trained.splitlines()[-1])
    assert len(trained["seconds"]) == 2
    assert trained["memory_bytes"] > trained["import_bytes"] > 1e8
    counts = ("--images", "5", "--num-samples", "20")
    scored = printed_by(tmp_path, *settings, "--score", "ours.keras", *counts)
    scored = json.loads(scored.splitlines()[-1])
    assert len(scored["elbo"]) == 10_000 and len(scored["log_likelihood"]) == 5
    # After four steps at most a little worse than a fair coin for each pixel.
    assert -784 * np.log(2) - 100 < np.mean(scored["elbo"]) < -100


@pytest.mark.parametrize(
    ("means", "reached"),
    [((-9, -8, -7), 2), ((-9, -7, -9), None), ((-7, -9, -8), 3), ((-7, -7, -7), 1)],
)
def test_a_target_is_reached_when_it_is_never_missed_again(monkeypatch, means, reached):
    monkeypatch.syspath_prepend(BENCHMARKS)
    peers = importlib.import_module("peers")
    scores = {
        f"m{epoch}": {"log_likelihood": [mean]} for epoch, mean in enumerate(means, 1)
    }
    found = peers.until(-8, "m{epoch}", len(means), scores.get)
    assert found == {"log_likelihood": [means[-1]], "reached": reached}
    words = peers.time_until({"seconds": [3.0, 1.0, 2.0], **found}, 8.0)
    time = {
        1: "3.0 s of 8.0 s (0.38)",
        2: "4.0 s of 8.0 s (0.50)",
        3: "6.0 s of 8.0 s (0.75)",
    }
    assert words == (f"epoch {reached}, {time[reached]}" if reached else "not reached")


def test_peers_needs_the_peer(tmp_path):
    done = run(tmp_path, "peers.py", "--peer-python", "false")
    assert done.returncode == 2
    assert "false cannot import pythae; see --peer-python" in done.stderr


def test_before_must_be_a_checkout(tmp_path):
    done = run(tmp_path, "train_speed.py", "--before", str(tmp_path))
    assert done.returncode == 2
    assert f"--before {tmp_path} holds no package keras_vae" in done.stderr


def test_what_a_person_with_a_gpu_runs_works_without_one(tmp_path):
    options = ("--seconds", "0.1", "--batch-size", "8")
    printed = printed_by(tmp_path, "gpu_check.py", *options)
    assert "FAILED" not in printed
    names = re.findall(r"^ok     ([^:]+):", printed, re.MULTILINE)
    assert {"agreement, dense", "precision", "prefetch", "determinism"} < set(names)
    assert len(re.findall(r"[\d,]+ examples a second, \d+%", printed)) == 8


@pytest.mark.release
def test_the_package_costs_little_beside_keras(tmp_path):
    table = printed_by(tmp_path, "overhead.py", "--images", "64", "--rounds", "3")
    rows = re.findall(rf"^\| .+ \| ([\d.,]+) \| ([\d.,]+) \| {NUMBER} \|$", table, re.M)
    assert len(rows) == 5
    # The package adds a few percent to the import; the bound leaves room for a busy machine.
    assert float(rows[0][2]) < 1.5


@pytest.mark.release
def test_replicas_and_workers_come_to_the_same_loss(tmp_path):
    table = printed_by(tmp_path, "several_machines.py", "--steps", "3")
    rows = re.findall(
        rf"^\| ([a-z ]+) \| [\d,]+ \| {NUMBER} \| {NUMBER} \|$", table, re.MULTILINE
    )
    assert [name for name, _, _ in rows] == [
        "one process",
        "two replicas in a process",
        "two workers",
    ]
    losses = [float(loss) for _, _, loss in rows]
    np.testing.assert_allclose(losses, losses[0], rtol=1e-3)


@pytest.mark.release
@needs_data
def test_every_way_of_training_is_timed(tmp_path):
    small = ("--epochs", "1", "--rounds", "1", "--train-limit", "1280")
    table = printed_by(tmp_path, "train_speed.py", *small)
    ways = ("fit(array)", "fit(array), XLA", "fit(pipeline)", "fit(pipeline), XLA")
    for way in ("floor", *ways):
        (row,) = re.findall(rf"^{re.escape(way)} +{NUMBER}", table, re.MULTILINE)
        assert float(row) > 0


needs_faces = pytest.mark.skipif(
    not Path(os.getenv("KERAS_VAE_DATA", ""), "celeba_10k.npz").exists(),
    reason="needs celeba_10k in $KERAS_VAE_DATA",
)


@pytest.mark.release
@needs_faces
def test_the_vae_gan_is_sharper_than_the_vae(tmp_path):
    options = ("--no-originals", "--epochs", "1", "--samples", "100")
    table = printed_by(tmp_path, "faces.py", "vae_gan_celeba", "conv_vae_celeba", *options)
    rows = re.findall(
        rf"^(VAE|VAE-GAN) +{NUMBER} \+- {NUMBER} +{NUMBER}", table, re.MULTILINE
    )
    sharp = {name: (float(rebuilt), float(drawn)) for name, rebuilt, _, drawn in rows}
    for gan, vae in zip(sharp["VAE-GAN"], sharp["VAE"], strict=True):
        assert gan > 2 * vae
    assert (tmp_path / "faces.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.release
@needs_faces
def test_few_photos_are_trained_with_and_without_changes(tmp_path):
    small = ("--model", "conv_vae:filters=4-4,latent_dim=2", "--count", "40")
    table = printed_by(tmp_path, "few_photos.py", *small, "--epochs", "1")
    found = scores(table)
    assert set(found) == {"none", "flip", "flip,shift=3"}
    recipes = (tmp_path / "few_photos").glob("*/recipe.json")
    used = {json.loads(one.read_text())["augment"] for one in recipes}
    assert used == {"none", "flip", "flip,shift=3"}


@pytest.mark.skipif(
    not Path(os.getenv("KERAS_VAE_DATA", ""), "binarized_mnist.npz").exists(),
    reason="needs binarized_mnist in $KERAS_VAE_DATA",
)
def test_parts_stand_beside_the_plain_vae(tmp_path):
    options = ("--rows", "VAE", "planar flow", "--epochs", "1", "--images", "500")
    options += ("--limit", "10", "--num-samples", "20", "--output", "parts")
    table = printed_by(tmp_path, "parts.py", *options)
    rows = re.findall(r"^\| (VAE|planar flow) \| -?[\d.]+ \+- .*$", table, re.MULTILINE)
    assert rows == ["VAE", "planar flow"]
    # What is finished is not done again.
    again = printed_by(tmp_path, "parts.py", *options)
    assert "Epoch" not in again and table.endswith(again)


@pytest.mark.skipif(
    not Path(os.getenv("KERAS_VAE_DATA", ""), "mnist.npz").exists(),
    reason="needs mnist in $KERAS_VAE_DATA",
)
def test_errors_with_few_labels_are_measured(tmp_path):
    options = ("semi_supervised.py", "m2", "--labels", "20", "--draws", "1")
    small = ("--epochs", "1", "--steps", "2", "--hidden-units", "8", "--latent-dim", "2")
    table = printed_by(tmp_path, *options, *small)
    (error,) = re.findall(rf"draw 0: {NUMBER} %", table)
    assert 0 < float(error) < 100
    assert table.splitlines()[-1] == f"| m2 | 20 | {error} +- nan | {error} |"
    kept = json.loads((tmp_path / "runs/semi_supervised/m2.json").read_text())
    assert kept["20/0"]["error"] == pytest.approx(float(error), abs=0.005)


@pytest.mark.release
@needs_data
def test_the_more_is_given_the_less_is_left_to_say(tmp_path):
    table = printed_by(
        tmp_path,
        *("quadrants.py", "--quadrants", "1", "3", "--minutes", "0.1"),
        *("--images", "1000", "--limit", "20", "--num-samples", "5"),
    )
    row = rf"^\| ([13]) \| {NUMBER} \+- {NUMBER} \| {NUMBER} \+-"
    found = {n: float(nll) for n, nll, *_ in re.findall(row, table, re.MULTILINE)}
    bounds = {n: float(bound) for n, *_, bound in re.findall(row, table, re.MULTILINE)}
    assert 0 < found["3"] < found["1"] / 2 and all(found[n] < bounds[n] for n in "13")


@pytest.mark.skipif(
    not Path(os.getenv("KERAS_VAE_DATA", ""), "cifar10_20k.npz").exists(),
    reason="needs cifar10_20k in $KERAS_VAE_DATA",
)
def test_a_codebook_program_goes_on_where_it_was(tmp_path):
    small = ("--images", "32", "--prior-epochs", "1", "--folder", "runs")
    for steps, parts in (("1", ["sonnet"]), ("2", ["sonnet", "bits"])):
        program = ("vq_vae.py", "--parts", *parts, "--steps", steps)
        printed_by(tmp_path, *program, *small)
    found = json.loads((tmp_path / "runs" / "results.json").read_text())
    assert all(len(one["seconds_by_epoch"]) == 2 for one in found.values())
    assert 0.2 < found["sonnet"]["normalized_mse_test"] < 2
    assert 1 < found["sonnet"]["perplexity_test"] < 512
    vq_vae, vae = found["bits_vq_vae"], found["bits_vae"]
    # A prior that saw a few codes is near the uniform one, of 9 bits a code.
    saved = (9 - vq_vae["bits_of_a_code"]) * 64 / 3072
    assert vq_vae["bound"] - vq_vae["with_pixel_cnn"] == pytest.approx(saved, abs=1e-3)
    assert 8 < vq_vae["bits_of_a_code"] < 9.2
    assert vae["100_samples"] < vae["bound"] < 12


@needs_data
def test_gaps_are_split_for_each_family_and_encoder(tmp_path):
    table = printed_by(
        tmp_path,
        *("inference_gaps.py", "--epochs", "1", "--images", "500", "--limit", "5"),
        *("--num-samples", "20", "--gap-steps", "30"),
        *("--families", "diagonal normal", "full covariance"),
    )
    rows = re.findall(
        rf"^\| ([a-zA-Z ]+) \| (small|large) \| {NUMBER} \+- .* \| {NUMBER} \+- ",
        table,
        re.MULTILINE,
    )
    assert len(rows) == 4 and all(float(elbo) < -50 for _, _, elbo, _ in rows)
    assert table.count("the approximation gap is narrower by") == 2


@pytest.mark.skipif(
    not Path(os.getenv("KERAS_VAE_DATA", ""), "fashion_mnist.npz").exists(),
    reason="needs fashion_mnist in $KERAS_VAE_DATA",
)
def test_priors_are_fitted_and_their_samples_stand_side_by_side(tmp_path):
    table = printed_by(
        tmp_path,
        *("ex_post_priors.py", "--images", "300", "--epochs", "1", "--prior-epochs", "1"),
        *("--samples", "100", "--output", "samples.png"),
    )
    row = rf"^\| (\S+) \| ([^|]+) \| {NUMBER} \+- {NUMBER} \|\s*(\d*)\s*\|$"
    found = {(model, prior) for model, prior, *_ in re.findall(row, table, re.MULTILINE)}
    priors = ("N(0, I)", "mixture", "second-stage VAE", "reconstructions")
    assert found == {(m, p) for m in ("autoencoder", "VAE") for p in priors}
    assert (tmp_path / "samples.png").read_bytes().startswith(b"\x89PNG")


def test_disentangling_is_scored_once_and_kept(tmp_path):
    options = ("disentangling.py", "--rows", "FactorVAE", "annealed capacity")
    small = ("--epochs", "1", "--images", "128", "--scored", "300", "--output", "runs")
    table = printed_by(tmp_path, *options, *small, "--seeds", "1")
    rows = re.findall(rf"^\| ([A-Za-z ]+) \| 1 \| {NUMBER} \+- n/a", table, re.MULTILINE)
    assert [name for name, _ in rows] == ["FactorVAE", "annealed capacity"]
    assert (tmp_path / "runs" / "FactorVAE.png").read_bytes().startswith(b"\x89PNG")
    kept = json.loads((tmp_path / "runs" / "scores.json").read_text())
    assert set(kept) == {"FactorVAE/0", "annealed capacity/0"}
    again = printed_by(tmp_path, *options, *small, "--seeds", "1")
    assert "seed 0" not in again and table.endswith(again)


def test_streamed_training_is_measured(tmp_path):
    table = printed_by(tmp_path, "streaming.py", "--gigabytes", "0.03", "--small", "0")
    (row,) = re.findall(r"^\| 610 \| 0.0 \| dense_vae \| streamed \| (.+) \|$", table, re.M)
    speed, _, _, *megabytes = (float(one.replace(",", "")) for one in row.split(" | "))
    start, middle, end, peak = megabytes
    assert speed > 0 and 0 < start < 2 * end and max(start, middle, end) <= peak


@pytest.mark.skipif(
    not Path(os.getenv("KERAS_VAE_DATA", ""), "spoken_digits.npz").exists(),
    reason="needs spoken_digits in $KERAS_VAE_DATA",
)
def test_all_frequencies_of_sounds_lose_less_than_bands(tmp_path):
    table = printed_by(tmp_path, "sounds.py", "--limit", "6")
    rows = re.findall(rf"^\| ([^|]+) \| \d+ x \d+ \| {NUMBER} \+-", table, re.MULTILINE)
    lost = {name: float(value) for name, value, *_ in rows}
    assert lost["all frequencies"] < lost["80 mel bands"] < lost["64 mel bands"] < 0.4
