"""The functions of `keras_vae.evaluation.METRICS`, which score a `HeldOut`.

The functions choose numbers of steps and points for a quick evaluation; the functions that
they call take other numbers from Python.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from keras_vae.evaluation.disentanglement.codes import dci, mig, sap
from keras_vae.evaluation.disentanglement.interventions import (
    beta_vae_score,
    factor_vae_score,
)
from keras_vae.evaluation.errors import mean_and_error
from keras_vae.evaluation.held_out import HeldOut, drawn_once, limited
from keras_vae.evaluation.images.classes import class_reader, condition_accuracy
from keras_vae.evaluation.images.features import random_conv
from keras_vae.evaluation.images.frechet import frechet_distance
from keras_vae.evaluation.images.manifolds import density_coverage, precision_recall
from keras_vae.evaluation.images.scores import grain, image_scores
from keras_vae.evaluation.labels import label_scores, with_known_classes
from keras_vae.evaluation.latents.aggregate import information
from keras_vae.evaluation.latents.collapse import collapse_report
from keras_vae.evaluation.latents.probes import probe_accuracy
from keras_vae.evaluation.likelihood.annealed import (
    annealed_importance_sampling,
    bidirectional_check,
)
from keras_vae.evaluation.likelihood.anomaly import anomaly_scores, auroc
from keras_vae.evaluation.likelihood.estimates import likelihood_scores
from keras_vae.evaluation.likelihood.gaps import inference_gaps
from keras_vae.evaluation.sounds import log_spectral_distance, spectral_convergence

# Number of training examples for probes, and of points for the scores by intervention.
_MOST_PROBED, _POINTS = 10_000, {"num_train": 1000, "num_test": 500}
# Number of samples from a model with a condition.
_OF_EACH_CLASS = 1000
# Finding waveforms takes time.
_SOUNDS_OF_EACH_CLASS = 100
# Smallest numbers of steps (of 64 images) and of epochs for the classifier.
_READER_STEPS, _READER_EPOCHS = 1500, 3
# Number of observations, without a limit, for metrics that take thousands of gradients per
# observation.
_FEW, _ANNEALED, _LOCAL = 100, {"num_steps": 500, "num_chains": 16}, {"steps": 500}


def score_likelihood(on: HeldOut) -> dict[str, Any]:
    """ELBO and importance-weighted log-likelihood."""
    options: dict[str, Any] = {"seed": on.seed, "limit": on.limit, "verbose": on.verbose}
    return likelihood_scores(on.model, on.x, on.num_samples, y=on.condition, **options)


def score_ais(on: HeldOut) -> dict[str, Any]:
    """Log-likelihood by annealing."""
    few = _few(on)
    options: dict[str, Any] = {**_ANNEALED, "seed": on.seed, "verbose": on.verbose}
    estimate = annealed_importance_sampling(few.model, few.x, **options)
    score = mean_and_error(estimate)
    return {"num_examples": len(few.x), **_ANNEALED, "annealed_log_likelihood": score}


def score_bidirectional(on: HeldOut) -> dict[str, Any]:
    """Bounds of log p(x) of simulated observations, from both sides."""
    count = on.limit or _FEW
    options: dict[str, Any] = {**_ANNEALED, "seed": on.seed, "verbose": on.verbose}
    found = bidirectional_check(on.model, count, **options)
    return {
        "num_simulated": count,
        **_ANNEALED,
        "lower_bound": mean_and_error(found.lower),
        "upper_bound": mean_and_error(found.upper),
        "bidirectional_gap": mean_and_error(found.gap),
    }


def score_gaps(on: HeldOut) -> dict[str, Any]:
    """Approximation and amortization gap."""
    few = _few(on)
    options: dict[str, Any] = {**_LOCAL, "seed": on.seed, "verbose": on.verbose}
    found = inference_gaps(few.model, few.x, on.num_samples, **options)
    bounds = {
        "log_likelihood_by_mixture": found.log_likelihood,
        "best_local_bound": found.local_bound,
        "amortized_bound": found.amortized_bound,
    }
    return {
        "num_examples": len(few.x),
        "num_samples": on.num_samples,
        **_LOCAL,
        **{name: mean_and_error(bound) for name, bound in bounds.items()},
        "approximation_gap": mean_and_error(found.approximation_gap),
        "amortization_gap": mean_and_error(found.amortization_gap),
    }


def _few(on):
    # As in `likelihood_scores`, so that both score the same.
    x = drawn_once(on.model, on.x)
    return replace(on, x=x, limit=on.limit or _FEW).cut


def score_images(on: HeldOut) -> dict[str, Any]:
    """Accuracy of reconstructions and sharpness of images."""
    return image_scores(on.model, on.x, on.num_samples, on.seed, on.limit, on.condition)


def score_active_units(on: HeldOut) -> dict[str, Any]:
    """Latent units in use."""
    report = collapse_report(on.model, on.cut.x, seed=on.seed, y=on.cut.condition)
    rates = {"rate_of_units": report["rate"], "rate_of_groups": report["group_rate"]}
    return {
        "num_examples": len(on.cut.x),
        "num_units": report["num_units"],
        "active_units": _exact(report["num_active"]),
        "dead": report["dead"].tolist(),
        "variance_of_units": report["variance"].tolist(),
        **{key: None if one is None else one.tolist() for key, one in rates.items()},
    }


def score_information(on: HeldOut) -> dict[str, Any]:
    """Mutual information of z and x, and the KL of q(z) from the prior."""
    options: dict[str, Any] = {
        "seed": on.seed,
        "verbose": on.verbose,
        "y": on.cut.condition,
    }
    found = information(on.model, on.cut.x, **options)
    # With few examples, each code identifies its example, and the estimate is at its
    # maximum.
    if found["mutual_information"]["mean"] > found["log_num_examples"] - 1.0:
        found["caution"] = "the information is at its ceiling, take more examples"
    return found


def score_probe(on: HeldOut) -> dict[str, Any]:
    """Labels predicted from embeddings; unknown classes are left out."""
    assert on.train is not None, "a metric that needs labels has training data"
    sets = (
        limited(with_known_classes(*on.train()), _MOST_PROBED, on.seed),
        with_known_classes(on.cut.x, on.cut.y),
    )
    learned, tested = (replace(on, x=x, y=y) for x, y in sets)
    train, test = (
        (one.model.embed(one.x, one.condition), one.y) for one in (learned, tested)
    )
    return {
        "num_examples": len(tested.x),
        "num_train": len(learned.x),
        "linear_probe": probe_accuracy(*train, *test, "linear"),
        "knn_probe": probe_accuracy(*train, *test, "knn"),
    }


def score_classes(on: HeldOut) -> dict[str, Any]:
    """Held-out data, reconstructions, and samples of each class, as a classifier reads them.

    Observations whose class is unknown are left out. Sounds are classified by the
    spectrograms of their waveforms. Sounds that went to a spectrogram and back without the
    model are classified, too, to separate this loss from the model's.
    """
    assert on.train is not None, "a metric that needs labels has training data"
    model = on.model
    (x, y), (x_true, y_true) = (
        with_known_classes(rows, model.check_condition(labels, len(rows)))
        for rows, labels in (on.train(), (on.cut.x, on.cut.y))
    )
    epochs = max(_READER_EPOCHS, -(-64 * _READER_STEPS // len(x)))
    pictures, classes = model.pictures(x), model.num_classes or 0
    reader = class_reader(pictures, y, classes, model.shown_range, epochs, on.seed)

    def accuracy(observations):
        shown = np.asarray(model.pictures(observations), np.float32)
        return mean_and_error(reader.predict(shown, verbose=0).argmax(axis=-1) == y_true)

    condition = None if model.condition_shape is None else y_true
    spectrogram = model.preprocessor and model.preprocessor.spectrogram
    count = _SOUNDS_OF_EACH_CLASS if spectrogram else _OF_EACH_CLASS
    found = {
        "num_examples": len(x_true),
        "num_train": len(x),
        "num_of_each_class": count,
        "classifier_accuracy": accuracy(x_true),
        "reconstruction_accuracy": accuracy(model.reconstruct(x_true, condition)),
        "condition_accuracy": condition_accuracy(model, reader, count, on.seed),
    }
    if spectrogram:
        found["round_trip_accuracy"] = accuracy(_round_trip(spectrogram, x_true))
    return found


def _round_trip(spectrogram, x):
    """Waveforms after a round trip through spectrograms, without any model."""
    return spectrogram.inverse(spectrogram(x))


def score_sounds(on: HeldOut) -> dict[str, Any]:
    """The loss of sounds in spectrograms and back, and in the model."""
    assert on.model.preprocessor is not None, "a model of sounds has one"
    spectrogram, x = on.model.preprocessor.spectrogram, np.asarray(on.cut.x)
    assert spectrogram is not None
    # Differences are measured by how loud a sound is.
    is_heard = spectrogram(x).any(axis=(1, 2, 3))
    num_silent = int((~is_heard).sum())
    if num_silent == len(x):
        raise ValueError(
            f"All {len(x):,} sounds are silent, so there is nothing to compare. Give "
            "sounds that are not silent."
        )
    x, y = x[is_heard], on.cut.condition
    y = None if y is None else np.asarray(y)[is_heard]
    others = {
        "round_trip": _round_trip(spectrogram, x),
        "reconstruction": on.model.reconstruct(x, y),
    }
    distances = {"convergence": spectral_convergence, "distance": log_spectral_distance}
    return {
        "num_examples": len(x),
        **({"num_silent": num_silent} if num_silent else {}),
        **{
            f"{whose}_{name}": mean_and_error(distance(spectrogram, x, other))
            for whose, other in others.items()
            for name, distance in distances.items()
        },
    }


def _features(on):
    """Features of the data, and of equally many means of p(x|z) at draws from the prior."""
    x, value_range = on.cut.x, on.model.shown_range
    extract = random_conv(value_range)
    sampled = on.model.sample(len(x), on.cut.condition, on.seed)
    sampled = np.clip(on.model.pictures(sampled), *value_range)
    x = on.model.pictures(x)
    about = {"num_examples": len(x), "num_samples": len(x), "extractor": extract.name}
    return about, extract(x), extract(sampled)


def score_frechet(on: HeldOut) -> dict[str, Any]:
    """Frechet distance of samples from data."""
    about, real, sampled = _features(on)
    return {**about, "frechet_distance": frechet_distance(real, sampled)}


def score_grain(on: HeldOut) -> dict[str, Any]:
    """Grain of the data, of reconstructions and of equally many samples."""
    x, model, value_range = on.cut.x, on.model, on.model.shown_range
    condition = on.cut.condition
    shown = {
        "originals": x,
        "reconstructions": model.reconstruct(x, condition),
        "samples": model.sample(len(x), condition, on.seed),
    }
    scores: dict[str, Any] = {"num_examples": len(x), "num_samples": len(x)}
    for name, images in shown.items():
        seen = np.clip(model.pictures(images), *value_range)
        scores[f"grain_of_{name}"] = mean_and_error(grain(seen))
    return scores


def score_precision_recall(on: HeldOut) -> dict[str, Any]:
    """Samples among data, and data among samples."""
    about, real, sampled = _features(on)
    return {
        **about,
        **precision_recall(real, sampled),
        **density_coverage(real, sampled),
    }


def score_anomalies(on: HeldOut) -> dict[str, Any]:
    """How well scores detect other data."""
    (others,) = limited((on.anomalies,), on.limit, on.seed)
    x, bounded = on.cut.x, on.model.latent.has_density
    methods = (
        ["elbo", "log_likelihood", "reconstruction"] if bounded else ["reconstruction"]
    )
    of_images = len(on.model.event_shape) == 3 and on.model.event_shape[-1] in (1, 3)
    # A file has no gaps.
    if bounded and on.model.is_discrete and of_images and not on.model.takes_gaps:
        methods.append("input_complexity")
    asked = {method: (method, 1) for method in methods}
    for levels in range(1, on.model.num_levels):
        asked[f"level_ratio_{levels}"] = ("level_ratio", levels)
    found: dict[str, Any] = {"num_examples": len(x), "num_anomalies": len(others)}
    for name, (method, levels) in asked.items():
        normal, anomalous = (
            anomaly_scores(
                on.model,
                rows,
                method,
                on.num_samples,
                on.seed,
                verbose=on.verbose,
                levels=levels,
            )
            for rows in (x, others)
        )
        found[f"auroc_by_{name}"] = auroc(normal, anomalous)
    return found


def score_labels(on: HeldOut) -> dict[str, Any]:
    """Labels that the model predicts."""
    return label_scores(on.model, on.cut.x, on.cut.y)


def score_disentanglement(on: HeldOut) -> dict[str, Any]:
    """MIG, SAP and DCI of codes."""
    codes, factors = on.model.embed(on.cut.x, on.cut.condition), on.cut.y
    codes = codes.reshape(len(codes), -1)
    return {
        "num_examples": len(codes),
        "mig_bins": 20,
        "sap_method": "svm",
        "dci_trees": "random_forest",
        "mig": _exact(mig(codes, factors, 20)),
        "sap": _exact(sap(codes, factors, "svm", on.seed)),
        **{
            f"dci_{name}": _exact(value)
            for name, value in dci(codes, factors, "random_forest", on.seed).items()
        },
    }


def score_interventions(on: HeldOut) -> dict[str, Any]:
    """beta-VAE and FactorVAE scores."""
    options: dict[str, Any] = {**_POINTS, "seed": on.seed, "verbose": on.verbose}
    return {
        **_POINTS,
        "beta_vae_score": beta_vae_score(on.model.embed, on.factors, **options),
        "factor_vae_score": factor_vae_score(on.model.embed, on.factors, **options),
    }


def _exact(value):
    """A number without a known standard error."""
    return {"mean": float(value), "standard_error": None}
