"""Folders of image files."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from PIL import Image

_NETPBM = (".pbm", ".pgm", ".pnm", ".ppm")
SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", *_NETPBM, ".png", ".tif", ".tiff", ".webp")
# Pillow goes by a file's content, and starts Ghostscript for PostScript, whatever its name.
_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")
_GREY_MODES = ("1", "L", "LA", "La")
_ALPHA_MODES = ("LA", "PA", "RGBA")
_LARGEST_KEPT = 128
_DEFAULT_SIZE = (64, 64)
_PROGRESS_FROM = 2000
# How much of an image is cut without a word.
_WORTH_SAYING = 1.25


def load_images(
    folder: str | os.PathLike,
    image_size: tuple[int, int] | None = None,
    channels: int | None = None,
) -> np.ndarray:
    """Reads all images below a folder into one array.

    Each image is turned upright as its EXIF orientation says, cut at the centre to the
    wanted aspect ratio (so edges may be lost, but nothing is stretched) and resized
    with antialiasing. Transparent parts are laid on white. Of an animation the first
    frame is taken. Links are followed. Files and folders whose names begin with a dot are
    left out.

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
        ValueError: If there are no images, some cannot be read (the error names them), or
            an argument is wrong.
        NotADirectoryError: If `folder` is no folder.

    Example:
        >>> x = load_images("photos", image_size=(64, 64), channels=3)
    """
    return decode(find_images(Path(folder)).paths, image_size, channels).images


class Found(NamedTuple):
    """Image files, sorted by relative path, and how many others there are, by suffix."""

    paths: list[Path]
    others: Counter[str]


class Decoded(NamedTuple):
    """Images, the places of the files that they are of, and what to say of it.

    Attributes:
        images: Array `[N, height, width, channels]`, uint8.
        kept: Their places among the paths, [N].
        notes: Lines for the user.
    """

    images: np.ndarray
    kept: np.ndarray
    notes: list[str]


class _Look(NamedTuple):
    size: tuple[int, int]
    is_grey: bool
    pages: int


def find_images(folder: Path) -> Found:
    """Lists the image files below a folder, links followed, sorted by relative path.

    Args:
        folder: The folder.

    Returns:
        Paths, at least one, and the number of other files by suffix.

    Raises:
        NotADirectoryError: If `folder` is no folder.
        ValueError: If there are no images in it.
    """
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} is not a folder.")
    found, others = [], Counter[str]()
    for path in _files(folder):
        if path.is_symlink() and not path.exists():
            others["broken links"] += 1
        elif _is_image(path):
            found.append((path.relative_to(folder).parts, path))
        else:
            others[path.suffix.lower() or "without suffix"] += 1
    if not found:
        raise ValueError(
            f"There are no images in {folder} or below it. Looked for files ending in "
            f"{', '.join(SUFFIXES)}."
        )
    return Found([path for _, path in sorted(found)], others)


def _files(folder: Path, above: tuple[str, ...] = ()) -> Iterator[Path]:
    """Files below a folder; links are followed, but never back to where they come from."""
    here = os.path.realpath(folder)
    if here in above:
        return
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda one: one.name):
            if entry.name.startswith("."):
                continue
            # A link to itself has no kind that a DirEntry could tell.
            is_link = entry.is_symlink()
            if os.path.isdir(entry.path) if is_link else entry.is_dir():
                yield from _files(Path(entry.path), (*above, here))
            elif is_link or entry.is_file():
                yield Path(entry.path)


def _is_image(path: Path) -> bool:
    """Whether a file is one by its suffix; without suffix, by its content."""
    from PIL import Image, UnidentifiedImageError

    if path.suffix:
        return path.suffix.lower() in SUFFIXES
    try:
        with Image.open(path, formats=_FORMATS):
            return True
    except (UnidentifiedImageError, OSError):
        return False


def decode(
    paths: list[Path],
    image_size: tuple[int, int] | None,
    channels: int | None,
    skip_damaged: bool = False,
) -> Decoded:
    """Reads image files to one size; see `load_images`.

    Args:
        paths: Image files.
        image_size: `(height, width)` or None.
        channels: 1, 3 or None.
        skip_damaged: Whether to leave out files that cannot be read.

    Returns:
        The images, and which files they are of.

    Raises:
        ValueError: If files cannot be read (all are named) or an argument is wrong.
    """
    _check_arguments(image_size, channels)
    with ThreadPoolExecutor() as pool:
        looks = list(pool.map(_or_error(_look_at), paths))
        good = [one for one in looks if isinstance(one, _Look)]
        asked = image_size
        image_size = image_size or _common_size({one.size for one in good})
        channels = channels or (1 if all(one.is_grey for one in good) else 3)
        shape = (*image_size, channels)
        images = np.empty((len(paths), *shape), np.uint8)
        kept: list[int] = []
        errors: list[ValueError] = []
        read = _or_error(lambda path: _decode_one(path, image_size, channels))
        for i, image in enumerate(_with_progress(pool.map(read, paths), len(paths))):
            if isinstance(image, ValueError):
                errors.append(image)
            else:
                images[len(kept)] = image
                kept.append(i)
    if errors and (not skip_damaged or not kept):
        raise _damaged(errors)
    looked = [one for i in kept if isinstance(one := looks[i], _Look)]
    notes = _notes(errors, looked, image_size, asked is not None)
    return Decoded(images[: len(kept)], np.array(kept), notes)


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


def _or_error(action: Callable[[Path], Any]) -> Callable[[Path], Any]:
    """The same action, which returns its ValueError: so that all damaged files are named."""

    def attempt(path):
        try:
            return action(path)
        except ValueError as error:
            return error

    return attempt


def _damaged(errors: list[ValueError]) -> ValueError:
    if len(errors) == 1:
        return errors[0]
    shown = "\n".join(f"  {error}" for error in errors)
    return ValueError(
        f"{len(errors)} images cannot be read:\n{shown}"
        "\nRepair or remove them, or leave them out: skip_damaged (--skip-damaged)."
    )


def _notes(errors, looks: list[_Look], image_size, is_asked: bool) -> list[str]:
    """What happened to images that one may not expect."""
    notes = [f"left out, damaged: {error}" for error in errors]
    if pages := sum(one.pages > 1 for one in looks):
        notes.append(f"of {pages} files with several pages or frames the first is used")
    height, width = image_size
    ratios = [one.size[1] / one.size[0] * height / width for one in looks]
    if cut := sum(max(one, 1 / one) > _WORTH_SAYING for one in ratios):
        notes.append(
            f"{cut} of {len(looks)} images lose edges, since they are wider or higher than "
            f"{height} x {width}"
            + ("" if is_asked else "; --image-size HEIGHT WIDTH keeps more of them")
        )
    return notes


def _look_at(path: Path) -> _Look:
    """Returns the upright size, whether the image is stored grey, and its pages."""

    def look(image):
        width, height = image.size
        # Orientations 5 to 8 lay the image on its side.
        on_its_side = image.getexif().get(0x0112, 1) >= 5
        size = (width, height) if on_its_side else (height, width)
        return _Look(size, image.mode in _GREY_MODES, getattr(image, "n_frames", 1))

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
        netpbm = ("PPM",) if path.suffix.lower() in _NETPBM else ()
        with Image.open(path, formats=(*_FORMATS, *netpbm)) as image:
            return action(image)
    # Each of Pillow's formats has its own exceptions for damaged files.
    except Exception as error:
        raise ValueError(
            f"Cannot read the image {path}: {error}. Repair or remove it."
        ) from error
