"""Scores of raw data are those of the model's units; densities are of the raw values."""

import numpy as np
import pytest
from kind_cases import SHAPE, dense, images, kind

from keras_vae.data import Preprocessor, Scaling, Streamed
from keras_vae.evaluation import (
    HeldOut,
    InferenceGaps,
    active_units,
    aggregate_posterior,
    annealed_importance_sampling,
    anomaly_scores,
    bidirectional_check,
    collapse_report,
    evaluate_metrics,
    image_scores,
    inference_gaps,
    information,
    likelihood_scores,
    metrics,
)

Z = np.random.default_rng(0).normal(size=(5, 3)).astype("float32")
STEPS = (3, 2, 2)


def mean_of(scores, *names):
    return np.array([scores[name]["mean"] for name in names])


# Name: (scores of a model and x, how often the logarithm of the scale is added).
SCORES = {
    "elbo": (lambda vae, x: vae.elbo(x), 1),
    "likelihood": (
        lambda vae, x: mean_of(likelihood_scores(vae, x, 5), "elbo", "log_likelihood"),
        1,
    ),
    **{
        f"{name} of some": (
            lambda vae, x, name=name: mean_of(likelihood_scores(vae, x, 5, limit=7), name),
            times,
        )
        for name, times in {
            "elbo": 1,
            "rate": 0,
            "distortion": -1,
            "log_likelihood": 1,
            "elbo_of_all": 1,
            "log_likelihood_of_all": 1,
        }.items()
    },
    "metric of some": (
        lambda vae, x: mean_of(
            evaluate_metrics("likelihood", HeldOut(vae, x, num_samples=3, limit=7))[
                "likelihood"
            ],
            "elbo",
            "log_likelihood",
            "log_likelihood_of_all",
        ),
        1,
    ),
    "rate": (lambda vae, x: mean_of(likelihood_scores(vae, x, 5), "rate"), 0),
    "annealing": (lambda vae, x: annealed_importance_sampling(vae, x, *STEPS), 1),
    "both sides": (lambda vae, x: np.stack(bidirectional_check(vae, 4, *STEPS)[1:]), 1),
    "gaps": (lambda vae, x: np.stack(inference_gaps(vae, x, 9, 2, 2)), 1),
    **{
        f"anomaly by {method}": (
            lambda vae, x, method=method: anomaly_scores(vae, x, method, 5),
            -1,
        )
        for method in ("elbo", "log_likelihood", "reconstruction")
    },
    "anomaly by ratio": (
        lambda vae, x: anomaly_scores(vae, x, "likelihood_ratio", 5, background=vae),
        0,
    ),
    "aggregate": (lambda vae, x: aggregate_posterior(vae, x, Z), 0),
    "information": (
        lambda vae, x: mean_of(information(vae, x), "mutual_information", "rate"),
        0,
    ),
    "active units": (lambda vae, x: active_units(vae, x, 1e-4).astype(float), 0),
    "rates": (lambda vae, x: collapse_report(vae, x)["rate"], 0),
}


def in_its_own_units(model, score, x):
    """The score of the same model without its preprocessor."""
    preprocessor, model.preprocessor = model.preprocessor, None
    try:
        return score(model, x)
    finally:
        model.preprocessor = preprocessor


@pytest.mark.thinned
@pytest.mark.parametrize("name", SCORES)
def test_raw_densities_differ_by_the_scale_and_all_else_is_equal(name):
    model, x, _ = kind("bytes")
    score, times = SCORES[name]
    scale = -np.log(255.0) * np.prod(SHAPE)
    expected = in_its_own_units(model, score, x / np.float32(255.0)) + times * scale
    np.testing.assert_allclose(score(model, x), expected, rtol=1e-4, atol=1e-3)


BINARIZED = {
    name: SCORES[name][0]
    for name in (
        *("elbo", "likelihood", "anomaly by reconstruction", "log_likelihood of some"),
        *("log_likelihood_of_all of some", "metric of some"),
    )
}
BINARIZED["anomaly by complexity"] = lambda vae, x: anomaly_scores(
    vae, x, "input_complexity", 5
)
PREPARE = Preprocessor(Scaling(SHAPE, 0.0, 255.0), True, 3, (0, 255))


def in_memory(x):
    return x


def streamed(x):
    class Source:
        shape, dtype = x.shape, x.dtype

        def read(self, rows):
            return x[rows]

    return Streamed(Source())


@pytest.mark.parametrize(
    "name, given",
    [*((name, in_memory) for name in BINARIZED), ("log_likelihood of some", streamed)],
)
def test_grey_values_that_were_binarized_are_scored_binarized(name, given):
    model, grey = dense(), images("uint8")
    expected = BINARIZED[name](model, PREPARE.held_out(grey))
    model.preprocessor = PREPARE
    np.testing.assert_allclose(BINARIZED[name](model, given(grey)), expected, rtol=1e-5)


@pytest.mark.parametrize("name", ["ais", "gaps"])
def test_scores_of_some_are_of_the_same_black_and_white(name, monkeypatch):
    model, grey, seen = dense(), images("uint8"), []
    model.preprocessor = PREPARE

    def look(model, x, *_, **options):
        seen.append(model.to_units(x, scores=True))
        return InferenceGaps(*np.zeros((3, len(x))))

    monkeypatch.setattr(metrics, "annealed_importance_sampling", look)
    monkeypatch.setattr(metrics, "inference_gaps", look)
    evaluate_metrics(name, HeldOut(model, grey, limit=5, seed=2))
    rows = np.sort(np.random.default_rng(2).choice(len(grey), 5, replace=False))
    np.testing.assert_array_equal(seen[0], PREPARE.held_out(grey)[rows])


def test_images_are_scored_in_their_own_range():
    model, x, _ = kind("bytes")
    found = image_scores(model, x, 9)
    units = in_its_own_units(
        model, lambda vae, x: image_scores(vae, x, 9), x / np.float32(255.0)
    )
    # Raw reconstructions are rounded to bytes, which is a 255th at most.
    assert found["psnr"]["mean"] == pytest.approx(units["psnr"]["mean"], abs=0.05)
    for name in ("sharpness_of_reconstructions", "sharpness_of_samples"):
        assert found[name]["mean"] == pytest.approx(units[name]["mean"], abs=0.01)
