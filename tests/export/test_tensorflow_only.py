"""A SavedModel is served where TensorFlow is all that is installed."""

import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest
from served_models import answers, check_answer, requests

SCRIPT = pathlib.Path(__file__).with_name("tensorflow_only_script.py")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mixture prior, mixed objective", "VAE-GAN"])
def test_tensorflow_alone_answers_as_keras_does(exported, tmp_path, name):
    served, folder = exported(name)
    asked = requests(served, 3)
    for key, request in asked.items():
        for one, value in request.items():
            np.save(tmp_path / f"{key}_in_{one}.npy", value)
    names = {key: list(request) for key, request in asked.items()}
    job = json.dumps({"model": str(folder), "requests": names})
    (tmp_path / "job.json").write_text(job)
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    for key, expected in answers(served, 3).items():
        check_answer(np.load(tmp_path / f"{key}.npz"), expected)
