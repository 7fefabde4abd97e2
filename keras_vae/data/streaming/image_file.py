"""Single image files: their recognition, their size, their pixels."""

from __future__ import annotations

import errno
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from keras_vae.data.streaming.records import Record

if TYPE_CHECKING:
    from PIL import Image

_NETPBM = (".pbm", ".pgm", ".pnm", ".ppm")
SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", *_NETPBM, ".png", ".tif", ".tiff", ".webp")
# Pillow decides by a file's content, and starts Ghostscript for PostScript, whatever its
# name.
_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")
_GREY_MODES = ("1", "L", "LA", "La")
# Numbers of an OSError: Pillow's own have none, and damaged files refer to places beyond
# their ends.
_OF_DAMAGE = (None, errno.EINVAL)
_ALPHA_MODES = ("LA", "PA", "RGBA")


class Look(NamedTuple):
    """Facts about an image without its pixels.

    Attributes:
        size: Height and width, upright.
        is_grey: Whether it is stored as a grey image.
        pages: Number of its pages or frames.
    """

    size: tuple[int, int]
    is_grey: bool
    pages: int


def is_image(path: Path) -> bool:
    """Tells whether a file is an image: by its suffix; without suffix, by its content.

    Args:
        path: The file.

    Returns:
        Whether it is one.
    """
    from PIL import Image, UnidentifiedImageError

    if path.suffix:
        return path.suffix.lower() in SUFFIXES
    try:
        with Image.open(path, formats=_FORMATS):
            return True
    except (UnidentifiedImageError, OSError):
        return False


def look_at(file: Path | Record) -> Look:
    """Reads the size of an image, but not its pixels.

    Args:
        file: The file.

    Returns:
        What it is.

    Raises:
        ValueError: If it cannot be read.
    """

    def look(image):
        width, height = image.size
        # Orientations 5 to 8 lay the image on its side.
        on_its_side = image.getexif().get(0x0112, 1) >= 5
        size = (width, height) if on_its_side else (height, width)
        return Look(size, image.mode in _GREY_MODES, getattr(image, "n_frames", 1))

    return _open(file, look)


def check_one(file: Path | Record) -> None:
    """Reads the pixels of an image to check them.

    Args:
        file: The file.

    Raises:
        ValueError: If it cannot be read.
    """

    def check(image):
        _refuse_deep(image)
        image.load()

    _open(file, check)


def decode_one(
    file: Path | Record, image_size: tuple[int, int], channels: int
) -> np.ndarray:
    """Reads an image to one size; see `keras_vae.data.load_images`.

    Args:
        file: The file.
        image_size: Height and width.
        channels: 1 or 3.

    Returns:
        Array [height, width, channels], uint8.

    Raises:
        ValueError: If it cannot be read.
    """
    from PIL import Image, ImageOps

    def read(image):
        image = _on_white(ImageOps.exif_transpose(image))
        image = image.convert("L" if channels == 1 else "RGB")
        height, width = image_size
        image = ImageOps.fit(image, (width, height), Image.Resampling.LANCZOS)
        return np.asarray(image, np.uint8).reshape(height, width, channels)

    return _open(file, read)


def _on_white(image: Image.Image) -> Image.Image:
    """Makes transparent parts white, as a viewer shows them."""
    from PIL import Image

    _refuse_deep(image)
    if image.mode not in _ALPHA_MODES and "transparency" not in image.info:
        return image
    image = image.convert("RGBA")
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image)


def _refuse_deep(image: Image.Image) -> None:
    if image.mode[0] in "IF":
        raise ValueError(
            f"it has more than 8 bits per channel (mode {image.mode}). Convert it to 8 "
            "bits, or store the images as one .npy array, which may be 16 bits"
        )


def _open(file: Path | Record, action: Callable[[Image.Image], Any]) -> Any:
    from PIL import Image

    try:
        opened: Any = BytesIO(file.image()) if isinstance(file, Record) else file
        is_netpbm = isinstance(file, Path) and file.suffix.lower() in _NETPBM
        netpbm = ("PPM",) if is_netpbm else ()
        with Image.open(opened, formats=(*_FORMATS, *netpbm)) as image:
            return action(image)
    except MemoryError:
        raise
    # Each of Pillow's formats has its own exceptions for damaged files.
    except Exception as error:
        # But a missing permission or a failing disk is not a damaged file.
        if isinstance(error, OSError) and error.errno not in _OF_DAMAGE:
            error.filename = error.filename or str(file)
            raise
        raise ValueError(
            f"Cannot read the image {file}: {error}. Repair or remove it."
        ) from error
