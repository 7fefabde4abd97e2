"""Scores: what they are made of, and numbers that are known."""

import json
import math

import numpy as np
import pytest
from scipy import stats

import keras_vae
from keras_vae import layers
from keras_vae.core.support import REAL
from keras_vae.data import Preprocessor, Scaling
from keras_vae.evaluation import (
    describe_scores,
    likelihood_scores,
    mean_and_error,
    plus_minus,
)

SHAPE, SIZE = (3, 4, 1), 12
LOGISTIC = layers.DiscretizedLogistic(SHAPE, low=0, high=6)


def model(likelihood="bernoulli", **kwargs):
    return keras_vae.DenseVAE(SHAPE, 2, likelihood, hidden_units=(5,), seed=0, **kwargs)


def coins(n=40):
    return np.random.default_rng(0).integers(0, 2, (n, *SHAPE)).astype("f4")


@pytest.fixture(scope="module")
def vae():
    return model()


@pytest.fixture(scope="module")
def scores(vae):
    return likelihood_scores(vae, coins(), num_samples=50, seed=3)


def test_scores_are_means_of_the_models_estimates(vae, scores):
    for name, values in {
        "elbo": vae.elbo(coins(), seed=3),
        "log_likelihood": vae.log_likelihood(coins(), 50, seed=3),
    }.items():
        assert scores[name]["mean"] == pytest.approx(values.mean(), rel=1e-6)
        error = values.std(ddof=1) / math.sqrt(40)
        assert scores[name]["standard_error"] == pytest.approx(error, rel=1e-5)
    assert (scores["num_examples"], scores["num_samples"]) == (40, 50)


def test_bits_are_nats_by_size_and_log_two(scores):
    for name, sign in (("mean", -1), ("standard_error", 1)):
        bits = sign * scores["log_likelihood"][name] / (SIZE * math.log(2))
        assert scores["bits_per_dimension"][name] == pytest.approx(bits)


def test_the_seed_decides(vae, scores):
    assert likelihood_scores(vae, coins(), 50, seed=3) == scores
    assert likelihood_scores(vae, coins(), 50, seed=4) != scores


def test_the_log_likelihood_is_above_the_elbo(scores):
    assert scores["log_likelihood"]["mean"] > scores["elbo"]["mean"]


@pytest.mark.parametrize("gaps", [None, "mask"])
def test_a_model_that_knows_nothing_needs_one_bit_for_a_coin(gaps):
    vae, x = model(gaps=gaps), coins()
    for weight in vae.trainable_weights:
        weight.assign(0 * weight)
    if gaps:
        # Missing coins need none.
        x[:, 1] = np.nan
    # The likelihood is 1/2 whatever z, so the noise is that of mean p(z)/q(z) alone.
    scores = likelihood_scores(vae, x, num_samples=500)
    bits = scores["bits_per_dimension"]
    assert abs(bits["mean"] - 1.0) < 5 * bits["standard_error"] + 1e-3
    assert bits["standard_error"] < 0.005


@pytest.mark.parametrize(
    "likelihood, x, of",
    [
        ("bernoulli", coins(4), "probability"),
        ("bernoulli", coins(4) / 2, "cross-entropy of grey values"),
        ("normal", coins(4), "density"),
        ("continuous_bernoulli", coins(4), "density"),
        ("poisson", coins(4), "probability"),
        (LOGISTIC, 3 * coins(4), "probability"),
    ],
)
def test_bits_are_of_probabilities_and_raw_units_of_densities(likelihood, x, of):
    vae = model(likelihood)
    scores = likelihood_scores(vae, x, num_samples=2)
    assert scores["of"] == of and f"examples ({of})," in describe_scores(scores)
    assert ("bits_per_dimension" in scores) == (of == "probability")
    vae.preprocessor = Preprocessor(Scaling(SHAPE, 0.0, 2.0))
    shifted = likelihood_scores(vae, 2.0 * x, num_samples=2)
    shift = -SIZE * math.log(2.0) if of == "density" else 0.0
    for name in ("elbo", "log_likelihood"):
        expected = scores[name]["mean"] + shift
        assert shifted[name]["mean"] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("limit", [None, 40, 41])
def test_a_limit_that_is_none_scores_all(vae, scores, limit):
    assert likelihood_scores(vae, coins(), 50, seed=3, limit=limit) == scores


def test_a_limit_draws_different_rows_with_the_seed(vae):
    one, same, other = (
        likelihood_scores(vae, coins(), 5, seed=seed, limit=7) for seed in (1, 1, 2)
    )
    assert one == same != other and one["num_examples"] == 7
    rows = np.sort(np.random.default_rng(1).choice(40, 7, replace=False))
    assert len(set(rows)) == 7
    of_all = one.pop("elbo_of_all")
    nats, bits = (one.pop(f"{n}_of_all") for n in ("log_likelihood", "bits_per_dimension"))
    for key, sign in (("mean", -1), ("standard_error", 1)):
        assert bits[key] == pytest.approx(sign * nats[key] / math.log(2) / coins()[0].size)
    alone = likelihood_scores(vae, coins()[rows], 5, seed=1)
    for name in ("log_likelihood", "bits_per_dimension"):
        assert one[name] == alone[name]
    # Draws of z belong to the place in the whole set.
    elbo = vae.elbo(coins(), seed=1)
    assert one["elbo"] == mean_and_error(elbo[rows])
    assert of_all == mean_and_error(elbo)


def test_the_log_likelihood_of_all_is_estimated_better_than_by_the_scored_alone():
    x = np.random.default_rng(0).normal(3, 2, (2_000, 4)).astype("f4")
    vae = keras_vae.DenseVAE((4,), 2, "normal:scale=shared", hidden_units=(5,), seed=0)
    truth = vae.log_likelihood(x, 20).mean()
    found = [likelihood_scores(vae, x, 20, seed=seed, limit=100) for seed in range(10)]
    errors = np.array([one["log_likelihood_of_all"]["mean"] - truth for one in found])
    plain = np.array([one["log_likelihood"]["mean"] - truth for one in found])
    assert (errors**2).mean() < 0.25 * (plain**2).mean()
    claimed = np.array([one["log_likelihood_of_all"]["standard_error"] for one in found])
    # What is claimed holds also for new examples, so it is more than these errors show.
    assert abs(errors).max() < 4 * claimed.min()
    # Almost all of it is the spread of 2,000 examples.
    full = mean_and_error(vae.log_likelihood(x, 20))["standard_error"]
    assert full * 0.8 < claimed.mean() < full * 1.5


class Bounds:
    """What `likelihood_scores` asks of a model; x holds the log-likelihoods themselves."""

    is_discrete, preprocessor, event_shape = False, None, (1,)

    def log_likelihood(self, x, num_samples, seed, verbose, y):
        return x[:, 0]

    def rate_and_distortion(self, x, seed, y):
        gap = 5 + 3 * np.random.default_rng([7, seed]).normal(size=len(x))
        return gap, -x[:, 0]


@pytest.mark.parametrize("limit", [20, 100, 180])
def test_the_error_of_the_estimate_of_all_is_its_spread(limit):
    repetitions, rng = 400, np.random.default_rng(limit)
    scores = [
        likelihood_scores(Bounds(), rng.normal(0, 2, (200, 1)), 1, seed, limit)
        for seed in range(repetitions)
    ]
    found = [score["log_likelihood_of_all"] for score in scores]
    spread = np.std([score["mean"] for score in found], ddof=1)
    claimed = np.mean([score["standard_error"] for score in found])
    # A standard deviation of 400 numbers has an error of a 28th of it.
    assert claimed == pytest.approx(spread, rel=3 / 28)


def test_raw_units_of_densities_differ_by_the_exact_shift():
    table = np.random.default_rng(0).normal(3, 2, (30, 4))
    vae = keras_vae.DenseVAE((4,), 2, "normal:scale=shared", hidden_units=(5,), seed=0)
    found = []
    for factor in (1.0, 10.0):
        vae.preprocessor = Preprocessor(Scaling.fit(factor * table, REAL))
        found.append(likelihood_scores(vae, factor * table, 20))
    for name in ("elbo", "log_likelihood"):
        fall = found[0][name]["mean"] - found[1][name]["mean"]
        assert fall == pytest.approx(4 * math.log(10), abs=1e-3)


def test_rate_and_distortion_are_the_parts_of_the_bound():
    x = np.random.default_rng(0).normal(3, 2, (30, 4)).astype("f4")
    vae = keras_vae.DenseVAE((4,), 2, "normal:scale=shared", hidden_units=(5,), seed=0)
    rate, distortion = vae.rate_and_distortion(x, seed=2)
    np.testing.assert_allclose(rate, vae.trace(x, 1, 0).rate[0], rtol=1e-5)
    np.testing.assert_allclose(-(rate + distortion), vae.elbo(x, seed=2))
    # The change of units is the distortion's alone.
    vae.preprocessor = Preprocessor(Scaling((4,), 0.0, math.exp(0.75)))
    scores = likelihood_scores(vae, math.exp(0.75) * x, 5, seed=2)
    assert scores["rate"]["mean"] == pytest.approx(rate.mean(), rel=1e-5)
    assert scores["distortion"]["mean"] == pytest.approx(distortion.mean() + 3, rel=1e-5)
    parts = scores["rate"]["mean"] + scores["distortion"]["mean"]
    assert -parts == pytest.approx(scores["elbo"]["mean"], rel=1e-6)


def test_bits_of_a_density_are_of_cells_as_wide_as_a_level():
    """A wide normal over levels has the bits of its discretization."""
    levels = np.round(np.random.default_rng(0).normal(128, 30, (50, 12)))
    scaling = Scaling.fit(levels, REAL, levels=(0, 255))
    vae = keras_vae.DenseVAE((12,), 2, "normal:scale=shared", hidden_units=(5,), seed=0)
    for weight in vae.trainable_weights:
        weight.assign(0 * weight)
    # The posterior is the prior, so there is no noise.
    one = math.log(math.expm1(1.0))
    vae.encoder.trainable_weights[-1].assign([0.0, 0.0, one, one])
    vae.likelihood.trainable_weights[0].assign(one)
    vae.preprocessor = Preprocessor(scaling, levels=(0, 255))
    scores = likelihood_scores(vae, levels, num_samples=50)
    # Mean 0 and scale 1 in units of [0, 1].
    cells = stats.norm(0, 255).cdf(levels + 0.5) - stats.norm(0, 255).cdf(levels - 0.5)
    bits = scores["density_bits_per_dimension"]["mean"]
    assert bits == pytest.approx(-np.log2(cells).mean(), abs=1e-3)
    vae.preprocessor = Preprocessor(scaling)
    assert "density_bits_per_dimension" not in likelihood_scores(vae, levels, 50)
    assert "density, per level" in describe_scores(scores)


def test_one_example_has_no_standard_error(vae):
    scores = likelihood_scores(vae, coins(1), num_samples=2)
    for name in ("elbo", "log_likelihood", "bits_per_dimension"):
        assert scores[name]["standard_error"] is None
        assert math.isfinite(scores[name]["mean"])
    lines = describe_scores(json.loads(json.dumps(scores))).splitlines()
    assert all("+- n/a " in line for line in lines[1:])


@pytest.mark.parametrize(
    "x, num_samples, words",
    [
        (coins(0), 5, "empty"),
        (coins(2)[..., 0], 5, "shape"),
        (coins(2) * np.nan, 5, "NaN"),
        (coins(2) + 1, 5, "outside"),
        (coins(2), 0, "num_samples"),
    ],
)
def test_bad_input_is_refused(vae, x, num_samples, words):
    with pytest.raises(ValueError, match=words):
        likelihood_scores(vae, x, num_samples)


def test_scores_survive_json(scores):
    assert json.loads(json.dumps(scores)) == scores


def test_the_text_names_each_score_its_error_and_how_it_was_made(scores):
    lines = describe_scores(scores).splitlines()
    assert len(lines) == 6 and "scores of 40 held-out examples (probability)" in lines[0]
    for line, name in zip(
        lines[1:],
        ("elbo", "rate", "distortion", "log_likelihood", "bits_per_dimension"),
        strict=True,
    ):
        score = scores[name]
        assert f"{score['mean']:.3f} +- {score['standard_error']:.3f}" in line
    assert "S=50" in lines[4] and lines[4].endswith("nats")


def test_the_text_leaves_out_what_is_not_there(scores):
    rest = {name: v for name, v in scores.items() if name != "bits_per_dimension"}
    assert "bits" not in describe_scores(rest)


def test_a_mean_is_written_with_its_error():
    assert plus_minus({"mean": 0.951, "standard_error": 0.005}, ".1%") == "95.1% +- 0.5%"
    assert plus_minus(mean_and_error([-1.0])) == "-1.00 +- n/a"
