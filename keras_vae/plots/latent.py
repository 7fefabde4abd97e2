"""Walks through latent space as pictures."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from keras_vae.core.centers import moments_of
from keras_vae.core.numbers import positive_int
from keras_vae.core.support import REAL
from keras_vae.models import LatentVariableModel
from keras_vae.plots.pixels import check_event, lay_out, to_pixels

_MAX_ROWS = 10
# Draws that give the scale of a prior without one in closed form, such as a flow.
_PRIOR_DRAWS = 10_000


def latent_manifold(
    model: LatentVariableModel,
    size: int = 20,
    value_range: tuple[float, float] | None = None,
    y=None,
) -> np.ndarray:
    """Decodes a square of a two-dimensional latent space.

    Each axis takes the values that divide the standard normal into `size` equally
    probable parts, at the middle of each part: -1.96 to 1.96 for 20. As in a chart, z[0]
    grows to the right and z[1] upwards, so the picture lies over `latent_scatter`.

    Args:
        model: A model of images with two latent dimensions.
        size: Images in a row and in a column.
        value_range: Values (low, high) shown as black and as white; None takes them
            from the model (`shown_range`).
        y: The condition of all images, for a model that has one.

    Returns:
        The picture, uint8 [height, width, 3], without gaps between images.

    Raises:
        ValueError: If the model does not have 2 latent dimensions, or is not of images.

    Example:
        >>> vae = keras_vae.DenseVAE((28, 28, 1), latent_dim=2)
        >>> latent_manifold(vae).shape
        (1120, 1120, 3)

    Source:
        Kingma and Welling 2014, figure 4.
    """
    check_event(model.event_shape, "The model's observations")
    if model.latent_dim != 2 or model.latent.support != REAL:
        raise ValueError(
            f"The model has {model.latent_dim} latent dimensions on {model.latent.support}, "
            "but a manifold is drawn of 2 in R^D. Train one with latent_dim=2, or use "
            "traversals, which takes any number."
        )
    positive_int(size, "size")
    values = [NormalDist().inv_cdf((i + 0.5) / size) for i in range(size)]
    z = [(across, up) for up in reversed(values) for across in values]
    pixels = _decode(model, np.array(z, np.float32), value_range, y)
    tiles = pixels.reshape(size, size, *pixels.shape[1:])
    return lay_out(tiles, [0] * (size - 1), padding=0)


def traversals(
    model: LatentVariableModel,
    x: np.ndarray,
    dimensions: Sequence[int] | None = None,
    steps: int = 9,
    extent: float = 2.5,
    value_range: tuple[float, float] | None = None,
    y=None,
) -> np.ndarray:
    """Moves one observation along single latent dimensions.

    In each row, one dimension goes in even steps from `extent` prior standard deviations
    below the posterior mean to equally many above, while the others stay. With an odd
    number of steps the middle column is the reconstruction.

    Args:
        model: A model of images.
        x: Observations [N, *event]. The first one is moved; all of them help to choose the
            dimensions, so a few hundred are better than one.
        dimensions: Latent dimensions to show, one per row, counted from 0 (over all axes,
            if latent variables have several). None takes the 10 that the observations use
            most: those whose posterior means lie farthest (root mean square, in prior
            standard deviations) from the prior mean, in this order. Dimensions that the
            model does not use have means near it.
        steps: Images in a row.
        extent: Distance to either side, in prior standard deviations.
        value_range: Values (low, high) shown as black and as white; None takes them
            from the model (`shown_range`).
        y: The condition of each observation, for a model that has one.

    Returns:
        The picture, uint8 [height, width, 3].

    Raises:
        ValueError: If the model is not of images, x does not fit it, or a dimension does
            not exist.

    Example:
        >>> picture = traversals(vae, x_test[:500], steps=11)

    Source:
        Higgins et al. 2017, "beta-VAE", figure 2.
    """
    check_event(model.event_shape, "The model's observations")
    if positive_int(steps, "steps") < 2:
        raise ValueError(f"steps must be at least 2, but is {steps!r}.")
    if not extent > 0:
        raise ValueError(f"extent must be positive, but is {extent!r}.")
    if model.latent.support != REAL:
        raise ValueError(
            "Traversals move codes along straight lines, which would move them out of "
            f"their support: {model.latent.support}. Use interpolate_codes."
        )
    if not len(x):
        raise ValueError(f"x is empty: it has shape {np.shape(x)}.")
    y = model.check_condition(y, len(x))
    means = model.embed(x, y).reshape(len(x), -1)
    center, scale = _moments_of_prior(model, x, y)
    if dimensions is None:
        distance = np.sqrt(np.mean(((means - center) / scale) ** 2, axis=0))
        dimensions = np.argsort(-distance, kind="stable")[:_MAX_ROWS].tolist()
    dimensions = _check_dimensions(dimensions, means.shape[1])
    z = np.tile(means[0], (len(dimensions), steps, 1))
    # linspace rounds its middle to something near zero; here it is zero.
    offsets = extent * (np.arange(steps) * 2 - (steps - 1)) / (steps - 1)
    for row, dimension in zip(z, dimensions, strict=True):
        row[:, dimension] += (offsets * scale[dimension]).astype(z.dtype)
    # The others and the condition do not change. (A single row of numbers would be read as
    # labels of one observation.)
    told = None if y is None else np.repeat(y[:1], len(dimensions) * steps, axis=0)
    pixels = _decode(model, z, value_range, told)
    tiles = pixels.reshape(len(dimensions), steps, *pixels.shape[1:])
    return lay_out(tiles, [2] * (len(tiles) - 1))


def _decode(model, z, value_range, y):
    """Pixels [N, H, W, 3] of what the model decodes z to, codes of any shape."""
    value_range = model.shown_range if value_range is None else value_range
    decoded = model.decode_codes(z.reshape(-1, *model.latent.shape), y)
    return to_pixels(model.pictures(decoded), value_range, "The decoded images")


def _moments_of_prior(model, x, y):
    """Mean and standard deviation [D] of each latent number, where the first x is."""
    prior = model.trace(model.to_units(x[:1]), y=None if y is None else y[:1]).p
    moments = moments_of(prior, _PRIOR_DRAWS)
    return (np.reshape(one, -1) for one in moments)


def _check_dimensions(dimensions, latent_dim):
    dimensions = [int(one) for one in dimensions]
    if not dimensions:
        raise ValueError("dimensions is empty; name at least one, or leave it out.")
    wrong = [one for one in dimensions if not 0 <= one < latent_dim]
    if wrong:
        raise ValueError(
            f"The model has the latent dimensions 0 to {latent_dim - 1}, but dimensions "
            f"has {wrong}."
        )
    return dimensions
