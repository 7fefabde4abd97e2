"""`keras-vae parts` and `keras-vae --import`."""

import pytest

from keras_vae import layers, models, objectives, priors
from keras_vae.cli.parts import ROOMS
from keras_vae.models import optimizers

_ALL = (models, layers, layers.bijectors, priors, objectives, optimizers)
MODULES = dict(zip(ROOMS, _ALL, strict=True))


def test_all_parts_are_listed_with_a_line_each(command):
    result = command("parts")
    assert result.code == 0 and result.err == ""
    blocks = {}
    for line in result.out.splitlines():
        if not line.startswith(" "):
            block = blocks[line.removesuffix(":")] = []
        else:
            name, about = line.split(maxsplit=1)
            block.append(name)
            assert about
    assert blocks == {key: list(one.ROOM.parts()) for key, one in MODULES.items()}


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_is_listed_by_itself(command, room):
    first, *lines = command("parts", room).out.splitlines()
    assert first == f"{room}:"
    assert [line.split()[0] for line in lines] == list(MODULES[room].ROOM.parts())


@pytest.mark.parametrize(
    "room, name, arguments, words",
    [
        ("models", "conv_vae", ["latent_dim=32", "filters=None"], "of convolutions"),
        ("models", "vae_gan", ["latent_dim=128", "networks='light'"], "for CPUs"),
        ("models", "autoencoder_kl", ["latent_channels=4"], "PatchGAN"),
        ("models", "hierarchical_vae", ["inference='top_down'", "blocks=1"], "are images"),
        ("layers", "normal", ["scale='learned'", "floor="], "distributions"),
        ("bijectors", "sylvester", ["kind='orthogonal'"], "van den Berg"),
        ("priors", "vamp", ["num_components=500"], "Tomczak"),
        ("objectives", "elbo", ["beta=1.0", "free_bits=0.0"], "negative ELBO"),
        ("optimizers", "adam", ["learning_rate=0.001", "clipnorm=None"], "Adam"),
    ],
)
def test_a_part_is_described_with_its_arguments(command, room, name, arguments, words):
    result = command("parts", room, name)
    first, *rest = result.out.splitlines()
    assert first.startswith(f"{name}: ") and words in "\n".join(rest)
    for one in arguments:
        assert one in first
    # Only what can be written.
    listed = first.removeprefix(name)
    assert "encoder" not in listed and "preprocessor" not in listed


def test_a_part_that_is_not_there(command):
    result = command("parts", "priors", "vam")
    assert result.code == 1 and "Unknown prior 'vam'. Did you mean 'vamp'?" in result.err
    assert command("parts", "prior").code == 2


MINE = '''
import keras
from keras_vae.objectives import ELBO

@keras.saving.register_keras_serializable("mine")
class Doubled(ELBO):
    """Twice of it."""
'''


def test_parts_of_a_file_are_listed(command, tmp_path):
    (tmp_path / "mine.py").write_text(MINE)
    listed = command("--import", "mine.py", "parts", "objectives").out
    assert "  doubled         Twice of it." in listed
    described = command("--import", "mine.py", "parts", "objectives", "doubled").out
    assert described.startswith("doubled: beta=1.0, num_samples=1")


@pytest.mark.parametrize(
    "name, text, words",
    [
        ("mine.py", None, ["There is no file mine.py"]),
        ("mine.txt", "", ["--import takes a Python file (.py), but is mine.txt"]),
        (
            "mine.py",
            "import nothing_there",
            ["mine.py cannot be imported", "nothing_there"],
        ),
        ("mine.py", "x = (", ["mine.py cannot be imported", "SyntaxError"]),
        ("mine.py", "raise KeyError('why')", ["cannot be imported", "KeyError('why')"]),
    ],
)
def test_files_that_cannot_be_imported_are_refused(command, tmp_path, name, text, words):
    if text is not None:
        (tmp_path / name).write_text(text)
    result = command("--import", name, "parts")
    assert result.code == 1 and result.out == "" and "Traceback" not in result.err
    assert all(word in result.err for word in words)
