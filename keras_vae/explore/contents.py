"""The contents of a page except pictures: latent numbers, conditions, data, attributes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from keras_vae.core.latent import Latent
from keras_vae.core.seeds import fold
from keras_vae.core.support import Support
from keras_vae.evaluation import collapse_report
from keras_vae.explore.programs import as_base64
from keras_vae.generation.attributes import mean_differences
from keras_vae.models import LatentVariableModel

# Draws of the prior that set the range of sliders.
_DRAWS = 2000
# Range of sliders on both sides, in standard deviations of the prior.
_REACH = 3.0
# Latent numbers that the map can show, and the maximum number of classes of a label.
_AXES, _MOST_CLASSES = 12, 50
_SEED = 0


def latents_of(model: LatentVariableModel, x, y, codes, of: str) -> dict[str, Any]:
    """Describes the ranges and the order of the latent numbers.

    Args:
        model: The model.
        x: Raw observations [N, *event], at least two.
        y: The condition of each.
        codes: The code of each, [N, D].
        of: Description of the observations.

    Returns:
        `low`, `high` and `center` of each [D]; `classes`, a choice for each block of
        classes among them; `order` of the others; `said`, the information of each [D]; its
        `unit`; and a `note` that explains it.
    """
    drawn = model.draw(_DRAWS, fold(_SEED, 1), conditions_like(model, _DRAWS))
    drawn = np.asarray(drawn, np.float64).reshape(_DRAWS, -1)
    center, spread = drawn.mean(axis=0), drawn.std(axis=0)
    # A mean that differs from zero only by chance is zero.
    center[np.abs(center) < 4 * spread / math.sqrt(_DRAWS)] = 0.0
    low = np.minimum(center - _REACH * spread, codes.min(axis=0))
    high = np.maximum(center + _REACH * spread, codes.max(axis=0))
    # A number that never varies still has a slider.
    flat = high <= low
    low, high = np.where(flat, low - 1.0, low), np.where(flat, high + 1.0, high)
    classes = _classes_inside(model)
    for control in classes:
        at = control["at"]
        center[at : at + len(control["names"])] = np.eye(len(control["names"]))[0]
    inside = {
        at for one in classes for at in range(one["at"], one["at"] + len(one["names"]))
    }
    report = collapse_report(model, x, y=y)
    if report["rate"] is not None:
        said, unit = report["rate"], "nats"
        note = f"Sorted by information in nats: the mean of KL(q, p) over {len(x):,} {of}."
    else:
        said, unit = report["variance"], "var."
        note = (
            f"Sorted by variation: the variance of the code over {len(x):,} {of}. "
            "(Nats of single numbers are unknown for this posterior.)"
        )
    return {
        "low": _inside(model, np.floor(10 * low) / 10),
        "high": _inside(model, np.ceil(10 * high) / 10),
        "center": center,
        "classes": classes,
        "order": [one for one in np.argsort(-said, kind="stable") if one not in inside],
        "said": said,
        "unit": unit,
        "note": note,
    }


def blocks_of(latent: Latent) -> list[tuple[int, int, Support]]:
    """The parts of a latent variable: the start, size and support of each."""
    blocks = getattr(latent.support, "blocks", None)
    found, start = [], 0
    for size, support in blocks or [(math.prod(latent.shape), latent.support)]:
        found.append((start, size, support))
        start += size
    return found


def _classes_inside(model) -> list[dict[str, Any]]:
    """Choices for the classes that are part of the latent variable."""
    known = model.preprocessor and model.preprocessor.conditions
    return [
        {
            **_classes("class", at, known.classes if known else range(size), True, False),
            "isCode": True,
        }
        for at, size, support in blocks_of(model.latent)
        if support.vectors == "one_hot"
    ]


def _inside(model, numbers: np.ndarray) -> np.ndarray:
    """Ends of sliders, within the support of the latent variable."""
    numbers = numbers.copy()
    for at, size, support in blocks_of(model.latent):
        part = numbers[at : at + size]
        if support.low is not None:
            np.maximum(part, support.low, out=part)
        if support.high is not None:
            np.minimum(part, support.high, out=part)
    return numbers


def conditions_like(model: LatentVariableModel, n: int) -> np.ndarray | None:
    """Conditions to draw with: all classes in turn, or vectors of unknown labels."""
    if model.condition_shape is None:
        return None
    if model.num_classes is not None:
        return np.arange(n, dtype=np.int32) % model.num_classes
    return np.zeros((n, *model.condition_shape), np.float32)


def condition_of(model: LatentVariableModel) -> dict[str, Any] | None:
    """Describes the choices of a model's condition on the page.

    Args:
        model: The model.

    Returns:
        The `start` of y, and `controls`: a choice of classes, or a slider, for each label;
        None if the model has no condition.
    """
    if model.condition_shape is None:
        return None
    known = model.preprocessor and model.preprocessor.conditions
    if model.num_classes is not None:
        names = known.classes if known else range(model.num_classes)
        name = str(known.columns[0].name) if known else "class"
        return {"start": [0], "controls": [_classes(name, 0, names, False, False)]}
    size = math.prod(model.condition_shape)
    start, controls = np.zeros(size), []
    if not known:
        controls = [_number(f"y{i + 1}", i, None, (-1, 1), (-1, 1)) for i in range(size)]
        return {"start": start, "controls": controls}
    at = 0
    for column in known.columns:
        name = str(column.name)
        if column.categories:
            controls.append(_classes(name, at, column.categories, True, known.gaps))
            start[at] = 1
            at += len(column.categories)
            continue
        ends, shown = (-1, 1), (column.low, column.high)
        if column not in known.labels:
            # The logarithm of a library size over the typical one.
            name = f"log({name} / {known.library_size:g})"
            ends = shown = (-2, 2)
        controls.append(_number(name, at, at + 1, ends, shown))
        start[at + 1] = 1
        at += 2
    return {"start": start, "controls": controls}


def _classes(name, at, names, is_vector, may_be_unknown):
    return {
        "name": name,
        "at": at,
        "names": [str(one) for one in names],
        "isVector": is_vector,
        "mayBeUnknown": may_be_unknown,
        "isCode": False,
    }


def _number(name, at, known_at, bounds, shown):
    low, high = bounds
    return {
        "name": name,
        "at": at,
        "knownAt": known_at,
        "low": low,
        "high": high,
        "shown": list(shown),
    }


def map_of(codes: np.ndarray, order, labels: Mapping[str, Any], of: str) -> dict | None:
    """Describes the map: codes of data on some axes, coloured by labels.

    Args:
        codes: Codes of data [N, D]; N may be 0.
        order: Latent numbers, the most informative first.
        labels: Values [N] by the name of the label.
        of: Description of the data.

    Returns:
        `axes`, `points` [N, axes], their `count`, `labels` and a `note`; None for a single
        latent number, which has no map.
    """
    if len(order) < 2:
        return None
    axes = np.asarray(order)[:_AXES]
    note = "Click or drag to choose z, which the ring marks."
    if len(codes):
        note += f" Points are codes of {len(codes):,} {of}."
    note += (
        " Choose or make an example to see q(z|x): ellipses show one and two "
        "standard deviations, and small dots show draws."
    )
    return {
        "axes": axes,
        "points": as_base64(codes[:, axes]),
        "count": len(codes),
        "labels": [_colours(name, values) for name, values in labels.items()],
        "note": note,
    }


def _colours(name, values) -> dict[str, Any]:
    """A label as class numbers with their names, or as shares of its range."""
    values = np.asarray(values)
    known = _known(values)
    if _is_number(values):
        low, high = values[known].min(), values[known].max()
        shares = (values - low) / ((high - low) or 1.0)
        pairs = zip(shares, known, strict=True)
        return {
            "name": name,
            "names": None,
            "values": [
                round(float(one), 3) if is_known else None for one, is_known in pairs
            ],
        }
    classes, places = np.unique(values[known], return_inverse=True)
    numbers: list[int | None] = [None] * len(values)
    for row, place in zip(np.flatnonzero(known), places, strict=True):
        numbers[row] = int(place)
    return {"name": name, "names": [str(one) for one in classes], "values": numbers}


def attributes_of(
    model: LatentVariableModel, codes: np.ndarray, labels: Mapping[str, Any], of: str
) -> dict[str, Any] | None:
    """Finds directions of attributes, from all other classes towards each class.

    Args:
        model: The model.
        codes: Codes of data [N, D].
        labels: Values [N] by the name of the label.
        of: Description of the data.

    Returns:
        `vectors` with a name each, and a `note`; None if no label has classes. Labels of the
        model's condition are omitted, since codes need not contain them.
    """
    told = model.preprocessor and model.preprocessor.conditions
    conditions = {str(one.name) for one in told.columns} if told else set()
    vectors = []
    for name, values in labels.items():
        if name in conditions:
            continue
        values = np.asarray(values)
        known = _known(values)
        if _is_number(values) or not known.any():
            continue
        classes = np.unique(values[known])
        if not 2 <= len(classes) <= _MOST_CLASSES:
            continue
        is_flag = len(classes) == 2 and {str(one) for one in classes} <= {
            "0", "1", "False", "True",
        }  # fmt: skip
        for one in classes[1:] if is_flag else classes:
            text = name if is_flag else str(one) if len(labels) == 1 else f"{name} {one}"
            having = (values[known] == one).astype(np.int32)
            (vector,) = mean_differences(codes[known], {text: having}).values()
            vectors.append({"name": text, "vector": vector})
    note = (
        "Each slider adds a direction to z, from the mean code without the attribute to the "
        f"mean code with it, over {len(codes):,} {of}."
    )
    return {"vectors": vectors, "note": note} if vectors else None


def _known(values: np.ndarray) -> np.ndarray:
    """Which values are known: not None, NA, NaN or empty, nor -1 beside class numbers."""
    pairs = zip(values.tolist(), pd.isna(values), strict=True)
    known = np.array([not is_missing and one != "" for one, is_missing in pairs], bool)
    if values.dtype.kind in "if" and not _is_number(values):
        classes = set(values[known].tolist())
        # (Flags may be -1 and 1.)
        if min(classes, default=0) == -1 and len(classes) > 2:
            known &= values != -1
    return known


def _is_number(values: np.ndarray) -> bool:
    """Whether a label is a number, and not a class."""
    if values.dtype.kind not in "iuf":
        return False
    known = values[~np.isnan(values)]
    return bool((known != np.floor(known)).any()) or len(np.unique(known)) > _MOST_CLASSES
