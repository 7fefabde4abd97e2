"""Whenever a process is killed, the old or the new one is there, and nothing is stuck."""

import signal
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import tensorflow as tf
from faults import EXPORTED, finished_run, model, put_export, scores, what_is_there
from moments import contents, copies_at_each_moment

from keras_vae import VAE
from keras_vae.core import folders
from keras_vae.export import writing
from keras_vae.presets.building import add_files, build_preset, record_scores
from keras_vae.presets.files import WEIGHTS, describe_file, read_metadata

SCRIPT = Path(__file__).with_name("killed_command.py")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two finished runs of models of another size."""
    folder = tmp_path_factory.mktemp("runs")
    finished_run(folder / "old", 4, 1)
    finished_run(folder / "new", 5, 2)
    return folder


def old_preset(runs, work):
    build_preset(runs / "old", "mine", work)
    put_export(work / "mine" / "1")
    add_files(work / "mine")


def preset_with_a_new_file(runs, work):
    build_preset(runs / "old", "mine", work)
    put_export(work / "mine" / "1")


def nothing(runs, work):
    pass


def saved(units, seed):
    return lambda runs, work: model(units, seed).save_to_preset(work / "mine")


def old_export(runs, work):
    put_export(work / "1")


def export(runs, work):
    # As TensorFlow writes, and faster.
    def write(folder, signatures):
        (folder / "assets").mkdir()
        for name in EXPORTED:
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(f"new {name}")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writing, "_write_saved_model", write)
        patch.setattr(writing, "signatures_of", lambda model: {})
        model(4, 1).export(work / "1", overwrite=True)


class Case(NamedTuple):
    """What was there before, and what is done then."""

    before: callable
    action: callable


def build(runs, work):
    build_preset(runs / "new", "mine", work, overwrite=True)


CASES = {
    "zoo build --overwrite": Case(old_preset, build),
    "zoo add-files": Case(preset_with_a_new_file, lambda r, w: add_files(w / "mine")),
    "zoo score": Case(old_preset, lambda r, w: record_scores(w / "mine", scores(-2.0))),
    "save_to_preset, a first one": Case(nothing, saved(4, 2)),
    "save_to_preset, the same config": Case(saved(4, 1), saved(4, 2)),
    "export, a first one": Case(nothing, export),
    "export --overwrite": Case(old_export, export),
}


@pytest.mark.thinned
@pytest.mark.parametrize("name", CASES)
def test_whenever_it_is_killed_the_old_or_the_new_one_is_there(runs, tmp_path, name):
    before, action = CASES[name]
    work, copies = tmp_path / "work", tmp_path / "copies"
    work.mkdir()
    copies.mkdir()
    before(runs, work)
    old = what_is_there(work)
    count, left = copies_at_each_moment(work, copies, lambda: action(runs, work))
    new, end = what_is_there(work), contents(work)
    assert new != old and count >= len(left) - 1 >= 6
    assert what_is_there(left[0]) == old and what_is_there(left[-1]) == new
    for copy in left:
        assert what_is_there(copy) in (old, new), copy.name
        # The same command works again, and sweeps what the killed one left.
        action(runs, copy)
        assert what_is_there(copy) == new and contents(copy).keys() == end.keys()
    print(f"\n{name}: {count} moments, {len(left)} of them differ")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["zoo build --overwrite", "export --overwrite"])
def test_where_folders_cannot_change_places_the_next_call_brings_one_back(
    runs, tmp_path, monkeypatch, name
):
    monkeypatch.setattr(folders, "_exchange", lambda one, other: False)
    before, action = CASES[name]
    work, copies = tmp_path / "work", tmp_path / "copies"
    work.mkdir()
    copies.mkdir()
    before(runs, work)
    old = what_is_there(work)
    _, left = copies_at_each_moment(work, copies, lambda: action(runs, work))
    new = what_is_there(work)
    gone = [copy for copy in left if what_is_there(copy) not in (old, new)]
    assert len(gone) == 1 and what_is_there(gone[0]) is None
    with pytest.raises(ZeroDivisionError):
        folder = gone[0] / ("1" if name.startswith("export") else "mine")
        folders.write_folder_atomically(folder, lambda _: 1 / 0, True, lambda _: True)
    assert what_is_there(gone[0]) == old


def test_what_is_not_in_its_place_yet_is_read_and_checked(runs, tmp_path):
    """Between the metadata and the files: everything that reads a preset finds them."""
    (tmp_path / "work").mkdir()
    (tmp_path / "copies").mkdir()
    finished_run(tmp_path / "work" / "run", 4, 1)
    _, left = copies_at_each_moment(
        tmp_path / "work",
        tmp_path / "copies",
        lambda: finished_run(tmp_path / "work" / "run", 5, 2),
    )
    pending = [copy for copy in left if is_committed(copy / "run")]
    assert len(pending) > 1
    for copy in pending:
        weights = VAE.from_preset(copy / "run").get_weights()
        assert weights[0].shape == model(5, 2).get_weights()[0].shape
        preset = build_preset(copy / "run", "mine", copy / "zoo")
        built = VAE.from_preset(preset).get_weights()
        for one, other in zip(weights, built, strict=True):
            np.testing.assert_array_equal(one, other)
        # Damage is found there, too.
        (copy / "run" / ".new.preset" / WEIGHTS).write_bytes(b"damaged")
        with pytest.raises(ValueError, match=f"{WEIGHTS} is damaged"):
            VAE.from_preset(copy / "run")


def is_committed(folder):
    """Whether metadata name weights that are not in their place yet."""
    weights = folder / ".new.preset" / WEIGHTS
    if not weights.exists():
        return False
    return describe_file(weights) == read_metadata(folder)["files"][WEIGHTS]


def run_killed(folder, moment, *arguments):
    """Runs the command in a process that ends by SIGKILL at a moment of its own."""
    command = [sys.executable, str(SCRIPT), str(folder), str(moment), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)


@pytest.mark.release
@pytest.mark.parametrize(
    "before, arguments",
    [
        (old_preset, ["zoo", "build", "RUN", "mine", "--zoo", ".", "--overwrite"]),
        (old_export, ["export", "RUN", "1", "--overwrite"]),
    ],
    ids=["zoo build --overwrite", "export --overwrite"],
)
def test_processes_that_are_killed(runs, tmp_path, before, arguments):
    arguments = [str(runs / "new") if one == "RUN" else one for one in arguments]

    def begin(name):
        (tmp_path / name).mkdir()
        before(runs, tmp_path / name)
        return tmp_path / name

    def is_new(work):
        if before is old_preset:
            return what_is_there(work) == new
        # No two exports have the same bytes.
        return contents(work / "1").keys() == new.keys() and is_loaded(work / "1")

    work = begin("whole")
    old, held = what_is_there(work), {path.name for path in work.iterdir()}
    whole = run_killed(work, 0, *arguments)
    assert whole.returncode == 0, whole.stderr
    count, new = int(whole.stdout.split()[-2]), what_is_there(work)
    # The last ones are those that matter: folders change places, and one is deleted.
    for moment in (count // 3, count - 6, count):
        work = begin(f"killed-{moment}")
        killed = run_killed(work, moment, *arguments)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        assert what_is_there(work) == old or is_new(work)
        again = run_killed(work, 0, *arguments)
        assert again.returncode == 0, again.stderr
        assert is_new(work) and {path.name for path in work.iterdir()} == held


def is_loaded(folder):
    """Whether TensorFlow loads an export."""
    return "encode" in tf.saved_model.load(folder).signatures
