"""The scores that fit a model, and how they are written."""

from __future__ import annotations

from typing import Any

from keras_vae.evaluation.images.scores import image_scores
from keras_vae.evaluation.likelihood.estimates import likelihood_scores
from keras_vae.models import VAE, VAEGAN

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
    "sharpness_of_reconstructions": ("their sharpness", "of the originals'"),
    "sharpness_of_samples": ("sharpness of samples", "of the originals'"),
    "feature_distance": ("feature distance", "nats"),
    "active_units": ("active units", "of {num_units}"),
    "mutual_information": ("mutual information of x, z", "nats"),
    "marginal_kl": ("KL(q(z), p(z))", "nats"),
    "linear_probe": ("accuracy of a linear probe", ""),
    "knn_probe": ("accuracy of neighbours", ""),
    "frechet_distance": ("Frechet distance", "({extractor})"),
}


def held_out_scores(
    model: VAE,
    x,
    num_samples: int = 500,
    seed: int = 0,
    limit: int | None = None,
    log_scale: float = 0.0,
    value_range: tuple[float, float] = (0.0, 1.0),
    verbose: int = 0,
    levels: bool = False,
) -> dict[str, Any]:
    """Scores a model by what it was trained for.

    Args:
        model: The model.
        x: Observations [N, *event], in the model's units.
        num_samples: Importance samples for each observation; of a VAE-GAN, whose
            likelihood on pixels is not trained, samples from the prior.
        seed: Same seed, same scores.
        limit: Score that many observations, drawn at random; None scores all.
        log_scale: See `likelihood_scores`.
        value_range: Values of black and white; see `image_scores`.
        verbose: 1 shows a progress bar.
        levels: Whether raw values are whole numbers; see `likelihood_scores`.

    Returns:
        What `image_scores` returns of a VAE-GAN, `likelihood_scores` of the others.

    Example:
        >>> print(describe_scores(held_out_scores(vae, x_test)))
    """
    if isinstance(model, VAEGAN):
        return image_scores(model, x, num_samples, seed, limit, value_range)
    return likelihood_scores(model, x, num_samples, seed, limit, log_scale, verbose, levels)


def describe_scores(scores: dict[str, Any]) -> str:
    """Writes scores as aligned lines of text.

    Args:
        scores: What `held_out_scores`, `likelihood_scores` or `image_scores` returned.

    Returns:
        One line for each score.
    """
    of = scores.get("of", f"and {scores['num_samples']} samples")
    lines = [
        f"scores of {scores['num_examples']} held-out examples ({of}), +- standard error:"
    ]
    rows = score_rows(scores)
    width = max((len(name) for name, *_ in rows), default=0)
    for name, mean, error, unit in rows:
        error = "n/a" if error is None else f"{error:.3f}"
        lines.append(f"  {name:<{width}} {mean:>10.3f} +- {error} {unit}")
    return "\n".join(lines)


def score_rows(scores: dict[str, Any]) -> list[tuple[str, float, float | None, str]]:
    """Lists scores for a table.

    Args:
        scores: What `held_out_scores`, `likelihood_scores` or `image_scores` returned.

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


def plus_minus(score: dict[str, float | None], form: str = ".2f") -> str:
    """Writes a mean with its standard error.

    Args:
        score: `{"mean", "standard_error"}`.
        form: Format of both numbers, in Python's notation.

    Returns:
        Such as "-94.60 +- 1.10"; "n/a" for an error that is not known.

    Example:
        >>> plus_minus({"mean": 0.951, "standard_error": 0.005}, ".1%")
        '95.1% +- 0.5%'
    """
    error = score["standard_error"]
    return f"{score['mean']:{form}} +- {'n/a' if error is None else format(error, form)}"
