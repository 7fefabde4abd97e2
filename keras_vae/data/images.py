"""Folders of image files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from PIL import Image

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
# Pillow goes by a file's content, and starts Ghostscript for PostScript, whatever its name.
_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")
_GREY_MODES = ("1", "L", "LA", "La")
_ALPHA_MODES = ("LA", "PA", "RGBA")
_LARGEST_KEPT = 128
_DEFAULT_SIZE = (64, 64)
_PROGRESS_FROM = 2000


def load_images(
    folder: str | os.PathLike,
    image_size: tuple[int, int] | None = None,
    channels: int | None = None,
) -> np.ndarray:
    """Reads all images below a folder into one array.

    Each image is turned upright as its EXIF orientation says, cut at the centre to the
    wanted aspect ratio (so edges may be lost, but nothing is stretched) and resized
    with antialiasing. Transparent parts are laid on white. Of an animation the first
    frame is taken. Files and folders whose names begin with a dot are left out.

    Args:
        folder: The folder; sub-folders are searched too.
        image_size: `(height, width)` of the result. By default the size of the images
            if all have the same and it is at most 128 on each side, else `(64, 64)`.
        channels: 1 for grey, 3 for RGB. By default 1 if every file is stored as a grey
            image, else 3.

    Returns:
        Images `[N, height, width, channels]`, uint8, in the order of the sorted paths.
        Use `keras_vae.data.load(folder)` to get labels from sub-folders and splits.

    Raises:
        ValueError: If there are no images, one cannot be read (the error names it), or
            an argument is wrong.
        NotADirectoryError: If `folder` is no folder.

    Example:
        >>> x = load_images("photos", image_size=(64, 64), channels=3)
    """
    return decode(find_images(Path(folder)), image_size, channels)


def find_images(folder: Path) -> list[Path]:
    """Lists the image files below a folder, sorted by relative path.

    Args:
        folder: The folder.

    Returns:
        Paths, at least one.

    Raises:
        NotADirectoryError: If `folder` is no folder.
        ValueError: If there are no images in it.
    """
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} is not a folder.")
    found = []
    for path in folder.rglob("*"):
        relative = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in relative.parts)
        if path.suffix.lower() in SUFFIXES and not hidden and path.is_file():
            found.append((relative.parts, path))
    if not found:
        raise ValueError(
            f"There are no images in {folder} or below it. Looked for files ending in "
            f"{', '.join(SUFFIXES)}."
        )
    return [path for _, path in sorted(found)]


def decode(
    paths: list[Path], image_size: tuple[int, int] | None, channels: int | None
) -> np.ndarray:
    """Reads image files to one size; see `load_images`.

    Args:
        paths: Image files.
        image_size: `(height, width)` or None.
        channels: 1, 3 or None.

    Returns:
        Images `[N, height, width, channels]`, uint8.

    Raises:
        ValueError: If a file cannot be read or an argument is wrong.
    """
    _check_arguments(image_size, channels)
    with ThreadPoolExecutor() as pool:
        if image_size is None or channels is None:
            sizes, grey = zip(*pool.map(_look_at, paths), strict=True)
            image_size = image_size or _common_size(set(sizes))
            channels = channels or (1 if all(grey) else 3)
        height, width = image_size
        images = np.empty((len(paths), height, width, channels), np.uint8)
        decoded = pool.map(lambda path: _decode_one(path, image_size, channels), paths)
        for i, image in enumerate(_with_progress(decoded, len(paths))):
            images[i] = image
    return images


def _check_arguments(image_size: Any, channels: Any) -> None:
    if image_size is not None:
        is_pair = isinstance(image_size, (tuple, list)) and len(image_size) == 2
        if not is_pair or not all(isinstance(n, int) and n > 0 for n in image_size):
            raise ValueError(
                "image_size must be (height, width), two positive whole numbers; got "
                f"{image_size!r}."
            )
    if channels not in (None, 1, 3):
        raise ValueError(f"channels must be 1 (grey) or 3 (RGB); got {channels!r}.")


def _common_size(sizes: set[tuple[int, int]]) -> tuple[int, int]:
    if len(sizes) == 1:
        (size,) = sizes
        if max(size) <= _LARGEST_KEPT:
            return size
    return _DEFAULT_SIZE


def _with_progress(items: Iterator[np.ndarray], total: int) -> Iterator[np.ndarray]:
    if total <= _PROGRESS_FROM:
        yield from items
        return
    import keras

    bar = keras.utils.Progbar(total, unit_name="image")
    for item in items:
        yield item
        bar.add(1)


def _look_at(path: Path) -> tuple[tuple[int, int], bool]:
    """Returns the upright (height, width) and whether the image is stored grey."""

    def look(image):
        width, height = image.size
        # Orientations 5 to 8 lay the image on its side.
        on_its_side = image.getexif().get(0x0112, 1) >= 5
        size = (width, height) if on_its_side else (height, width)
        return size, image.mode in _GREY_MODES

    return _open(path, look)


def _decode_one(path: Path, image_size: tuple[int, int], channels: int) -> np.ndarray:
    from PIL import Image, ImageOps

    def read(image):
        image = _on_white(ImageOps.exif_transpose(image))
        image = image.convert("L" if channels == 1 else "RGB")
        height, width = image_size
        image = ImageOps.fit(image, (width, height), Image.Resampling.LANCZOS)
        return np.asarray(image, np.uint8).reshape(height, width, channels)

    return _open(path, read)


def _on_white(image: Image.Image) -> Image.Image:
    """Lays transparent parts on white, as a viewer shows them."""
    from PIL import Image

    if image.mode[0] in "IF":
        raise ValueError(
            f"it has more than 8 bits a pixel (mode {image.mode}). Convert it to 8 "
            "bits, or store the images as one .npy array, which may be 16 bits"
        )
    if image.mode not in _ALPHA_MODES and "transparency" not in image.info:
        return image
    image = image.convert("RGBA")
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image)


def _open(path: Path, action: Callable[[Image.Image], Any]) -> Any:
    from PIL import Image

    try:
        with Image.open(path, formats=_FORMATS) as image:
            return action(image)
    # Each of Pillow's formats has its own exceptions for damaged files.
    except Exception as error:
        raise ValueError(
            f"Cannot read the image {path}: {error}. Repair or remove it."
        ) from error
