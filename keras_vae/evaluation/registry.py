"""The metrics that `keras-vae evaluate --metrics` knows by name.

A new one is a function of a `HeldOut` that returns a dictionary of scores, and its line in
`METRICS`. What it returns as `{"mean", "standard_error"}` is printed on a line of its own,
plain numbers and words in the heading; lists are for the file of `--output`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from keras_vae.core.names import unknown
from keras_vae.evaluation.aggregate import information
from keras_vae.evaluation.annealed import annealed_importance_sampling
from keras_vae.evaluation.collapse import collapse_report
from keras_vae.evaluation.disentanglement import dci, mig, sap
from keras_vae.evaluation.features import random_conv
from keras_vae.evaluation.frechet import frechet_distance
from keras_vae.evaluation.gaps import inference_gaps
from keras_vae.evaluation.held_out import HeldOut
from keras_vae.evaluation.images import image_scores
from keras_vae.evaluation.interventions import beta_vae_score, factor_vae_score
from keras_vae.evaluation.likelihood import likelihood_scores, mean_and_error
from keras_vae.evaluation.manifolds import density_coverage, precision_recall
from keras_vae.evaluation.probes import probe_accuracy
from keras_vae.evaluation.scores import score_rows

# Training examples that probes learn from, and points of the scores by intervention.
_MOST_PROBED, _POINTS = 10_000, {"num_train": 1000, "num_test": 500}
# What takes thousands of gradients for an observation is done for so many, if no limit says
# otherwise.
_FEW, _ANNEALED, _LOCAL = 100, {"num_steps": 500, "num_chains": 16}, {"steps": 500}


class Metric(NamedTuple):
    """One of the metrics.

    Attributes:
        scores: Function of a `HeldOut`.
        about: What it measures, in a few words.
        needs: "labels", "factors" (labels [N, K], K >= 2), "drawn factors" (data that can
            be drawn for given factors), "images", or nothing.
    """

    scores: Callable[[HeldOut], dict[str, Any]]
    about: str
    needs: str = ""


def evaluate_metrics(names: Iterable[str], on: HeldOut) -> dict[str, dict[str, Any]]:
    """Computes metrics by name.

    Args:
        names: Keys of `METRICS`.
        on: The model, data and options.

    Returns:
        The scores of each, by name.

    Raises:
        ValueError: Before any work, if there is no such metric or the data lack what one
            of them needs.

    Example:
        >>> print(describe_metrics(evaluate_metrics(["information"], HeldOut(vae, x))))
    """
    names = list(dict.fromkeys(names))
    for name in names:
        if name not in METRICS:
            raise unknown("metric", name, METRICS)
        _check_needs(name, on)
    return {name: METRICS[name].scores(on) for name in names}


def describe_metrics(results: dict[str, dict[str, Any]]) -> str:
    """Writes the scores of metrics as text.

    Args:
        results: What `evaluate_metrics` returned.

    Returns:
        For each metric a heading and one line for each score.
    """
    lines = []
    for metric, scores in results.items():
        about = ", ".join(
            f"{key}={value:.4g}" if isinstance(value, float) else f"{key}={value}"
            for key, value in scores.items()
            if isinstance(value, (int, float, str))
        )
        lines.append(f"{metric} ({about})" if about else metric)
        for name, mean, error, unit in score_rows(scores):
            error = "n/a" if error is None else f"{error:.3f}"
            lines.append(f"  {name:<28}{mean:>10.3f} +- {error} {unit}".rstrip())
    return "\n".join(lines)


def _check_needs(name, on):
    needs = METRICS[name].needs
    y = on.y
    if needs == "images" and len(on.model.event_shape) != 3:
        raise ValueError(
            f"The metric {name!r} is of images, but the model's observations have shape "
            f"{tuple(on.model.event_shape)}."
        )
    if needs == "labels" and (y is None or on.train is None):
        raise ValueError(
            f"The metric {name!r} needs labels, of held-out data and of training data "
            "beside them. Give labelled data, and one of their held-out splits."
        )
    if needs == "factors" and (y is None or y.ndim != 2 or y.shape[1] < 2):
        raise ValueError(
            f"The metric {name!r} needs the true factors of variation as labels [N, K], "
            "K >= 2, whole numbers; the data set 'sprites' has them."
        )
    if needs == "drawn factors" and on.factors is None:
        raise ValueError(
            f"The metric {name!r} draws images for given factors, which it can for the "
            "data set 'sprites' alone."
        )


def _likelihood(on):
    return likelihood_scores(
        on.model,
        on.x,
        on.num_samples,
        on.seed,
        on.limit,
        on.log_scale,
        on.verbose,
        on.levels,
    )


def _ais(on):
    few = _few(on)
    options = {**_ANNEALED, "seed": on.seed, "verbose": on.verbose}
    estimate = annealed_importance_sampling(few.model, few.x, **options)
    score = mean_and_error(estimate + _shift(on))
    return {"num_examples": len(few.x), **_ANNEALED, "annealed_log_likelihood": score}


def _gaps(on):
    few = _few(on)
    options = {**_LOCAL, "seed": on.seed, "verbose": on.verbose}
    found = inference_gaps(few.model, few.x, on.num_samples, **options)
    bounds = {
        "log_likelihood": found.log_likelihood,
        "best_local_bound": found.local_bound,
        "amortized_bound": found.amortized_bound,
    }
    return {
        "num_examples": len(few.x),
        "num_samples": on.num_samples,
        **_LOCAL,
        **{name: mean_and_error(bound + _shift(on)) for name, bound in bounds.items()},
        "approximation_gap": mean_and_error(found.approximation_gap),
        "amortization_gap": mean_and_error(found.amortization_gap),
    }


def _few(on):
    return replace(on, limit=on.limit or _FEW).cut


def _shift(on):
    """What makes densities those of the raw values."""
    return 0.0 if on.model.likelihood.is_discrete else on.log_scale


def _images(on):
    return image_scores(on.model, on.x, on.num_samples, on.seed, on.limit, on.value_range)


def _active_units(on):
    report = collapse_report(on.model, on.cut.x)
    rate = report["rate"]
    return {
        "num_examples": len(on.cut.x),
        "num_units": report["num_units"],
        "active_units": _exact(report["num_active"]),
        "dead": report["dead"].tolist(),
        "variance_of_units": report["variance"].tolist(),
        "rate_of_units": None if rate is None else rate.tolist(),
    }


def _information(on):
    return information(on.model, on.cut.x, seed=on.seed, verbose=on.verbose)


def _probe(on):
    x, y = on.train()
    if len(x) > _MOST_PROBED:
        rows = np.random.default_rng(on.seed)
        rows = np.sort(rows.choice(len(x), _MOST_PROBED, replace=False))
        x, y = x[rows], y[rows]
    train, test = (on.model.embed(x), y), (on.model.embed(on.cut.x), on.cut.y)
    return {
        "num_examples": len(on.cut.x),
        "num_train": len(x),
        "linear_probe": probe_accuracy(*train, *test, "linear"),
        "knn_probe": probe_accuracy(*train, *test, "knn"),
    }


def _features(on):
    """Features of the data and of as many means of p(x|z) at draws from the prior."""
    x, extract = on.cut.x, random_conv(on.value_range)
    sampled = on.model.sample(len(x), seed=on.seed)
    sampled = np.clip(sampled, *on.value_range)
    about = {"num_examples": len(x), "num_samples": len(x), "extractor": extract.name}
    return about, extract(x), extract(sampled)


def _frechet(on):
    about, real, sampled = _features(on)
    return {**about, "frechet_distance": frechet_distance(real, sampled)}


def _precision_recall(on):
    about, real, sampled = _features(on)
    return {
        **about,
        **precision_recall(real, sampled),
        **density_coverage(real, sampled),
    }


def _disentanglement(on):
    codes, factors = on.model.embed(on.cut.x), on.cut.y
    return {
        "num_examples": len(codes),
        "dci_trees": "random_forest",
        "mig": _exact(mig(codes, factors)),
        "sap": _exact(sap(codes, factors, seed=on.seed)),
        **{
            f"dci_{name}": _exact(value)
            for name, value in dci(codes, factors, "random_forest", on.seed).items()
        },
    }


def _interventions(on):
    options = {**_POINTS, "seed": on.seed, "verbose": on.verbose}
    return {
        **_POINTS,
        "beta_vae_score": beta_vae_score(on.model.embed, on.factors, **options),
        "factor_vae_score": factor_vae_score(on.model.embed, on.factors, **options),
    }


def _exact(value):
    """A number of which no standard error is known."""
    return {"mean": float(value), "standard_error": None}


METRICS = {
    "likelihood": Metric(_likelihood, "ELBO and importance-weighted log-likelihood"),
    "ais": Metric(_ais, "log-likelihood by annealing, of 100 examples or --limit"),
    "gaps": Metric(_gaps, "approximation and amortization gap, likewise"),
    "active_units": Metric(_active_units, "latent units in use, and the rate of each"),
    "information": Metric(_information, "mutual information of x and z; KL(q(z), p(z))"),
    "probe": Metric(_probe, "labels read off embeddings, linearly and by kNN", "labels"),
    "images": Metric(_images, "nearness and sharpness of images", "images"),
    "frechet": Metric(_frechet, "Frechet distance of samples from data", "images"),
    "precision_recall": Metric(
        _precision_recall, "samples among data and data among samples", "images"
    ),
    "disentanglement": Metric(_disentanglement, "MIG, SAP and DCI of codes", "factors"),
    "interventions": Metric(
        _interventions, "beta-VAE and FactorVAE scores", "drawn factors"
    ),
}
