"""TensorFlow's C++ runtime, which servers run, answers every signature as Keras does."""

import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from served_models import answers, check_answer, requests

from keras_vae.export import read_signatures

SCRIPT = pathlib.Path(__file__).with_name("c_api_script.py")
LIBRARY = pathlib.Path(tf.__file__).with_name("libtensorflow_cc.so.2")
BAD = {
    "nan": ("learned scale", "serving_default", np.full((2, 6), np.nan, "f4")),
    "outside": ("8-bit levels", "score", np.full((2, 8, 8, 1), 0.5, "f4")),
    "channels": ("8-bit levels", "encode_uint8", np.zeros((2, 8, 8, 2), "u1")),
    "dtype": ("8-bit levels", "encode_uint8", np.zeros((2, 8, 8, 1), "f4")),
}
# (`test_export.py` asks every case in Python, `test_saved_model_cli.py` three other presets.)
NAMES = [
    *("learned scale", "8-bit levels", "flow of counts, classes", "top-down", "VAE-GAN"),
    "zoo: vq_vae_fashion_mnist",
]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not LIBRARY.exists(), reason=f"this TensorFlow brings no {LIBRARY.name}"
    ),
]


def all_requests(exported):
    """Model, signature and inputs of each run, by its name."""
    runs = {}
    for name in NAMES:
        served, _ = exported(name)
        for n in (0, 3):
            for key, request in requests(served, n).items():
                runs[f"{name} {key} {n}"] = name, key, request
    for bad, (name, key, x) in BAD.items():
        request = requests(exported(name)[0], 2)[key]
        runs[bad] = name, key, {**request, "x": x}
    return runs


@pytest.fixture(scope="module")
def report(exported, tmp_path_factory):
    """Answers by name of the run, and errors."""
    folder = tmp_path_factory.mktemp("c_api")
    job = {"library": str(LIBRARY), "runs": {}}
    for number, (run, (name, key, request)) in enumerate(all_requests(exported).items()):
        signature = read_signatures(exported(name)[1])[key]
        inputs = {signature.inputs[one].tensor: f"{number}_in_{one}.npy" for one in request}
        for file, value in zip(inputs.values(), request.values(), strict=True):
            np.save(folder / file, value)
        outputs = {
            tensor.tensor: f"{number}_out_{one}.npy"
            for one, tensor in signature.outputs.items()
        }
        job["runs"][run] = {
            "folder": str(exported(name)[1]),
            "inputs": inputs,
            "outputs": outputs,
        }
    (folder / "job.json").write_text(json.dumps(job))
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(folder / "job.json")],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    (line,) = (one for one in done.stdout.splitlines() if one.startswith("ERRORS"))
    found = {
        run: {
            file.split("_out_")[1].removesuffix(".npy"): np.load(folder / file)
            for file in about["outputs"].values()
            if (folder / file).exists()
        }
        for run, about in job["runs"].items()
    }
    return found, json.loads(line.removeprefix("ERRORS"))


@pytest.mark.parametrize("name", NAMES)
def test_the_c_library_answers_as_keras_does_and_empty_batches_with_none(
    report, exported, name
):
    for key, expected in answers(exported(name)[0], 3).items():
        check_answer(report[0][f"{name} {key} 3"], expected)
        shapes = {one: array.shape for one, array in report[0][f"{name} {key} 0"].items()}
        assert shapes == {one: (0, *array.shape[1:]) for one, array in expected.items()}


def test_the_c_library_refuses_bad_values_in_plain_words(report):
    found, errors = report
    assert set(errors) == set(BAD) and not any(found[run] for run in BAD)
    assert "x must be finite" in errors["nan"]
    assert "x has values outside whole numbers in [0, 255]" in errors["outside"]
    assert "[2,8,8,2]" in errors["channels"] and "[?,8,8,1]" in errors["channels"]
