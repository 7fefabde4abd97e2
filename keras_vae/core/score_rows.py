"""Scores as rows of text."""

from __future__ import annotations

from typing import Any

_NAMES = {
    "elbo_of_all": ("ELBO of the whole split", "nats"),
    "log_likelihood_of_all": (
        "log-likelihood of the whole split, estimated (S={num_samples})",
        "nats",
    ),
    "bits_per_dimension_of_all": (
        "bits per dimension of the whole split, estimated",
        "bits",
    ),
    "density_bits_per_dimension_of_all": (
        "density of the whole split, per level, estimated",
        "bits per dimension",
    ),
    "elbo": ("ELBO", "nats"),
    "rate": ("rate, KL(q, p)", "nats"),
    "distortion": ("distortion", "nats"),
    "log_likelihood": ("log-likelihood (S={num_samples})", "nats"),
    "annealed_log_likelihood": ("log-likelihood by annealing", "nats"),
    "log_likelihood_by_mixture": (
        "log-likelihood (2 x {num_samples} draws)",
        "nats",
    ),
    "lower_bound": ("lower bound of log p(x)", "nats"),
    "upper_bound": ("upper bound of log p(x)", "nats"),
    "bidirectional_gap": ("between them", "nats"),
    "best_local_bound": ("best local bound", "nats"),
    "amortized_bound": ("amortized bound", "nats"),
    "approximation_gap": ("approximation gap", "nats"),
    "amortization_gap": ("amortization gap", "nats"),
    "bits_per_dimension": ("bits per dimension", "bits"),
    "density_bits_per_dimension": ("density, per level", "bits per dimension"),
    "psnr": ("PSNR of reconstructions", "dB"),
    "ssim": ("SSIM of reconstructions", ""),
    "sharpness_of_reconstructions": ("sharpness of reconstructions", "of the originals'"),
    "sharpness_of_samples": ("sharpness of samples", "of the originals'"),
    "grain_of_originals": ("grain of the originals", "(noise 4, smooth 0.06)"),
    "grain_of_reconstructions": ("grain of reconstructions", ""),
    "grain_of_samples": ("grain of samples", ""),
    "feature_distance": ("feature distance", "nats"),
    "active_units": ("active units", "of {num_units}"),
    "mutual_information": ("mutual information of x, z", "nats"),
    "marginal_kl": ("KL(q(z), p(z))", "nats"),
    "label_accuracy": ("accuracy of labels, {num_labels} examples", ""),
    "label_log_loss": ("-log q(y|x)", "nats"),
    "linear_probe": ("accuracy of a linear probe", ""),
    "knn_probe": ("accuracy of neighbours", ""),
    "marginal_distance": (
        "marginals: distance of {num_rows} samples from held-out rows, mean over columns",
        "",
    ),
    "marginal_distance_by_chance": ("the same of other samples instead of these rows", ""),
    "imputation_error": (
        "imputation: 30% of the numbers hidden, mean square error",
        "variances of a column",
    ),
    "classifier_accuracy": ("accuracy of a classifier on held-out data", ""),
    "round_trip_accuracy": (
        "its accuracy after a spectrogram and back, without the model",
        "",
    ),
    "reconstruction_accuracy": ("its accuracy on reconstructions", ""),
    "condition_accuracy": ("its accuracy on samples, for the class that was asked for", ""),
    "round_trip_convergence": ("spectral convergence by way of a spectrogram", ""),
    "round_trip_distance": ("log-spectral distance by way of a spectrogram", "dB"),
    "reconstruction_convergence": ("spectral convergence of reconstructions", ""),
    "reconstruction_distance": ("log-spectral distance of reconstructions", "dB"),
    "frechet_distance": ("Frechet distance", "({extractor})"),
}


def score_rows(scores: dict[str, Any]) -> list[tuple[str, float, float | None, str]]:
    """Lists scores for a table.

    Args:
        scores: The result of `held_out_scores`, `likelihood_scores` or `image_scores`.

    Returns:
        Name in words, mean, standard error or None, and unit of each; scores without words
        of their own under their key.
    """
    others = {
        key: (key.replace("_", " "), "")
        for key, value in scores.items()
        if key not in _NAMES and isinstance(value, dict) and "mean" in value
    }
    known = {key: words for key, words in _NAMES.items() if key in scores}
    return [
        (
            name.format(**scores),
            scores[key]["mean"],
            scores[key]["standard_error"],
            unit.format(**scores),
        )
        for key, (name, unit) in {**known, **others}.items()
    ]
