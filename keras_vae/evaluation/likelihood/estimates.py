"""Held-out scores in nats, with their standard errors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from keras_vae.core.support import pieces
from keras_vae.evaluation.errors import mean_and_error
from keras_vae.evaluation.held_out import drawn_once, limited
from keras_vae.models import LatentVariableModel


def likelihood_scores(
    model: LatentVariableModel,
    x,
    num_samples: int = 500,
    seed: int = 0,
    limit: int | None = None,
    verbose: int = 0,
    y=None,
) -> dict[str, Any]:
    """Scores a model on held-out observations.

    If the model has a preprocessor, densities refer to raw values. If these are whole
    numbers, such as 8-bit images, densities are also given as bits,
    `density_bits_per_dimension`, for cells as wide as one level. They are close to the bits
    of a discrete likelihood only if the density hardly changes within a cell. The data are
    not dequantized, so a density that is narrower than a level can make these bits
    arbitrarily few (Theis et al. 2016). Models of whole numbers do not have this problem.

    Args:
        model: The model.
        x: Observations [N, *event].
        num_samples: Importance samples for each observation.
        seed: Same seed, same scores.
        limit: Number of observations to score, drawn at random (some test sets are sorted
            by class); None scores all. The ELBO, which is cheap, is also given for all.
        verbose: 1 shows a progress bar.
        y: The condition of each observation, for a model that has one.

    Returns:
        `num_examples`, `num_samples`, `of` (what the logarithm is of: "probability",
        "density", or "cross-entropy of grey values", which is neither), and
        `{"mean", "standard_error"}`, the error over examples, for `elbo`,
        `rate` and `distortion` (of which the ELBO is the negative sum), `log_likelihood`
        (nats per example, higher is better) and, of probabilities, `bits_per_dimension`
        (for each known value, lower is better); with a limit also `elbo_of_all` and
        `log_likelihood_of_all`, an estimate: the ELBO of all, plus the mean difference of
        log-likelihood and ELBO over the scored examples, which varies far less than either;
        and its bits.

    Example:
        >>> likelihood_scores(vae, x_test, num_samples=5000)["log_likelihood"]
    """
    # Drawn and computed for all and then cut, so that both have the same noise in the
    # estimate of all.
    x = drawn_once(model, x)
    rate, distortion = model.rate_and_distortion(x, seed=seed, y=y)
    elbo_of_all = -rate - distortion
    whole = x
    x, y, rate, distortion = limited((x, y, rate, distortion), limit, seed)
    log_likelihood = model.log_likelihood(x, num_samples, seed=seed, verbose=verbose, y=y)
    of = logarithm_of(model, x)
    scores: dict[str, Any] = {
        "num_examples": len(x),
        "num_samples": num_samples,
        "of": of,
        "elbo": mean_and_error(-rate - distortion),
        "rate": mean_and_error(rate),
        "distortion": mean_and_error(distortion),
        "log_likelihood": mean_and_error(log_likelihood),
    }
    if len(elbo_of_all) > len(x):
        scores["elbo_of_all"] = mean_and_error(elbo_of_all)
        scores["log_likelihood_of_all"] = _estimate_of_all(
            elbo_of_all, log_likelihood, log_likelihood + rate + distortion
        )
    bits = {"probability": "bits_per_dimension"}
    if model.preprocessor is not None and model.preprocessor.levels is not None:
        bits["density"] = "density_bits_per_dimension"
    if of in bits:
        for suffix, rows in (("", x), ("_of_all", whole)):
            if nats := scores.get(f"log_likelihood{suffix}"):
                scores[bits[of] + suffix] = _in_bits(nats, _known_values(model, rows))
    return scores


def logarithm_of(model: LatentVariableModel, x) -> str:
    """Returns the quantity whose logarithm a likelihood gives.

    Args:
        model: The model.
        x: Observations [N, *event].

    Returns:
        "density", "probability", or "cross-entropy of grey values", which is neither.
    """
    if not model.is_discrete:
        return "density"
    units = model.to_units(x, scores=True)
    whole = all(
        np.array_equal(one, np.round(one), equal_nan=True)
        for one in map(np.asarray, pieces(units))
    )
    return "probability" if whole else "cross-entropy of grey values"


def _known_values(model, x) -> float:
    """The mean number of known elements of an observation."""
    size = math.prod(model.event_shape)
    if not model.takes_gaps:
        return size
    parts = map(np.asarray, pieces(model.to_units(x)))
    return float(sum(np.count_nonzero(~np.isnan(one)) for one in parts) / len(x))


def _in_bits(nats: dict[str, Any], dimensions: float) -> dict[str, float | None]:
    """A log-likelihood as bits for each element."""
    unit = math.log(2) * dimensions
    error = nats["standard_error"]
    return {
        "mean": -nats["mean"] / unit,
        "standard_error": None if error is None else error / unit,
    }


def _estimate_of_all(elbo_of_all, log_likelihood, rise) -> dict[str, float | None]:
    """The difference estimator of survey sampling (Cochran 1977, section 7.3).

    Its error combines that of all examples, as if all had been scored, and that of the
    difference of log-likelihood and ELBO, which is known for some.
    """
    total, some = len(elbo_of_all), len(rise)
    error = None
    if some > 1:
        variance = log_likelihood.var(ddof=1) / total
        variance += rise.var(ddof=1) / some * (1 - some / total)
        error = math.sqrt(variance)
    return {"mean": float(elbo_of_all.mean() + rise.mean()), "standard_error": error}
