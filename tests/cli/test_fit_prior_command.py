"""`fit-prior`: a prior for a trained run, in a folder beside it."""

import hashlib
import json
import shutil

import numpy as np
import pytest

from keras_vae import VAE
from keras_vae.data import load

PRIOR = ["--prior", "mixture_of_normals:num_components=3", "--epochs", "1"]


def files_of(folder):
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.iterdir()}


@pytest.fixture
def run(digits_run, tmp_path):
    shutil.copytree(digits_run, tmp_path / "run")
    return tmp_path / "run"


def test_the_run_stays_and_the_new_folder_samples(command, run, tmp_path):
    before = files_of(run)
    result = command("fit-prior", "run", *PRIOR)
    assert result.code == 0 and "run-prior holds the model" in result.out, result
    assert files_of(run) == before
    one, other = (VAE.from_preset(tmp_path / name) for name in ("run", "run-prior"))
    x = one.sample(4)
    np.testing.assert_allclose(one.embed(x), other.embed(x), rtol=1e-5, atol=1e-6)
    assert np.abs(x - other.sample(4)).max() > 1e-3
    before, after = (
        json.loads((tmp_path / name / "metadata.json").read_text())
        for name in ("run", "run-prior")
    )
    assert after["fitted_prior"]["prior"] == PRIOR[1]
    change = after["scores"]["elbo"]["mean"] - before["scores"]["elbo"]["mean"]
    assert np.isfinite(change) and ("is worse than" in result.out) == (change < 0)
    assert command("sample", "run-prior", "--count", "2").code == 0
    assert command("evaluate", "run-prior", "--limit", "4", "--num-samples", "2").code == 0


def test_other_data_are_named_and_not_compared(command, run, tmp_path):
    x = load("digits").x_train[:40]
    np.savez(tmp_path / "other.npz", x=x)
    result = command("fit-prior", "run", *PRIOR, "--data", "other.npz")
    assert result.code == 0, result
    assert "before" not in result.out and "is worse than" not in result.out
    kept = json.loads((tmp_path / "run-prior" / "metadata.json").read_text())
    assert kept["fitted_prior"]["data"] == "other"
    assert kept["data"]["name"] == "digits"


@pytest.mark.parametrize(
    "options, code, words",
    [
        (["--prior", "mixture_of_normal"], 1, "Did you mean 'mixture_of_normals'"),
        (["--output", "full"], 1, "full exists already"),
        (["--epochs", "0"], 2, "--epochs"),
    ],
)
def test_what_is_refused_leaves_all_as_it_was(command, run, tmp_path, options, code, words):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    before = files_of(run)
    result = command("fit-prior", "run", *options)
    assert result.code == code and words in result.err
    assert files_of(run) == before and not (tmp_path / "run-prior").exists()


@pytest.mark.slow
def test_codes_of_two_levels_get_a_prior_and_are_served(command, tmp_path):
    model = "vq_vae:levels=2,halvings=1,filters=8,num_codes=8,code_size=4"
    given = ["--data", "digits", "--epochs", "2", "--no-jit", "--output", "codes"]
    assert command("train", model, *given).code == 0
    prior = ["--prior", "pixel_cnn:filters=8,layers=2", "--epochs", "3"]
    assert command("fit-prior", "codes", *prior).code == 0
    before, after = (
        json.loads((tmp_path / name / "metadata.json").read_text())["scores"]
        for name in ("codes", "codes-prior")
    )
    assert before["rate"]["mean"] == pytest.approx(20 * np.log(8), rel=1e-4)
    assert after["rate"]["mean"] < 0.95 * before["rate"]["mean"]
    assert after["distortion"]["mean"] == pytest.approx(before["distortion"]["mean"])
    assert command("sample", "codes-prior", "--count", "2").code == 0
    assert command("export", "codes-prior", "served").code == 0
    vae = VAE.from_preset(tmp_path / "codes-prior")
    x = vae.sample(4)
    assert vae.encode_indices(x).shape == (4, 20)
