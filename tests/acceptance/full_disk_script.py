"""Writes where there is no room; run in a mount namespace of its own.

Usage: full_disk_script.py FOLDER; mounts a small disk there, and prints what was said.
"""

import functools
import io
import json
import shutil
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from faults import SHAPE, finished_run, model, put_export, scores
from moments import contents

import keras_vae
from keras_vae import plots
from keras_vae.cli import main
from keras_vae.core import files
from keras_vae.core.disk import DiskFullError
from keras_vae.core.files import write_atomically, write_json, write_weights
from keras_vae.presets.building import add_files, build_preset, record_scores

DISK, ELSEWHERE = Path(sys.argv[1]) / "disk", Path(sys.argv[1]) / "elsewhere"


def command(*arguments):
    """Runs `keras-vae`, and raises what it says when it fails."""
    said = io.StringIO()
    try:
        with redirect_stderr(said), redirect_stdout(io.StringIO()):
            main([str(one) for one in arguments])
    except SystemExit as end:
        assert end.code == 1 and "Traceback" not in said.getvalue()
        raise DiskFullError("-", 0) from RuntimeError(said.getvalue())


def save_in_spite_of_the_check(folder):
    """As where another process takes the room after it was looked at."""
    check = files.check_room
    files.check_room = lambda folder, needed: None
    try:
        model(5, 2).save_to_preset(folder / "mine")
    finally:
        files.check_room = check


def preset_with_a_new_file(folder):
    build_preset(ELSEWHERE / "old", "mine", folder)
    put_export(folder / "mine" / "1")


def old_preset(folder):
    preset_with_a_new_file(folder)
    add_files(folder / "mine")


def old_model(folder):
    model(4, 1).save_to_preset(folder / "mine")


def old_export(folder):
    put_export(folder / "1")


def old_files(folder):
    write_json(folder / "a.json", "old")
    plots.save_image(np.zeros((4, 4, 3), np.uint8), folder / "a.png")


def checkpoint(folder):
    trained = keras_vae.DenseVAE(SHAPE, 2, hidden_units=(5,))
    trained.compile("adam")
    trained.fit(np.ones((4, *SHAPE)), verbose=0)
    write_atomically(folder / "c.weights.h5", functools.partial(write_weights, trained))


# What was there before, how many bytes are left, and what is tried then.
CASES = {
    "save_to_preset": (
        old_model,
        30_000,
        lambda f: model(5, 2).save_to_preset(f / "mine"),
    ),
    "save_to_preset, too late": (old_model, 30_000, save_in_spite_of_the_check),
    "checkpoint": (old_files, 30_000, checkpoint),
    "zoo build": (
        old_preset,
        30_000,
        lambda f: command("zoo", "build", ELSEWHERE / "new", "mine2", "--zoo", f),
    ),
    "zoo score": (old_preset, 0, lambda f: record_scores(f / "mine", scores(-2.0))),
    "zoo add-files": (preset_with_a_new_file, 0, lambda f: add_files(f / "mine")),
    "export, no room for weights": (
        old_export,
        0,
        lambda f: command("export", ELSEWHERE / "new", f / "1", "--overwrite"),
    ),
    "export, no room for the graph": (
        old_export,
        30_000,
        lambda f: command("export", ELSEWHERE / "new", f / "1", "--overwrite"),
    ),
    "JSON": (old_files, 0, lambda f: write_json(f / "a.json", "new" * 9000)),
    "a picture": (
        old_files,
        0,
        lambda f: plots.save_image(np.ones((9, 9, 3), np.uint8), f / "a.png"),
    ),
}


def try_case(name):
    """Tries a case on a full disk, then with room; returns what was said."""
    before, room, action = CASES[name]
    folder = DISK / "folder"
    folder.mkdir()
    before(folder)
    held = contents(folder)
    free = shutil.disk_usage(DISK).free
    (DISK / "filler").write_bytes(bytes(free - room))
    said = None
    try:
        action(folder)
    except DiskFullError as error:
        said = str(error.__cause__ if "disk of - is" in str(error) else error)
    unchanged = contents(folder) == held
    (DISK / "filler").unlink()
    # The same works again where there is room.
    action(folder)
    changed = contents(folder) != held
    shutil.rmtree(folder)
    return {"case": name, "said": said, "unchanged": unchanged, "works again": changed}


DISK.mkdir(parents=True)
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", DISK], check=True)
finished_run(ELSEWHERE / "old", 4, 1)
finished_run(ELSEWHERE / "new", 5, 2)
for name in CASES:
    print(json.dumps(try_case(name)), flush=True)
print("the end", flush=True)
