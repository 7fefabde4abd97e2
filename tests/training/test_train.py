"""A training run leaves a whole folder, or leaves it as it was."""

import json
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf
from runs import (
    contents,
    history,
    recipe,
    run,
    same_run,
    script,
    table_set,
    weights,
)

from keras_vae import VAE
from keras_vae.data import load
from keras_vae.evaluation import likelihood_scores
from keras_vae.presets.files import read_metadata
from keras_vae.training import hardware, setup
from keras_vae.training.building import build_model
from keras_vae.training.recipe import Recipe
from keras_vae.training.setup import build_objective

FILES = {"config.json", "model.weights.h5", "metadata.json", "recipe.json", "history.csv"}
PICTURES = {"samples.png", "reconstructions.png", "manifold.png"}
FILES |= {"loss.png", *PICTURES}


@pytest.fixture
def own(tmp_path):
    """A file of own data: a small table."""
    x = np.random.default_rng(0).normal(3, 2, (40, 4))
    np.save(tmp_path / "own.npy", x)
    return str(tmp_path / "own.npy")


FAST = "adam:learning_rate=0.1"


def table_recipe(data, **values):
    return recipe(**{"data": data, "epochs": 1, "batch_size": 16, **values})


def test_a_run_leaves_these_files_and_no_others(finished):
    assert set(contents(finished)) == FILES
    for name in FILES:
        if name.endswith(".png"):
            assert (finished / name).read_bytes().startswith(b"\x89PNG")


def test_the_recipe_that_was_asked_for_is_kept(finished):
    assert Recipe.from_json(finished / "recipe.json") == recipe()


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
        "monitor": "val_elbo",
    }
    model.compile("adam")
    x = load("digits").x_validation
    again = model.evaluate(x, batch_size=500, verbose=0, return_dict=True)
    assert again["elbo"] == pytest.approx(scores.max(), rel=1e-5)


def test_the_scores_are_those_of_the_model_on_test_data(finished):
    model, metadata = VAE.from_preset(finished), read_metadata(finished)
    x = load("digits").x_test
    assert metadata["scores"] == {**likelihood_scores(model, x, 10), "split": "test"}


def test_the_metadata_say_what_the_model_was_trained_on(finished):
    metadata = read_metadata(finished)
    about = metadata["data"]
    assert metadata["model"] == "dense_vae" and about["name"] == "digits"
    assert about["licence"] == load("digits").licence
    assert about["event_shape"] == [8, 8, 1]
    assert about["fingerprint"] == load("digits").fingerprint()
    assert metadata["likelihood"] == "discretized_logistic:high=16"
    assert metadata["binarized"] is None and metadata["policy"] == "float32"


def test_the_model_takes_raw_data(finished):
    model, x = VAE.from_preset(finished), load("digits").x_test[:4]
    assert model.preprocessor.levels == (0, 16)
    assert model.reconstruct(x).dtype == np.uint8 == model.sample(2).dtype
    assert VAE.from_preset(finished, preprocessor=None).preprocessor is None


def test_the_best_epoch_is_kept_and_patience_ends_the_run(tmp_path, monkeypatch, own):
    scores = [-10.0, -5.0, -7.0, -8.0, -6.0, -1.0]
    seen = script(monkeypatch, scores)
    output = tmp_path / "run"
    said = run(table_recipe(own, epochs=50, patience=3, optimizer=FAST), output)
    assert len(seen) == 5 and "the best of 5 epochs was epoch 2" in said
    assert read_metadata(output)["training"]["best_epoch"] == 2
    np.testing.assert_array_equal(weights(output), seen[1])
    assert np.abs(seen[1] - seen[4]).max() > 1e-3


@pytest.mark.slow
def test_epochs_of_the_warm_up_are_not_kept(tmp_path, monkeypatch, own):
    seen = script(monkeypatch, [-1.0, -2.0, -9.0, -8.0, -8.5])
    output = tmp_path / "run"
    run(table_recipe(own, epochs=5, warmup_epochs=2), output)
    assert read_metadata(output)["training"]["best_epoch"] == 4
    np.testing.assert_array_equal(weights(output), seen[3])


def test_what_is_trained_and_where_is_said(tmp_path, own):
    said = run(table_recipe(own, jit=True), tmp_path / "run")
    assert (
        "dense_vae with " in said and "latent size 2, likelihood normal:scale=shar" in said
    )
    assert "32 examples of shape (4,) for training, 4 for validation, 4" in said
    gpus = len(tf.config.list_physical_devices("GPU"))
    kind = "CPU" if not gpus else "GPU" if gpus == 1 else "GPUs"
    assert f"training on {gpus or 1} {kind} with XLA" in said


@pytest.mark.parametrize(
    ("model", "values", "size", "faster"),
    [
        ("dense_vae:hidden_units=2", {"batch_size": 500}, 64, True),
        ("conv_vae:filters=2", {"batch_size": 32}, 28, True),
        ("conv_vae:filters=2", {"batch_size": 128}, 28, False),
        ("conv_vae:filters=2", {"batch_size": 32, "objective": "iwae"}, 28, False),
        ("conv_vae:filters=2", {"batch_size": 32}, 64, False),
        ("vae_gan:filters=2", {"batch_size": 8}, 28, False),
        # It lacks operations for some discrete draws.
        (
            "dense_vae:hidden_units=2",
            {"batch_size": 8, "objective": "vimco", "posterior": "bernoulli"},
            28,
            False,
        ),
    ],
)
def test_xla_is_chosen_where_it_is_the_faster_one(model, values, size, faster):
    if tf.config.list_physical_devices("GPU"):
        pytest.skip("on a GPU XLA is always the faster one")
    one = recipe(model=model, jit=None, **values)
    data = table_set((size, size, 1), n=9, likelihood="normal")
    made, _ = build_model(one, data)
    objective = build_objective(one, made, steps=40)
    assert hardware.use_xla(one, made, objective, None) == faster


def test_half_precision_is_set_for_the_run_alone(tmp_path, own):
    said = run(table_recipe(own, mixed_precision=True), tmp_path / "run")
    assert "in mixed precision" in said
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    half = "float16" if tf.config.list_physical_devices("GPU") else "bfloat16"
    assert config["config"]["dtype"]["config"]["name"] == f"mixed_{half}"
    assert keras.config.dtype_policy().name == "float32"


@pytest.mark.slow
def test_a_strategy_trains_as_one_device_does(tmp_path, monkeypatch, own):
    run(table_recipe(own), tmp_path / "one")
    mirrored = tf.distribute.MirroredStrategy(["/cpu:0"])
    monkeypatch.setattr(hardware, "find_strategy", lambda say: mirrored)
    said = run(table_recipe(own, jit=None), tmp_path / "mirrored")
    assert "XLA" not in said
    same_run(tmp_path / "one", tmp_path / "mirrored")


def test_xla_is_refused_on_several_devices(tmp_path, monkeypatch, own):
    mirrored = tf.distribute.MirroredStrategy(["/cpu:0"])
    monkeypatch.setattr(hardware, "find_strategy", lambda say: mirrored)
    with pytest.raises(ValueError, match="XLA on several GPUs or workers.*--jit"):
        run(table_recipe(own, jit=True), tmp_path / "run")
    assert not (tmp_path / "run").exists()


class Stopped(Exception):
    """Ends a run where a test has seen enough."""


@pytest.mark.parametrize("how", ["dynamic", "static", "none"])
def test_pixels_are_binarized_as_the_recipe_says(tmp_path, monkeypatch, how):
    def look(x, batch_size, *, y, scaling, binarize, augment, seed, start_step):
        assert augment is None
        assert (binarize == "dynamic") == (how == "dynamic")
        values = set(np.unique(x if scaling is None else scaling(x)))
        assert (values == {0.0, 1.0}) == (how == "static")
        assert min(values) == 0.0 and max(values) == 1.0
        raise Stopped

    monkeypatch.setattr(setup, "pipeline", look)
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
        ({"x": UNIT}, "discretized_logistic", "outside whole numbers"),
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
        run(recipe(optimizer="adam:learning_rate=1e6"), tmp_path / "run")
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
    one = recipe(objective="elbo:beta=1000", optimizer="adam:learning_rate=0.03", epochs=5)
    said = run(one, tmp_path / "run")
    assert "epoch 5: no latent unit has been active so far (posterior collapse" in said


def test_one_validation_example_is_enough(tmp_path):
    x = np.random.default_rng(0).normal(size=(12, 4))
    np.savez(tmp_path / "few.npz", x_train=x, x_validation=x[:1], x_test=x[:2])
    one = table_recipe(str(tmp_path / "few.npz"), objective="elbo:beta=1000")
    said = run(one, tmp_path / "run")
    assert "died" not in said


KINDS = {
    "autoencoder": {"posterior": "deterministic"},
    "vamp": {"prior": "vamp:num_components=5"},
    "flow": {"posterior": "flow:num_layers=1,hidden_units=4"},
    "codes": {"posterior": "one_hot_categorical", "objective": "vimco:num_samples=2"},
    "sphere": {"posterior": "power_spherical"},
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_any_latent_variable_is_trained_from_end_to_end(kind, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (40, 4, 4), np.uint8)
    np.save(tmp_path / "own.npy", images)
    model = "dense_vae:latent_dim=3,hidden_units=4"
    one = table_recipe(str(tmp_path / "own.npy"), model=model, **KINDS[kind])
    said = run(one, tmp_path / "run")
    assert set(contents(tmp_path / "run")) == FILES - {"manifold.png"}
    scores = read_metadata(tmp_path / "run")["scores"]
    assert np.isfinite(scores["distortion"]["mean"]) and "scores of 4" in said
    # An autoencoder has no bound.
    assert ("elbo" in scores) == (kind != "autoencoder")
    assert VAE.from_preset(tmp_path / "run").sample(2).shape == (2, 4, 4, 1)


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    """A finished run of a model of three classes, and its data; only to be read."""
    folder = tmp_path_factory.mktemp("labelled")
    y = np.arange(45) % 3
    greys = np.random.default_rng(0).normal(80 * y, 5, (4, 4, 45)).T
    np.savez(folder / "own.npz", x=np.clip(greys, 0, 255).astype("u1"), y=y)
    one = table_recipe(
        str(folder / "own.npz"),
        model="dense_vae:latent_dim=2,hidden_units=16,condition=3",
        optimizer="adam:learning_rate=0.02",
        epochs=30,
        likelihood="normal:scale=shared",
    )
    return folder, one, run(one, folder / "run")


def test_labels_are_the_condition_of_a_model_that_has_one(labelled):
    folder, _, said = labelled
    assert "scores of 4 held-out" in said and "manifold" not in said
    model, data = VAE.from_preset(folder / "run"), load(str(folder / "own.npz"))
    # What the classes are was learned from the labels alone.
    greys = [model.sample(20, y=one).mean() for one in range(3)]
    np.testing.assert_allclose(greys, (2, 80, 160), atol=15)
    scores = read_metadata(folder / "run")["scores"]
    expected = model.elbo(data.x_test, y=data.y_test).mean()
    assert scores["elbo"]["mean"] == pytest.approx(expected, rel=1e-5)
    assert {"samples.png", "reconstructions.png"} <= set(contents(folder / "run"))


def test_changed_labels_are_noticed(labelled, tmp_path):
    folder, one, _ = labelled
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    here = recipe(**{**one.to_config(), "data": str(tmp_path / "own.npz")})
    path = tmp_path / "run" / "recipe.json"
    path.write_text(json.dumps(here.to_config()))
    assert "is finished" in run(here, tmp_path / "run", resume=True)
    arrays = dict(np.load(tmp_path / "own.npz"))
    np.savez(tmp_path / "own.npz", x=arrays["x"], y=(arrays["y"] + 1) % 3)
    with pytest.raises(ValueError, match="'own' has changed since the run"):
        run(here, tmp_path / "run", resume=True)


def test_a_condition_needs_labels(earlier, own):
    one = table_recipe(own, model="dense_vae:condition=3")
    untouched(earlier, one, ValueError, "'own' has no labels for it", overwrite=True)
