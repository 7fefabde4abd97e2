"""The scores that suit a model, and their text form."""

from __future__ import annotations

from typing import Any

from keras_vae.core.score_rows import score_rows
from keras_vae.evaluation.errors import mean_and_error
from keras_vae.evaluation.held_out import limited
from keras_vae.evaluation.images.scores import image_scores
from keras_vae.evaluation.likelihood.anomaly import distortion_at_code
from keras_vae.evaluation.likelihood.estimates import likelihood_scores, logarithm_of
from keras_vae.models import LatentVariableModel


def held_out_scores(
    model: LatentVariableModel,
    x,
    num_samples: int = 500,
    seed: int = 0,
    limit: int | None = None,
    verbose: int = 0,
    y=None,
) -> dict[str, Any]:
    """Scores a model by the quantity that it was trained for.

    Args:
        model: The model.
        x: Observations [N, *event].
        num_samples: Importance samples for each observation, or samples from the prior if
            the model does not train its likelihood.
        seed: Same seed, same scores.
        limit: Number of observations to score, drawn at random; None scores all.
        verbose: 1 shows a progress bar.
        y: The condition of each observation, for a model that has one.

    Returns:
        The scores of `image_scores` for a VAE-GAN, the distortion at the code of each
        observation for an autoencoder, and those of `likelihood_scores` for other models.

    Example:
        >>> print(describe_scores(held_out_scores(vae, x_test)))
    """
    if not model.trains_likelihood:
        return image_scores(model, x, num_samples, seed, limit, y)
    if model.latent.has_density:
        return likelihood_scores(model, x, num_samples, seed, limit, verbose, y)
    x, y = limited((x, y), limit, seed)
    return {
        "num_examples": len(x),
        "num_samples": 1,
        "of": logarithm_of(model, x),
        "distortion": mean_and_error(distortion_at_code(model, x, y)),
    }


def describe_scores(scores: dict[str, Any]) -> str:
    """Writes scores as aligned lines of text.

    Args:
        scores: The result of `held_out_scores`, `likelihood_scores` or `image_scores`.

    Returns:
        One line for each score.

    Example:
        >>> psnr = {"mean": 21.5, "standard_error": 0.25}
        >>> print(describe_scores({"num_examples": 100, "num_samples": 500, "psnr": psnr}))
        scores of 100 held-out examples (and 500 samples), +- standard error:
          PSNR of reconstructions     21.500 +- 0.250 dB
    """
    of = scores.get("of", f"and {scores['num_samples']} samples")
    lines = [
        f"scores of {scores['num_examples']} held-out examples ({of}), +- standard error:"
    ]
    rows = score_rows(scores)
    width = max((len(name) for name, *_ in rows), default=0)
    for name, mean, error, unit in rows:
        spread = "n/a" if error is None else f"{error:.3f}"
        lines.append(f"  {name:<{width}} {mean:>10.3f} +- {spread} {unit}")
    return "\n".join(lines)


def plus_minus(score: dict[str, float | None], form: str = ".2f") -> str:
    """Writes a mean with its standard error.

    Args:
        score: `{"mean", "standard_error"}`.
        form: Format of both numbers, in Python's notation.

    Returns:
        Text such as "-94.60 +- 1.10"; "n/a" for an unknown error.

    Example:
        >>> plus_minus({"mean": 0.951, "standard_error": 0.005}, ".1%")
        '95.1% +- 0.5%'
    """
    error = score["standard_error"]
    return f"{score['mean']:{form}} +- {'n/a' if error is None else format(error, form)}"
