"""The examples run as their docstrings say, on small data."""

import os
import re
import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"


def run(tmp_path, name, *arguments):
    root = str(EXAMPLES.parent)
    result = subprocess.run(
        [sys.executable, str(EXAMPLES / name), *arguments],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": root},
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
