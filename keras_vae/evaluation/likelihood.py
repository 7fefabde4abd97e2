"""Held-out scores in nats, with their standard errors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from keras_vae.layers import IndependentBernoulli
from keras_vae.models import VAE


def likelihood_scores(
    model: VAE, x, num_samples: int = 500, seed: int = 0, verbose: int = 0
) -> dict[str, Any]:
    """Scores a model on held-out observations.

    Args:
        model: The model.
        x: Observations [N, *event], in the units of the likelihood.
        num_samples: Importance samples for each observation.
        seed: Same seed, same scores.
        verbose: 1 shows a progress bar.

    Returns:
        `num_examples`, `num_samples`, and for `elbo` and `log_likelihood` (nats per
        example, higher is better) and, where the observations are whole numbers and
        p(x|z) a probability of such, `bits_per_dimension` (lower is better):
        `{"mean", "standard_error"}`, the error over examples.

    Example:
        >>> likelihood_scores(vae, x_test, num_samples=5000)["log_likelihood"]
    """
    log_likelihood = model.log_likelihood(x, num_samples, seed=seed, verbose=verbose)
    scores = {
        "num_examples": len(x),
        "num_samples": num_samples,
        "elbo": _mean(model.elbo(x, seed=seed)),
        "log_likelihood": _mean(log_likelihood),
    }
    # Of densities and grey values there are no bits.
    is_discrete = model.likelihood.support.integer or isinstance(
        model.likelihood, IndependentBernoulli
    )
    if is_discrete and np.array_equal(x, np.round(x)):
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
        "elbo": ("ELBO", "nats"),
        "log_likelihood": (f"log-likelihood (S={scores['num_samples']})", "nats"),
        "bits_per_dimension": ("bits per dimension", "bits"),
    }
    lines = [f"held-out scores of {scores['num_examples']} examples, +- standard error:"]
    for key, (name, unit) in names.items():
        if key in scores:
            score = scores[key]
            lines.append(
                f"  {name:<24}{score['mean']:>10.3f} +- "
                f"{score['standard_error']:.3f} {unit}"
            )
    return "\n".join(lines)


def _mean(values: np.ndarray) -> dict[str, float]:
    values = np.asarray(values, np.float64)
    error = values.std(ddof=1) / math.sqrt(len(values)) if len(values) > 1 else 0.0
    return {"mean": float(values.mean()), "standard_error": float(error)}
