"""The splits of named sets. A changed rule would invalidate published scores."""

from __future__ import annotations

from typing import Any

import numpy as np

from keras_vae.data.dataset import SPLITS

_SEED = 0


def last_of_train(arrays: dict[str, np.ndarray], size: int) -> dict[str, Any]:
    """Takes the last training rows for validation, for sets without a validation split.

    Args:
        arrays: x_train, x_test (images with or without channel axis), y_train, y_test.
        size: Number of validation rows.

    Returns:
        x and y of the three splits, images `[N, H, W, C]`, as `DataSet` takes them.
    """
    x = arrays["x_train"], arrays["x_test"]
    x_train, x_test = (a if a.ndim == 4 else a[..., np.newaxis] for a in x)
    return {
        "x_train": x_train[:-size],
        "y_train": arrays["y_train"][:-size],
        "x_validation": x_train[-size:],
        "y_validation": arrays["y_train"][-size:],
        "x_test": x_test,
        "y_test": arrays["y_test"],
    }


def stratified(x: np.ndarray, y: np.ndarray, held_out: int) -> dict[str, Any]:
    """Draws validation and test with equal classes; the rest is for training.

    Args:
        x: Whole numbers in [0, 255], `[N, *event]`.
        y: Class indices, `[N]`.
        held_out: Number of rows of each class in validation, and in test.

    Returns:
        x and y of the three splits, uint8, classes mixed.
    """
    rng = np.random.default_rng(_SEED)
    parts: dict[str, list[np.ndarray]] = {split: [] for split in SPLITS}
    for label in np.unique(y):
        rows = rng.permutation(np.flatnonzero(y == label))
        parts["validation"].append(rows[:held_out])
        parts["test"].append(rows[held_out : 2 * held_out])
        parts["train"].append(rows[2 * held_out :])
    arrays = {}
    for split in SPLITS:
        rows = rng.permutation(np.concatenate(parts[split]))
        arrays[f"x_{split}"] = x[rows].astype(np.uint8)
        arrays[f"y_{split}"] = y[rows].astype(np.uint8)
    return arrays


def film_blocks(frames: int) -> np.ndarray:
    """Splits a film, in which neighbours look alike, in blocks of 50 frames.

    Four blocks each for validation and test alternate, centred in the eighths of the film,
    so that both cover all of it, and neither its very end.

    Args:
        frames: Number of frames, at least 400.

    Returns:
        Name of the split of each frame, `[frames]`.
    """
    splits = np.full(frames, "train", dtype="U10")
    for block in range(8):
        start = (2 * block + 1) * frames // 16 - 25
        splits[start : start + 50] = "test" if block % 2 else "validation"
    return splits
