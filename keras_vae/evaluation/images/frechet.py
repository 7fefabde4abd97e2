"""The Frechet distance of two sets of features."""

from __future__ import annotations

import numpy as np


def frechet_distance(features, others) -> dict[str, float]:
    """Returns the squared Frechet distance of the normals fitted to two sets of features.

    |m1 - m2|^2 + trace(C1 + C2 - 2 (C1 C2)^(1/2)), with means m and covariances C. The name
    of a score with it must name the features (`FeatureExtractor`); it is an FID only with
    the features of Inception. Its bias for small sets is about proportional to 1 / N, so
    only distances with equal N can be compared.

    Args:
        features: Array [N, F], with N > F if possible.
        others: Array [M, F].

    Returns:
        `mean`, the distance, squared units of the features, and `standard_error`, to first
        order (the delta method; too small if the two distributions are the same).

    Raises:
        ValueError: If the arrays are not two sets of at least two vectors of the same size.

    Example:
        >>> extract = random_conv()
        >>> frechet_distance(extract(x_test), extract(vae.sample(len(x_test))))

    Source:
        Dowson and Landau 1982; Heusel et al. 2017, "GANs trained by a two time-scale
        update rule", equation 6.
    """
    features, others = two_sets(features, others)
    if min(len(features), len(others)) < 2:
        raise ValueError("A covariance needs at least two vectors in each set.")
    means = features.mean(axis=0), others.mean(axis=0)
    first, second = (np.atleast_2d(np.cov(x, rowvar=False)) for x in (features, others))
    between = means[0] - means[1]
    root = _root(first)
    middle = _root(root @ second @ root)
    distance = between @ between + np.trace(first + second) - 2.0 * np.trace(middle)
    # The derivative with respect to C1 is I - T, where T = C1^(-1/2) middle C1^(-1/2) maps
    # one normal to the other; with respect to C2 it is I minus the inverse map.
    inverse = np.linalg.pinv(root, rcond=1e-6, hermitian=True)
    there = inverse @ middle @ inverse
    back = root @ np.linalg.pinv(middle, rcond=1e-6, hermitian=True) @ root
    identity = np.eye(len(first))
    variance = 0.0
    for x, mean, sign, map_ in (
        (features, means[0], 1.0, there),
        (others, means[1], -1.0, back),
    ):
        x = x - mean
        influence = 2.0 * sign * x @ between
        influence += np.einsum("ni,ij,nj->n", x, identity - map_, x, optimize=True)
        variance += influence.var(ddof=1) / len(x)
    # Rounding may leave a small negative number.
    return {"mean": max(float(distance), 0.0), "standard_error": float(np.sqrt(variance))}


def two_sets(features, others) -> tuple[np.ndarray, np.ndarray]:
    """Checks two sets of features.

    Args:
        features: Array [N, F].
        others: Array [M, F].

    Returns:
        Both, as float64.

    Raises:
        ValueError: If they are not two sets of finite vectors of the same size.
    """
    features, others = (np.asarray(x, np.float64) for x in (features, others))
    if features.ndim != 2 or others.ndim != 2 or features.shape[1:] != others.shape[1:]:
        raise ValueError(
            "Two sets of features [N, F] and [M, F] are needed, but the shapes are "
            f"{features.shape} and {others.shape}."
        )
    if not (np.isfinite(features).all() and np.isfinite(others).all()):
        raise ValueError("The features hold NaN or infinite values.")
    return features, others


def _root(matrix):
    """The square root of a symmetric matrix without negative eigenvalues."""
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2.0)
    return (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
