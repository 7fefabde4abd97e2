"""Splits and classes from the names of folders and files, in any usual layout."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np

_SPLIT_FOLDERS = {
    "train": ("train", "training", "trn"),
    "validation": (
        *("val", "valid", "validation", "dev", "devel", "development"),
        *("eval", "evaluation"),
    ),
    "test": ("test", "testing", "tst", "holdout", "heldout"),
}
SPLIT_OF = {name: split for split, names in _SPLIT_FOLDERS.items() for name in names}
# Words beside these without a meaning: train_set, TestData, val2017.
_BESIDE = "set|data|images|imgs"
_SPLIT_WORD = re.compile(rf"({'|'.join(SPLIT_OF)})({_BESIDE})?\d*")
_SAYS_NOTHING = re.compile(rf"({_BESIDE})?\d*")
# Fewer files outside of the folders of classes than this share are strays.
_STRAYS = 0.1


def read_folders(parts: list[tuple[str, ...]], path: Path, what: str):
    """Reads splits and labels from the folders of files.

    Args:
        parts: The folders of each file, from the top.
        path: The folder of all.
        what: What the files hold, in one word.

    Returns:
        For each file its split, its label ("" if there are none) and whether it is used;
        and a description of files that are left out.
    """
    parts = _unwrapped(parts)
    levels = ([one[i : i + 1] for one in parts] for i in (0, 1))
    level = next((i for i, one in enumerate(levels) if _are_splits(one, path, what)), None)
    splits = np.full(len(parts), "all", dtype=object)
    if level is not None:
        names = splits_of(one[level] for one in parts if one[level:])
        splits[:] = [names[one[level]] if one[level:] else "" for one in parts]
        _check_splits(splits, [one[level:] for one in parts], path)
        # The split may occur twice: seg_train/seg_train/cats.
        ends = [
            level + 2 if len(set(one[level : level + 2])) == 1 else level + 1
            for one in parts
        ]
        parts = [one[:level] + one[end:] for one, end in zip(parts, ends, strict=True)]
    used = splits != ""
    stray = f"{(~used).sum()} {what} outside of the splits"
    notes = [] if used.all() else [stray]
    inside = [one for one, use in zip(parts, used, strict=True) if use]
    labels = np.full(len(parts), "", dtype=object)
    labels[used], loose, more = _classes(inside, splits[used], what)
    used[used] = ~loose
    return splits.astype(str), labels.astype(str), used, notes + more


def _classes(parts: list[tuple[str, ...]], splits: np.ndarray, what: str):
    """Reads labels from the folders of classes.

    Args:
        parts: The folders of each file, below those of the splits.
        splits: The split of each.
        what: What the files hold, in one word.

    Returns:
        For each file its label, and whether it is left out because it has none; and a
        description of files that are left out.
    """
    labels = np.array([one[0] if one else "" for one in _unwrapped(parts)], dtype=object)
    loose, none = labels == "", np.zeros(len(parts), bool)
    if loose.all() or not loose.any():
        return labels, none, []
    bare = [s for s in np.unique(splits).tolist() if loose[splits == s].all()]
    if not bare and loose.mean() <= _STRAYS:
        return labels, loose, [f"{loose.sum()} {what} outside of the folders of classes"]
    where = f" of {', '.join(bare)}" if bare else ""
    lost = f"all labels, since {loose.sum()} {what}{where} are not in the folder of a class"
    return np.full(len(parts), "", dtype=object), none, [lost]


def _unwrapped(parts: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Leaves out outer folders that hold all files, unless they are a split."""
    while len(first := {one[:1] for one in parts}) == 1 and first != {()}:
        ((name,),) = first
        if splits_of([name])[name]:
            break
        parts = [one[1:] for one in parts]
    return parts


def splits_of(names: Iterable[str]) -> dict[str, str | None]:
    """The splits that the names of folders of one level mean, in any usual form.

    Other words may stand beside the split's, if two splits have them: seg_train, seg_test.

    Args:
        names: The names.

    Returns:
        The split of each name, or None.
    """
    found, others = {}, {}
    for name in set(names):
        words = re.split(r"[\W_]+", name.lower())
        splits = {SPLIT_OF[m[1]] for m in map(_SPLIT_WORD.fullmatch, words) if m}
        found[name] = splits.pop() if len(splits) == 1 else None
        others[name] = tuple(
            one
            for one in words
            if not _SPLIT_WORD.fullmatch(one) and not _SAYS_NOTHING.fullmatch(one)
        )
    shared = {
        one
        for one in others.values()
        if len({found[name] for name in found if others[name] == one} - {None}) > 1
    }
    return {
        name: split if not others[name] or others[name] in shared else None
        for name, split in found.items()
    }


def _are_splits(folders: list[tuple[str, ...]], path: Path, what: str) -> bool:
    """Whether the folders of one level are splits; a few files beside them do not count."""
    splits = set(splits_of(one[0] for one in folders if one).values())
    # Beside cars and planes, "train" is a class.
    if "train" not in splits or (None in splits and len(splits) == 2):
        return False
    strays = sum(not one for one in folders)
    if strays <= _STRAYS * len(folders):
        return True
    if splits == {"train"}:
        return False
    raise beside_splits(path, splits, f"{what} outside of sub-folders")


def _check_splits(splits, parts, path) -> None:
    """Refuses other folders beside splits."""
    others = {one[0] for one, split in zip(parts, splits, strict=True) if split is None}
    if others:
        raise beside_splits(path, splits, ", ".join(sorted(others)))


def beside_splits(path: Path, splits: Iterable, others: str) -> ValueError:
    """Makes the error for other files or folders beside splits.

    Args:
        path: The folder of all.
        splits: The splits that exist.
        others: Description of the other contents.

    Returns:
        The error.
    """
    known = ", ".join(sorted({s for s in splits if s}))
    return ValueError(
        f"{path} holds splits ({known}) and also {others}. Move them into one of the "
        "splits, or load another folder: test data must not get into the training data."
    )
