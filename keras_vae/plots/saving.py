"""Writing pictures so that a file is always whole."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from keras_vae.core.files import write_atomically

# Sharp on screens with two pixels a point, and still a small file.
_DOTS_PER_INCH = 150
_JPEG = (".jpg", ".jpeg")


def save_image(image: np.ndarray, path: str | os.PathLike) -> None:
    """Writes an array of pixels as a PNG or JPEG file.

    The file is replaced in one step, so a reader never sees half a picture and a
    failure leaves the old one in place. Missing parent folders are made.

    Args:
        image: Pixels, uint8 [H, W, 3], as the functions of this module return them.
        path: Where to write; must end in `.png`, `.jpg` or `.jpeg`.

    Raises:
        ValueError: If the array is of another kind, or the path does not end so.

    Example:
        >>> save_image(latent_manifold(vae), "pictures/manifold.png")
    """
    image = np.asarray(image)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[-1] != 3:
        raise ValueError(
            f"image must be one picture, uint8 [H, W, 3], but is {image.dtype} "
            f"{list(image.shape)}. For images [N, H, W, C] use save_image_grid."
        )
    picture = Image.fromarray(image)
    options = {"quality": 95} if Path(path).suffix.lower() in _JPEG else {"optimize": True}
    _write(path, lambda file: picture.save(file, **options))


def save_figure(figure: Figure, path: str | os.PathLike) -> None:
    """Writes a Matplotlib figure as a PNG or JPEG file, and closes it.

    The file is replaced in one step, as by `save_image`. Missing parent folders are
    made. A figure of this module is registered nowhere and needs no closing; one made
    with `pyplot` is closed there, so that it does not stay in memory.

    Args:
        figure: The figure.
        path: Where to write; must end in `.png`, `.jpg` or `.jpeg`.

    Raises:
        ValueError: If the path does not end so.

    Example:
        >>> save_figure(loss_curves(history.history), "pictures/loss.png")
    """
    _write(path, lambda file: figure.savefig(file, dpi=_DOTS_PER_INCH))
    # Who has not imported pyplot cannot have made the figure with it.
    if pyplot := sys.modules.get("matplotlib.pyplot"):
        pyplot.close(figure)


def _write(path, write):
    path = Path(path)
    if path.suffix.lower() not in (".png", *_JPEG):
        raise ValueError(
            f"Pictures are written as PNG or JPEG, but the path {str(path)!r} does not end "
            "in '.png' or '.jpg'. Change the ending."
        )
    write_atomically(path, write)
