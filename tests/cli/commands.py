"""The command in this process, and data to give to it."""

from typing import NamedTuple

import numpy as np
from PIL import Image

from keras_vae.cli import main


class Result(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


def call(capsys, *arguments):
    """Runs the command; whatever is not a plain error is raised."""
    capsys.readouterr()
    try:
        main([str(argument) for argument in arguments])
        code = 0
    except SystemExit as end:
        code = end.code
    return Result(code, *capsys.readouterr())


MODEL = "dense_vae:hidden_units=8,latent_dim=2"
LEARNS_LABELS = "semi_supervised_vae:hidden_units=8,latent_dim=2"
SMALL = ["--batch-size", "128", "--no-jit"]


def write_images(folder, n=12, size=8, start=0):
    """A folder of grey squares that get lighter from one to the next."""
    folder.mkdir(parents=True)
    for i in range(start, start + n):
        image = np.full((size, size), 20 * i % 256, np.uint8)
        Image.fromarray(image).save(folder / f"{i:03}.png")
    return folder
