"""Images in files, the source of a `Streamed`."""

from __future__ import annotations

import functools
import hashlib
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from keras_vae.data.streaming.image_file import decode_one
from keras_vae.data.streaming.records import Record

# Number of tasks that wait in a pool: each takes a kilobyte.
_TASKS = 4096
_PROGRESS_FROM = 2000
# Bytes at the ends of a file that identify it.
_END = 4096


class ImageFiles:
    """Image files as one array, decoded and resized by several threads when it is read.

    Args:
        files: Image files, or records that hold one.
        image_size: Height and width.
        channels: 1 or 3.

    Example:
        >>> files = sorted(Path("photos").glob("*.png"))
        >>> x = Streamed(ImageFiles(files, (64, 64), 3))
    """

    dtype = np.dtype(np.uint8)

    def __init__(
        self, files: Sequence[Path | Record], image_size: tuple[int, int], channels: int
    ):
        """Keeps the files."""
        self.files, self.image_size, self.channels = files, image_size, channels
        self.shape: tuple[int, ...] = (len(files), *image_size, channels)

    @functools.cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor()

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Reads some of the images.

        Args:
            rows: Their numbers, [n].

        Returns:
            Array [n, height, width, channels], uint8.

        Raises:
            ValueError: If one cannot be read.
        """
        images = np.empty((len(rows), *self.shape[1:]), self.dtype)

        def fill(places):
            for i in places:
                file = self.files[rows[i]]
                images[i] = decode_one(file, self.image_size, self.channels)

        threads = min(len(rows), os.cpu_count() or 1)
        # Their shares lie spread over all rows, so that they end together.
        list(self._pool.map(fill, [range(i, len(rows), threads) for i in range(threads)]))
        return images

    def describe(self, rows: np.ndarray) -> Iterator[str]:
        """Describes the paths and contents of some of the images.

        Their sizes and first and last bytes, or the checksums of records, identify the
        contents: reading all would take as long as an epoch.

        Args:
            rows: Their numbers, [n].

        Yields:
            A line for each.
        """
        top = os.path.commonpath([os.path.dirname(_file_of(one)) for one in self.files])

        def line(row):
            file = self.files[row]
            name = os.path.relpath(_file_of(file), top)
            if isinstance(file, Record):
                return f"{name} {file.start} {file.length} {file.checksum().hex()}\n"
            return f"{name} {_ends_of(file)}\n"

        yield from in_order(self._pool, line, rows)


def _ends_of(file: Path) -> str:
    """The size of a file, and a hash of its first and last bytes."""
    with open(file, "rb") as opened:
        size = os.fstat(opened.fileno()).st_size
        ends = opened.read(_END)
        opened.seek(max(len(ends), size - _END))
        ends += opened.read(_END)
    return f"{size} {hashlib.sha256(ends).hexdigest()}"


def _file_of(one: Path | Record) -> Path:
    return one.file if isinstance(one, Record) else one


def in_order(
    pool: ThreadPoolExecutor,
    function: Callable[[Any], Any],
    items: Sequence[Any] | np.ndarray,
) -> Iterator[Any]:
    """Applies a function by a pool's threads, some thousand items at a time.

    Args:
        pool: The pool, whose own `map` would make tasks of all items at once.
        function: The function.
        items: The arguments of the function.

    Yields:
        The results, in order.
    """
    for start in range(0, len(items), _TASKS):
        yield from pool.map(function, items[start : start + _TASKS])


def or_error(action: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The action, but returning its ValueError, so that all damaged files are named.

    Args:
        action: A function of one argument.

    Returns:
        The function.
    """

    def attempt(path):
        try:
            return action(path)
        except ValueError as error:
            return error

    return attempt


def with_progress(items: Iterable[Any], total: int, name: str = "image") -> Iterator[Any]:
    """Shows a bar while many items pass.

    Args:
        items: The items.
        total: Number of items; there is no bar for few items, nor in a pipe or log file.
        name: Word for an item.

    Yields:
        The items.
    """
    is_watched = sys.stdout.isatty() or "ipykernel" in sys.modules
    if total <= _PROGRESS_FROM or not is_watched:
        yield from items
        return
    import keras

    bar = keras.utils.Progbar(total, unit_name=name)
    for item in items:
        yield item
        bar.add(1)
