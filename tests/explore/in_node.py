"""The page's programs run by Node.js, the browser's JavaScript without a browser."""

import importlib.resources
import json
import re
import shutil
import subprocess

import numpy as np
import pytest

NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="Node.js is not installed")
RUN = (importlib.resources.files("keras_vae.explore") / "assets/run.js").read_text("utf-8")
_JOBS = """
const { jobs, weights: text } = JSON.parse(require("fs").readFileSync(0, "utf8"));
const weights = numbersFromBase64(text);
const asList = (found) =>
  Object.fromEntries(Object.entries(found).map(([name, data]) => [name, Array.from(data, String)]));
const found = jobs.map(([program, inputs]) => asList(run(program, weights, inputs)));
process.stdout.write(JSON.stringify(found));
"""


def evaluate(code, given=""):
    """What a script behind the interpreter writes."""
    done = subprocess.run(
        [NODE, "-e", RUN + code], input=given, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def run_jobs(jobs, weights):
    """Runs programs, each with its inputs by name: arrays by name, all flat."""
    jobs = [
        (program, {name: np.ravel(x).tolist() for name, x in inputs.items()})
        for program, inputs in jobs
    ]
    found = evaluate(_JOBS, json.dumps({"jobs": jobs, "weights": weights}))
    # As texts: JSON has no infinity.
    return [
        {name: np.array([float(x) for x in data]) for name, data in one.items()}
        for one in found
    ]


def content_of(path):
    """What a page holds: its content, and its weights as text."""
    text = path.read_text("utf-8")
    content, weights = (
        re.search(f'<script type="[a-z/]+" id="{name}">(.*?)</script>', text, re.S)[1]
        for name in ("content", "weights")
    )
    return json.loads(content), weights
