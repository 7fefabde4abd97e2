"""The metrics that `keras-vae evaluate --metrics` knows by name.

A new one is a function of a `HeldOut` in `metrics` that returns a dictionary of scores, and
its line in `METRICS`. Each `{"mean", "standard_error"}` is printed on its own line, plain
numbers and words in the heading; lists are written only to the file of `--output`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from keras_vae.core.names import unknown
from keras_vae.core.score_rows import score_rows
from keras_vae.evaluation import metrics
from keras_vae.evaluation.held_out import HeldOut


class Metric(NamedTuple):
    """One of the metrics.

    Attributes:
        scores: Function of a `HeldOut`.
        about: The quantity that it measures, in a few words.
        needs: "labels", "classes" (labels, and a model whose condition they are), "factors"
            (labels [N, K], K >= 2), "drawn factors" (data that can be drawn for given
            factors), "images", "anomalies" (data of another kind), "a trained likelihood"
            (which a VAE-GAN lacks), "sounds", "predicted labels" (labels, and a model that
            learns them), or nothing.

    Example:
        >>> METRICS["probe"].needs
        'labels'
    """

    scores: Callable[[HeldOut], dict[str, Any]]
    about: str
    needs: str = ""


def evaluate_metrics(
    names: str | Iterable[str],
    on: HeldOut,
    done: Callable[[str, dict[str, Any]], None] = lambda name, scores: None,
) -> dict[str, dict[str, Any]]:
    """Computes metrics by name.

    Args:
        names: Keys of `METRICS`, or one of them.
        on: The model, data and options.
        done: Called with the name and the scores of each as soon as they are known, so
            that nothing is lost if a later one fails.

    Returns:
        The scores of each, by name.

    Raises:
        ValueError: Before any work, if there is no such metric or the data lack what one
            of them needs; later, if the results of a metric cannot be scored.

    Example:
        >>> print(describe_metrics(evaluate_metrics(["information"], HeldOut(vae, x))))
    """
    names = [names] if isinstance(names, str) else list(dict.fromkeys(names))
    for name in names:
        if name not in METRICS:
            raise unknown("metric", name, METRICS)
        _check_needs(name, on)
    results = {}
    for name in names:
        results[name] = METRICS[name].scores(on)
        done(name, results[name])
    return results


def describe_metrics(results: dict[str, dict[str, Any]]) -> str:
    """Writes the scores of metrics as text.

    Args:
        results: The result of `evaluate_metrics`.

    Returns:
        For each metric a heading and one line for each score.

    Example:
        >>> score = {"mean": 0.9, "standard_error": 0.01}
        >>> print(describe_metrics({"probe": {"num_neighbors": 5, "linear_probe": score}}))
        probe (num_neighbors=5)
          accuracy of a linear probe       0.900 +- 0.010
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
            spread = "n/a" if error is None else f"{error:.3f}"
            lines.append(f"  {name:<28}{mean:>10.3f} +- {spread} {unit}".rstrip())
    return "\n".join(lines)


def _check_needs(name, on):
    needs, y = METRICS[name].needs, on.y
    if on.model.condition_shape is not None:
        _check_conditions(name, needs, on)
    if needs == "classes" and on.model.num_classes is None:
        raise ValueError(
            f"The metric {name!r} needs samples of each class, but the condition of this "
            "model is not a class. Leave the metric out."
        )
    if needs in ("images", "classes") and len(on.model.event_shape) != 3:
        raise ValueError(
            f"The metric {name!r} is for images, but the model's observations have shape "
            f"{tuple(on.model.event_shape)}."
        )
    if needs in ("labels", "classes") and (y is None or on.train is None):
        raise ValueError(
            f"The metric {name!r} needs labels of held-out data and of training data. Give "
            "labelled data, and one of their held-out splits."
        )
    if needs == "sounds" and not (
        on.model.preprocessor and on.model.preprocessor.spectrogram
    ):
        raise ValueError(
            f"The metric {name!r} is for sounds, but this model's preprocessor has no "
            "spectrogram."
        )
    if needs == "predicted labels" and (y is None or not on.model.learns_labels):
        raise ValueError(
            f"The metric {name!r} compares the labels that a model predicts with those of "
            "the data. It needs a model that learns labels, such as SemiSupervisedVAE, and "
            "data with labels."
        )
    if needs == "factors" and not _are_factors(on.cut.y):
        raise ValueError(
            f"The metric {name!r} needs the true factors of variation as labels [N, K], "
            "K >= 2, whole numbers each of which varies; the data set 'sprites' has them."
        )
    if needs == "drawn factors" and on.factors is None:
        raise ValueError(
            f"The metric {name!r} draws images for given factors, which is possible only "
            "for the data set 'sprites'."
        )
    if needs == "anomalies" and on.anomalies is None:
        raise ValueError(
            f"The metric {name!r} needs observations of another kind beside the held-out "
            "ones: give a data set of the same shape as anomalies."
        )
    if needs == "a trained likelihood" and not on.model.trains_likelihood:
        raise ValueError(
            f"The metric {name!r} needs a likelihood of pixels, but this model was not "
            "trained for one. Take images, frechet or precision_recall."
        )
    if needs == "a trained likelihood":
        on.model.require_density()


def _check_conditions(name, needs, on):
    """Refuses metrics for which a model with a condition is unsuitable, or lacks labels."""
    on.model.check_condition(on.y, len(on.x))
    if needs in ("anomalies", "drawn factors"):
        raise ValueError(
            f"The metric {name!r} is for data without labels, but the model has a "
            "condition y for each observation. From Python, anomaly_scores takes y."
        )


def _are_factors(y):
    if y is None or y.ndim != 2 or y.shape[1] < 2 or y.dtype.kind not in "bui":
        return False
    return bool((y != y[:1]).any(axis=0).all())


_TRAINED = "a trained likelihood"
METRICS = {
    "likelihood": Metric(
        metrics.score_likelihood, "ELBO and importance-weighted log-likelihood", _TRAINED
    ),
    "ais": Metric(
        metrics.score_ais,
        "log-likelihood by annealing, for 100 examples or --limit",
        _TRAINED,
    ),
    "bidirectional": Metric(
        metrics.score_bidirectional,
        "annealing from both sides, for equally many simulated examples",
        _TRAINED,
    ),
    "gaps": Metric(
        metrics.score_gaps,
        "approximation and amortization gap, for 100 examples or --limit",
        _TRAINED,
    ),
    "anomalies": Metric(
        metrics.score_anomalies, "AUROC of scores against data of another kind", "anomalies"
    ),
    "active_units": Metric(
        metrics.score_active_units, "latent units in use, and the rate of each"
    ),
    "information": Metric(
        metrics.score_information, "mutual information of x and z; KL(q(z), p(z))"
    ),
    "probe": Metric(
        metrics.score_probe,
        "labels predicted from embeddings, linearly and by kNN",
        "labels",
    ),
    "labels": Metric(
        metrics.score_labels, "accuracy of the predicted labels", "predicted labels"
    ),
    "images": Metric(
        metrics.score_images,
        "accuracy of reconstructions and sharpness of images",
        "images",
    ),
    "grain": Metric(
        metrics.score_grain, "how much of the detail is in single pixels", "images"
    ),
    "frechet": Metric(
        metrics.score_frechet, "Frechet distance of samples from data", "images"
    ),
    "precision_recall": Metric(
        metrics.score_precision_recall,
        "share of samples among data, and of data among samples",
        "images",
    ),
    "classes": Metric(
        metrics.score_classes,
        "samples of each class, judged by a classifier of training images",
        "classes",
    ),
    "sounds": Metric(
        metrics.score_sounds,
        "loss in the spectra of sounds, by the spectrogram alone and by the model",
        "sounds",
    ),
    "disentanglement": Metric(
        metrics.score_disentanglement, "MIG, SAP and DCI of codes", "factors"
    ),
    "interventions": Metric(
        metrics.score_interventions, "beta-VAE and FactorVAE scores", "drawn factors"
    ),
}
