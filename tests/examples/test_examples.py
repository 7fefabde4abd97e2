"""The examples run as their docstrings say, on small data."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parents[2] / "examples"


def run(tmp_path, name, *arguments, **environment):
    root = str(EXAMPLES.parent)
    result = subprocess.run(
        [sys.executable, str(EXAMPLES / name), *arguments],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": root, **environment},
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    return result.stdout


def test_no_anomalies_among_the_same_images(tmp_path):
    printed = run(
        tmp_path,
        *("anomalies.py", "dense_vae_digits"),
        *("--anomalies", "digits", "--count", "100", "--num-samples", "5"),
        *("--background-epochs", "1"),
    )
    found = dict(re.findall(r"^(\w+) +(\d\.\d+) \+- ", printed, re.MULTILINE))
    assert {"elbo", "log_likelihood", "likelihood_ratio"} <= set(found)
    # Ties count half. The draws of both halves are the same, too.
    assert {float(area) for area in found.values()} == {0.5}


def test_gallery_is_drawn(tmp_path):
    run(tmp_path, "gallery.py", "dense_vae_digits", "--output", "gallery.png")
    assert (tmp_path / "gallery.png").read_bytes().startswith(b"\x89PNG")


def test_faces_are_swapped_both_ways(tmp_path):
    # The layout of celeba_10k, black but for the few faces that are used.
    rng = np.random.default_rng(0)
    arrays = {"attribute_names": np.array(["Male", *(f"other_{i}" for i in range(39))])}
    for split, n in {"train": 9_000, "test": 1_000}.items():
        x = arrays[f"x_{split}"] = np.zeros((n, 64, 64, 3), np.uint8)
        x[:64] = rng.integers(1, 256, (64, 1, 1, 3))
        flags = np.arange(n)[:, np.newaxis] // 2 ** np.arange(40) % 2
        arrays[f"attributes_{split}"] = flags.astype(np.uint8)
    np.savez_compressed(tmp_path / "celeba_10k.npz", **arrays)
    options = ("--epochs", "1", "--limit", "16")
    folder = {"KERAS_VAE_DATA": str(tmp_path)}
    printed = run(tmp_path, "swap_faces.py", *options, **folder)
    assert re.search(r"Male: 16 faces; not: 16\nepoch 1/1: ELBO -\d+ and -\d+", printed)
    # Six rows of eight faces, enlarged to 128 pixels: the originals of each group on top of
    # what its own and the other's decoder make of them.
    picture = np.asarray(Image.open(tmp_path / "swap.png"))
    assert picture.shape == (6 * 128 + 5 * 2, 8 * 128 + 7 * 2, 3)
    for row, faces in ((0, x[1:16:2]), (3, x[0:16:2])):
        np.testing.assert_array_equal(picture[64 + row * 130, 64::130], faces[:, 0, 0])
