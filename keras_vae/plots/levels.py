"""Pictures of the contribution of each level of latent variables."""

from __future__ import annotations

from typing import Any

import numpy as np

from keras_vae.core.numbers import positive_int
from keras_vae.models import LatentVariableModel
from keras_vae.plots.pixels import check_event, lay_out, to_pixels


def level_samples(
    model: LatentVariableModel,
    columns: int = 10,
    seed: int | None = 0,
    value_range: tuple[float, float] | None = None,
    y=None,
) -> np.ndarray:
    """Draws samples that share their highest levels, one more from row to row.

    The images of the first row share nothing, those of the second the highest level, those
    of the last all levels but the lowest. So the images of a row show the contribution of
    the levels that they do not share.

    Args:
        model: A hierarchy of images, such as `HierarchicalVAE.for_images` makes.
        columns: Images in a row.
        seed: Same seed, same picture.
        value_range: Values (low, high) shown as black and as white; None takes them
            from the model (`shown_range`).
        y: The condition of all images, for a model that has one.

    Returns:
        The picture, uint8 [height, width, 3], a row for each level.

    Raises:
        ValueError: If the model has one level, or models no images.

    Example:
        >>> picture = level_samples(ladder, columns=8)

    Source:
        Child 2021, "Very deep VAEs", figure 4, has the like.
    """
    positive_int(columns, "columns")
    _check_levels(model)
    shared: list[dict[str, Any]] = [
        {"levels": levels} for levels in range(1, model.num_levels)
    ]
    rows = [model.sample(columns, y, seed, **options) for options in [{}, *shared]]
    return _picture(model, rows, value_range)


def level_reconstructions(
    model: LatentVariableModel,
    x: np.ndarray,
    value_range: tuple[float, float] | None = None,
    y=None,
) -> np.ndarray:
    """Reconstructs observations from fewer and fewer levels, one less from row to row.

    The first row has the observations, the second their reconstructions from all levels,
    the last those from the highest level alone, with the levels below at the centres of the
    prior given it.

    Args:
        model: A hierarchy of images, such as `HierarchicalVAE.for_images` makes.
        x: Observations [N, *event].
        value_range: Values (low, high) shown as black and as white; None takes them
            from the model (`shown_range`).
        y: The condition of each observation, for a model that has one.

    Returns:
        The picture, uint8 [height, width, 3], with one row more than levels.

    Raises:
        ValueError: If the model has one level, or models no images.

    Example:
        >>> picture = level_reconstructions(ladder, x_test[:8])
    """
    _check_levels(model)
    told: list[dict[str, Any]] = [
        {"levels": levels} for levels in range(model.num_levels, 0, -1)
    ]
    rows = [model.reconstruct(x, y, **options) for options in told]
    return _picture(model, [x, *rows], value_range)


def _check_levels(model):
    check_event(model.event_shape, "The model's observations")
    if model.num_levels < 2:
        raise ValueError(
            f"This {type(model).__name__} has one level of latent variables, so no level "
            "can be shared. Take a HierarchicalVAE, or traversals."
        )


def _picture(model, rows, value_range):
    value_range = model.shown_range if value_range is None else value_range
    rows = [model.pictures(one) for one in rows]
    tiles = np.stack([to_pixels(one, value_range, "The images") for one in rows])
    return lay_out(tiles, [2] * (len(tiles) - 1))
