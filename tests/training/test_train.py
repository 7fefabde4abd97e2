"""A training run leaves a whole folder, or leaves it as it was."""

import json
import shutil

import numpy as np
import pytest
import tensorflow as tf
from runs import contents, history, recipe, run, same_run, script, weights

from keras_vae import VAE, training
from keras_vae.data import Preprocessor, load
from keras_vae.evaluation import likelihood_scores
from keras_vae.presets.files import read_metadata
from keras_vae.training import hardware
from keras_vae.training.recipe import Recipe

FILES = {"config.json", "model.weights.h5", "metadata.json", "recipe.json", "history.csv"}
PICTURES = {"samples.png", "reconstructions.png", "manifold.png"}
FILES |= {"loss.png", *PICTURES}


@pytest.fixture
def own(tmp_path):
    """A file of own data: a small table."""
    x = np.random.default_rng(0).normal(3, 2, (40, 4))
    np.save(tmp_path / "own.npy", x)
    return str(tmp_path / "own.npy")


def table_recipe(data, **values):
    return recipe(**{"data": data, "epochs": 1, "batch_size": 16, **values})


def test_a_run_leaves_these_files_and_no_others(finished):
    assert set(contents(finished)) == FILES
    for name in FILES:
        if name.endswith(".png"):
            assert (finished / name).read_bytes().startswith(b"\x89PNG")


def test_the_recipe_is_kept_with_all_values_decided(finished):
    resolved = recipe().resolve(load("digits"))
    assert Recipe.from_json(finished / "recipe.json") == resolved
    assert resolved.likelihood == "discretized_logistic" and resolved.batch_size == 128


def test_the_history_has_a_row_for_each_epoch(finished):
    rows = history(finished)
    np.testing.assert_array_equal(rows["epoch"], [0, 1, 2])
    np.testing.assert_allclose(rows["elbo"], -rows["loss"], rtol=1e-6)
    for name in ("loss", "kl_loss", "reconstruction_loss", "elbo"):
        assert np.isfinite(rows[name]).all() and np.isfinite(rows[f"val_{name}"]).all()
    assert rows["val_loss"][-1] < rows["val_loss"][0]


def test_the_model_that_is_kept_has_the_best_score_of_the_history(finished):
    model, metadata = VAE.from_preset(finished), read_metadata(finished)
    scores = history(finished)["val_elbo"]
    assert metadata["training"] == {
        "epochs": 3,
        "best_epoch": int(np.argmax(scores)) + 1,
        "finished": True,
    }
    preprocessor = Preprocessor.from_config(metadata["data"]["preprocessor"])
    model.compile("adam")
    x = preprocessor(load("digits").x_validation)
    again = model.evaluate(x, batch_size=500, verbose=0, return_dict=True)
    assert again["elbo"] == pytest.approx(scores.max(), rel=1e-5)


def test_the_scores_are_those_of_the_model_on_test_data(finished):
    model, metadata = VAE.from_preset(finished), read_metadata(finished)
    x = load("digits").x_test.astype("f4")
    assert metadata["scores"] == {**likelihood_scores(model, x, 10), "split": "test"}


def test_the_metadata_say_what_the_model_was_trained_on(finished):
    metadata = read_metadata(finished)
    about = metadata["data"]
    assert metadata["model"] == "dense_vae" and about["name"] == "digits"
    assert about["licence"] == load("digits").licence
    assert about["event_shape"] == [8, 8, 1]
    assert about["fingerprint"] == load("digits").fingerprint()
    assert about["preprocessor"]["levels"] == [0, 16]


def test_the_best_epoch_is_kept_and_patience_ends_the_run(tmp_path, monkeypatch, own):
    scores = [-10.0, -5.0, -7.0, -8.0, -6.0, -1.0]
    seen = script(monkeypatch, scores)
    output = tmp_path / "run"
    said = run(table_recipe(own, epochs=50, patience=3, learning_rate=0.1), output)
    assert len(seen) == 5 and "best of 5 epochs: 2" in said
    assert read_metadata(output)["training"]["best_epoch"] == 2
    np.testing.assert_array_equal(weights(output), seen[1])
    assert np.abs(seen[1] - seen[4]).max() > 1e-3


def test_epochs_of_the_warm_up_are_not_kept(tmp_path, monkeypatch, own):
    seen = script(monkeypatch, [-1.0, -2.0, -9.0, -8.0, -8.5])
    output = tmp_path / "run"
    run(table_recipe(own, epochs=5, warmup_epochs=2), output)
    assert read_metadata(output)["training"]["best_epoch"] == 4
    np.testing.assert_array_equal(weights(output), seen[3])


def test_the_same_recipe_gives_the_same_run(finished, tmp_path):
    run(recipe(), tmp_path / "again")
    same_run(finished, tmp_path / "again")


def test_what_is_trained_and_where_is_said(tmp_path, own):
    said = run(table_recipe(own, jit=True), tmp_path / "run")
    assert "latent size 2, likelihood normal" in said
    assert "32 examples of shape (4,) for training, 4 for validation, 4" in said
    gpus = len(tf.config.list_physical_devices("GPU"))
    assert f"training on {gpus or 1} {'GPU' if gpus else 'CPU'} with XLA" in said


@pytest.mark.parametrize(
    ("given", "shape", "faster"),
    [
        ({"model": "dense_vae", "batch_size": 500}, (64, 64, 3), True),
        ({"model": "conv_vae", "batch_size": 32}, (28, 28, 1), True),
        ({"model": "conv_vae", "batch_size": 128}, (28, 28, 1), False),
        ({"model": "conv_vae", "batch_size": 32, "num_samples": 5}, (28, 28, 1), False),
        ({"model": "conv_vae", "batch_size": 32}, (64, 64, 3), False),
        ({"model": "vae_gan", "batch_size": 8}, (28, 28, 1), False),
    ],
)
def test_xla_is_chosen_where_it_is_the_faster_one(given, shape, faster):
    if tf.config.list_physical_devices("GPU"):
        pytest.skip("on a GPU XLA is always the faster one")
    assert hardware.use_xla(Recipe(data="digits", **given), shape, None) == faster


def test_half_precision_is_set_for_the_run_alone(tmp_path, own):
    said = run(table_recipe(own, mixed_precision=True), tmp_path / "run")
    assert "in mixed precision" in said
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    half = "float16" if tf.config.list_physical_devices("GPU") else "bfloat16"
    assert config["config"]["dtype"]["config"]["name"] == f"mixed_{half}"
    assert training.keras.config.dtype_policy().name == "float32"


def test_a_strategy_trains_as_one_device_does(tmp_path, monkeypatch, own):
    run(table_recipe(own), tmp_path / "one")
    mirrored = tf.distribute.MirroredStrategy(["/cpu:0"])
    monkeypatch.setattr(hardware, "find_strategy", lambda: mirrored)
    said = run(table_recipe(own, jit=None), tmp_path / "mirrored")
    assert "XLA" not in said
    same_run(tmp_path / "one", tmp_path / "mirrored")


def test_xla_is_refused_on_several_devices(tmp_path, monkeypatch, own):
    mirrored = tf.distribute.MirroredStrategy(["/cpu:0"])
    monkeypatch.setattr(hardware, "find_strategy", lambda: mirrored)
    with pytest.raises(ValueError, match="XLA on several GPUs.*--jit"):
        run(table_recipe(own, jit=True), tmp_path / "run")
    assert not (tmp_path / "run").exists()


class Stopped(Exception):
    """Ends a run where a test has seen enough."""


@pytest.mark.parametrize("how", ["dynamic", "static", "none"])
def test_pixels_are_binarized_as_the_recipe_says(tmp_path, monkeypatch, how):
    def look(x, batch_size, *, scaling, binarize, seed, start_step):
        assert (binarize == "dynamic") == (how == "dynamic")
        values = set(np.unique(x if scaling is None else scaling(x)))
        assert (values == {0.0, 1.0}) == (how == "static")
        assert min(values) == 0.0 and max(values) == 1.0
        raise Stopped

    monkeypatch.setattr(training, "pipeline", look)
    with pytest.raises(Stopped):
        run(recipe(likelihood="bernoulli", binarize=how), tmp_path / "run")


@pytest.fixture
def earlier(tmp_path, finished):
    """A folder with a finished run, and a file that belongs to somebody else."""
    shutil.copytree(finished, tmp_path / "run")
    (tmp_path / "run" / "notes.txt").write_text("mine")
    return tmp_path / "run"


def untouched(earlier, one, error, words, **options):
    before = contents(earlier)
    with pytest.raises(error, match=words):
        run(one, earlier, **options)
    assert contents(earlier) == before


def test_a_run_is_not_replaced_without_being_asked_for(earlier, own):
    untouched(earlier, table_recipe(own, seed=1), FileExistsError, "--overwrite")


def test_a_run_is_replaced_but_not_what_lies_beside_it(earlier, own):
    before = contents(earlier)
    run(table_recipe(own, seed=1), earlier, overwrite=True)
    after = contents(earlier)
    # Of a table there are no pictures, so those of the digits must have gone.
    assert set(after) == FILES - PICTURES | {"notes.txt"}
    assert after["notes.txt"] == b"mine"
    assert after["model.weights.h5"] != before["model.weights.h5"]
    assert Recipe.from_json(earlier / "recipe.json").seed == 1


def bad_data(tmp_path, **arrays):
    np.savez(tmp_path / "bad.npz", **arrays)
    return str(tmp_path / "bad.npz")


UNIT = np.random.default_rng(0).random((40, 4))


@pytest.mark.parametrize(
    "arrays, likelihood, words",
    [
        ({"x": np.where(UNIT > 0.99, np.nan, UNIT)}, None, "NaN"),
        ({"x": UNIT[:0]}, None, "empty"),
        ({"x": UNIT - 0.5}, "bernoulli", "-0.49.* but the likelihood accepts"),
        ({"x": UNIT}, "poisson", "outside whole numbers"),
        ({"x": UNIT}, "discretized_logistic", "holds other numbers"),
        (
            {"x_train": UNIT, "x_validation": 2 * UNIT},
            "continuous_bernoulli",
            "the validation split of 'bad' has",
        ),
        ({"x_train": UNIT, "x_test": -UNIT}, "bernoulli", "the test split of 'bad' has"),
    ],
)
def test_a_start_that_fails_destroys_nothing(earlier, tmp_path, arrays, likelihood, words):
    one = table_recipe(bad_data(tmp_path, **arrays), likelihood=likelihood)
    untouched(earlier, one, ValueError, words, overwrite=True)


def test_a_start_that_fails_makes_no_folder(tmp_path):
    one = table_recipe(bad_data(tmp_path, x=np.full((40, 4), np.inf)))
    with pytest.raises(ValueError, match="NaN or infinite"):
        run(one, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_run_that_diverges_says_so(tmp_path):
    with pytest.raises(FloatingPointError, match="diverged in epoch 1.*learning rate"):
        run(recipe(learning_rate=1e6), tmp_path / "run")
    assert set(contents(tmp_path / "run")) == {"recipe.json"}


def test_a_run_that_diverges_later_keeps_the_best_model(tmp_path, monkeypatch, own):
    seen = script(monkeypatch, [-5.0, -6.0, float("nan")])
    output = tmp_path / "run"
    with pytest.raises(FloatingPointError, match="diverged in epoch 3.*is kept"):
        run(table_recipe(own, epochs=9), output)
    np.testing.assert_array_equal(history(output)["val_elbo"], [-5.0, -6.0])
    np.testing.assert_array_equal(weights(output), seen[0])
    assert not read_metadata(output)["training"]["finished"]


def test_units_that_die_are_told(tmp_path):
    said = run(recipe(beta=1000.0, epochs=4, learning_rate=0.03), tmp_path / "run")
    assert "latent units died (posterior collapse), 0 of 2 are active" in said


def test_one_validation_example_is_enough(tmp_path):
    x = np.random.default_rng(0).normal(size=(12, 4))
    np.savez(tmp_path / "few.npz", x_train=x, x_validation=x[:1], x_test=x[:2])
    said = run(table_recipe(str(tmp_path / "few.npz"), beta=1000.0), tmp_path / "run")
    assert "died" not in said
