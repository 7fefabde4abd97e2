"""`evaluate`, `sample`, `reconstruct`, `embed` and `info` of a trained run."""

import dataclasses
import json
import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from keras_vae import VAE, DenseVAE, LadderVAE
from keras_vae import data as data_module
from keras_vae.data import Preprocessor, Scaling, load
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
    x = digits.x_validation
    expected = describe_scores(likelihood_scores(model, x, 10, seed=3))
    result = command(*options, "--split", "validation")
    # No progress bar where there is no terminal.
    assert result == (0, f"digits, validation\n{expected}\n", "")


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
    np.testing.assert_array_equal(x, model.sample(5, seed=4))
    assert x.min() >= 0 and x.max() > 1


def test_samples_of_scaled_data_go_back_to_raw_values(command, digits_run):
    model = VAE.from_preset(digits_run, preprocessor=None)
    plain = model.sample(3)
    model.preprocessor = Preprocessor(Scaling((8, 8, 1), -100.0, 3.0))
    model.save_to_preset("run")
    assert command("sample", "run", "--output", "x.npy", "--count", "3").code == 0
    np.testing.assert_allclose(np.load("x.npy"), 3.0 * plain - 100.0, rtol=1e-5)


def test_the_seed_and_the_temperature_decide_the_samples(command, digits_run):
    def sample(*options):
        command("sample", digits_run, "--output", "x.npy", "--count", "20", *options)
        return np.load("x.npy").astype("f4")

    first = sample("--seed", "1")
    np.testing.assert_array_equal(sample("--seed", "1"), first)
    assert (sample("--seed", "2") != first).any()
    cold = sample("--seed", "1", "--temperature", "0.01")
    assert cold.std(axis=0).mean() < 0.1 * first.std(axis=0).mean()
    # Levels that are drawn are all over the place.
    assert sample("--draw").std(axis=0).mean() > 3 * first.std(axis=0).mean()


def test_pictures_are_written(command, digits_run):
    assert command("sample", digits_run).code == 0
    assert command("reconstruct", digits_run, "--count", "3").code == 0
    for name in ("samples.png", "pairs.png"):
        with Image.open(name) as image:
            assert image.format == "PNG" and image.size[0] >= 64
            assert image.convert("L").getextrema()[1] > 0


def test_pictures_by_level(command, digits_run):
    model = LadderVAE((8, 8, 1), (3, 2), "discretized_logistic:high=16", (4, 4), seed=0)
    model.save_to_preset("run")
    of_data = ("reconstruct", "run", "--data", "digits", "--count", "3")
    for subcommand, rows, columns in ((("sample", "run"), 2, 10), (of_data, 3, 3)):
        output = "levels.png"
        assert command(*subcommand, "--by-level", "--output", output).code == 0
        with Image.open(output) as image:
            width, height = image.size
            size = (width - 2 * (columns - 1)) / columns
            assert size % 8 == 0 and height == rows * size + 2 * (rows - 1)
        refused = command(*subcommand, "--by-level", "--output", "x.npy")
        assert refused.code == 2 and "makes a picture" in refused.err
        of_one = command(subcommand[0], digits_run, "--by-level", "--output", output)
        assert of_one.code == 2 and "this model has one level" in of_one.err
    refused = command("sample", "run", "--by-level", "--draw")
    assert refused.code == 2 and "shows means" in refused.err


def test_reconstructions_are_those_of_the_model(command, digits_run, model, digits):
    command("reconstruct", digits_run, "--output", "r.npy", "--count", "7")
    expected = model.reconstruct(digits.x_test[:7])
    np.testing.assert_allclose(np.load("r.npy"), expected, rtol=1e-5)


def test_embed_writes_codes_and_labels(command, digits_run, model, digits):
    result = command("embed", digits_run, "--split", "test")
    assert "z (180, 2), y" in result.out
    codes = np.load("z.npz")
    np.testing.assert_array_equal(codes["y"], digits.y_test)
    np.testing.assert_allclose(codes["z"], model.embed(digits.x_test), rtol=1e-5)


def test_several_labels_stand_beside_the_codes_of_a_table(command):
    y = np.arange(40).reshape(20, 2) % 3 % 2
    np.savez("data.npz", x=np.arange(60.0).reshape(20, 3) / 30, y=y)
    DenseVAE(3, 2, "normal", (4,), seed=0).save_to_preset("plain")
    assert command("embed", "plain", "--data", "data.npz", "--output", "z.csv").code == 0
    table = pd.read_csv("z.csv")
    assert list(table)[:3] == ["row", "z1", "z2"]
    np.testing.assert_array_equal(table.filter(like="y("), y)


def test_info_says_what_there_is(command, digits_run, model):
    result = command("info", digits_run)
    metadata = read_metadata(digits_run)
    for words in (
        f"dense_vae: DenseVAE, {model.count_params():,} weights, latent size 2",
        "likelihood discretized_logistic:high=16",
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
    assert "1 epoch, not finished; best model so far" in result.out
    assert "scores of" not in result.out


SAMPLE = ["sample", "--output", "x.npy"]
# What each subcommand is asked of a model that was saved from Python.
QUESTIONS = [
    SAMPLE,
    ["info"],
    ["evaluate", "--data", "digits", "--limit", "5", "--num-samples", "2"],
    ["reconstruct", "--data", "digits", "--output", "x.npy"],
    ["embed", "--data", "digits", "--split", "test"],
    ["edit", "--data", "digits", "--attribute", "3", "--steps", "2"],
]


@pytest.fixture(scope="module", params=[None, 10], ids=["plain", "classes"])
def from_python(request, tmp_path_factory):
    """A model of the digits that was made in Python, and its folder."""
    folder = tmp_path_factory.mktemp("from_python")
    vae = DenseVAE(
        (8, 8, 1), 2, "bernoulli", hidden_units=4, condition=request.param, seed=0
    )
    vae.preprocessor = Preprocessor(Scaling((8, 8, 1), scale=16.0), levels=(0, 16))
    vae.save_to_preset(folder)
    return vae, folder


@pytest.mark.thinned
@pytest.mark.parametrize("question", QUESTIONS, ids=" ".join)
def test_every_command_takes_what_was_saved_from_python(command, from_python, question):
    vae, folder = from_python
    subcommand, *options = question
    result = command(subcommand, folder, *options)
    assert result.code == 0 and result.err == ""
    digits = load("digits")
    y = digits.y_test if vae.condition_shape else None
    if subcommand == "reconstruct":
        # The model does not say what it was trained on, so all data are new to it.
        x, labels = (values[:16] for values in digits.split("all"))
        expected = vae.reconstruct(x, None if y is None else labels)
        np.testing.assert_array_equal(np.load("x.npy"), expected)
    if subcommand == "embed":
        expected = vae.embed(digits.x_test, y)
        np.testing.assert_allclose(np.load("z.npz")["z"], expected, rtol=1e-5)
    if subcommand == "evaluate":
        elbo = vae.elbo(digits.x_test, y=y).mean()
        assert f"{elbo:.3f} +-" in result.out
    if subcommand == "info":
        assert "saved from Python: DenseVAE" in result.out


@pytest.mark.parametrize("subcommand", ["evaluate", "reconstruct", "embed"])
def test_what_was_saved_from_python_does_not_say_its_data(command, from_python, subcommand):
    result = command(subcommand, from_python[1])
    assert result.code == 1 and "does not name its data. Give --data" in result.err


def test_nor_does_a_model_that_was_saved_into_the_folder_of_a_run(
    command, digits_run, model
):
    shutil.copytree(digits_run, "run")
    model.save_to_preset("run")
    result = command("embed", "run", "--split", "test")
    assert result.code == 1 and "does not name its data. Give --data" in result.err


@pytest.mark.parametrize("from_python", [10], ids=["classes"], indirect=True)
@pytest.mark.parametrize(
    "options, y",
    [
        (["--count", "25"], np.arange(25) * 10 // 25),
        (["--count", "4"], np.arange(4)),
        (["--count", "4", "--y", "7"], np.full(4, 7)),
        (["--count", "3", "--y", "7,1,2"], np.array([7, 1, 2])),
    ],
)
def test_samples_are_of_the_classes_asked_for(command, from_python, options, y):
    vae, folder = from_python
    subcommand, *rest = SAMPLE
    assert command(subcommand, folder, *rest, *options).code == 0
    np.testing.assert_array_equal(np.load("x.npy"), vae.sample(len(y), y))


@pytest.mark.parametrize("from_python", [10], ids=["classes"], indirect=True)
@pytest.mark.parametrize(
    "given, code, words",
    [
        (["sample", "--y", "three"], 2, "--y must be a number, or several such as 0,1,0"),
        (["sample", "--y", "10"], 1, "the classes 0 to 9"),
        (["reconstruct", "--data", "x.npz"], 1, "'x' has no labels for it"),
    ],
)
def test_what_conditions_do_not_go_with_is_said(command, from_python, given, code, words):
    _, folder = from_python
    # As many levels as a file of images has, and no labels.
    vae = VAE.from_preset(folder)
    vae.preprocessor = Preprocessor(Scaling((8, 8, 1), scale=255.0), levels=(0, 255))
    vae.save_to_preset("run")
    np.savez("x.npz", x=load("digits").x_train)
    subcommand, *options = given
    result = command(subcommand, "run", *options)
    assert result.code == code and words in result.err


def test_a_condition_that_a_model_has_not_is_refused(command, digits_run):
    result = command("sample", digits_run, "--y", "3")
    assert result.code == 1 and "this model has no condition" in result.err


def test_unknown_classes_have_no_name_beside_codes(
    command, digits_run, digits, monkeypatch
):
    hidden = np.where(np.arange(180) % 3, digits.y_test.astype(int), -1)
    names = tuple("abcdefghij")
    some = dataclasses.replace(digits, y_test=hidden, label_names=names)
    monkeypatch.setattr(data_module, "load", lambda *_, **__: some)
    options = ["--data", "digits", "--split", "test", "--output", "z.csv"]
    assert command("embed", digits_run, *options).code == 0
    written = pd.read_csv("z.csv")["y"]
    assert written.isna().tolist() == (hidden < 0).tolist()
    assert written.dropna().tolist() == [names[one] for one in hidden[hidden >= 0]]
