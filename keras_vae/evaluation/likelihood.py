"""Held-out scores in nats, with their standard errors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from keras_vae.models import VAE


def likelihood_scores(
    model: VAE,
    x,
    num_samples: int = 500,
    seed: int = 0,
    limit: int | None = None,
    log_scale: float = 0.0,
    verbose: int = 0,
) -> dict[str, Any]:
    """Scores a model on held-out observations.

    Args:
        model: The model.
        x: Observations [N, *event], in the units of the likelihood.
        num_samples: Importance samples for each observation.
        seed: Same seed, same scores.
        limit: Score that many observations, drawn at random (some test sets are sorted
            by class); None scores all. The ELBO, which is cheap, is also given of all.
        log_scale: log |d x / d raw| of an observation, `Scaling.log_scale`: makes
            densities those of the raw values. Not used for probabilities.
        verbose: 1 shows a progress bar.

    Returns:
        `num_examples`, `num_samples`, `of` (what the logarithm is of: "probability",
        "density", or "cross-entropy of grey values", which is neither), and
        `{"mean", "standard_error"}`, the error over examples, for `elbo`,
        `log_likelihood` (nats per example, higher is better) and, of probabilities,
        `bits_per_dimension` (lower is better); with a limit also `elbo_of_all`.

    Example:
        >>> likelihood_scores(vae, x_test, num_samples=5000)["log_likelihood"]
    """
    everything = x
    if limit is not None and limit < len(x):
        rows = np.random.default_rng(seed).choice(len(x), limit, replace=False)
        x = x[np.sort(rows)]
    log_likelihood = model.log_likelihood(x, num_samples, seed=seed, verbose=verbose)
    elbo = model.elbo(x, seed=seed)
    of = "density"
    if model.likelihood.is_discrete:
        whole = np.array_equal(x, np.round(x))
        of = "probability" if whole else "cross-entropy of grey values"
    shift = log_scale if of == "density" else 0.0
    scores = {
        "num_examples": len(x),
        "num_samples": num_samples,
        "of": of,
        "elbo": _mean(elbo + shift),
        "log_likelihood": _mean(log_likelihood + shift),
    }
    if len(everything) > len(x):
        scores["elbo_of_all"] = _mean(model.elbo(everything, seed=seed) + shift)
    if of == "probability":
        bits = -log_likelihood / (math.log(2) * math.prod(model.event_shape))
        scores["bits_per_dimension"] = _mean(bits)
    return scores


def describe_scores(scores: dict[str, Any]) -> str:
    """Writes scores as aligned lines of text.

    Args:
        scores: What `likelihood_scores` returned.

    Returns:
        One line for each score.
    """
    names = {
        "elbo_of_all": ("ELBO of the whole split", "nats"),
        "elbo": ("ELBO", "nats"),
        "log_likelihood": (f"log-likelihood (S={scores['num_samples']})", "nats"),
        "bits_per_dimension": ("bits per dimension", "bits"),
    }
    lines = [
        f"scores of {scores['num_examples']} held-out examples ({scores['of']}), "
        "+- standard error:"
    ]
    for key, (name, unit) in names.items():
        if key in scores:
            mean, error = scores[key]["mean"], scores[key]["standard_error"]
            error = "n/a" if error is None else f"{error:.3f}"
            lines.append(f"  {name:<24}{mean:>10.3f} +- {error} {unit}")
    return "\n".join(lines)


def _mean(values: np.ndarray) -> dict[str, float | None]:
    values = np.asarray(values, np.float64)
    # One example says nothing about the error.
    error = values.std(ddof=1) / math.sqrt(len(values)) if len(values) > 1 else None
    return {
        "mean": float(values.mean()),
        "standard_error": None if error is None else float(error),
    }
