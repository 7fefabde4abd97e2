"""A resumed run is the run that was not interrupted."""

import shutil

import keras
import numpy as np
import pytest
from runs import (
    binarized,
    break_at_write,
    break_in_batch,
    contents,
    end_after_replacing,
    history,
    recipe,
    run,
    same_run,
    weights,
)

from keras_vae.models import LatentVariableModel
from keras_vae.presets.files import read_metadata
from keras_vae.training import run as training
from keras_vae.training import train


def end_amid_the_best_model(patch, left):
    """Lets the process end while the files of the best model change places."""
    keep = LatentVariableModel.save_to_preset

    def cut(*arguments):
        end_after_replacing(patch, left)
        keep(*arguments)

    patch.setattr(LatentVariableModel, "save_to_preset", cut)


def end_before_the_closing(patch):
    def broken(*_):
        raise KeyboardInterrupt

    patch.setattr(training, "close", broken)


# How each attempt ends, the epochs that it finds done, and those that it leaves in the
# history.
ATTEMPTS = {
    "in the first epoch": (lambda patch: break_in_batch(patch, 0, 5), 0, 0),
    "in the second epoch": (lambda patch: break_in_batch(patch, 1, 7), 0, 1),
    "before the history": (lambda patch: break_at_write(patch, "history.csv", 1), 1, 1),
    "amid the best model": (lambda patch: end_amid_the_best_model(patch, 1), 1, 2),
    "before the checkpoint": (
        lambda patch: break_at_write(patch, "checkpoint-2.weights.h5", 1),
        1,
        2,
    ),
    "before the closing": (end_before_the_closing, 1, 3),
}


@pytest.mark.slow
def test_a_run_that_ends_everywhere_is_the_uninterrupted_one(
    tmp_path, uninterrupted, monkeypatch
):
    found = {}
    for words, (end, done, left) in ATTEMPTS.items():
        lines = []
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            end(patch)
            train(binarized(), tmp_path, resume=True, say=lines.append)
        said = "\n".join(lines)
        assert (f"continuing after epoch {done} of at most 3" in said) == (done > 0), words
        if not left:
            assert set(contents(tmp_path)) == {"recipe.json"}, words
            continue
        assert len(history(tmp_path)["epoch"]) == left, words
        # Whenever it ended, there is a whole model: of the first epoch, or of a later one.
        found[left] = weights(tmp_path)
        assert not np.array_equal(found[left], found.get(1 if left > 1 else 0)), words
        assert not read_metadata(tmp_path)["training"]["finished"], words
    said = run(binarized(), tmp_path, resume=True)
    assert "continuing after epoch 3 of at most 3" in said
    same_run(uninterrupted, tmp_path)
    assert set(contents(tmp_path)) == set(contents(uninterrupted))
    before, now = read_metadata(uninterrupted), read_metadata(tmp_path)
    assert now["training"] == before["training"]


def test_an_error_is_an_end_like_others(tmp_path, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(OSError):
        break_in_batch(patch, 0, 1, OSError)
        run(binarized(), tmp_path)
    assert set(contents(tmp_path)) == {"recipe.json"}


@pytest.fixture(scope="module")
def half(tmp_path_factory):
    """A run on own data that ended in its second epoch, and its data; only to be read."""
    folder = tmp_path_factory.mktemp("half")
    np.save(folder / "own.npy", np.random.default_rng(0).normal(size=(40, 4)))
    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.chdir(folder)
        break_in_batch(patch, 1, 0)
        run(OWN, "run")
    return folder


OWN = recipe(data="own.npy", batch_size=16, epochs=2)


@pytest.fixture
def copy(half, tmp_path, monkeypatch):
    shutil.copytree(half, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "run"


def refused(folder, one, words):
    before = contents(folder)
    with pytest.raises(ValueError, match=words):
        run(one, folder, resume=True)
    assert contents(folder) == before


def test_optimizer_steps_that_did_not_count_do_not_change_the_epoch(copy, monkeypatch):
    load = keras.Model.load_weights

    def lagging(self, path, **options):
        load(self, path, **options)
        # As in half precision, where steps with an overflow are left out.
        if self.compiled:
            self.optimizer.iterations.assign(0)

    monkeypatch.setattr(keras.Model, "load_weights", lagging)
    assert "continuing after epoch 1 of" in run(OWN, copy, resume=True)
    np.testing.assert_array_equal(history(copy)["epoch"], [0, 1])


def test_a_lost_history_is_not_made_up(copy):
    (copy / "history.csv").write_text("epoch\n")
    refused(copy, OWN, "has 0 epochs, but .*checkpoint-1")


def test_changed_data_are_not_trained_on(copy):
    x = np.load("own.npy")
    np.save("own.npy", x[::-1])
    refused(copy, OWN, "'own' has changed since the run")
    np.save("own.npy", x)
    assert "after epoch 1" in run(OWN, copy, resume=True)


def test_another_precision_is_not_gone_on_with(copy):
    keras.config.set_dtype_policy("float64")
    refused(copy, OWN, "begun in float32, but would continue in float64")


@pytest.mark.parametrize(
    "values, words",
    [
        ({"seed": 1}, "seed was 0 and is now 1"),
        ({"optimizer": "sgd"}, "optimizer was None and is now 'sgd'"),
        (
            {"model": {"name": "dense_vae", "latent_dim": 3, "hidden_units": 8}},
            "model was 'dense_vae:latent_dim=2,.* now 'dense_vae:latent_dim=3,",
        ),
    ],
)
def test_another_recipe_is_refused_with_its_differences(copy, values, words):
    refused(
        copy, recipe(**{"data": "own.npy", "batch_size": 16, "epochs": 2, **values}), words
    )


def test_a_damaged_checkpoint_is_an_error_of_a_plain_kind(copy):
    path = copy / "checkpoint-1.weights.h5"
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises((OSError, ValueError)):
        run(OWN, copy, resume=True)
    assert len(history(copy)["epoch"]) == 1


def test_what_was_not_begun_is_started(copy, tmp_path):
    said = run(OWN, tmp_path / "new", resume=True)
    assert "continuing" not in said and read_metadata(tmp_path / "new")["scores"]


def test_a_finished_run_is_left_as_it_is(uninterrupted):
    before = contents(uninterrupted)
    assert run(binarized(), uninterrupted, resume=True).endswith("is finished")
    scores = train(binarized(), uninterrupted, resume=True, say=lambda _: None)
    assert contents(uninterrupted) == before
    assert scores == read_metadata(uninterrupted)["scores"]


def test_a_recipe_of_dicts_goes_on_with_one_of_text(uninterrupted):
    same = {"name": "dense_vae", "latent_dim": 2, "hidden_units": 8}
    one = binarized(model=same, objective={"name": "elbo", "num_samples": 1})
    assert run(one, uninterrupted, resume=True).endswith("is finished")
