"""Disentanglement of codes whose true factors are known: MIG, DCI and SAP."""

from __future__ import annotations

import numpy as np

from keras_vae.core.names import unknown
from keras_vae.core.numbers import positive_int

_TREES = ("gradient_boosting", "random_forest")
_SAP_METHODS = ("svm", "correlation")


def mig(codes, factors, bins: int = 20) -> float:
    """Returns the mutual information gap.

    For each factor, take its mutual information with each code (discretized in equal bins
    between its smallest and largest value): the largest minus the second largest, divided
    by the factor's entropy. The gap is the mean over factors. It is 1 if each factor is in
    only one code and has no more values than there are bins (with more values, such as the
    positions of sprites, a perfect code scores less). It is 0 if codes carry no
    information, or two codes carry the same.

    Args:
        codes: Posterior means or other codes [N, D], D >= 2.
        factors: True factors as whole numbers [N, K].
        bins: Number of bins of a code.

    Returns:
        The gap, 0 to 1.

    Raises:
        ValueError: If shapes do not fit together, or a factor does not vary.

    Example:
        >>> mig(vae.embed(x), factors)

    Source:
        Chen et al. 2018, "Isolating sources of disentanglement", section 4.1, with codes
        discretized as in Locatello et al. 2019 ("Challenging common assumptions") and
        their disentanglement_lib (Chen et al. integrate over q(z|x)).
    """
    from sklearn.metrics import mutual_info_score

    codes, factors = _check(codes, factors)
    positive_int(bins, "bins")
    binned = np.stack([_binned(code, bins) for code in codes.T], axis=1)
    gaps = []
    for factor in factors.T:
        shared = [mutual_info_score(factor, code) for code in binned.T]
        # A variable shares its entropy with itself.
        gaps.append(_gap(shared) / mutual_info_score(factor, factor))
    return float(np.mean(gaps))


def sap(codes, factors, method: str = "svm", seed: int = 0) -> float:
    """Returns the separated attribute predictability.

    For each factor, measure how well each single code predicts it, and take the best minus
    the second best. The score is the mean over factors.

    Args:
        codes: Posterior means or other codes [N, D], D >= 2.
        factors: True factors as whole numbers [N, K].
        method: The measure of prediction. "svm": the accuracy of a linear support vector
            machine (C = 0.01, balanced classes) on a held-out third of the examples, as in
            Locatello et al. One threshold for each class cannot select a value among many,
            so a factor with many values scores low for any code. "correlation": the squared
            correlation, for factors whose values have an order; it is 1 for a perfect,
            linear code.
        seed: Seed of the choice of the held-out third.

    Returns:
        The gap, 0 to 1.

    Raises:
        ValueError: As `mig`, or if there is no such method.

    Example:
        >>> sap(vae.embed(x), factors)

    Source:
        Kumar et al. 2018, "Variational inference of disentangled latent concepts",
        section 3; Locatello et al. 2019 and their disentanglement_lib.
    """
    from sklearn.svm import LinearSVC

    if method not in _SAP_METHODS:
        raise unknown("SAP method", method, _SAP_METHODS)
    codes, factors = _check(codes, factors)
    train, test = _thirds(len(codes), seed)
    gaps = []
    for factor in factors.T:
        scores = []
        for code in codes.T:
            if method == "correlation":
                scores.append(_squared_correlation(code, factor))
                continue
            machine = LinearSVC(C=0.01, class_weight="balanced", random_state=0)
            machine.fit(code[train, np.newaxis], factor[train])
            right = machine.predict(code[test, np.newaxis]) == factor[test]
            scores.append(np.mean(right))
        gaps.append(_gap(scores))
    return float(np.mean(gaps))


def dci(
    codes, factors, trees: str = "gradient_boosting", seed: int = 0
) -> dict[str, float]:
    """Returns disentanglement, completeness and informativeness.

    Trees learn to predict each factor from all codes. The importance of each code for each
    factor gives two scores (1 minus an entropy each, weighted by importance):
    disentanglement is 1 if each code serves one factor, completeness is 1 if each factor
    needs one code. Informativeness is the accuracy on a held-out third of the examples.

    Args:
        codes: Posterior means or other codes [N, D], D >= 2.
        factors: True factors as whole numbers [N, K], K >= 2.
        trees: "gradient_boosting", scikit-learn's with its defaults, as in Locatello et
            al.: minutes for factors with many values. "random_forest": 50 trees that see
            all codes at each branch: seconds, but different numbers.
        seed: Seed of the choice of the held-out third and of the trees.

    Returns:
        `disentanglement`, `completeness` and `informativeness`, each 0 to 1. The first two
        are 0 if no code has any importance.

    Raises:
        ValueError: As `mig`, or if there is no such kind of trees.

    Example:
        >>> dci(vae.embed(x), factors, trees="random_forest")["disentanglement"]

    Source:
        Eastwood and Williams 2018, "A framework for the quantitative evaluation of
        disentangled representations"; Locatello et al. 2019 and their
        disentanglement_lib.
    """
    if trees not in _TREES:
        raise unknown("kind of trees", trees, _TREES)
    codes, factors = _check(codes, factors)
    if factors.shape[1] < 2:
        raise ValueError("DCI needs at least two factors, but there is one.")
    train, test = _thirds(len(codes), seed)
    importance, right = [], []
    for factor in factors.T:
        model = _classifier(trees, seed).fit(codes[train], factor[train])
        importance.append(model.feature_importances_)
        right.append(np.mean(model.predict(codes[test]) == factor[test]))
    # [D, K]
    importance = np.abs(np.transpose(importance))
    return {
        "disentanglement": _concentration(importance),
        "completeness": _concentration(importance.T),
        "informativeness": float(np.mean(right)),
    }


def _classifier(trees, seed):
    from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier

    if trees == "gradient_boosting":
        return GradientBoostingClassifier(random_state=seed)
    return RandomForestClassifier(50, max_features=None, random_state=seed)


def _concentration(importance):
    """1 minus the entropy of each row, in units of its maximum; rows by their weight."""
    weight = importance.sum(axis=1)
    if weight.sum() == 0.0:
        return 0.0
    rows = importance[weight > 0] / weight[weight > 0, np.newaxis]
    entropy = -np.sum(rows * np.log(np.maximum(rows, 1e-300)), axis=1)
    score = 1.0 - entropy / np.log(importance.shape[1])
    return float(np.average(score, weights=weight[weight > 0]))


def _gap(scores):
    second, first = np.sort(scores)[-2:]
    return first - second


def _binned(code, bins):
    edges = np.linspace(code.min(), code.max(), bins + 1)
    return np.digitize(code, edges[1:-1])


def _squared_correlation(code, factor):
    covariance = np.cov(code, factor)
    if covariance[0, 0] < 1e-12:
        return 0.0
    return covariance[0, 1] ** 2 / (covariance[0, 0] * covariance[1, 1])


def _thirds(n, seed):
    """Rows of two random thirds, and of the rest, as Locatello's 10,000 and 5,000."""
    rows = np.random.default_rng(seed).permutation(n)
    return rows[n // 3 :], rows[: n // 3]


def _check(codes, factors):
    codes, factors = np.asarray(codes, np.float64), np.asarray(factors)
    fits = codes.ndim == factors.ndim == 2 and len(codes) == len(factors) >= 3
    if not fits or codes.shape[1] < 2 or factors.dtype.kind not in "bui":
        raise ValueError(
            "Disentanglement is of codes [N, D], D >= 2, and as many factors [N, K] that "
            f"are whole numbers, but got shapes {codes.shape} and {factors.shape}, "
            f"factors of dtype {factors.dtype}."
        )
    if not np.isfinite(codes).all():
        raise ValueError("The codes hold NaN or infinite values.")
    still = np.flatnonzero((factors == factors[0]).all(axis=0))
    if len(still):
        raise ValueError(f"Factors {still.tolist()} have one value only; leave them out.")
    return codes, factors
