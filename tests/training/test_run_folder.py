"""Run folders: what may be touched, which epoch is best, when to stop."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from runs import contents, recipe

from keras_vae.recipe import Recipe
from keras_vae.run_folder import CHECKPOINT, Keeper, claim, read_history


def claimed(folder, one=None, resume=False, overwrite=False):
    claim(folder, one or recipe(), resume, overwrite)
    return Recipe.from_json(folder / "recipe.json")


def keeper(scores, tmp_path=None, **values):
    """A keeper behind epochs with these validation scores."""
    one = Keeper(tmp_path or Path("nowhere"), recipe(**values), {})
    one.rows = [{"epoch": i, one.recipe.monitor: s} for i, s in enumerate(scores)]
    return one


@pytest.mark.parametrize("resume", [False, True])
@pytest.mark.parametrize("exists", [False, True])
def test_a_new_or_empty_folder_is_taken(tmp_path, exists, resume):
    folder = tmp_path / "runs" / "a"
    if exists:
        folder.mkdir(parents=True)
    assert claimed(folder, resume=resume) == recipe()


@pytest.mark.parametrize("option", [{}, {"resume": True}, {"overwrite": True}])
def test_a_folder_that_is_no_run_is_never_touched(tmp_path, option):
    (tmp_path / "model.weights.h5").write_text("somebody's work")
    before = contents(tmp_path)
    with pytest.raises(FileExistsError, match="not the folder of a run"):
        claimed(tmp_path, **option)
    assert contents(tmp_path) == before


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "run").write_text("")
    with pytest.raises(OSError, match="run"):
        claimed(tmp_path / "run", overwrite=True)


def test_a_run_is_not_taken_without_being_asked_for(tmp_path):
    claimed(tmp_path)
    (tmp_path / "history.csv").write_text("epoch\n0\n")
    before = contents(tmp_path)
    with pytest.raises(FileExistsError, match="--resume.*--overwrite"):
        claimed(tmp_path)
    assert contents(tmp_path) == before


def test_overwriting_deletes_the_files_of_a_run_alone(tmp_path):
    claimed(tmp_path)
    run_files = ["config.json", "model.weights.h5", "metadata.json", "history.csv"]
    run_files += ["loss.png", "samples.png", "reconstructions.png", "manifold.png"]
    for name in (*run_files, CHECKPOINT, "README.md", "mine/recipe.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("old")
    assert claimed(tmp_path, recipe(seed=5), overwrite=True) == recipe(seed=5)
    rest = contents(tmp_path)
    assert set(rest) == {"recipe.json", "README.md", "mine/recipe.json"}
    assert rest["README.md"] == rest["mine/recipe.json"] == b"old"


def test_a_run_is_resumed_with_its_own_recipe(tmp_path):
    claimed(tmp_path)
    before = contents(tmp_path)
    assert claimed(tmp_path, resume=True) == recipe()
    with pytest.raises(ValueError) as error:
        claimed(tmp_path, recipe(seed=1, latent_dim=3), resume=True)
    assert "seed was 0 and is now 1" in str(error.value)
    assert "latent_dim was 2 and is now 3" in str(error.value)
    assert "epochs" not in str(error.value) and contents(tmp_path) == before


@pytest.mark.parametrize(
    "scores, values, best",
    [
        ([], {}, None),
        ([-3.0], {}, 0),
        ([-3.0, -1.0, -2.0], {}, 1),
        ([-2.0, -1.0, -1.0], {}, 1),
        # Losses: the lowest wins.
        ([3.0, 1.0, 2.0], {"beta": 2.0}, 1),
        # In the warm-up the newest is best, and after it they are forgotten.
        ([-1.0, -2.0], {"warmup_epochs": 2}, 1),
        ([-1.0, -2.0, -9.0], {"warmup_epochs": 2}, 2),
        ([-1.0, -2.0, -9.0, -8.0, -8.5], {"warmup_epochs": 2}, 3),
        ([-1.0, -2.0, -3.0], {"warmup_epochs": 50}, 2),
    ],
)
def test_the_best_epoch(scores, values, best):
    assert keeper(scores, **values).best_epoch == best


@pytest.mark.parametrize(
    "scores, values, over",
    [
        ([], {}, False),
        ([-2.0, -3.0], {"patience": 2}, False),
        ([-2.0, -3.0, -4.0], {"patience": 2}, True),
        ([-2.0, -3.0, -1.0], {"patience": 2}, False),
        ([-2.0, -2.0, -2.0], {"patience": 2}, True),
        ([-1.0, -2.0], {"epochs": 2}, True),
        ([-2.0, -3.0, -4.0], {"patience": 2, "warmup_epochs": 3}, False),
        ([-2.0, -3.0, -4.0, -5.0, -6.0], {"patience": 2, "warmup_epochs": 2}, True),
    ],
)
def test_when_a_run_is_over(scores, values, over):
    assert keeper(scores, **{"epochs": 50, **values}).is_over == over


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_none_end_the_run_and_write_nothing(tmp_path, bad):
    one = keeper([-2.0], tmp_path)
    with pytest.raises(FloatingPointError, match="diverged in epoch 2.*learning rate"):
        one.on_epoch_end(1, {"val_elbo": -1.0, "loss": bad})
    assert contents(tmp_path) == {} and len(one.rows) == 1


@pytest.mark.parametrize("iterations, epochs", [(24, 2), (36, 3), (33, 3), (13, 2)])
def test_the_checkpoint_knows_its_epoch(tmp_path, iterations, epochs):
    # 33 of 36: three steps whose gradients overflowed in half precision.
    (tmp_path / CHECKPOINT).write_text("")
    optimizer = SimpleNamespace(iterations=iterations)
    model = SimpleNamespace(load_weights=lambda path: None, optimizer=optimizer)
    one = keeper([-3.0, -2.0, -1.0], tmp_path)
    assert one.restore(model, steps_per_epoch=12) == len(one.rows) == epochs


def test_without_a_checkpoint_a_run_starts_anew(tmp_path):
    one = keeper([-3.0], tmp_path)
    assert one.restore(None, 12) == 0 and one.rows == []


def test_no_history_is_an_empty_one(tmp_path):
    assert read_history(tmp_path) == []
