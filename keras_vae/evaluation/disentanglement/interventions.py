"""Disentanglement by fixing one factor: the beta-VAE score and the FactorVAE score."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np

from keras_vae.core.numbers import not_negative, positive_int
from keras_vae.evaluation.errors import mean_and_error

# Images that are encoded together.
_IMAGES_AT_A_TIME = 2048


def beta_vae_score(
    represent: Callable,
    data,
    num_train: int = 10_000,
    num_test: int = 5_000,
    batch_size: int = 64,
    seed: int = 0,
    verbose: int = 0,
) -> dict[str, float | None]:
    """Returns how well one can predict which factor two batches of images share.

    To make one point, choose a factor; draw pairs of images that share only this factor;
    take the mean over the batch of the absolute difference of their codes. A logistic
    regression predicts the factor from it. A linear classifier is lenient: a mixture of
    factors in a code may still score 1.

    Args:
        represent: Called with images [B, *event], returns codes [B, *latent].
        data: An object with `sizes` (the number of values of each factor), `sample(n, rng)`
            -> factors [n, K] and `draw(factors)` -> images, such as
            `keras_vae.data.Sprites`.
        num_train: Number of training points; each takes 2 x `batch_size` images.
        num_test: Number of test points.
        batch_size: Pairs for a point.
        seed: Same seed, same score.
        verbose: 1 shows a progress bar.

    Returns:
        `mean`, the share of test points that are right, and its `standard_error`.

    Raises:
        ValueError: If a number is too small, or codes are NaN or infinite.

    Example:
        >>> few = {"num_train": 100, "num_test": 50}  # a first look
        >>> beta_vae_score(vae.embed, keras_vae.data.Sprites(), **few)

    Source:
        Higgins et al. 2017, "beta-VAE", section 3, with the classifier and the numbers of
        Locatello et al. 2019, as in their disentanglement_lib.
    """
    from sklearn.linear_model import LogisticRegression

    _check(num_train, num_test, batch_size)

    def factors_of_points(which, rng):
        first, second = (_batches(data, len(which), batch_size, rng) for _ in range(2))
        rows = np.arange(len(which))
        second[rows, :, which] = first[rows, :, which]
        return np.concatenate([first, second], axis=1)

    def point(codes):
        first, second = np.split(codes, 2, axis=1)
        return np.abs(first - second).mean(axis=1)

    points, which = _points(
        represent, data, factors_of_points, point, num_train + num_test, seed, verbose
    )
    classifier = LogisticRegression(max_iter=1000)
    classifier.fit(points[:num_train], which[:num_train])
    right = classifier.predict(points[num_train:]) == which[num_train:]
    return mean_and_error(right)


def factor_vae_score(
    represent: Callable,
    data,
    num_train: int = 10_000,
    num_test: int = 5_000,
    batch_size: int = 64,
    num_variance: int = 10_000,
    smallest_deviation: float = 0.05,
    seed: int = 0,
    verbose: int = 0,
) -> dict[str, float | None]:
    """Returns how well the code with the smallest variance predicts the fixed factor.

    To make one point, choose a factor and a value of it; draw a batch of images that share
    only this value; take the code whose variance in the batch, divided by that in all data,
    is smallest. Each code votes for the factor with which it was chosen most often.

    Args:
        represent: Called with images [B, *event], returns codes [B, *latent].
        data: See `beta_vae_score`.
        num_train: Number of points that vote; each takes `batch_size` images.
        num_test: Number of points on which the votes are tested.
        batch_size: Images for a point.
        num_variance: Images for the variances in all data.
        smallest_deviation: Codes whose standard deviation in all data is smaller are left
            out as collapsed.
        seed: Same seed, same score.
        verbose: 1 shows a progress bar.

    Returns:
        `mean`, the share of test points that are right, and its `standard_error`; 0 if all
        codes are collapsed.

    Raises:
        ValueError: If a number is too small, or codes are NaN or infinite.

    Example:
        >>> few = {"num_train": 100, "num_test": 50}  # a first look
        >>> factor_vae_score(vae.embed, keras_vae.data.Sprites(), **few)

    Source:
        Kim and Mnih 2018, "Disentangling by factorising", section 4, with the numbers of
        Locatello et al. 2019, as in their disentanglement_lib.
    """
    _check(num_train, num_test, batch_size)
    if positive_int(num_variance, "num_variance") < 2:
        raise ValueError("num_variance must be at least 2: a variance is taken over it.")
    not_negative(smallest_deviation, "smallest_deviation")
    everywhere = _codes(represent, data, data.sample(num_variance, _generator(seed, 1)))
    variance = everywhere.var(axis=0, ddof=1)
    alive = np.sqrt(variance) >= smallest_deviation
    if not alive.any():
        return mean_and_error(np.zeros(num_test))

    def factors_of_points(which, rng):
        factors = _batches(data, len(which), batch_size, rng)
        rows = np.arange(len(which))
        factors[rows, :, which] = factors[rows, :1, which]
        return factors

    def point(codes):
        return np.argmin(codes.var(axis=1, ddof=1)[:, alive] / variance[alive], axis=1)

    still, which = _points(
        represent, data, factors_of_points, point, num_train + num_test, seed, verbose
    )
    votes = np.zeros((alive.sum(), len(data.sizes)), int)
    np.add.at(votes, (still[:num_train], which[:num_train]), 1)
    named = votes.argmax(axis=1)[still[num_train:]]
    return mean_and_error(named == which[num_train:])


def _points(represent, data, factors_of_points, point, num, seed, verbose):
    """Makes points, some at a time; returns them and the factor of each."""
    rng = _generator(seed, 0)
    which = rng.integers(0, len(data.sizes), num)
    points, done = [], 0
    bar = keras.utils.Progbar(num, verbose=verbose, unit_name="point")
    at_a_time = None
    while done < num:
        factors = factors_of_points(which[done : done + (at_a_time or 1)], rng)
        at_a_time = at_a_time or max(1, _IMAGES_AT_A_TIME // factors.shape[1])
        codes = _codes(represent, data, factors.reshape(-1, len(data.sizes)))
        points.append(point(codes.reshape(*factors.shape[:2], -1)))
        done += len(factors)
        bar.update(done)
    return np.concatenate(points), which


def _batches(data, num, batch_size, rng):
    return data.sample(num * batch_size, rng).reshape(num, batch_size, -1)


def _codes(represent, data, factors):
    chunks = np.split(factors, range(_IMAGES_AT_A_TIME, len(factors), _IMAGES_AT_A_TIME))
    codes = np.concatenate(
        [np.asarray(represent(data.draw(chunk)), np.float64) for chunk in chunks]
    ).reshape(len(factors), -1)
    if not np.isfinite(codes).all():
        raise ValueError("The codes hold NaN or infinite values.")
    return codes


def _generator(*seed):
    return np.random.default_rng(seed)


def _check(num_train, num_test, batch_size):
    positive_int(num_train, "num_train")
    positive_int(num_test, "num_test")
    if positive_int(batch_size, "batch_size") < 2:
        raise ValueError("batch_size must be at least 2: a variance is taken over it.")
