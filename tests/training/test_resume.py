"""A resumed run is the run that was not interrupted."""

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

from keras_vae import VAE, training
from keras_vae.presets.files import read_metadata
from keras_vae.training import run_folder


def interrupted(output, error=KeyboardInterrupt, **values):
    with pytest.raises(error):
        run(binarized(**values), output)


def resumed(output, uninterrupted, words, **values):
    said = run(binarized(**values), output, resume=True)
    assert words in said
    same_run(uninterrupted, output)
    assert set(contents(output)) == set(contents(uninterrupted))
    before, now = read_metadata(uninterrupted), read_metadata(output)
    assert now["training"] == before["training"]


def test_an_end_in_the_middle_of_an_epoch(tmp_path, uninterrupted, monkeypatch):
    with monkeypatch.context() as patch:
        break_in_batch(patch, 2, 7)
        interrupted(tmp_path)
    assert len(history(tmp_path)["epoch"]) == 2
    resumed(tmp_path, uninterrupted, "going on after epoch 2 of at most 3")


def test_an_end_in_the_first_epoch(tmp_path, uninterrupted, monkeypatch):
    with monkeypatch.context() as patch:
        break_in_batch(patch, 0, 5, OSError)
        interrupted(tmp_path, OSError)
    assert set(contents(tmp_path)) == {"recipe.json"}
    resumed(tmp_path, uninterrupted, "training on")


@pytest.mark.parametrize(
    "name, times, done",
    [("history.csv", 2, 1), ("checkpoint-2.weights.h5", 1, 1)],
)
def test_an_end_between_two_files(tmp_path, uninterrupted, monkeypatch, name, times, done):
    with monkeypatch.context() as patch:
        break_at_write(patch, name, times)
        interrupted(tmp_path)
    resumed(tmp_path, uninterrupted, f"going on after epoch {done}")


@pytest.mark.parametrize("left", [0, 1])
def test_an_end_amid_the_files_of_the_best_model(
    tmp_path, uninterrupted, monkeypatch, left
):
    keep, kept = VAE.save_to_preset, []

    def second_is_cut(*arguments):
        with monkeypatch.context() as patch:
            if kept:
                end_after_replacing(patch, left)
            keep(*arguments)
        kept.append(weights(tmp_path))

    with monkeypatch.context() as patch:
        patch.setattr(VAE, "save_to_preset", second_is_cut)
        interrupted(tmp_path)
    # The metadata were there, and with them the model of the second epoch.
    assert np.any(weights(tmp_path) != kept[0])
    resumed(tmp_path, uninterrupted, "going on after epoch 1")


@pytest.mark.parametrize("lag", [1, 40])
def test_optimizer_steps_that_did_not_count_do_not_change_the_epoch(
    tmp_path, monkeypatch, lag
):
    save = run_folder.write_atomically

    def lagging(path, write):
        # As in half precision, where steps with an overflow are left out.
        if path.name.startswith("checkpoint"):
            steps = write.args[0].optimizer.iterations
            steps.assign(max(int(steps) - lag, 0))
        save(path, write)

    with monkeypatch.context() as patch:
        patch.setattr(run_folder, "write_atomically", lagging)
        break_in_batch(patch, 2, 0)
        interrupted(tmp_path)
    said = run(binarized(), tmp_path, resume=True)
    assert "going on after epoch 2 of" in said
    np.testing.assert_array_equal(history(tmp_path)["epoch"], [0, 1, 2])


def test_a_lost_history_is_not_made_up(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        break_in_batch(patch, 2, 0)
        interrupted(tmp_path)
    path = tmp_path / "history.csv"
    path.write_text("\n".join(path.read_text().splitlines()[:2]) + "\n")
    before = contents(tmp_path)
    with pytest.raises(ValueError, match="has 1 epochs, but .*checkpoint-2"):
        run(binarized(), tmp_path, resume=True)
    assert contents(tmp_path) == before


@pytest.fixture
def own(tmp_path, monkeypatch):
    """An interrupted run on own data."""
    np.save(tmp_path / "own.npy", np.random.default_rng(0).normal(size=(40, 4)))
    values = {"data": str(tmp_path / "own.npy"), "batch_size": 16}
    with monkeypatch.context() as patch:
        break_in_batch(patch, 1, 0)
        with pytest.raises(KeyboardInterrupt):
            run(recipe(**values), tmp_path / "run")
    return values


def test_changed_data_are_not_trained_on(own, tmp_path):
    x = np.load(own["data"])
    np.save(own["data"], x[::-1])
    before = contents(tmp_path / "run")
    with pytest.raises(ValueError, match="'own' has changed since the run"):
        run(recipe(**own), tmp_path / "run", resume=True)
    assert contents(tmp_path / "run") == before
    np.save(own["data"], x)
    assert "after epoch 1" in run(recipe(**own), tmp_path / "run", resume=True)


def test_another_precision_is_not_gone_on_with(own, tmp_path):
    keras.config.set_dtype_policy("float64")
    with pytest.raises(ValueError, match="begun in float32, but here .* in float64"):
        run(recipe(**own), tmp_path / "run", resume=True)


def test_another_seed_is_not_mistaken_for_other_data(own, tmp_path):
    with pytest.raises(ValueError, match="seed was 0 and is now 1"):
        run(recipe(**own, seed=1), tmp_path / "run", resume=True)


def test_an_end_before_the_closing(tmp_path, uninterrupted, monkeypatch):
    def broken(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(training, "_finish", broken)
        interrupted(tmp_path)
    assert not read_metadata(tmp_path)["training"]["finished"]
    resumed(tmp_path, uninterrupted, "going on after epoch 3 of at most 3")


def test_two_ends_in_one_run_with_a_warm_up(tmp_path, monkeypatch):
    values = {"warmup_epochs": 2, "patience": 1, "seed": 3}
    run(binarized(**values), tmp_path / "whole")
    for epoch in (1, 2):
        with monkeypatch.context() as patch:
            break_in_batch(patch, epoch, 3)
            with pytest.raises(KeyboardInterrupt):
                run(binarized(**values), tmp_path / "parts", resume=True)
    resumed(tmp_path / "parts", tmp_path / "whole", "after epoch 2", **values)


def test_a_finished_run_is_left_as_it_is(uninterrupted):
    before = contents(uninterrupted)
    assert run(binarized(), uninterrupted, resume=True).endswith("is finished")
    assert contents(uninterrupted) == before
    scores = training.train(binarized(), uninterrupted, resume=True, say=lambda _: None)
    assert scores == read_metadata(uninterrupted)["scores"]


def test_another_recipe_is_refused_with_its_differences(uninterrupted):
    before = contents(uninterrupted)
    with pytest.raises(ValueError, match="learning_rate was 0.001 and is now 0.5"):
        run(binarized(learning_rate=0.5), uninterrupted, resume=True)
    assert contents(uninterrupted) == before


def test_what_was_not_begun_is_started(tmp_path):
    said = run(binarized(epochs=1), tmp_path / "new", resume=True)
    assert "going on" not in said and read_metadata(tmp_path / "new")["scores"]


def test_a_damaged_checkpoint_is_an_error_of_a_plain_kind(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        break_in_batch(patch, 1, 0)
        interrupted(tmp_path)
    path = tmp_path / "checkpoint-1.weights.h5"
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises((OSError, ValueError)):
        run(binarized(), tmp_path, resume=True)
    assert len(history(tmp_path)["epoch"]) == 1
