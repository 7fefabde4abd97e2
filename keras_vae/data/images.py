"""Folders of image files."""

from __future__ import annotations

import functools
import math
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from keras_vae.core.memory import machine_memory
from keras_vae.data.streaming.files import ImageFiles, in_order, or_error, with_progress
from keras_vae.data.streaming.image_file import (
    SUFFIXES,
    Look,
    check_one,
    decode_one,
    is_image,
    look_at,
)
from keras_vae.data.streaming.records import Record
from keras_vae.data.streaming.streamed import SHARE, Streamed, is_streamed

_LARGEST_KEPT = 128
_DEFAULT_SIZE = (64, 64)
# Up to this ratio of aspect ratios, images are cropped without a note.
_WORTH_SAYING = 1.25


def load_images(
    folder: str | os.PathLike,
    image_size: tuple[int, int] | None = None,
    channels: int | None = None,
) -> np.ndarray:
    """Reads all images below a folder into one array.

    Each image is turned upright according to its EXIF orientation, cut at the centre to the
    wanted aspect ratio (so edges may be lost, but nothing is stretched) and resized with
    antialiasing. Transparent parts become white. Only the first frame of an animation is
    read. Links are followed. Files and folders whose names begin with a dot are left out.

    Args:
        folder: The folder; sub-folders are searched too.
        image_size: `(height, width)` of the result. The default is the size of the images
            if they all have the same size, at most 128 on each side, otherwise `(64, 64)`.
        channels: 1 for grey, 3 for RGB. The default is 1 if every file is stored as a grey
            image, otherwise 3.

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
    return decode(find_images(Path(folder)).paths, image_size, channels).x


class Found(NamedTuple):
    """Files of a kind, sorted by relative path, and how many others there are, by suffix."""

    paths: list[Path]
    others: Counter[str]


class Decoded(NamedTuple):
    """The decoded data, the indices of their files, and notes for the user.

    Attributes:
        x: Images `[N, height, width, channels]`, uint8, or a `Streamed` of images; or
            waveforms `[N, samples]`.
        kept: Their indices among the paths, [N].
        notes: Lines for the user.
        sample_rate: Samples per second, for waveforms.
    """

    x: Any
    kept: np.ndarray
    notes: list[str]
    sample_rate: int | None = None


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
    found = find_files(folder, is_image)
    if not found.paths:
        raise ValueError(
            f"There are no images in {folder} or below it. Looked for files ending in "
            f"{', '.join(SUFFIXES)}, and for sounds."
        )
    return found


def find_files(folder: Path, is_wanted: Callable[[Path], bool]) -> Found:
    """Lists the files of a kind below a folder, links followed, sorted by relative path.

    Args:
        folder: The folder.
        is_wanted: Function that tells whether a file is of that kind.

    Returns:
        Paths, and the number of other files by suffix.

    Raises:
        NotADirectoryError: If `folder` is no folder.
    """
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} is not a folder.")
    found, others = [], Counter[str]()
    for path in _files(folder):
        if path.is_symlink() and not path.exists():
            others["broken links"] += 1
        elif is_wanted(path):
            found.append((path.relative_to(folder).parts, path))
        else:
            others[path.suffix.lower() or "without suffix"] += 1
    return Found([path for _, path in sorted(found)], others)


def _files(folder: Path, above: tuple[str, ...] = ()) -> Iterator[Path]:
    """Files below a folder; links are followed, but not in cycles."""
    here = os.path.realpath(folder)
    if here in above:
        return
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda one: one.name):
            if entry.name.startswith("."):
                continue
            # A DirEntry cannot tell the kind of a link to itself.
            is_link = entry.is_symlink()
            if os.path.isdir(entry.path) if is_link else entry.is_dir():
                yield from _files(Path(entry.path), (*above, here))
            elif is_link or entry.is_file():
                yield Path(entry.path)


def decode(
    files: Sequence[Path | Record],
    image_size: tuple[int, int] | None,
    channels: int | None,
    skip_damaged: bool = False,
    stream: bool | None = False,
    check: bool = True,
) -> Decoded:
    """Reads image files to one size; see `load_images`.

    Args:
        files: Image files, or records that hold one.
        image_size: `(height, width)` or None.
        channels: 1, 3 or None.
        skip_damaged: Whether to leave out files that cannot be read.
        stream: Whether to read images only when they are needed; None streams those that
            would take more than a quarter of this machine's memory.
        check: Whether to read all streamed images once now, so that damaged ones are named.

    Returns:
        The images, and the files from which they come.

    Raises:
        ValueError: If files cannot be read (all are named) or an argument is wrong.
    """
    _check_arguments(image_size, channels)
    check, asked = check or skip_damaged, image_size
    with ThreadPoolExecutor() as pool:
        looks: list[Look | ValueError] = []
        if not _need_no_look(len(files), image_size, channels, stream, check):
            looks = list(in_order(pool, or_error(look_at), files))
        good = [one for one in looks if isinstance(one, Look)]
        size = image_size or _common_size({one.size for one in good})
        channels = channels or (1 if all(one.is_grey for one in good) else 3)
        shape = (len(files), *size, channels)
        images = None if is_streamed(stream, shape) else np.empty(shape, np.uint8)
        found: Iterable = looks or [None] * len(files)
        if images is not None:
            read = functools.partial(decode_one, image_size=size, channels=channels)
            found = with_progress(in_order(pool, or_error(read), files), len(files))
        elif check:
            found = with_progress(in_order(pool, or_error(check_one), files), len(files))
        kept: list[int] = []
        errors: list[ValueError] = []
        for i, image in enumerate(found):
            if isinstance(image, ValueError):
                errors.append(image)
                continue
            if images is not None:
                images[len(kept)] = image
            kept.append(i)
    if errors and (not skip_damaged or not kept):
        raise damaged(errors, "images")
    looked = [one for i in kept if looks and isinstance(one := looks[i], Look)]
    notes = _notes(errors, looked, size, asked is not None)
    if images is not None:
        return Decoded(images[: len(kept)], np.array(kept), notes)
    source = ImageFiles([files[i] for i in kept], size, channels)
    notes.append(_about_stream(source.shape, stream))
    return Decoded(Streamed(source), np.array(kept), notes)


def _need_no_look(number: int, image_size, channels, stream, check: bool) -> bool:
    """Whether images can be streamed without a look at their files."""
    if check or image_size is None or channels is None:
        return False
    return is_streamed(stream, (number, *image_size, channels))


def _about_stream(shape: tuple[int, ...], stream: bool | None) -> str:
    size = math.prod(shape)
    text = f"{size / 1e9:,.1f} GB" if size > 1e9 else f"{size / 1e6:,.1f} MB"
    line = f"images are streamed from their files: in memory they would take {text}"
    if stream:
        return line
    return (
        f"{line}, more than {SHARE:.0%} of this machine's {machine_memory() / 1e9:,.1f} GB "
        "(--no-stream holds them there)"
    )


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


def damaged(errors: list[ValueError], what: str) -> ValueError:
    """Joins the errors of several files into one.

    Args:
        errors: The errors, at least one.
        what: What the files hold.

    Returns:
        The error, which names them all.
    """
    if len(errors) == 1:
        return ValueError(f"{errors[0]} Or leave it out: skip_damaged (--skip-damaged).")
    shown = "\n".join(f"  {error}" for error in errors)
    return ValueError(
        f"{len(errors)} {what} cannot be read:\n{shown}"
        "\nRepair or remove them, or leave them out: skip_damaged (--skip-damaged)."
    )


def _notes(errors, looks: list[Look], image_size, is_asked: bool) -> list[str]:
    """Notes about unexpected changes of images."""
    notes = [f"left out, damaged: {error}" for error in errors]
    if pages := sum(one.pages > 1 for one in looks):
        notes.append(f"{pages} files have several pages or frames; the first is used")
    height, width = image_size
    ratios = [one.size[1] / one.size[0] * height / width for one in looks]
    if cut := sum(max(one, 1 / one) > _WORTH_SAYING for one in ratios):
        notes.append(
            f"{cut} of {len(looks)} images lose more than a fifth of their width or height, "
            f"since their aspect ratio is not that of {height} x {width}"
            + ("" if is_asked else "; --image-size HEIGHTxWIDTH keeps more of them")
        )
    return notes
