"""Data sets with few known labels."""

from __future__ import annotations

import numpy as np

from keras_vae.core.numbers import positive_int

UNKNOWN = -1


def keep_labels(y, count: int, seed: int = 0) -> np.ndarray:
    """Removes all labels but a few, equally many of each class.

    Args:
        y: Class numbers [N]; -1 if the class is unknown already.
        count: Number of labels to keep.
        seed: Same seed, same choice.

    Returns:
        int32 [N], -1 for removed labels. If `count` is not a multiple of the number of
        classes, classes drawn at random keep one more.

    Raises:
        ValueError: If y is not one class for each example, or a class has too few labels.

    Example:
        >>> int((keep_labels(np.arange(60) % 3, 6) >= 0).sum())
        6
    """
    positive_int(count, "count")
    y = np.asarray(y)
    if y.ndim != 1 or y.dtype.kind not in "iu":
        raise ValueError(
            f"Labels must be one class number for each example, but have shape {y.shape} and "
            f"dtype {y.dtype}."
        )
    classes = np.unique(y[y != UNKNOWN])
    if count < len(classes):
        raise ValueError(
            f"{count} labels are too few for {len(classes)} classes, each of which needs "
            "one. Keep more."
        )
    rng = np.random.default_rng(seed)
    shares = np.full(len(classes), count // len(classes))
    shares[rng.permutation(len(classes))[: count % len(classes)]] += 1
    kept = np.full(len(y), UNKNOWN, np.int32)
    for one, share in zip(classes, shares, strict=True):
        rows = np.flatnonzero(y == one)
        if len(rows) < share:
            raise ValueError(
                f"The class {one} has {len(rows)} labels, fewer than the {share} to keep "
                "for each class. Keep fewer."
            )
        kept[rng.choice(rows, share, replace=False)] = one
    return kept


def rows_with_more_labels(y, share: float = 0.1) -> np.ndarray:
    """Repeats examples with known labels, so that every batch has some.

    Args:
        y: Class numbers [N], -1 for unknown ones.
        share: Smallest share of labelled examples.

    Returns:
        Row numbers: each example once, and labelled ones repeatedly until they reach that
        share; all equally often, to within one.

    Raises:
        ValueError: If no label is known, or the share is not between 0 and 1.

    Example:
        >>> y = keep_labels(y_train, 8)
        >>> rows = rows_with_more_labels(y)
        >>> semi_supervised.fit(x_train[rows], y[rows])
    """
    if not 0 < share < 1:
        raise ValueError(f"share must be between 0 and 1, but is {share!r}.")
    labelled = np.flatnonzero(np.asarray(y) != UNKNOWN)
    if not len(labelled):
        raise ValueError("No label is known: all are -1, NaN or None. Give some labels.")
    unlabelled = len(y) - len(labelled)
    wanted = int(np.ceil(unlabelled * share / (1 - share)))
    return np.concatenate(
        [np.arange(len(y)), np.resize(labelled, max(0, wanted - len(labelled)))]
    )
