"""Accuracy of simple classifiers on embeddings."""

from __future__ import annotations

import numpy as np

from keras_vae.core.names import unknown
from keras_vae.core.numbers import positive_int
from keras_vae.evaluation.errors import mean_and_error

_METHODS = ("linear", "knn")


def probe_accuracy(
    z_train, y_train, z_test, y_test, method: str = "linear", neighbors: int = 10
) -> dict[str, float | None]:
    """Returns how often a simple classifier of embeddings is right.

    Args:
        z_train: Embeddings [N, *latent] that the classifier learns from.
        y_train: Their labels [N], or [N, A] for A attributes or factors, each of which gets
            its own classifier.
        z_test: Held-out embeddings [M, *latent].
        y_test: Their labels.
        method: "linear", a logistic regression on standardised embeddings with
            scikit-learn's penalty (C = 1), or "knn", the vote of the nearest training
            embeddings.
        neighbors: Number of neighbours that vote.

    Returns:
        `mean`, the share of test labels that were predicted correctly (over all columns),
        and its `standard_error` over test examples.

    Raises:
        ValueError: If shapes do not fit together, a label is the same everywhere, or there
            is no such method.

    Example:
        >>> probe_accuracy(vae.embed(x_train), y_train, vae.embed(x_test), y_test)
    """
    if method not in _METHODS:
        raise unknown("probe", method, _METHODS)
    positive_int(neighbors, "neighbors")
    z_train, z_test = (
        np.reshape(z, (len(z), -1)) if np.ndim(z) > 2 else np.asarray(z)
        for z in (z_train, z_test)
    )
    y_train, y_test = (
        _columns(y, name) for y, name in ((y_train, "y_train"), (y_test, "y_test"))
    )
    _check(z_train, y_train, z_test, y_test)
    right = []
    for train, test in zip(y_train.T, y_test.T, strict=True):
        if (train == train[0]).all():
            raise ValueError(f"All labels of the training data are {train[0]}.")
        probe = _probe(method, min(neighbors, len(z_train)))
        right.append(probe.fit(z_train, train).predict(z_test) == test)
    return mean_and_error(np.mean(right, axis=0))


def _probe(method, neighbors):
    # Imported here, because importing scikit-learn takes a second.
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if method == "knn":
        return KNeighborsClassifier(neighbors)
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))


def _columns(y, name):
    y = np.asarray(y)
    if y.ndim not in (1, 2):
        raise ValueError(f"{name} must be labels [N] or [N, A], but has shape {y.shape}.")
    return y.reshape(len(y), -1)


def _check(z_train, y_train, z_test, y_test):
    shapes = [np.shape(a) for a in (z_train, y_train, z_test, y_test)]
    fits = z_train.ndim == z_test.ndim == 2 and z_train.shape[1] == z_test.shape[1]
    fits = fits and y_train.shape[1] == y_test.shape[1]
    if not fits or len(z_train) != len(y_train) or len(z_test) != len(y_test):
        raise ValueError(
            "A probe needs embeddings [N, D] with labels [N] or [N, A] to learn from, and "
            f"[M, D] with labels to be tested on, but got shapes {shapes}."
        )
