"""A data set in three splits, with the facts that a model needs."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_vae.core.names import unknown
from keras_vae.core.support import pieces
from keras_vae.data.streaming import Streamed
from keras_vae.data.tables import Column

if TYPE_CHECKING:
    import pandas as pd

SPLITS = ("train", "validation", "test")


def join(parts: list[Any]) -> Any:
    """Joins arrays, or streamed observations, one behind the other."""
    is_streamed = isinstance(parts[0], Streamed)
    return Streamed.joined(parts) if is_streamed else np.concatenate(parts)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class DataSet:
    """Raw arrays in three splits, and the likelihood that fits them.

    The arrays hold the stored values; `keras_vae.data.Scaling` maps them to values that a
    likelihood accepts. Images are `[N, H, W, C]`, whole-number images as uint8 (uint16 if
    the levels need it) and others as float32; tables are `[N, D]` float32 or float64.
    Labels have one row per example: `[N]` class indices, or `[N, A]` with a column for each
    of A attributes (0/1) or factors (indices). Images that are read from their files when
    they are needed are `keras_vae.data.Streamed`.

    Attributes:
        name: Name of the set.
        x_train: Training observations, `[N, *event_shape]`.
        x_validation: Observations for choosing models and hyperparameters.
        x_test: Observations only for the final score.
        y_train: Labels of `x_train`, or None.
        y_validation: Labels of `x_validation`, or None.
        y_test: Labels of `x_test`, or None.
        likelihood: The likelihood that fits the data, by name, such as `"bernoulli"`,
            `"continuous_bernoulli"`, `"normal:scale=shared"`, `"discretized_logistic"`,
            `"poisson"`; for tables with columns, the description of a `Blockwise`.
        levels: Smallest and largest possible value of whole-number data with both
            bounds, such as `(0, 255)`; None for counts and real numbers.
        binarize: `"dynamic"` if the usual benchmark draws new 0/1 pixels from the grey
            values in every epoch, otherwise None.
        label_names: Names of the classes (index = label) or of the attributes
            (index = column of y), or None.
        licence: Terms under which the data may be used.
        description: What the data are and how they were split.
        source: The place from which this copy was read.
        sha256: SHA-256 of the file that was read, or None if there was no single file.
        columns: The columns of a table with names and kinds; x then holds the numbers that
            `keras_vae.data.tables.to_codes` writes, NaN for missing values.
        labels: The columns of labels, for tables. An unknown class is -1, another unknown
            label NaN.
        rows: For each split, the rows of the source that it holds, if the splits were drawn
            from one array; None if the source has its own splits.
        notes: Lines for the user about data that were left out, and decisions in reading.
            Data for a trained model may all be in the test split.
        files: For images and sounds, the names of the files of each split.
        sample_rate: Samples per second, for sounds; x then holds waveforms `[N, samples]`
            from -1 to 1, and `likelihood` is that of the levels of their spectrograms.
        table: The whole table that was read for a trained model, including columns that no
            model learns.

    Raises:
        ValueError: If the splits do not fit together.

    Example:
        >>> data = keras_vae.data.load("digits")
        >>> data.event_shape, data.levels
        ((8, 8, 1), (0, 16))
        >>> x, y = data.split("validation")
    """

    name: str
    x_train: Any
    x_validation: Any
    x_test: Any
    likelihood: str | dict
    y_train: np.ndarray | None = None
    y_validation: np.ndarray | None = None
    y_test: np.ndarray | None = None
    levels: tuple[int, int] | None = None
    binarize: str | None = None
    label_names: tuple[str, ...] | None = None
    licence: str = "unknown"
    description: str = ""
    source: str = ""
    sha256: str | None = None
    columns: tuple[Column, ...] | None = None
    labels: tuple[Column, ...] | None = None
    rows: dict[str, np.ndarray] | None = None
    notes: tuple[str, ...] = ()
    files: dict[str, np.ndarray] | None = None
    sample_rate: int | None = None
    table: pd.DataFrame | None = None

    def __post_init__(self):
        """Checks that the three splits hold the same kind of data."""
        for split in SPLITS:
            self._check_split(split)
        if len({getattr(self, f"y_{split}") is None for split in SPLITS}) == 2:
            raise ValueError(
                f"The data set {self.name!r} has labels for only some splits. Give y for "
                "train, validation and test, or for none."
            )
        if self.binarize not in (None, "dynamic"):
            raise ValueError(f"binarize must be 'dynamic' or None; got {self.binarize!r}.")

    @property
    def _has_training_data(self) -> bool:
        return not (len(self.x_train) == len(self.x_validation) == 0 < len(self.x_test))

    def _check_split(self, split: str) -> None:
        x, y = getattr(self, f"x_{split}"), getattr(self, f"y_{split}")
        where = f"x_{split} of data set {self.name!r}"
        if not isinstance(x, np.ndarray | Streamed) or x.dtype.kind not in "uif":
            raise ValueError(
                f"{where} must be a NumPy array of numbers; got "
                f"{getattr(x, 'dtype', type(x).__name__)}."
            )
        if x.ndim < 2 or (len(x) == 0 and self._has_training_data):
            raise ValueError(
                f"{where} must have the shape [N, *event] with N >= 1; got {x.shape}."
            )
        if x.shape[1:] != self.event_shape or x.dtype != self.x_train.dtype:
            raise ValueError(
                f"{where} holds {x.dtype} examples of shape {x.shape[1:]}, but "
                f"x_train holds {self.x_train.dtype} of shape {self.event_shape}."
            )
        if y is not None and len(y) != len(x):
            raise ValueError(f"{where} has {len(x)} rows, but y_{split} has {len(y)}.")

    def __repr__(self) -> str:
        """One line: name, sizes of the splits, event, likelihood."""
        sizes = "/".join(str(len(getattr(self, f"x_{split}"))) for split in SPLITS)
        told = self.likelihood
        name = told["name"] if isinstance(told, dict) else told
        return (
            f"<DataSet {self.name!r}: {sizes} x {self.event_shape} "
            f"{self.x_train.dtype}, likelihood={name!r}, "
            f"levels={self.levels}>"
        )

    @property
    def event_shape(self) -> tuple[int, ...]:
        """Shape of one example: `(H, W, C)` for images, `(D,)` for tables and sounds."""
        return self.x_train.shape[1:]

    def split(self, name: str) -> tuple[Any, np.ndarray | None]:
        """Returns one split, or all examples.

        Args:
            name: `"train"`, `"validation"`, `"test"`; or `"all"`: your own data in the
                order of their source, named sets split after split.

        Returns:
            The observations `[N, *event_shape]` and their labels (None without
            labels).

        Raises:
            ValueError: If there is no such split.

        Example:
            >>> x, y = data.split("test")
        """
        if name == "all":
            return self._join("x"), None if self.y_train is None else self._join("y")
        if name not in SPLITS:
            raise unknown("split", name, [*SPLITS, "all"])
        return getattr(self, f"x_{name}"), getattr(self, f"y_{name}")

    def fingerprint(self, labels: bool = False) -> str:
        """Returns the SHA-256 of the three splits, in hexadecimal.

        Your own data may change between training and evaluation, and with them the splits
        that are drawn from them. For streamed images, the names, sizes and ends of their
        files are hashed.

        Args:
            labels: Whether to include labels, if there are any.
        """
        digest = hashlib.sha256()
        for axis in ("x", "y") if labels else ("x",):
            for split in SPLITS:
                array = getattr(self, f"{axis}_{split}")
                if array is None:
                    continue
                # The shape is included, or a row could move from the end of one to the
                # next.
                digest.update(f"{array.dtype} {array.shape}".encode())
                if isinstance(array, Streamed):
                    digest.update(array.fingerprint())
                    continue
                for piece in pieces(array):
                    digest.update(np.ascontiguousarray(piece).data)
        return digest.hexdigest()

    def table_of_rows(self, split: str) -> pd.DataFrame:
        """Lists the rows of the source that a split holds, and the files of images.

        Args:
            split: Name of the split, or "all".

        Returns:
            A table with the columns row and perhaps file.

        Example:
            >>> data.table_of_rows("test")
        """
        import pandas as pd

        rows = np.arange(len(self.split(split)[0]))
        if split != "all" and self.rows is not None:
            rows = self.rows[split]
        table = pd.DataFrame({"row": rows})
        if self.files is not None:
            names = [self.files[one] for one in SPLITS]
            table["file"] = self._ordered(names) if split == "all" else self.files[split]
        return table

    def _join(self, axis: str) -> Any:
        return self._ordered([getattr(self, f"{axis}_{split}") for split in SPLITS])

    def _ordered(self, parts: list[Any]) -> Any:
        """The contents of the three splits, in the order of the source."""
        joined = join(parts)
        if self.rows is None:
            return joined
        order = np.concatenate([self.rows[split] for split in SPLITS])
        return joined[np.argsort(order)]
