"""The parts of `examples/own_parts.py`, through the command line and back into Python."""

import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from keras_vae import VAE
from keras_vae.cli import main
from keras_vae.cli.imports import import_file
from keras_vae.presets.files import read_metadata

pytestmark = pytest.mark.slow

FILE = Path(__file__).parents[2] / "examples" / "own_parts.py"
PARTS = ["--likelihood", "zero_inflated_poisson", "--objective", "mmd:weight=100"]


def call(capsys, *arguments):
    """Runs the command as a user would, with the file."""
    try:
        main(["--import", str(FILE), *map(str, arguments)])
    except SystemExit as end:
        assert not end.code, capsys.readouterr().err
    return capsys.readouterr().out


@pytest.fixture
def counts(tmp_path, monkeypatch):
    """The name of a table of counts in the working directory."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    x = rng.poisson(3.0, (60, 6)) * (rng.random((60, 6)) < 0.6)
    np.save("counts.npy", x)
    return "counts.npy"


@pytest.mark.parametrize("posterior", ["normal", "deterministic"])
def test_own_parts_train_sample_export_and_load(capsys, counts, posterior):
    model = "dense_vae:latent_dim=2,hidden_units=8"
    given = ["--data", counts, "--posterior", posterior, "--epochs", "1", "--no-jit"]
    said = call(capsys, "train", model, *given, *PARTS, "--output", "run")
    assert "likelihood zero_inflated_poisson" in said and "distortion" in said
    assert "mmd" in Path("run/history.csv").read_text().splitlines()[0]
    scores = read_metadata("run")["scores"]
    assert ("log_likelihood" in scores) == (posterior == "normal")

    call(capsys, "sample", "run", "--output", "samples.csv", "--count", "5")
    vae = VAE.from_preset("run")
    written = np.loadtxt("samples.csv", delimiter=",")
    np.testing.assert_allclose(written, vae.sample(5), rtol=1e-5)

    assert "reconstruct: x float32" in call(capsys, "export", "run", "models/counts/1")
    x = np.load(counts)[:4].astype("f4")
    served = tf.saved_model.load("models/counts/1").signatures["serving_default"]
    answer = served(x=tf.constant(x))["reconstruction"]
    np.testing.assert_allclose(answer, vae.reconstruct(x), rtol=1e-4)


def test_without_the_file_it_is_said_how_to_name_it(counts, capsys):
    given = ["--data", counts, "--epochs", "1", "--no-jit", *PARTS, "--output", "run"]
    call(capsys, "train", "dense_vae:latent_dim=2,hidden_units=8", *given)
    registered = keras.saving.get_custom_objects()
    kept = registered.pop("own>ZeroInflatedPoisson")
    try:
        for subcommand in (["info", "run"], ["train", "--resume", "--output", "run"]):
            with pytest.raises(SystemExit) as end:
                main(subcommand)
            assert end.value.code == 1
            said = capsys.readouterr().err
            assert "keras-vae --import FILE" in said and "Traceback" not in said
    finally:
        registered["own>ZeroInflatedPoisson"] = kept


@pytest.fixture
def own():
    import_file(FILE)
    return sys.modules["keras_vae_user_own_parts"]


def test_the_likelihood_is_that_of_scipy(own):
    layer = own.ZeroInflatedPoisson(3)
    rates, logits = np.array([0.5, 2.0, 9.0]), np.array([-2.0, 0.0, 1.5])
    params = np.concatenate([np.log(rates), logits])[np.newaxis].astype("f4")
    distribution = layer.distribution(params)
    zero = 1.0 / (1.0 + np.exp(-logits))
    for x in (np.zeros(3), np.array([1.0, 2.0, 12.0])):
        mass = zero * (x == 0) + (1 - zero) * stats.poisson.pmf(x, rates)
        found = distribution.log_prob(x[np.newaxis].astype("f4"))
        np.testing.assert_allclose(found, [np.log(mass).sum()], rtol=1e-5)
    mean = layer.expectation(distribution)
    np.testing.assert_allclose(mean, [(1 - zero) * rates], rtol=1e-5)


def test_extreme_parameters_give_finite_losses_and_gradients(own):
    layer = own.ZeroInflatedPoisson(2)
    for extreme in (-80.0, 80.0):
        params = tf.constant([[extreme, 0.0, 0.0, extreme]])
        for x in ([0.0, 0.0], [3.0, 4.0]):
            with tf.GradientTape() as tape:
                tape.watch(params)
                loss = layer.distribution(params).log_prob([x])
            assert np.isfinite(loss).all()
            assert np.isfinite(tape.gradient(loss, params)).all()


def test_the_distance_grows_with_what_tells_codes_from_the_prior(own):
    noise = tf.random.stateless_normal((3, 400, 2), (0, 1))
    near, far = (
        float(own.nearness(z, z) + own.nearness(p, p) - 2 * own.nearness(z, p))
        for z, p in [(noise[0], noise[1]), (noise[0] + 2.0, noise[1])]
    )
    assert 0 <= near < 0.01 < 0.2 < far
