"""Wrong input: a plain message that names it, an exit code, and nothing changed."""

import json
import shutil

import numpy as np
import pytest
from commands import SMALL, write_images


def refused(result, code, *words):
    assert result.code == code, result
    for word in words:
        assert word in result.err
    assert "Traceback" not in result.err and "Errno" not in result.err
    assert result.err.strip() and len(result.err) < 1200


@pytest.fixture
def train(command, tmp_path):
    """Trains, expecting that it fails before it makes a folder."""

    def call(*options, model="dense_vae"):
        result = command("train", model, *options, "--output", "run")
        assert not (tmp_path / "run").exists()
        return result

    return call


TABLE = np.random.default_rng(0).random((40, 4)).astype("f4")
NAN = np.where(TABLE > 0.95, np.nan, TABLE)


@pytest.mark.parametrize(
    "x, options, words",
    [
        (NAN, [], ["own.npy", "NaN"]),
        (np.full((40, 4, 4), np.inf), [], ["own.npy", "NaN or infinite"]),
        (TABLE[:0], [], ["own.npy", "empty"]),
        (TABLE[:2], [], ["own.npy", "2 rows, too few"]),
        (TABLE * 300, ["--likelihood", "bernoulli"], ["x_train runs", "[0, 1]"]),
        (TABLE, ["--likelihood", "poisson"], ["outside whole numbers"]),
        (TABLE, ["--image-size", "8"], ["for folders of images"]),
        (TABLE, ["--channels", "3"], ["for folders of images"]),
        (TABLE.astype(str), [], ["own.npy", "must hold numbers"]),
        (TABLE.astype(object), [], ["own.npy", "pickle"]),
    ],
)
def test_data_that_cannot_be_trained_on(train, tmp_path, x, options, words):
    np.save(tmp_path / "own.npy", x, allow_pickle=True)
    refused(train("--data", "own.npy", *SMALL, *options), 1, *words)


def test_a_csv_cell_that_is_no_number_is_located(train, tmp_path):
    (tmp_path / "own.csv").write_text("a,b\n1,2\n3,red\n5,6\n")
    refused(train("--data", "own.csv"), 1, "'b' holds 'red' (row 2 of the data)")


def test_a_corrupt_image_is_named(train, tmp_path):
    folder = write_images(tmp_path / "photos")
    path = folder / "007.png"
    path.write_bytes(path.read_bytes()[:45])
    refused(train("--data", "photos"), 1, "Cannot read the image", "007.png")


def test_a_folder_without_images(train, tmp_path):
    (tmp_path / "photos").mkdir()
    refused(train("--data", "photos"), 1, "no images in photos")


@pytest.mark.parametrize(
    "model, options, code, words",
    [
        ("dens_vae", ["--data", "digits"], 1, ["'dens_vae'", "mean 'dense_vae'"]),
        ("dense_vae", ["--data", "digit"], 1, ["'digit'", "mean 'digits'"]),
        ("dense_vae", ["--data", "./nowhere.npy"], 1, ["nowhere.npy"]),
        ("dense_vae", [], 2, ["--data"]),
        (
            "dense_vae",
            ["--data", "~none_such/x.npy"],
            1,
            ["no file or folder ~none_such/x.npy"],
        ),
        ("nowhere.json", [], 1, ["nowhere.json"]),
        ("--resume", [], 1, ["no run in run to continue"]),
    ],
)
def test_what_does_not_exist(command, train, model, options, code, words):
    result = train(*options, model=model)
    assert result.code == code and "Traceback" not in result.err
    assert all(word in result.err for word in words)


@pytest.mark.parametrize(
    "options, code, words",
    [
        (["--likelihood", "bernouli"], 1, ["mean 'bernoulli'", "keras-vae --import FILE"]),
        (["--objective", "elb"], 1, ["mean 'elbo'"]),
        (["--objective", "iwae:beta=2"], 1, ["beta"]),
        (["--binarize", "static"], 1, ["'bernoulli'"]),
        (["--image-size", "8"], 1, ["for folders of images"]),
        (["--epochs", "0"], 1, ["epochs", "at least 1"]),
        (["--optimizer", "adam:learning_rate=nan"], 1, ["learning_rate"]),
        (["--objective", "elbo:beta=inf"], 1, ["beta"]),
        (["--prior", "mixture_of_normals:num_components=0"], 1, ["num_components"]),
        (["--posterior", "flow:num_layers=few"], 1, ["num_layers", "number", "'few'"]),
        (
            ["--prior", "uniform_on_sphere"],
            1,
            ["IndependentNormal lives on", "to get the default"],
        ),
        (["--posterior", "bernoulli"], 1, ["have no gradient", "VIMCO"]),
        (["--optimizer", "adm"], 1, ["mean 'adam'"]),
        (["--resume", "--overwrite"], 2, ["--resume and --overwrite exclude"]),
        (["--epochs", "many"], 2, ["'many'"]),
        (["--image-size", "8x"], 2, ["such as 64 or 48x64, but is '8x'"]),
        (["--epoch", "3"], 2, ["--epoch"]),
        (["--seed", str(2**40)], 1, ["eed"]),
    ],
)
def test_options_that_are_wrong_or_do_not_apply(train, options, code, words):
    refused(train("--data", "digits", *options), code, *words)


@pytest.mark.parametrize(
    "model, words",
    [
        ("conv_vae:latent_dm=3", ["'latent_dm'", "mean 'latent_dim'"]),
        ("conv_vae:latent_dim", ["is not ARG=VALUE"]),
        ("conv_vae:latent_dim=", ["is not ARG=VALUE"]),
        ("conv_vae:latent_dim=0", ["latent_dim must be a positive integer"]),
        ("conv_vae:latent_dim=2.5", ["latent_dim", "a whole number, but is 2.5"]),
        ("conv_vae:filters=a", ["filters", "whole numbers such as 32-64", "'a'"]),
        ("conv_vae:normalization=maybe", ["true or false, but is 'maybe'"]),
        ("conv_vae:activation=rellu", ["rellu"]),
        ("conv_vae:posterior=flow", ["posterior is an option of its own", "--posterior"]),
        ("conv_vae:event_shape=4-4-1", ["(4, 4, 1)", "(8, 8, 1)"]),
        ("conv_vae:condition=5", ["class 5", "classes 0 to 4"]),
        ("conv_vae:dtype=float3", ["float3"]),
        ("vae", ["Unknown model 'vae'"]),
        ("vae_gan:condition=10", ["'condition'"]),
    ],
)
def test_arguments_of_a_model_that_are_wrong(train, model, words):
    result = train("--data", "digits", model=model)
    refused(result, 1, *words)
    assert len(result.err.strip().splitlines()) == 1


def test_a_convolutional_model_needs_images(train, tmp_path):
    np.save(tmp_path / "own.npy", TABLE)
    result = train("--data", "own.npy", model="conv_vae")
    refused(result, 1, "need an event shape (height, width, channels)", "use dense")


@pytest.mark.parametrize(
    "recipe, words",
    [
        ("{", ["r.json is damaged"]),
        ("[]", ["JSON object"]),
        ('{"data": "digits"}', ["must name the model"]),
        ('{"model": "dense_vae", "data": "digits", "leanr": 1}', ["'leanr'", "Known"]),
        ('{"model": "dense_vae", "data": "digits", "sede": 1}', ["mean 'seed'"]),
        ('{"model": "dense_vae", "data": 5}', ["data must be the name of a data set"]),
        ('{"model": "dense_vae", "data": "digits", "beta": 5}', ["'beta'", "Known"]),
        ('{"model": null, "data": "digits"}', ["must name the model"]),
        ('{"model": "dense_vae", "data": "digits", "epochs": Infinity}', ["epochs"]),
        ('{"model": {"latent_dim": 3}, "data": "digits"}', ["dict of 'name'"]),
        ('{"model": {"name": "dens_vae"}, "data": "digits"}', ["mean 'dense_vae'"]),
    ],
)
def test_recipes_that_are_wrong(train, tmp_path, recipe, words):
    (tmp_path / "r.json").write_text(recipe)
    refused(train(model="r.json"), 1, *words)


def test_a_run_is_not_trained_over(command, digits_run):
    before = sorted(path.stat().st_mtime_ns for path in digits_run.iterdir())
    options = ["train", "dense_vae", "--data", "digits", "--output", digits_run]
    refused(command(*options), 1, "holds a run already", "--resume", "--overwrite")
    refused(command(*options, "--resume"), 1, "another recipe", "epochs was 2")
    refused(command(*options, "--overwrite", "--objective", "elbo:beta=inf"), 1, "beta")
    assert before == sorted(path.stat().st_mtime_ns for path in digits_run.iterdir())


def test_a_run_that_diverges(command):
    options = ["--data", "digits", *SMALL, "--optimizer", "adam:learning_rate=1e6"]
    result = command("train", "dense_vae", *options, "--output", "run")
    refused(result, 1, "diverged in epoch 1", "Lower the learning rate")


SUBCOMMANDS = ["evaluate", "sample", "reconstruct", "embed", "info"]


@pytest.mark.parametrize("subcommand", SUBCOMMANDS)
def test_a_run_that_is_not_there(command, subcommand, tmp_path):
    refused(command(subcommand, "nowhere"), 1, "There is no folder nowhere")
    (tmp_path / "empty").mkdir()
    refused(command(subcommand, "empty"), 1, "empty holds no model", "metadata.json")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty"]


@pytest.mark.parametrize("subcommand", SUBCOMMANDS)
def test_a_damaged_run(command, subcommand, digits_run, tmp_path):
    shutil.copytree(digits_run, "run")
    path = tmp_path / "run" / "model.weights.h5"
    path.write_bytes(path.read_bytes()[:-100])
    refused(command(subcommand, "run"), 1, "model.weights.h5 is damaged")


@pytest.mark.parametrize(
    "subcommand, output, words",
    [
        ("sample", "x.gif", [".png, .jpg, .wav, .npy, .npz, .csv or .parquet", "x.gif"]),
        ("sample", "x", [".png, .jpg, .wav, .npy, .npz, .csv or .parquet"]),
        ("reconstruct", "x.txt", [".png, .jpg, .wav, .npy, .npz, .csv or .parquet"]),
        ("embed", "z.npy", [".npz", "z.npy"]),
    ],
)
def test_an_output_of_an_unknown_kind(
    command, subcommand, output, words, digits_run, tmp_path
):
    refused(command(subcommand, digits_run, "--output", output), 2, *words)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments, code, words",
    [
        (["sample", "--count", "0"], 2, ["--count"]),
        (["sample", "--temperature", "0"], 1, ["temperature must be positive"]),
        (["sample", "--temperature", "nan"], 1, ["temperature"]),
        (["sample", "--seed", "-1"], 2, ["--seed"]),
        (["evaluate", "--num-samples", "0"], 2, ["--num-samples"]),
        (["evaluate", "--split", "tests"], 2, ["'tests'"]),
        (["evaluate", "--data", "digit"], 1, ["mean 'digits'"]),
        (["embed", "--data", "other.npy"], 1, ["(8, 8, 1)", "(4,)"]),
        (
            ["evaluate", "--data", "bright.npy"],
            1,
            ["values outside whole numbers in [0, 16]", "raw values of this model"],
        ),
        (
            ["embed", "--data", "bright.npy"],
            1,
            ["values outside whole numbers in [0, 16]", "raw values of this model"],
        ),
        (["reconstruct", "--data", "bright.npy"], 1, ["whole numbers in [0, 16]"]),
    ],
)
def test_questions_that_have_no_answer(
    command, digits_run, tmp_path, arguments, code, words
):
    np.save(tmp_path / "other.npy", TABLE)
    np.save(tmp_path / "bright.npy", np.full((9, 8, 8), 200, np.uint8))
    subcommand, *options = arguments
    refused(command(subcommand, digits_run, *options), code, *words)
    assert len(list(tmp_path.iterdir())) == 2


def test_a_model_of_tables_draws_no_pictures(command, tmp_path):
    np.save(tmp_path / "own.npy", TABLE)
    command("train", "dense_vae", "--data", "own.npy", "--epochs", "1", *SMALL)
    for subcommand in ("sample", "reconstruct"):
        given = subcommand, "runs/dense_vae_own", "--output", "x.png"
        refused(command(*given), 2, "(4,) are not images", ".npy")


def test_the_traceback_is_shown_on_demand(command, digits_run, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "metadata.json").write_text(json.dumps([]))
    with pytest.raises(ValueError, match="damaged"):
        command("--traceback", "info", "run")


def test_a_defect_is_not_disguised_as_bad_input(command, monkeypatch, digits_run):
    def defect(*_):
        raise KeyError("a bug")

    monkeypatch.setattr("keras_vae.models.LatentVariableModel.from_preset", defect)
    with pytest.raises(KeyError, match="a bug"):
        command("info", digits_run)
