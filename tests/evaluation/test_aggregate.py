"""Mutual information and the aggregate posterior, against TFP and closed forms."""

import math

import numpy as np
import pytest
import tensorflow as tf
from latent_cases import given_posterior, params
from tensorflow_probability import distributions as tfd

from keras_vae import layers
from keras_vae.core.seeds import fold
from keras_vae.evaluation import aggregate_posterior, information, mean_and_error

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("full", [False, True], ids=["diagonal", "full"])
def test_aggregate_posterior_is_tfps_mixture(full, monkeypatch):
    layer = layers.MultivariateNormalTriL(3) if full else layers.IndependentNormal(3)
    model = given_posterior(3, layer)
    x = RNG.normal(size=(37, layer.params_size)).astype("float32")
    z = RNG.normal(size=(11, 3)).astype("float32")
    uniform = tfd.Categorical(logits=tf.zeros(len(x)))
    expected = tfd.MixtureSameFamily(uniform, model.encode(x)).log_prob(z)
    np.testing.assert_allclose(aggregate_posterior(model, x, z), expected, rtol=1e-4)
    # In chunks of other sizes it is the same.
    module = "keras_vae.evaluation.latents.aggregate."
    monkeypatch.setattr(module + "_OBSERVATIONS_AT_A_TIME", 10)
    monkeypatch.setattr(module + "_ELEMENTS_AT_A_TIME", 4 * 10 * layer.params_size)
    np.testing.assert_allclose(aggregate_posterior(model, x, z), expected, rtol=1e-4)


def test_far_apart_posteriors_name_their_observation():
    means = 100.0 * np.arange(50)[:, np.newaxis] * np.ones(2)
    found = information(given_posterior(2), params(means, 0.5), seed=1)
    assert found["mutual_information"]["mean"] == pytest.approx(math.log(50), abs=1e-2)
    assert found["log_num_examples"] == math.log(50)


def test_a_collapsed_posterior_says_nothing():
    x = params(np.zeros((60, 3)), 1.0)
    found = information(given_posterior(3), x)
    for name in ("mutual_information", "marginal_kl", "rate"):
        assert found[name]["mean"] == pytest.approx(0.0, abs=1e-5)


def test_equal_posteriors_off_the_prior_are_all_marginal_kl():
    x = params(np.full((40, 2), 1.5), 1.0)
    found = information(given_posterior(2), x, num_samples=200)
    assert found["mutual_information"]["mean"] == pytest.approx(0.0, abs=1e-4)
    error = found["marginal_kl"]["standard_error"]
    # KL(N(1.5, 1), N(0, 1)) for each of two units.
    assert found["marginal_kl"]["mean"] == pytest.approx(2 * 1.5**2 / 2, abs=4 * error)


@pytest.mark.parametrize("full", [False, True], ids=["diagonal", "full"])
def test_where_the_aggregate_is_the_prior_all_is_information(full):
    # Means N(0, 1 - s^2) and deviations s make q(z) = N(0, I) for a large N, and
    # I = -log s for each unit.
    n, spread = 1000, 0.6
    means = RNG.normal(size=(n, 2)) * math.sqrt(1 - spread**2)
    if full:
        model = given_posterior(2, layers.MultivariateNormalTriL(2))
        diagonal = math.log(math.expm1(spread - 1e-5))
        # The triangle [[a, 0], [b, c]] of TFP's FillScaleTriL comes from [c, b, a].
        x = np.concatenate([means, np.tile([diagonal, 0.0, diagonal], (n, 1))], axis=1)
        np.testing.assert_allclose(model.encode(x[:1]).stddev(), spread, rtol=1e-5)
    else:
        model, x = given_posterior(2), params(means, spread)
    found = information(model, x.astype("float32"), num_samples=2)
    expected = -2 * math.log(spread)
    error = found["mutual_information"]["standard_error"]
    # The finite N costs about exp(I) / (2 N) nats, far below the standard error.
    assert found["mutual_information"]["mean"] == pytest.approx(expected, abs=4 * error)
    error = found["marginal_kl"]["standard_error"]
    assert found["marginal_kl"]["mean"] == pytest.approx(0.0, abs=4 * error)


def test_the_two_parts_sum_to_the_rate():
    model = given_posterior(3)
    x = params(RNG.normal(size=(300, 3)), RNG.uniform(0.2, 1.0, size=(300, 3)))
    found = information(model, x, num_samples=3, seed=2)
    parts = found["mutual_information"]["mean"] + found["marginal_kl"]["mean"]
    assert found["rate"]["mean"] == pytest.approx(parts, rel=1e-9)
    exact = mean_and_error(model.trace(x).rate[0])
    error = found["rate"]["standard_error"]
    assert found["rate"]["mean"] == pytest.approx(exact["mean"], abs=4 * error)


@pytest.mark.parametrize("draws", [1, 2, 5])
def test_errors_are_over_observations_whose_draws_were_averaged(draws):
    model = given_posterior(2)
    x = params(RNG.normal(size=(30, 2)), RNG.uniform(0.3, 1.0, size=(30, 2)))
    found = information(model, x, draws, seed=3)
    trace = model.trace(x, draws, fold(3, 0))
    uniform = tfd.Categorical(logits=tf.zeros(len(x)))
    log_aggregate = tfd.MixtureSameFamily(uniform, model.encode(x)).log_prob(trace.z)
    for name, term in {
        "mutual_information": trace.log_q - log_aggregate,
        "marginal_kl": log_aggregate - trace.log_p,
        "rate": trace.log_q - trace.log_p,
    }.items():
        assert term.shape == (draws, 30)
        of_observations = np.mean(term, axis=0)
        error = of_observations.std(ddof=1) / math.sqrt(30)
        assert found[name]["mean"] == pytest.approx(of_observations.mean(), abs=1e-5)
        assert found[name]["standard_error"] == pytest.approx(error, rel=1e-4)


def test_seeds():
    model = given_posterior(2)
    x = params(RNG.normal(size=(30, 2)), 0.5)
    one, same, other = (information(model, x, seed=s) for s in (1, 1, 2))
    assert one == same != other and one["num_examples"] == 30


def test_refusals():
    model, x = given_posterior(2), params(np.zeros((3, 2)), 1.0)
    with pytest.raises(ValueError, match="latent variables"):
        aggregate_posterior(model, x, np.zeros((4, 3)))
    with pytest.raises(ValueError, match="shape"):
        aggregate_posterior(model, x[:, :3], np.zeros((4, 2)))
    with pytest.raises(ValueError, match="num_samples"):
        information(model, x, num_samples=0)
