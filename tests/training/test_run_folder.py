"""Run folders: what may be touched, which epoch is best, when to stop."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from runs import contents, recipe

from keras_vae.training import train
from keras_vae.training.recipe import Recipe
from keras_vae.training.run_folder import (
    RunRecorder,
    checkpoints,
    for_one_process,
    open_folder,
    read_history,
    remove_checkpoints,
)
from keras_vae.training.workers import Workers


def opened(folder, one=None, resume=False, overwrite=False):
    open_folder(folder, one or recipe(), resume, overwrite)
    return Recipe.from_json(folder / "recipe.json")


def name_of(epochs):
    return f"checkpoint-{epochs}.weights.h5"


class Nothing:
    """In the place of a model."""

    def get_config(self):
        return {}

    @classmethod
    def from_config(cls, config):
        return cls()


def recorder(scores, folder=Path("nowhere"), monitor="val_elbo", **values):
    """A recorder behind epochs with these validation scores."""
    one = RunRecorder(folder, recipe(**values), monitor, Nothing(), {})
    one.rows = [{"epoch": i, monitor: s} for i, s in enumerate(scores)]
    return one


@pytest.mark.parametrize("resume", [False, True])
@pytest.mark.parametrize("exists", [False, True])
def test_a_new_or_empty_folder_is_taken(tmp_path, exists, resume):
    folder = tmp_path / "runs" / "a"
    if exists:
        folder.mkdir(parents=True)
    assert opened(folder, resume=resume) == recipe()


def test_a_taken_folder_is_said_before_the_data_are_read(tmp_path):
    opened(tmp_path)
    with pytest.raises(FileExistsError, match="holds a run already"):
        train(recipe(data=str(tmp_path / "nothing.npy")), tmp_path)


@pytest.mark.parametrize("resume", [False, True])
def test_a_hidden_leftover_does_not_fill_a_folder(tmp_path, resume):
    (tmp_path / ".new.recipe.json").write_text("{")
    (tmp_path / ".new.x").mkdir()
    assert opened(tmp_path, resume=resume) == recipe()


@pytest.mark.parametrize("option", [{}, {"resume": True}, {"overwrite": True}])
def test_a_folder_that_is_no_run_is_never_touched(tmp_path, option):
    (tmp_path / "model.weights.h5").write_text("somebody's work")
    before = contents(tmp_path)
    with pytest.raises(FileExistsError, match="not the folder of a run"):
        opened(tmp_path, **option)
    assert contents(tmp_path) == before


def test_a_folder_in_which_another_process_trains_is_refused(tmp_path):
    folder, workers = tmp_path / "run", Workers(None)
    for _ in range(2):
        with workers.folder(folder) as own, for_one_process(folder):
            with pytest.raises(FileExistsError, match="Another process is training"):
                workers.open_folder(folder, own, recipe(), False, True)
        assert not any(folder.iterdir())
    with workers.folder(folder) as own:
        workers.open_folder(folder, own, recipe(), False, True)
    assert (folder / "recipe.json").exists()


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "run").write_text("")
    with pytest.raises(OSError, match="run"):
        opened(tmp_path / "run", overwrite=True)


def test_a_run_is_not_taken_without_being_asked_for(tmp_path):
    opened(tmp_path)
    (tmp_path / "history.csv").write_text("epoch\n0\n")
    before = contents(tmp_path)
    with pytest.raises(FileExistsError, match="--resume.*--overwrite"):
        opened(tmp_path)
    assert contents(tmp_path) == before


def test_overwriting_deletes_the_files_of_a_run_alone(tmp_path):
    opened(tmp_path)
    run_files = ["config.json", "model.weights.h5", "metadata.json", "history.csv"]
    run_files += ["loss.png", "samples.png", "reconstructions.png", "manifold.png"]
    run_files += [name_of(3), name_of(12), "log.csv", "log_ids.json"]
    run_files += ["tensorboard/train/events"]
    for name in (*run_files, "README.md", "mine/recipe.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("old")
    assert opened(tmp_path, recipe(seed=5), overwrite=True) == recipe(seed=5)
    rest = contents(tmp_path)
    assert set(rest) == {"recipe.json", "README.md", "mine/recipe.json"}
    assert rest["README.md"] == rest["mine/recipe.json"] == b"old"


def test_a_run_is_resumed_with_its_own_recipe(tmp_path):
    opened(tmp_path)
    before = contents(tmp_path)
    assert opened(tmp_path, resume=True) == recipe()
    with pytest.raises(ValueError) as error:
        opened(tmp_path, recipe(seed=1, prior="vamp"), resume=True)
    assert "seed was 0 and is now 1" in str(error.value)
    assert "prior was None and is now 'vamp'" in str(error.value)
    assert "epochs" not in str(error.value) and contents(tmp_path) == before


@pytest.mark.parametrize(
    "scores, values, best",
    [
        ([], {}, None),
        ([-3.0], {}, 0),
        ([-3.0, -1.0, -2.0], {}, 1),
        ([-2.0, -1.0, -1.0], {}, 1),
        # Losses: the lowest wins.
        ([3.0, 1.0, 2.0], {"monitor": "val_loss"}, 1),
        # Of a game the newest is kept.
        ([3.0, 1.0, 2.0], {"monitor": None}, 2),
        # In the warm-up the newest is best, and after it they are forgotten.
        ([-1.0, -2.0], {"warmup_epochs": 2}, 1),
        ([-1.0, -2.0, -9.0], {"warmup_epochs": 2}, 2),
        ([-1.0, -2.0, -9.0, -8.0, -8.5], {"warmup_epochs": 2}, 3),
        ([-1.0, -2.0, -3.0], {"warmup_epochs": 50}, 2),
    ],
)
def test_the_best_epoch(scores, values, best):
    assert recorder(scores, **values).best_epoch == best


@pytest.mark.parametrize(
    "scores, values, over",
    [
        ([], {}, False),
        ([-2.0, -3.0], {"patience": 2}, False),
        ([-2.0, -3.0, -4.0], {"patience": 2}, True),
        ([-2.0, -3.0, -1.0], {"patience": 2}, False),
        ([-2.0, -2.0, -2.0], {"patience": 2}, True),
        ([-2.0, -3.0, -4.0], {"patience": 2, "monitor": None}, False),
        ([-1.0, -2.0], {"epochs": 2}, True),
        ([-2.0, -3.0, -4.0], {"patience": 2, "warmup_epochs": 3}, False),
        ([-2.0, -3.0, -4.0, -5.0, -6.0], {"patience": 2, "warmup_epochs": 2}, True),
    ],
)
def test_when_a_run_is_over(scores, values, over):
    assert recorder(scores, **{"epochs": 50, **values}).is_over == over


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_none_end_the_run_and_write_nothing(tmp_path, bad):
    one = recorder([-2.0], tmp_path)
    with pytest.raises(FloatingPointError, match="diverged in epoch 2.*learning rate"):
        one.on_epoch_end(1, {"val_elbo": -1.0, "loss": bad})
    assert contents(tmp_path) == {} and len(one.rows) == 1


@pytest.mark.parametrize("epochs", [(1,), (3,), (1, 2), (2, 3)])
def test_the_last_checkpoint_is_restored_and_its_name_tells_the_epoch(tmp_path, epochs):
    for number in epochs:
        (tmp_path / name_of(number)).write_text("")
    # Steps whose gradients overflow in half precision are not among the iterations.
    optimizer, read = SimpleNamespace(iterations=1), []
    model = SimpleNamespace(load_weights=read.append, optimizer=optimizer)
    one = recorder([-3.0, -2.0, -1.0], tmp_path)
    assert one.restore(model) == len(one.rows) == epochs[-1]
    assert read == [tmp_path / name_of(epochs[-1])]


def test_epochs_are_compared_as_numbers(tmp_path):
    for number in (9, 10):
        (tmp_path / name_of(number)).write_text("")
    model = SimpleNamespace(load_weights=lambda path: None)
    assert recorder([-1.0] * 10, tmp_path).restore(model) == 10


def test_a_history_that_lacks_epochs_is_refused(tmp_path):
    (tmp_path / name_of(3)).write_text("")
    with pytest.raises(ValueError, match="2 epochs, but .*checkpoint-3.*after 3"):
        recorder([-3.0, -2.0], tmp_path).restore(None)


def test_without_a_checkpoint_a_run_starts_anew(tmp_path):
    one = recorder([-3.0], tmp_path)
    assert one.restore(None) == 0 and one.rows == []


def test_checkpoints_are_found_and_removed_and_nothing_else(tmp_path):
    others = {"model.weights.h5", "checkpoint-x.weights.h5", f".new.{name_of(3)}"}
    for name in (name_of(1), name_of(2), *others):
        (tmp_path / name).write_text("")
    found = sorted(checkpoints(tmp_path))
    assert found == [(n, tmp_path / name_of(n)) for n in (1, 2)]
    remove_checkpoints(tmp_path)
    assert set(contents(tmp_path)) == others and checkpoints(tmp_path) == []


def test_no_history_is_an_empty_one(tmp_path):
    assert read_history(tmp_path) == []
