"""Annealed importance sampling against the known log p(x) of the linear-Gaussian model."""

import numpy as np
import pytest
import tensorflow as tf
from linear_gaussian import LATENT, linear_gaussian, model_with_posterior
from model_cases import data_for, vae

from keras_vae import layers, priors
from keras_vae.evaluation import (
    BidirectionalBounds,
    annealed_importance_sampling,
    bidirectional_check,
)
from keras_vae.evaluation.likelihood.annealing import sigmoid_schedule
from keras_vae.evaluation.likelihood.hamiltonian import Annealed
from keras_vae.models import latent_variable_model as queries

ERRORS = 5
QUICK = {"num_steps": 40, "num_chains": 8, "num_leapfrog": 4}
STARTS = pytest.mark.parametrize("start", ["prior", "posterior"])


def error_of(values):
    return values.std(ddof=1) / np.sqrt(len(values))


@pytest.fixture(scope="module")
def wrong():
    """A correlated true posterior, and a model whose own is wider, beside it, diagonal."""
    truth = linear_gaussian(orthogonal=False)
    return truth, model_with_posterior(truth, stretch=1.3, shift=0.2), truth.sample(60)


@pytest.mark.slow
@STARTS
def test_the_estimate_is_log_px_within_its_error(wrong, start):
    truth, model, x = wrong
    off = annealed_importance_sampling(model, x, start=start, **QUICK) - truth.log_prob(x)
    # The bound's own slack is half the variance of the estimates.
    slack = 0.5 * off.var()
    assert -slack - ERRORS * error_of(off) < off.mean() < ERRORS * error_of(off)
    assert slack < 0.1


@STARTS
def test_the_bounds_hold_the_truth_between_them(wrong, start):
    truth, model, _ = wrong
    bounds = bidirectional_check(model, 60, start=start, seed=1, **QUICK)
    expected = truth.log_prob(bounds.x)
    below, above = bounds.lower - expected, bounds.upper - expected
    assert below.mean() < ERRORS * error_of(below)
    assert above.mean() > -ERRORS * error_of(above)
    assert bounds.gap.mean() < 0.4
    for name, values in zip(("lower", "upper"), bounds[1:], strict=True):
        assert bounds.summary[name]["mean"] == pytest.approx(values.mean(), rel=1e-5)


def test_more_steps_bring_the_bounds_together(wrong):
    _, model, _ = wrong
    few = bidirectional_check(model, 60, num_steps=3, num_chains=8, num_leapfrog=4)
    many = bidirectional_check(model, 60, **QUICK)
    apart = few.gap - many.gap
    np.testing.assert_array_equal(few.x, many.x)
    assert apart.mean() > ERRORS * error_of(apart) and few.gap.mean() > 1.0


@pytest.mark.parametrize("full", [False, True], ids=["diagonal", "full"])
def test_from_the_true_posterior_every_weight_is_px(full):
    truth = linear_gaussian(orthogonal=not full)
    model, x = model_with_posterior(truth, full), truth.sample(10)
    estimate = annealed_importance_sampling(model, x, 4, 2, 2, start="posterior")
    np.testing.assert_allclose(estimate, truth.log_prob(x), atol=2e-3)


def test_one_step_is_importance_sampling(wrong):
    truth, model, x = wrong
    x = np.repeat(x[:1], 2000, axis=0)
    annealed = annealed_importance_sampling(model, x, 1, 5, 1, start="posterior")
    weighted = model.log_likelihood(x, 5)
    apart = np.hypot(error_of(annealed), error_of(weighted))
    assert abs(annealed.mean() - weighted.mean()) < ERRORS * apart


def test_bounds_are_in_order(wrong):
    truth, model, x = wrong
    elbo, five, fifty = (
        model.elbo(x),
        model.log_likelihood(x, 5),
        model.log_likelihood(x, 50),
    )
    annealed = annealed_importance_sampling(model, x, start="posterior", **QUICK)
    for low, high in ((elbo, five), (five, fifty), (fifty, annealed)):
        assert low.mean() < high.mean() + error_of(high - low)
    assert annealed.mean() < truth.log_prob(x).mean() + 0.01


@pytest.mark.slow
@pytest.mark.parametrize("far", [0.0, 1.0], ids=["from exact draws", "from afar"])
def test_transitions_leave_the_posterior_as_it_is(wrong, far):
    truth, model, x = wrong
    x, chains = tf.constant(x[:1]), 3000
    mean, factor = truth.posterior_mean(x.numpy()), np.linalg.cholesky(truth.covariance)
    z = np.random.default_rng(1).normal(size=(chains, 1, LATENT)) @ factor.T + mean + far
    annealed = Annealed(model, "prior")
    move, size = tf.function(annealed.transition), tf.constant([0.2])
    point = annealed.at(x, tf.constant(z, tf.float32))
    accepted = []
    for i in range(40):
        point, accept = move(
            x, point, tf.constant(1.0), size, tf.constant(4), tf.constant([i, 0])
        )
        accepted.append(accept.numpy().mean())
    z = point.z.numpy()[:, 0]
    error = np.sqrt(np.diag(truth.covariance) / chains)
    assert (np.abs(z.mean(axis=0) - mean[0]) < ERRORS * error).all()
    np.testing.assert_allclose(
        np.cov(z.T), truth.covariance, atol=8 * truth.covariance.max() / np.sqrt(chains)
    )
    assert 0.5 < np.mean(accepted) < 1.0


def test_mixture_priors():
    model = vae(prior=priors.MixtureOfNormals(3, seed=1))
    x = data_for(model)
    # The posterior of an untrained encoder misses components; draws from the prior do not.
    z = model.prior.distribution().sample(50_000, seed=(1, 2))[:, None]
    log_px = model.decode(z).log_prob(x)
    expected = tf.reduce_logsumexp(log_px, axis=0).numpy() - np.log(len(z))
    off = annealed_importance_sampling(model, x, **QUICK) - expected
    assert abs(off.mean()) < ERRORS * error_of(off) and off.std() < 0.2


@pytest.mark.slow
def test_the_seed_decides(wrong):
    _, model, x = wrong
    few = {"num_steps": 5, "num_chains": 2, "num_leapfrog": 2}
    one, same, other = (
        annealed_importance_sampling(model, x, seed=seed, **few) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, same)
    assert (one != other).all() and one.shape == (60,) and one.dtype == np.float32
    bounds = [bidirectional_check(model, 5, seed=1, **few) for _ in range(2)]
    for first, again in zip(*bounds, strict=True):
        np.testing.assert_array_equal(first, again)


def test_what_fits_into_memory_changes_noise_alone(wrong, monkeypatch):
    _, model, x = wrong
    # Batches of 25, 25 and 10 observations.
    monkeypatch.setattr(queries, "_EVENTS_AT_A_TIME", 200)
    chunked = annealed_importance_sampling(model, x, **QUICK)
    monkeypatch.undo()
    apart = chunked - annealed_importance_sampling(model, x, **QUICK)
    assert abs(apart.mean()) < ERRORS * error_of(apart) and apart.std() > 0


def test_temperatures_rise_from_zero_to_one():
    temperatures = sigmoid_schedule(50)
    assert temperatures[0] == 0.0 and temperatures[-1] == 1.0 and len(temperatures) == 51
    assert (np.diff(temperatures) > 0).all()
    np.testing.assert_allclose(temperatures, 1 - temperatures[::-1], atol=1e-12)
    np.testing.assert_array_equal(sigmoid_schedule(1), [0.0, 1.0])


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"num_steps": 0}, "num_steps must be a positive"),
        ({"num_chains": 0}, "num_chains must be a positive"),
        ({"num_leapfrog": 1.5}, "num_leapfrog must be a positive"),
        ({"start": "uniform"}, "start"),
    ],
)
def test_bad_arguments_are_refused(wrong, arguments, words):
    _, model, x = wrong
    with pytest.raises(ValueError, match=words):
        annealed_importance_sampling(model, x, **arguments)
    with pytest.raises(ValueError, match=words):
        bidirectional_check(model, **arguments)


def test_bad_data_and_discrete_codes_are_refused(wrong):
    _, model, x = wrong
    with pytest.raises(ValueError, match="shape"):
        annealed_importance_sampling(model, x[:, :2])
    discrete = vae(posterior=layers.OneHotCategorical(LATENT))
    with pytest.raises(ValueError, match="lives on one-hot vectors"):
        annealed_importance_sampling(discrete, data_for(discrete))


def test_the_gap_of_bounds_is_their_difference():
    bounds = BidirectionalBounds(np.zeros((2, 1)), np.array([-3.0, -2.0]), np.zeros(2))
    np.testing.assert_array_equal(bounds.gap, [3.0, 2.0])
    assert bounds.summary["gap"] == {"mean": 2.5, "standard_error": 0.5}
    assert bounds.summary["lower"]["mean"] == -2.5
