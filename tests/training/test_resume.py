"""A resumed run is the run that was not interrupted."""

import pytest
from runs import (
    binarized,
    break_at_write,
    break_in_batch,
    contents,
    history,
    run,
    same_run,
)

from keras_vae import presets, training
from keras_vae.presets import read_metadata


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
    [("history.csv", 2, 1), ("checkpoint.weights.h5", 2, 1)],
)
def test_an_end_between_two_files(tmp_path, uninterrupted, monkeypatch, name, times, done):
    with monkeypatch.context() as patch:
        break_at_write(patch, name, times)
        interrupted(tmp_path)
    resumed(tmp_path, uninterrupted, f"going on after epoch {done}")


def test_an_end_between_weights_and_their_checksums(tmp_path, uninterrupted, monkeypatch):
    write, left = presets.write_json, [2]

    def broken(path, value):
        left[0] -= path.name == "metadata.json"
        if left[0] == 0:
            raise KeyboardInterrupt
        write(path, value)

    with monkeypatch.context() as patch:
        patch.setattr(presets, "write_json", broken)
        interrupted(tmp_path)
    # Such a model is refused rather than used, until the run has gone on.
    with pytest.raises(ValueError, match="model.weights.h5 is damaged"):
        presets.load_from_preset(tmp_path)
    resumed(tmp_path, uninterrupted, "going on after epoch 1")


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
    path = tmp_path / "checkpoint.weights.h5"
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises((OSError, ValueError)):
        run(binarized(), tmp_path, resume=True)
    assert len(history(tmp_path)["epoch"]) == 1
