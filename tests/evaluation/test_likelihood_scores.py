"""Scores: what they are made of, and numbers that are known."""

import json
import math

import numpy as np
import pytest

import keras_vae
from keras_vae import layers
from keras_vae.evaluation import describe_scores, likelihood_scores

SHAPE, SIZE = (3, 4, 1), 12


def model(likelihood="bernoulli", seed=0):
    return keras_vae.DenseVAE(SHAPE, 2, likelihood, hidden_units=(5,), seed=seed)


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


def test_a_model_that_knows_nothing_needs_one_bit_for_a_coin():
    vae = model()
    for weight in vae.trainable_weights:
        weight.assign(0 * weight)
    # The likelihood is 1/2 whatever z, so the noise is that of mean p(z)/q(z) alone.
    scores = likelihood_scores(vae, coins(), num_samples=500)
    bits = scores["bits_per_dimension"]
    assert abs(bits["mean"] - 1.0) < 5 * bits["standard_error"] + 1e-3
    assert bits["standard_error"] < 0.005


@pytest.mark.parametrize(
    "likelihood, x, has_bits",
    [
        ("bernoulli", coins(4), True),
        ("bernoulli", coins(4) / 2, False),
        ("normal", coins(4), False),
        ("continuous_bernoulli", coins(4), False),
        ("poisson", coins(4), True),
        (layers.DiscretizedLogistic(SHAPE, low=0, high=3), 3 * coins(4), True),
    ],
)
def test_bits_are_given_for_probabilities_of_whole_numbers_alone(likelihood, x, has_bits):
    scores = likelihood_scores(model(likelihood), x, num_samples=2)
    assert ("bits_per_dimension" in scores) == has_bits


def test_one_example_has_no_standard_error(vae):
    scores = likelihood_scores(vae, coins(1), num_samples=2)
    assert scores["elbo"]["standard_error"] == 0.0
    assert math.isfinite(scores["elbo"]["mean"])


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
    assert len(lines) == 4 and "40 examples" in lines[0]
    for line, name in zip(
        lines[1:], ("elbo", "log_likelihood", "bits_per_dimension"), strict=True
    ):
        score = scores[name]
        assert f"{score['mean']:.3f} +- {score['standard_error']:.3f}" in line
    assert "S=50" in lines[2] and lines[2].endswith("nats")


def test_the_text_leaves_out_what_is_not_there(scores):
    rest = {name: v for name, v in scores.items() if name != "bits_per_dimension"}
    assert "bits" not in describe_scores(rest)
