"""The conditions of samples, from the option `--y`."""

from __future__ import annotations

from typing import Any

import click

_NO_CONDITION = "--y was given, but this model has no condition. Leave it out."


def names_of(known, y, count: int) -> list[str]:
    """Names the classes of samples.

    Args:
        known: The `Conditions` of the model's preprocessor, or None.
        y: The condition of the samples, or None.
        count: Number of samples.

    Returns:
        A name for each sample if the condition is a single class, otherwise nothing.
    """
    if known is None or y is None or known.classes is None:
        return []
    numbers = known.as_table(y, count).iloc[:, 0]
    return [str(one) for one in numbers]


def _classes_of(model):
    """The classes of a model whose condition, or whose label, is a class; or None."""
    known = model.preprocessor and model.preprocessor.conditions
    return known.classes if known else model.num_classes and range(model.num_classes)


def usual_count(model, text: str | None) -> int:
    """The number of samples if none is given.

    Args:
        model: The model.
        text: The value of the option for the condition; see `conditions_of`.

    Returns:
        64, or the largest number below it that has as many samples of each class.
    """
    classes = len(_classes_of(model) or ()) if text in (None, "all") else 0
    return 64 - 64 % classes if 0 < classes <= 64 else 64


def conditions_of(model, text: str | None, count: int) -> tuple[Any, int | None]:
    """Reads the conditions of samples.

    Args:
        model: The model.
        text: The value of the option: a class, labels by name, numbers for a model without
            names, or all; None means all if the model has classes.
        count: Number of samples.

    Returns:
        The condition, for `sample`, and the number of columns of a picture that has a row
        for each class.

    Raises:
        ValueError: If there is no such class, or a class must be given and is not.
    """
    import numpy as np

    known = model.preprocessor and model.preprocessor.conditions
    classes = _classes_of(model)
    if text in (None, "all") and (classes or model.condition_shape is None):
        if not classes and text is not None:
            raise ValueError(_NO_CONDITION)
        if not classes:
            return None, None
        # Classes follow one another, each as often as the others or once more.
        columns, rest = divmod(count, len(classes))
        numbers = np.arange(count) * min(len(classes), count) // count
        return numbers, columns if columns > 1 and not rest else None
    if model.condition_shape is None and not model.learns_labels:
        raise ValueError(_NO_CONDITION)
    if known and text not in (None, "all"):
        return known.read(text), None
    if known:
        wanted = ",".join(f"{one.name}=..." for one in known.columns)
        raise ValueError(f"The condition of the samples is missing: give --y {wanted}")
    try:
        given = np.array([float(one) for one in (text or "").split(",")])
    except ValueError:
        raise click.UsageError(
            f"--y must be a number, or several such as 0,1,0, but is {text!r}."
        ) from None
    return given[0] if model.num_classes and len(given) == 1 else given, None
