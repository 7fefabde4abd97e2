"""`evaluate`, `sample`, `reconstruct`, `embed` and `info` of a trained run."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from keras_vae import VAE
from keras_vae.data import load
from keras_vae.evaluation import describe_scores, likelihood_scores
from keras_vae.presets.files import read_metadata


@pytest.fixture(scope="module")
def model(digits_run):
    return VAE.from_preset(digits_run)


@pytest.fixture(scope="module")
def digits():
    return load("digits")


def test_evaluate_prints_the_scores_of_the_model(command, digits_run, model, digits):
    options = ["evaluate", digits_run, "--num-samples", "10", "--seed", "3"]
    x = digits.x_validation.astype("f4")
    expected = describe_scores(likelihood_scores(model, x, 10, seed=3))
    result = command(*options, "--split", "validation")
    # No progress bar where there is no terminal.
    assert result == (0, f"digits, validation\n{expected}\n", "")
    assert command(*options, "--split", "validation").out == result.out


def test_evaluate_takes_the_test_data_and_500_samples_unless_told(command, digits_run):
    result = command("evaluate", digits_run, "--limit", "4")
    assert "digits, test" in result.out and "of 4 held-out examples" in result.out
    assert "(S=500)" in result.out


def test_evaluate_draws_its_limit_with_the_seed(command, digits_run):
    options = ["evaluate", digits_run, "--num-samples", "2", "--limit", "5"]
    one, same, other = (command(*options, "--seed", s).out for s in (1, 1, 2))
    assert one == same != other
    assert "of 180 held-out examples" in command(*options[:-1], "500").out


@pytest.mark.parametrize("kind", ["npy", "NPY", "npz", "csv"])
def test_samples_are_written_in_raw_units(command, digits_run, model, tmp_path, kind):
    output = tmp_path / f"new/samples.{kind}"
    options = ["sample", digits_run, "--output", output, "--count", "5", "--seed", "4"]
    result = command(*options)
    assert result.code == 0 and result.out == f"wrote {output}\n"
    assert [path.name for path in output.parent.iterdir()] == [output.name]
    load = {"csv": lambda p: np.loadtxt(p, delimiter=",").reshape(5, 8, 8, 1)}
    x = load.get(kind, np.load)(output)
    x = x["x"] if kind == "npz" else x
    # Digits are trained on as levels, so the model's units are those of the data.
    np.testing.assert_allclose(x, model.sample(5, seed=4), rtol=1e-6)
    assert x.min() >= 0 and x.max() > 1


def test_samples_of_scaled_data_go_back_to_their_levels(command, digits_run, tmp_path):
    shutil.copytree(digits_run, tmp_path / "run")
    metadata = read_metadata(tmp_path / "run")
    scaling = {"event_shape": [8, 8, 1], "offset": -100.0, "scale": 3.0}
    metadata["data"]["preprocessor"]["scaling"] = scaling
    (tmp_path / "run" / "metadata.json").write_text(json.dumps(metadata))
    for folder in ("run", digits_run):
        command("sample", folder, "--output", f"{len(str(folder))}.npy", "--count", "3")
    scaled, plain = np.load("3.npy"), np.load(f"{len(str(digits_run))}.npy")
    np.testing.assert_allclose(scaled, 3.0 * plain - 100.0, rtol=1e-5)


def test_the_seed_and_the_temperature_decide_the_samples(command, digits_run):
    def sample(*options):
        command("sample", digits_run, "--output", "x.npy", "--count", "20", *options)
        return np.load("x.npy")

    first = sample("--seed", "1")
    np.testing.assert_array_equal(sample("--seed", "1"), first)
    assert np.abs(sample("--seed", "2") - first).max() > 1e-3
    cold = sample("--seed", "1", "--temperature", "0.01")
    assert cold.std(axis=0).max() < 0.1 * first.std(axis=0).max()
    draws = sample("--draw")
    np.testing.assert_array_equal(draws, np.round(draws))
    assert (first != np.round(first)).any()


def test_pictures_are_written(command, digits_run):
    assert command("sample", digits_run).code == 0
    assert command("reconstruct", digits_run, "--count", "3").code == 0
    for name in ("samples.png", "pairs.png"):
        with Image.open(name) as image:
            assert image.format == "PNG" and image.size[0] >= 64
            assert image.convert("L").getextrema()[1] > 0


def test_reconstructions_are_those_of_the_model(command, digits_run, model, digits):
    command("reconstruct", digits_run, "--output", "r.npy", "--count", "7")
    expected = model.reconstruct(digits.x_test[:7].astype("f4"))
    np.testing.assert_allclose(np.load("r.npy"), expected, rtol=1e-5)


def test_embed_writes_codes_and_labels(command, digits_run, model, digits):
    result = command("embed", digits_run, "--split", "test")
    assert "z (180, 2), y" in result.out
    codes = np.load("z.npz")
    np.testing.assert_array_equal(codes["y"], digits.y_test)
    np.testing.assert_allclose(
        codes["z"], model.embed(digits.x_test.astype("f4")), rtol=1e-5
    )


def test_info_says_what_there_is(command, digits_run, model):
    result = command("info", digits_run)
    metadata = read_metadata(digits_run)
    for words in (
        f"dense_vae: DenseVAE, {model.count_params():,} weights, latent size 2",
        "likelihood DiscretizedLogistic",
        "data: digits, events of shape (8, 8, 1); licence: CC BY 4.0",
        "training: 2 epochs, finished",
        describe_scores(metadata["scores"]),
    ):
        assert words in result.out


def test_info_tells_an_unfinished_run(command, digits_run, tmp_path):
    shutil.copytree(digits_run, tmp_path / "run")
    metadata = read_metadata("run")
    del metadata["scores"]
    metadata["training"] = {"epochs": 1, "finished": False}
    (tmp_path / "run" / "metadata.json").write_text(json.dumps(metadata))
    result = command("info", "run")
    assert "1 epochs, not finished; best model so far" in result.out
    assert "scores of" not in result.out
