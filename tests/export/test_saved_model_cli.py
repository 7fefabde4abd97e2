"""Where TensorFlow alone is installed, its `saved_model_cli` runs the zoo's SavedModels."""

import concurrent.futures
import subprocess

import clean_environment
import numpy as np
import pytest
from served_models import answers, check_answer, requests

pytestmark = pytest.mark.slow
CLI = ["-m", "tensorflow.python.tools.saved_model_cli"]


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    return clean_environment.make(tmp_path_factory.mktemp("clean") / "environment")


def call(python, *arguments, cwd):
    command = [python, "-I", *map(str, arguments)]
    # Isolated: nothing from $PYTHONPATH.
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=cwd)
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


def test_the_environment_is_clean(python, tmp_path):
    names = ("tensorflow", "keras_vae", "tensorflow_probability", "tf_keras")
    code = "import importlib.util as u; print(*(u.find_spec(n) is None for n in {}))"
    assert call(python, "-c", code.format(names), cwd=tmp_path) == "False True True True\n"


# One with labels, one of a table, one of two players, and the signatures that are run (None:
# all): each takes a process.
SOME = {
    "zoo: conditional_vae_mnist": None,
    "zoo: dense_vae_breast_cancer": {"reconstruct", "score"},
    "zoo: vae_gan_celeba": {"encode_uint8", "sample"},
}


@pytest.mark.parametrize("name, some", SOME.items())
def test_saved_model_cli_shows_and_runs_signatures(python, exported, tmp_path, name, some):
    served, folder = exported(name)
    shown = call(python, *CLI, "show", "--dir", folder, "--all", cwd=tmp_path)
    # Beside the signatures it shows TensorFlow's own operation that initializes.
    signatures = [
        one for one in shown.split("signature_def[") if "__saved_model" not in one
    ]
    assert len(signatures) > 6 and not any("DT_INVALID" in one for one in signatures)
    asked = requests(served, 3)
    assert all(f"signature_def['{key}']" in shown for key in asked)

    def run(key):
        for one, value in asked[key].items():
            np.save(tmp_path / f"{key}_{one}.npy", value)
        inputs = ";".join(f"{one}={key}_{one}.npy" for one in asked[key])
        options = ["--dir", folder, "--tag_set", "serve", "--signature_def", key]
        options += ["--inputs", inputs, "--outdir", tmp_path / key]
        call(python, *CLI, "run", *options, cwd=tmp_path)
        return {path.stem: np.load(path) for path in (tmp_path / key).glob("*.npy")}

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        keys = list(some or asked)
        found = dict(zip(keys, pool.map(run, keys), strict=True))
    expected = answers(served, 3)
    for key, answer in found.items():
        check_answer(answer, expected[key])
