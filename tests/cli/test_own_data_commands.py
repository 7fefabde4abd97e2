"""The subcommands on own data: prepared as in training, and refused where they changed."""

import json
import shutil

import numpy as np
import pytest
from commands import MODEL, SMALL, write_images
from PIL import Image

from keras_vae import VAE
from keras_vae.data import load
from keras_vae.evaluation import describe_scores, likelihood_scores
from keras_vae.presets.files import read_metadata


@pytest.fixture
def here(command, own_run, tmp_path):
    """A copy of the run and its data in the working directory."""
    shutil.copytree(own_run, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.fixture(scope="module")
def model(own_run):
    return VAE.from_preset(own_run / "run")


def other_images(n=25):
    """Rows of which each is different, in an order that is not that of any split."""
    return 15 * load("digits").x_test[:n][::-1].copy()


def test_data_that_are_not_here_are_named(command, own_run):
    result = command("embed", own_run / "run")
    assert result.code == 1 and "There is no own.npy here" in result.err


def test_evaluate_takes_other_data(command, here, model):
    x = other_images()
    np.save("other.npy", x)
    options = ["--data", "other.npy", "--split", "all", "--num-samples", "10"]
    result = command("evaluate", "run", *options)
    expected = describe_scores(likelihood_scores(model, x, 10))
    assert result.out.endswith(f"other, all\n{expected}\n")


def test_the_scores_of_training_are_those_of_evaluate(command, here):
    metadata = read_metadata("run")
    expected = describe_scores(metadata["scores"])
    # Fewer than there are: the pixels must be drawn before the examples.
    assert metadata["scores"]["num_examples"] == 7 < len(load("own.npy").x_test)
    result = command("evaluate", "run", "--limit", "7", "--num-samples", "10")
    assert result.out == f"own, test\n{expected}\n"
    assert expected in command("info", "run").out


@pytest.mark.parametrize("options", [[], ["--split", "all"]])
def test_embed_keeps_the_order_of_other_data(command, here, model, options):
    x = other_images()
    np.savez("other.npz", x=x, y=np.arange(25))
    command("embed", "run", "--data", "other.npz", "--output", "z.npz", *options)
    codes = np.load("z.npz")
    np.testing.assert_array_equal(codes["y"], np.arange(25))
    np.testing.assert_allclose(codes["z"], model.embed(x), rtol=1e-5)


def test_images_of_another_size_are_brought_to_that_of_the_model(command, here):
    folder = write_images(here / "photos", 4, size=20)
    result = command("embed", "run", "--data", folder)
    assert result.code == 0 and np.load("z.npz")["z"].shape == (4, 2)


@pytest.mark.parametrize("subcommand", ["evaluate", "reconstruct", "embed"])
@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_changed_data_are_refused_where_their_split_matters(
    command, here, subcommand, split
):
    np.save("own.npy", np.load("own.npy")[::-1])
    result = command(subcommand, "run", "--split", split)
    assert result.code == 1 and "own.npy has changed since run was trained" in result.err
    assert "--split all" in result.err and "Traceback" not in result.err
    assert sorted(path.name for path in here.iterdir()) == ["own.npy", "run"]


@pytest.mark.parametrize("subcommand", ["evaluate", "reconstruct", "embed"])
def test_changed_data_are_used_as_a_whole(command, here, subcommand):
    np.save("own.npy", np.load("own.npy")[::-1][:50])
    options = ["--num-samples", "2"] if subcommand == "evaluate" else []
    assert command(subcommand, "run", "--split", "all", *options).code == 0


def test_a_rewritten_file_with_the_same_data_is_no_change(command, here):
    np.save("own.npy", np.load("own.npy").astype("f8"))
    assert command("evaluate", "run", "--num-samples", "2").code == 0


def test_levels_that_were_given_for_training_hold_for_its_data(command, tmp_path):
    # The values alone would fit 8 bits.
    np.save("own.npy", other_images(40).astype(np.uint16))
    given = ["--data", "own.npy", "--levels", "0:1023", "--epochs", "1", *SMALL]
    assert command("train", MODEL, *given, "--output", "run").code == 0
    result = command("evaluate", "run", "--num-samples", "2")
    assert result.code == 0, result.err


def test_all_anomalies_in_files_of_ones_own_count(command, here):
    np.save("other.npy", other_images())
    given = [
        "--metrics",
        "anomalies",
        "--anomalies",
        "other.npy",
        "--output",
        "scores.json",
    ]
    result = command("evaluate", "run", "--num-samples", "2", *given)
    assert result.code == 0, result.err
    found = json.loads((here / "scores.json").read_text())["metrics"]["anomalies"]
    assert found["num_anomalies"] == 25


def test_data_that_were_named_by_hand_are_not_compared(command, here):
    np.save("other.npy", other_images())
    options = ["--data", "other.npy", "--split", "test", "--num-samples", "2"]
    assert command("evaluate", "run", *options).code == 0


def test_pictures_of_real_images_keep_their_order_of_greys(command, tmp_path):
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (60, 8, 8, 1)).astype("f4")
    x[0, 0, :2, 0] = -1, 1
    np.savez("own.npz", x_train=x, x_validation=x[:9], x_test=x[:9])
    small = ["--epochs", "1", "--no-jit"]
    given = ["--data", "own.npz", *small, "--output", "run"]
    model = "dense_vae:hidden_units=4,latent_dim=2"
    assert command("train", model, *given).code == 0
    assert VAE.from_preset("run").shown_range == pytest.approx((-1, 1), rel=1e-5)
    assert command("reconstruct", "run", "--count", "1").code == 0
    with Image.open("pairs.png") as image:
        pixels = np.asarray(image.convert("L"))
    # Nothing is clipped: some 56 of 64 greys drawn at random are different.
    assert {0, 255} <= set(np.unique(pixels)) and len(np.unique(pixels)) > 40


@pytest.mark.slow
def test_scores_of_tables_are_in_their_raw_units(command, tmp_path):
    table, found = np.random.default_rng(0).normal(3, 2, (60, 4)), []
    for factor in (1, 10):
        np.save("own.npy", factor * table)
        given = ["--data", "own.npy", "--epochs", "1"]
        run = f"run{factor}"
        model = "dense_vae:hidden_units=8"
        assert command("train", model, *given, "--output", run).code == 0
        scores = read_metadata(run)["scores"]
        assert scores["of"] == "density" and "bits_per_dimension" not in scores
        assert describe_scores(scores) in command("info", run).out
        # The closing scores of this test are of 10 samples.
        out = command("evaluate", run, "--num-samples", "10").out
        assert describe_scores(scores) in out
        found.append(scores)
    for name in ("elbo", "log_likelihood"):
        fall = found[0][name]["mean"] - found[1][name]["mean"]
        assert fall == pytest.approx(4 * np.log(10), abs=0.01)


# What was judged before as if a model were to be trained on it.
NEW = {
    "one image": 15 * load("digits").x_test[:1],
    "all black": np.zeros((5, 8, 8), np.uint8),
    "0 and 1": np.eye(8, dtype=np.uint8)[None].repeat(3, axis=0),
    "as floats": 15.0 * load("digits").x_test[:4],
}


@pytest.mark.parametrize("new", NEW)
def test_new_data_are_measured_by_the_model_alone(command, here, model, new):
    np.save("new.npy", NEW[new])
    options = ["--data", "new.npy", "--output", "z.npz"]
    assert command("embed", "run", *options).code == 0
    x = NEW[new].reshape(-1, 8, 8, 1)
    np.testing.assert_allclose(np.load("z.npz")["z"], model.embed(x), rtol=1e-5)


def test_gaps_in_arrays_of_images_are_filled(command, here):
    x = 15.0 * load("digits").x_test[:4]
    x[:, 2:4, 3] = np.nan
    np.save("gaps.npy", x)
    options = ["--data", "gaps.npy", "--output", "f.npy", "--num-samples", "5"]
    assert command("impute", "run", *options).code == 0
    filled = np.load("f.npy").reshape(x.shape)
    np.testing.assert_array_equal(filled[~np.isnan(x)], x[~np.isnan(x)])
    assert not np.isnan(filled).any()
    assert command("embed", "run", "--data", "gaps.npy").code == 1


def test_one_image_file_is_new_data(command, here, model):
    Image.fromarray(np.full((20, 30), 100, np.uint8)).save("one.png")
    assert command("embed", "run", "--data", "one.png", "--output", "z.npz").code == 0
    assert np.load("z.npz")["z"].shape == (1, 2)
    options = ["--data", "one.png", "--output", "pair.png"]
    assert command("reconstruct", "run", *options).code == 0


@pytest.mark.parametrize("subcommand, most", [("reconstruct", 12), ("interpolate", 6 * 8)])
def test_all_of_new_data_is_shown_and_the_test_split_of_the_runs(
    command, here, subcommand, most
):
    np.save("new.npy", other_images()[:12])
    wanted = ["--output", "x.npy", "--count", "12"]
    assert command(subcommand, "run", "--data", "new.npy", *wanted).code == 0
    assert len(np.load("x.npy")) == most
    assert command(subcommand, "run", *wanted).code == 0
    own = np.load("x.npy")
    assert command(subcommand, "run", "--split", "test", *wanted).code == 0
    np.testing.assert_array_equal(np.load("x.npy"), own)


def test_a_row_of_whole_numbers_is_new_data_of_a_real_valued_model(command, tmp_path):
    np.save("own.npy", np.random.default_rng(0).normal(size=(40, 3)))
    options = ["--epochs", "1", "--batch-size", "32", "--no-jit", "--output", "run"]
    command("train", "dense_vae:hidden_units=8,latent_dim=2", "--data", "own.npy", *options)
    for rows in ([[0, 1, 1]], [[0, 1, 1], [1, 0, 0]], [[250, 3, 5]]):
        np.save("new.npy", np.array(rows, np.uint8))
        assert command("embed", "run", "--data", "new.npy", "--output", "z.npz").code == 0
        assert len(np.load("z.npz")["z"]) == len(rows)
