"""Observations that are read when they are needed, not held in memory."""

from __future__ import annotations

import contextlib
import hashlib
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np

from keras_vae.core.memory import machine_memory

# The share of the machine's memory that observations may take. In training there is a
# second copy of them, and held-out ones are float32.
SHARE = 0.25


# The last exception within TensorFlow's streams.
_FAILURES: list[Exception] = []


class Source(Protocol):
    """The source of streamed observations.

    Attributes:
        shape: Shape of all of them, (N, *event).
        dtype: Their dtype.
    """

    shape: tuple[int, ...]
    dtype: np.dtype

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Reads the observations of some rows, [n, *event]."""

    def describe(self, rows: np.ndarray) -> Iterable[str]:
        """Returns a line for each row that changes with its contents."""


class Streamed:
    """Rows of a source that look like an array and are read when they are needed.

    A slice or an array of row numbers gives a view, and reads nothing; `np.asarray` reads,
    and refuses rows that would take too much of the machine's memory; a single number reads
    one observation. The functions of a model, `pipeline` and `fit` read a batch at a time.

    Args:
        source: The source.
        rows: Numbers of rows of the source, [N]; None takes all.

    Example:
        >>> x = keras_vae.data.load("photos", stream=True).x_train
        >>> x[:8].shape
        (8, 64, 64, 3)
        >>> np.asarray(x[:8]).dtype
        dtype('uint8')
    """

    def __init__(self, source: Source, rows: np.ndarray | None = None):
        """Keeps the source and the rows."""
        self.source = source
        self.rows = np.arange(source.shape[0]) if rows is None else rows
        self.shape = (len(self.rows), *source.shape[1:])
        self.dtype, self.ndim = source.dtype, len(self.shape)
        self.size = math.prod(self.shape)
        self.nbytes = self.size * self.dtype.itemsize

    def __repr__(self) -> str:
        """Shape and dtype."""
        return f"<Streamed {self.shape} {self.dtype}>"

    def __len__(self) -> int:
        """Number of observations."""
        return len(self.rows)

    def __getitem__(self, key: Any) -> Any:
        """Takes some of the rows: a view of several, or a single observation."""
        if isinstance(key, tuple):
            raise IndexError(
                "Streamed observations can be indexed only by rows: x[rows], not x[rows, "
                "...]. Read them first: np.asarray(x[rows])."
            )
        rows = self.rows[key]
        if np.ndim(rows) > 1:
            raise IndexError(
                "Streamed observations can be indexed by a number, a slice or a list of "
                f"rows, but these rows have shape {np.shape(rows)}. Flatten them."
            )
        if np.ndim(rows) == 0:
            return self.source.read(np.array([rows]))[0]
        return Streamed(self.source, rows)

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        """Reads all rows."""
        most = SHARE * machine_memory()
        if self.nbytes > most:
            raise ValueError(
                f"{len(self):,} observations of shape {self.shape[1:]} would take "
                f"{self.nbytes / 1e9:,.1f} GB at once, more than {SHARE:.0%} of this "
                "machine's memory. Take fewer of them: x[rows], or --limit."
            )
        return self.source.read(self.rows).astype(dtype or self.dtype, copy=False)

    def mapped(
        self, function: Callable[[np.ndarray, np.ndarray], np.ndarray], dtype: Any
    ) -> Streamed:
        """Makes a view of a function of the observations.

        Args:
            function: Takes observations [n, *event] and their indices in this view, [n];
                returns observations of the same shape. Its result for one must not depend
                on others.
            dtype: Dtype of its result.

        Returns:
            The view.

        Example:
            >>> x.mapped(lambda rows, places: rows / np.float32(255), "float32")
        """
        return Streamed(_Mapped(self, function, np.dtype(dtype)))

    def in_graph(self, places: Any) -> Any:
        """Reads observations within a `tf.data` pipeline.

        Args:
            places: int64 tensor [n]: their indices in this view.

        Returns:
            Tensor [n, *event].
        """
        import tensorflow as tf

        def read(places):
            try:
                return self.source.read(self.rows[places])
            except Exception as error:
                _FAILURES[:] = [error]
                raise

        x = tf.numpy_function(read, [places], self.dtype, stateful=False)
        return tf.ensure_shape(x, [places.shape[0], *self.shape[1:]])

    def fingerprint(self) -> bytes:
        """Returns a hash that identifies the files, without reading most of their bytes."""
        digest = hashlib.sha256()
        for line in self.source.describe(self.rows):
            digest.update(line.encode())
        return digest.digest()

    @staticmethod
    def joined(parts: Sequence[Streamed]) -> Streamed:
        """Joins views of one source.

        Args:
            parts: The views.

        Returns:
            A view of all rows, one view after another.

        Raises:
            ValueError: If they have several sources.
        """
        if any(one.source is not parts[0].source for one in parts):
            raise ValueError(
                "Only streamed observations from the same source can be joined."
            )
        return Streamed(parts[0].source, np.concatenate([one.rows for one in parts]))


@contextlib.contextmanager
def failures_are_said() -> Iterator[None]:
    """Raises the original exception of reading instead of TensorFlow's.

    Raises:
        Exception: The exception of reading, within a stream.

    Example:
        >>> with failures_are_said():
        ...     batches = list(keras_vae.data.pipeline(x, 8).take(1))
    """
    import tensorflow as tf

    _FAILURES.clear()
    try:
        yield
    except tf.errors.OpError as error:
        if _FAILURES:
            raise _FAILURES[0] from error
        raise


def is_streamed(stream: bool | None, shape: Sequence[int]) -> bool:
    """Decides whether images are streamed.

    Args:
        stream: The request; None decides by size.
        shape: Shape of all of them, a byte for each element.

    Returns:
        Whether to stream; by default, if they would take more than `SHARE` of the machine's
        memory.

    Raises:
        ValueError: If `stream` is False, and there is too little memory.
    """
    size, memory = math.prod(shape), machine_memory()
    if stream is None:
        return size > SHARE * memory
    if not stream and size > memory:
        raise ValueError(
            f"{shape[0]:,} images of shape {tuple(shape[1:])} take {size / 1e9:,.1f} GB, and "
            f"this machine has {memory / 1e9:,.1f} GB of memory. Stream them: "
            "load(stream=True), --stream."
        )
    return stream


class _Mapped:
    """The values of a function of observations."""

    def __init__(self, x: Streamed, function, dtype: np.dtype):
        self.x, self.function = x, function
        self.shape, self.dtype = x.shape, dtype

    def read(self, rows):
        """Reads and applies the function."""
        x = self.x.source.read(self.x.rows[rows])
        return np.asarray(self.function(x, rows)).astype(self.dtype, copy=False)

    def describe(self, rows):
        """Describes the rows of the source."""
        return self.x.source.describe(self.x.rows[rows])


def rows_of(x: Any, rows: np.ndarray) -> Any:
    """Takes rows of an array or of data that `np.asarray` converts.

    Args:
        x: Array [N, ...], list, or `Streamed`.
        rows: Numbers of rows [n], or a mask, bool [N].

    Returns:
        Array [n, ...], or a view if x is streamed.

    Example:
        >>> rows_of([[1.0], [2.0], [3.0]], np.array([2, 0]))
        array([[3.],
               [1.]])
    """
    return x[rows] if isinstance(x, Streamed) else np.asarray(x)[rows]
