"""Whether samples resemble data and are as varied, by balls around features."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from keras_vae.core.numbers import positive_int
from keras_vae.evaluation.images.frechet import two_sets

_DISTANCES_AT_A_TIME = 5_000_000


def precision_recall(real, sampled, k: int = 3) -> dict[str, dict[str, float | None]]:
    """Returns the share of samples that lie among data, and of data among samples.

    A set covers the union of the balls around its points that reach to their k-th nearest
    neighbour. A single outlier in the data covers a large region: see `density_coverage`.

    Args:
        real: Features of data, [N, F].
        sampled: Features of samples, [M, F]; M = N for comparisons.
        k: Rank of the neighbour.

    Returns:
        `precision` (samples that the data cover) and `recall` (data that the samples
        cover), each a `mean`; its `standard_error` is None, because the balls are random,
        too, and their part of the error is unknown.

    Raises:
        ValueError: If the sets do not fit together or have no more than k points.

    Example:
        >>> extract = random_conv()
        >>> precision_recall(extract(x_test), extract(vae.sample(len(x_test))))

    Source:
        Kynkaanniemi et al. 2019, "Improved precision and recall metric for assessing
        generative models", equations 1 and 2.
    """
    real, sampled = _sets(real, sampled, k)
    return {
        "precision": _share(_covered(sampled, real, _radii(real, k))),
        "recall": _share(_covered(real, sampled, _radii(sampled, k))),
    }


def density_coverage(real, sampled, k: int = 5) -> dict[str, dict[str, float | None]]:
    """Returns how densely data surround samples, and the share of data near a sample.

    Args:
        real: Features of data, [N, F].
        sampled: Features of samples, [M, F].
        k: The balls reach to the k-th nearest neighbour among the data.

    Returns:
        `density` (the number of balls around data that a sample is in, over k; 1 for
        samples of the data's own distribution, more if they crowd) and `coverage` (the
        share of data with a sample in their ball; at best about 1 - 1 / 2^k if N = M and
        the samples are new), each a `mean`; its `standard_error` is None, as in
        `precision_recall`.

    Raises:
        ValueError: If the sets do not fit together or have no more than k points.

    Example:
        >>> extract = random_conv()
        >>> density_coverage(extract(x_test), extract(vae.sample(len(x_test))))

    Source:
        Naeem et al. 2020, "Reliable fidelity and diversity metrics for generative
        models", equations 3 and 4. Points on the edge of a ball are outside, as in the
        authors' code.
    """
    real, sampled = _sets(real, sampled, k)
    radii = _radii(real, k)
    depth, near = np.zeros(len(sampled)), np.zeros(len(real), bool)
    for rows, distances in _distances(sampled, real):
        inside = distances < radii
        depth[rows] = inside.sum(axis=1) / k
        near |= inside.any(axis=0)
    return {"density": _share(depth), "coverage": _share(near)}


def _share(values):
    return {"mean": float(values.mean()), "standard_error": None}


def _sets(real, sampled, k):
    positive_int(k, "k")
    real, sampled = two_sets(real, sampled)
    if min(len(real), len(sampled)) <= k:
        raise ValueError(
            f"The {k}-th nearest neighbour needs more than {k} points in each set, but "
            f"there are {len(real)} and {len(sampled)}."
        )
    return real, sampled


def _radii(points, k):
    """Distance of each point to its k-th nearest neighbour, itself not counted."""
    radii = np.empty(len(points))
    for rows, distances in _distances(points, points):
        radii[rows] = np.partition(distances, k, axis=1)[:, k]
    return radii


def _covered(points, centres, radii):
    covered = np.empty(len(points), bool)
    for rows, distances in _distances(points, centres):
        covered[rows] = (distances <= radii).any(axis=1)
    return covered


def _distances(points, centres) -> Iterator[tuple[slice, np.ndarray]]:
    """Distances of all points to all centres, some rows at a time."""
    from sklearn.metrics import pairwise_distances

    step = max(1, _DISTANCES_AT_A_TIME // len(centres))
    for start in range(0, len(points), step):
        rows = slice(start, start + step)
        yield rows, pairwise_distances(points[rows], centres)
