"""Anomaly detection: scores of observations, and how well they detect anomalies."""

from __future__ import annotations

import io
import math

import numpy as np
import tensorflow as tf

from keras_vae.core.batches import in_batches
from keras_vae.core.names import unknown
from keras_vae.core.support import REAL, pieces
from keras_vae.data import Streamed
from keras_vae.evaluation.held_out import drawn_once
from keras_vae.models import LatentVariableModel

_METHODS = (
    "elbo",
    "log_likelihood",
    "reconstruction",
    "likelihood_ratio",
    "input_complexity",
    "level_ratio",
)


def anomaly_scores(
    model: LatentVariableModel,
    x,
    method: str = "elbo",
    num_samples: int = 50,
    seed: int = 0,
    background: LatentVariableModel | None = None,
    verbose: int = 0,
    y=None,
    levels: int = 1,
) -> np.ndarray:
    """Scores how much observations differ from a model's training data.

    Likelihoods of a deep model are known to fail at this: simple images of another kind are
    often more probable than the training data (Nalisnick et al. 2019). The last three
    methods were designed to correct this.

    Args:
        model: The model.
        x: Observations [N, *event].
        method: The score, in nats.
            "elbo": -ELBO, with one draw of z.
            "log_likelihood": -log p(x), by `num_samples` importance samples.
            "reconstruction": -log p(x|z) at the code of x.
            "likelihood_ratio": log p(x) under `background` minus log p(x), where the
            background was trained on the same data with noise added, so that it knows only
            their simple structure (Ren et al. 2019). "input_complexity": -log p(x) minus
            the length of x as a PNG file, for discrete likelihoods of images (Serra et al.
            2020, with their PNG compressor). "level_ratio": the ELBO minus the bound in
            which the lowest levels of a hierarchy are drawn from the prior (Havtorn et al.
            2021).
        num_samples: Importance samples for each observation, if the method needs log p(x).
        seed: Same seed, same scores.
        background: The second model of "likelihood_ratio".
        verbose: 1 shows a progress bar.
        y: The condition of each observation, for a model that has one.
        levels: Number of lowest levels that "level_ratio" draws from the prior.

    Returns:
        Array [N]; higher is more anomalous.

    Raises:
        ValueError: If there is no such method, or one of its inputs is missing.

    Example:
        >>> auroc(anomaly_scores(vae, x_test), anomaly_scores(vae, others))

    Source:
        Ren et al. 2019, "Likelihood ratios for out-of-distribution detection", equation
        5; Serra et al. 2020, "Input complexity and out-of-distribution detection",
        equation 1; Havtorn et al. 2021, "Hierarchical VAEs know what they don't know",
        equation 12.
    """
    if method not in _METHODS:
        raise unknown("anomaly score", method, _METHODS)
    if (method == "likelihood_ratio") != (background is not None):
        missing = "needs a" if background is None else "takes no"
        raise ValueError(
            f"method={method!r} {missing} background model; 'likelihood_ratio' alone has "
            "one, a model like the first, trained on the same data with noise added."
        )
    if method == "elbo":
        return -model.elbo(x, seed=seed, y=y)
    if method == "level_ratio":
        return model.level_ratios(x, levels, num_samples, seed, y)
    if method == "reconstruction":
        return distortion_at_code(model, x, y)
    if method == "input_complexity":
        # Checked before the likelihood, which takes time.
        if not model.is_discrete:
            raise ValueError(
                "A file's length can be compared with the logarithm of a probability, but "
                "this model's likelihood gives densities. Use another method."
            )
        # Of the images that the likelihood is of.
        x = drawn_once(model, x)
        complexity = png_length(model.pictures(x), model.shown_range) * math.log(2)
    options = {"seed": seed, "verbose": verbose, "y": y}
    scores = -model.log_likelihood(x, num_samples, **options)
    if background is not None:
        scores += background.log_likelihood(x, num_samples, **options)
    if method == "input_complexity":
        scores -= complexity
    return scores


def png_length(x, value_range: tuple[float, float] | None) -> np.ndarray:
    """Returns the length of images as PNG files: an estimate of their complexity.

    Args:
        x: Images [N, height, width, channels], one channel or three.
        value_range: Values of black and white; they are rounded to 256 levels between.

    Returns:
        Bits, array [N].

    Raises:
        ValueError: If x holds no such images, NaN, or no range is given.

    Example:
        >>> png_length(x_test, (0, 255)).mean() / 8
    """
    from PIL import Image

    x = x if isinstance(x, Streamed) else np.asarray(x)
    if x.ndim != 4 or x.shape[-1] not in (1, 3) or value_range is None:
        raise ValueError(
            "Input complexity is of images [N, height, width, 1 or 3] with a value_range "
            f"(black, white), but got shape {x.shape} and value_range {value_range!r}."
        )
    low, high = value_range
    lengths = []
    for piece in map(np.asarray, pieces(x)):
        REAL.check(piece)
        # Bytes would wrap around below black.
        levels = 255.0 * np.clip((piece.astype(np.float64) - low) / (high - low), 0.0, 1.0)
        for image in np.round(levels).astype(np.uint8):
            file = io.BytesIO()
            Image.fromarray(image.squeeze(-1) if image.shape[-1] == 1 else image).save(
                file, "PNG", optimize=True
            )
            lengths.append(8.0 * file.tell())
    return np.array(lengths)


def auroc(normal, anomalous) -> dict[str, float | None]:
    """Returns the probability that an anomaly scores higher than a normal observation.

    Args:
        normal: Scores of normal observations, [N].
        anomalous: Scores of anomalies, [M]; higher is more anomalous.

    Returns:
        `mean`, the area under the ROC curve: the share of all pairs in which the anomaly's
        score is higher, ties counting half; 0.5 for uninformative scores. Its
        `standard_error` over both sets is DeLong's; it is None for a single score.

    Raises:
        ValueError: If a set is empty, not a vector, or holds NaN.

    Example:
        >>> auroc([0.0, 1.0], [2.0, 3.0])["mean"]
        1.0

    Source:
        DeLong et al. 1988, "Comparing the areas under two or more correlated receiver
        operating characteristic curves".
    """
    normal, anomalous = (np.asarray(s, np.float64) for s in (normal, anomalous))
    for scores in (normal, anomalous):
        if scores.ndim != 1 or len(scores) == 0 or np.isnan(scores).any():
            raise ValueError(
                "AUROC is of two vectors of scores without NaN, but got shapes "
                f"{normal.shape} and {anomalous.shape}."
            )
    # For each anomaly, the share of normal scores below it; for each normal score, the
    # share of anomalies above it.
    below = _share_below(anomalous, normal)
    above = 1.0 - _share_below(normal, anomalous)
    if min(len(normal), len(anomalous)) < 2:
        return {"mean": float(below.mean()), "standard_error": None}
    variance = below.var(ddof=1) / len(below) + above.var(ddof=1) / len(above)
    return {"mean": float(below.mean()), "standard_error": float(np.sqrt(variance))}


def _share_below(scores, others):
    others = np.sort(others)
    below = np.searchsorted(others, scores, "left")
    not_above = np.searchsorted(others, scores, "right")
    return 0.5 * (below + not_above) / len(others)


def distortion_at_code(model: LatentVariableModel, x, y=None) -> np.ndarray:
    """Returns -log p(x|z) at the code of each observation.

    Args:
        model: The model.
        x: Observations [N, *event].
        y: The condition of each observation, for a model that has one.

    Returns:
        Nats, array [N]; densities refer to raw values.
    """

    def distortion(rows, _):
        x, y = rows
        return -model.trace(x, z=model.codes(x, y)[tf.newaxis], y=y).log_px[0]

    units, y = model.to_units(x, scores=True), model.check_condition(y, len(x))
    return in_batches(distortion, (units, y), 256) - model.log_scale_of(units)
