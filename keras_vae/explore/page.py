"""A self-contained HTML page to explore a model's latent space."""

from __future__ import annotations

import html
import importlib.resources
import json
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import tensorflow as tf

from keras_vae.core.files import write_atomically
from keras_vae.core.numbers import not_negative
from keras_vae.explore.contents import (
    attributes_of,
    blocks_of,
    condition_of,
    conditions_like,
    latents_of,
    map_of,
)
from keras_vae.explore.programs import NotOnAPage, Weights, as_base64, make_program
from keras_vae.models import LatentVariableModel

_SCRIPTS = ("run.js", "page.js", "map.js", "draw.js")
_MARK = re.compile(r"\{(title|style|content|weights|script)\}")
# Number of draws of q(z|x) on the map, and of the model's own samples instead of data.
_DRAWS, _OWN_SAMPLES = 64, 500


def write_page(
    model: LatentVariableModel,
    filepath: str | os.PathLike,
    x=None,
    y=None,
    labels: Mapping[str, Any] | None = None,
    title: str | None = None,
    of: str = "observations",
    notes: Sequence[str] = (),
    examples: int = 12,
) -> list[str]:
    """Writes an HTML page to explore the meaning of latent numbers.

    It has a slider for each latent number, the most informative first; a map of two of them
    with the codes of data; a pad to draw on, with q(z|x) of the drawing as an ellipse and
    its draws, and the reconstruction; directions of attributes, and the condition.
    Everything is in one file and runs in the browser: nothing is loaded or sent.

    Decoder, encoder and prior compute the same as `decode`, `encode` and `draw` of the
    model, operation by operation in single precision.

    Args:
        model: The model, of images with 1 or 3 channels or of rows of numbers (no sounds),
            with latent numbers that may vary by themselves (no sphere, no classes).
        filepath: The file.
        x: Raw observations [N, *event], at least two: their codes are on the map, and the
            page holds some of them. With None the model's own samples order the latent
            numbers, and there are neither points nor attributes.
        y: The condition of each observation, for a model that has one.
        labels: Labels by name, each with values for all observations [N]. They colour the
            map and define attributes.
        title: Title of the page; None takes the model's class.
        of: Description of the observations, such as "test images of MNIST".
        notes: Lines at the foot of the page, such as the licence of the data.
        examples: Number of observations that the page holds; 0 if none may be shown.

    Returns:
        A line for each part of the model that the page lacks because a browser cannot
        compute it.

    Raises:
        DiskFullError: If there is too little room.
        ValueError: If the model is of another kind, or its decoder needs an operation that
            the page lacks; the error names its layer.

    Example:
        >>> write_page(vae, "page.html", x_train, labels={"corner": y_train})
        []
    """
    examples = int(not_negative(examples, "examples"))
    shown = _picture(model)
    _require_free_numbers(model)
    has_data = x is not None
    if not has_data:
        of = "samples from the model, since no data were given"
        y = conditions_like(model, _OWN_SAMPLES)
        x = model.sample(_OWN_SAMPLES, y, draw=True)
    labels = _checked_labels(labels, len(x) if has_data else 0)
    y = model.check_condition(y, len(x))
    units = model.to_units(x)
    codes = model.embed(x, y).reshape(len(x), -1)
    latents = latents_of(model, x, y, codes, of)
    shown |= _bounds(model, units, shown["kind"])
    weights = Weights()
    programs, lacking = _programs(model, weights)
    content = {
        "title": title or type(model).__name__,
        "facts": (
            f"{type(model).__name__} with {model.count_params():,} weights, "
            f"{model.latent_dim} latent numbers, likelihood {model.likelihood_text}"
        ),
        "picture": shown,
        "programs": programs,
        "latents": latents,
        "condition": condition_of(model),
        "map": map_of(codes[: len(x) if has_data else 0], latents["order"], labels, of),
        "attributes": attributes_of(model, codes, labels, of) if has_data else None,
        "examples": _examples(units, y, examples, of) if has_data else None,
        "notes": [
            *lacking,
            *notes,
            "This page does all computations itself. It loads and sends nothing.",
        ],
    }
    text = _as_html(content, weights)
    write_atomically(filepath, lambda path: path.write_text(text, encoding="utf-8"))
    return lacking


def _picture(model) -> dict[str, Any]:
    """How observations are shown; refuses those that cannot be."""
    shape = tuple(model.event_shape)
    if model.preprocessor and model.preprocessor.spectrogram:
        raise ValueError(
            "A page shows images and rows of numbers and plays no sounds, but this model is of "
            "sounds. Listen to them: keras-vae sample, reconstruct or interpolate."
        )
    if len(shape) == 1:
        return {"kind": "row"}
    if len(shape) == 2 or (len(shape) == 3 and shape[2] in (1, 3)):
        height, width, channels = (*shape, 1)[:3]
        return {"kind": "image", "height": height, "width": width, "channels": channels}
    raise ValueError(
        f"Events of shape {shape} are neither images with 1 or 3 channels nor rows of "
        "numbers. A page shows only these."
    )


def _require_free_numbers(model) -> None:
    latent = model.latent
    if latent.is_discrete or any(
        support.vectors not in (None, "one_hot") for _, _, support in blocks_of(latent)
    ):
        raise ValueError(
            "A slider moves one latent number and leaves the others, but this model's latent "
            f"variables are {latent.support} ({latent.name}). Explore a model whose latent "
            "variables are numbers that vary by themselves, such as those of a normal "
            "posterior."
        )


def _checked_labels(labels, n: int) -> dict[str, Any]:
    found = {str(name): np.asarray(values) for name, values in (labels or {}).items()}
    for name, values in found.items():
        if values.shape != (n,):
            raise ValueError(
                f"The label {name!r} has shape {values.shape}, but must have a value for "
                f"each of the {n} observations in x."
            )
        if values.dtype == object:
            found[name] = values = _of_one_type(values)
        if values.dtype.kind == "f" and np.isinf(values).any():
            raise ValueError(
                f"The label {name!r} has infinite values. Replace them by NaN if they are "
                "unknown."
            )
    return found


def _of_one_type(values: np.ndarray) -> np.ndarray:
    """Objects as numbers, or as text: values of several types cannot be put in order."""
    missing = pd.isna(values)
    if all(isinstance(one, int | float | np.number) for one in values[~missing]):
        return np.where(missing, np.nan, values).astype(np.float64)
    pairs = zip(values, missing, strict=True)
    return np.array([one if is_gap else str(one) for one, is_gap in pairs], object)


def _bounds(model, units: np.ndarray, kind: str) -> dict[str, Any]:
    """The values of black and white, or the name and format of each column."""
    prepare = model.preprocessor
    if kind == "image":
        black, white = model.shown_range if prepare is None else prepare.value_range
        is_light = float(np.nanmean(units)) > (black + white) / 2
        return {"black": black, "white": white, "isDarkOnLight": is_light}
    size = units.shape[1]
    offset, scale = (0.0, 1.0) if prepare is None else (
        prepare.scaling.offset, prepare.scaling.scale,
    )  # fmt: skip
    offset, scale = np.broadcast_to(offset, size), np.broadcast_to(scale, size)
    raw = units * scale + offset
    columns = [one for one in (prepare and prepare.columns) or () if one.is_modelled]
    described = []
    for i in range(size):
        column = columns[i] if columns else None
        known = raw[:, i][~np.isnan(raw[:, i])]
        described.append(
            {
                "name": str(column.name) if column else f"x{i + 1}",
                "categories": [str(one) for one in column.categories] if column else [],
                "decimals": column.decimals if column else None,
                "low": known.min() if len(known) else 0.0,
                "high": known.max() if len(known) else 1.0,
                "offset": offset[i],
                "scale": scale[i],
            }
        )
    return {"columns": described}


def _programs(model, weights: Weights) -> tuple[dict[str, Any], list[str]]:
    """Decoder, encoder and prior as programs, and lines about missing ones."""
    dtype = model.probability_dtype
    x = tf.TensorSpec([1, *model.event_shape], dtype, "x")
    z = tf.TensorSpec([1, *model.latent.shape], dtype, "z")
    y = []
    if model.condition_shape is not None:
        is_class = model.num_classes is not None
        shape = [1] if is_class else [1, *model.condition_shape]
        y = [tf.TensorSpec(shape, tf.int32 if is_class else dtype, "y")]

    def code(x, *y):
        answer = {"z": model.codes(x, *y)}
        latent = model.latent
        if latent.has_density and latent.is_factorized and latent.has_moments:
            summary = model.posterior_summary(x, *y)
            answer |= {name: summary[name] for name in ("mean", "stddev")}
        return answer

    # An input, so that nothing that comes of it is taken for a constant.
    seed = tf.TensorSpec([2], tf.int32, "seed")

    def code_and_draws(seed, x, *y):
        draws = model.encode(x, *y).sample(_DRAWS, seed=seed)
        return {**code(x, *y), "draws": draws}

    def decode(z, *y):
        return {"mean": model.decoded(z, *y)}

    def prior(seed, *y):
        return {"z": model.draw(1, seed, *y)}

    found = {"decode": make_program(decode, [z, *y], weights)}
    lacking = []
    for name, function, specs, loss in (
        ("prior", prior, [seed, *y], "There is no button that draws from the prior."),
        ("encode", code_and_draws, [seed, x, *y], "There are no draws of q(z|x)."),
        (
            "encode",
            code,
            [x, *y],
            "There is no pad to draw on, because the page has no encoder.",
        ),
    ):
        if name in found:
            continue
        try:
            found[name] = make_program(function, specs, weights)
        except NotOnAPage as error:
            lacking.append(f"{loss} {error}")
    return found, lacking


def _examples(units: np.ndarray, y, count: int, of: str) -> dict[str, Any] | None:
    """Some of the observations, in the model's units."""
    rows = np.unique(np.linspace(0, len(units) - 1, min(count, len(units))).astype(int))
    if not len(rows):
        return None
    return {
        "x": as_base64(units[rows]),
        "y": None if y is None else [np.ravel(one) for one in y[rows]],
        "count": len(rows),
        "note": f"{len(rows)} of the {len(units):,} {of}",
    }


def _as_html(content: dict[str, Any], weights: Weights) -> str:
    assets = importlib.resources.files("keras_vae.explore") / "assets"
    read = {
        name: (assets / name).read_text(encoding="utf-8")
        for name in ("page.html", "page.css", *_SCRIPTS)
    }
    text = json.dumps(content, default=_plain, separators=(",", ":"), allow_nan=False)
    parts = {
        "title": html.escape(content["title"]),
        "style": read["page.css"],
        # No name of a label can end the element that contains it.
        "content": text.replace("<", "\\u003c"),
        "weights": weights.text(),
        "script": "\n".join(read[name] for name in _SCRIPTS),
    }
    return _MARK.sub(lambda mark: parts[mark[1]], read["page.html"])


def _plain(value):
    """Arrays and NumPy's numbers as JSON has them, with the digits of single precision."""
    if isinstance(value, np.ndarray):
        return [_plain(one) for one in value]
    if isinstance(value, np.floating):
        return float(f"{float(value):.7g}")
    return value.item()
