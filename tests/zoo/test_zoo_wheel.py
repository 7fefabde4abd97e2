"""A wheel carries the zoo, and the package that is installed from it finds it."""

import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile

import pytest

from keras_vae.presets.lookup import _PACKAGE

REPOSITORY = _PACKAGE.parent
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (REPOSITORY / "setup.py").exists(), reason="needs a clone"),
]
NAME = "tiny_digits"
FOUND = "import keras_vae; print(*keras_vae.presets(), keras_vae.__file__)"
SAMPLED = """
import socket
import sys

def refuse(*_):
    raise OSError("no network")

socket.socket.connect = refuse
import keras_vae
for name in sys.argv[1:]:
    model = keras_vae.VAE.from_preset(name)
    y = None if model.condition_shape is None else 0
    print(model.sample(16, y).shape[0])
"""


@pytest.fixture(scope="module")
def clone(tmp_path_factory, whole_zoo):
    """What a wheel is built from, with a preset in the zoo."""
    folder = tmp_path_factory.mktemp("clone")
    for path in REPOSITORY.iterdir():
        if path.is_file() and path.name[0] != ".":
            shutil.copy(path, folder)
    without = shutil.ignore_patterns("__pycache__")
    shutil.copytree(REPOSITORY / "keras_vae", folder / "keras_vae", ignore=without)
    shutil.copytree(REPOSITORY / "zoo", folder / "zoo")
    shutil.copytree(whole_zoo / NAME, folder / "zoo" / NAME)
    (folder / "zoo" / ".new.x").mkdir()
    (folder / "zoo" / ".new.x" / "half").touch()
    # As an earlier build of other presets would have left it.
    (folder / "build/lib/keras_vae/_zoo/gone").mkdir(parents=True)
    (folder / "build/lib/keras_vae/_zoo/gone/metadata.json").touch()
    return folder


@pytest.fixture(scope="module")
def wheel(clone, tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheels")
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "-w", folder, clone]
    if importlib.util.find_spec("setuptools") and importlib.util.find_spec("wheel"):
        # Nothing to download.
        command.append("--no-build-isolation")
    result = subprocess.run(command, capture_output=True, text=True, timeout=500)
    assert result.returncode == 0, result.stderr
    (path,) = folder.glob("*.whl")
    return path


def presets_of(path, tmp_path):
    """What a new process finds that imports the package from a folder."""
    return run(path, tmp_path, FOUND)


def run(path, tmp_path, code, *arguments):
    environment = {k: v for k, v in os.environ.items() if k != "KERAS_VAE_ZOO"}
    result = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**environment, "PYTHONPATH": str(path)},
        timeout=300,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.split()


def test_the_wheel_holds_every_file_of_the_zoo(wheel, whole_zoo):
    with zipfile.ZipFile(wheel) as archive:
        held = {n for n in archive.namelist() if n.startswith("keras_vae/_zoo/")}
        names = {
            path.relative_to(zoo).as_posix(): path
            for zoo, part in ((whole_zoo, NAME), (REPOSITORY / "zoo", "."))
            for path in (zoo / part).rglob("*")
            if path.is_file()
        }
        assert held == {f"keras_vae/_zoo/{name}" for name in names}
        for name, path in names.items():
            assert archive.read(f"keras_vae/_zoo/{name}") == path.read_bytes()
        assert "keras_vae/presets/listing.py" in archive.namelist()
        assert not any(n.startswith("zoo/") for n in archive.namelist())


def test_the_package_from_the_wheel_finds_it(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    *names, file = presets_of(tmp_path / "installed", tmp_path)
    assert file.startswith(str(tmp_path / "installed"))
    own = [path.parent.name for path in (REPOSITORY / "zoo").glob("*/metadata.json")]
    assert sorted(names) == sorted([*own, NAME])
    # Pretrained models in one line, without a network.
    sampled = run(tmp_path / "installed", tmp_path, SAMPLED, *names)
    assert sampled == ["16"] * len(names)


def test_a_clone_finds_the_zoo_beside_the_package(clone, tmp_path):
    *names, file = presets_of(clone, tmp_path)
    assert NAME in names and file.startswith(str(clone))
