"""Bounds and estimates against the known log p(x) of the linear-Gaussian model."""

import keras
import numpy as np
import pytest
from linear_gaussian import LATENT, linear_gaussian, model_with_posterior

from keras_vae import objectives

# Five standard errors: a right program fails once in a million runs, with any seed.
ERRORS = 5
TRUTHS = pytest.mark.parametrize("full", [False, True], ids=["diagonal", "full"])


def wrong_posterior(full, n=200):
    truth = linear_gaussian(orthogonal=not full)
    model = model_with_posterior(truth, full, stretch=1.3, shift=0.2)
    return truth, model, truth.sample(n)


def mean_and_error(values):
    """Mean over repetitions and observations, and its standard error."""
    per_repeat = np.mean(values, axis=1)
    return per_repeat.mean(), per_repeat.std(ddof=1) / np.sqrt(len(per_repeat))


def bound(model, x, num_samples, repeats=16):
    objective = objectives.IWAE(num_samples)
    values = [
        -objective(model.trace(x, num_samples, seed)).numpy() for seed in range(repeats)
    ]
    return mean_and_error(values)


@TRUTHS
def test_with_the_true_posterior_every_log_weight_is_log_px(full):
    truth = linear_gaussian(orthogonal=not full)
    model = model_with_posterior(truth, full)
    x = truth.sample(50)
    trace = model.trace(x, num_samples=20, seed=1)
    expected = truth.log_prob(x)
    np.testing.assert_allclose(
        trace.log_weight, np.broadcast_to(expected, (20, 50)), atol=1e-3
    )
    np.testing.assert_allclose(model.log_likelihood(x, num_samples=7), expected, atol=1e-3)
    for objective in (
        objectives.ELBO(exact_kl=False, num_samples=20),
        objectives.IWAE(20),
    ):
        np.testing.assert_allclose(-objective(trace), expected, atol=1e-3)


@TRUTHS
def test_with_the_true_posterior_the_elbo_is_log_px(full):
    truth = linear_gaussian(orthogonal=not full)
    model = model_with_posterior(truth, full)
    x = truth.sample(20)
    trace = model.trace(x, num_samples=4000, seed=2)
    draws = -(trace.rate + trace.distortion).numpy()
    error = draws.std(axis=0) / np.sqrt(len(draws))
    assert trace.rates.shape == (1, 1, 20) and (error < 0.1).all()
    assert (np.abs(draws.mean(axis=0) - truth.log_prob(x)) < ERRORS * error).all()
    np.testing.assert_allclose(
        model.elbo(x, num_samples=4000, seed=2).mean(),
        truth.log_prob(x).mean(),
        atol=ERRORS * np.sqrt(np.sum(error**2)) / len(x),
    )


@TRUTHS
def test_a_wrong_posterior_costs_its_divergence(full):
    truth, model, x = wrong_posterior(full)
    shift = np.full(LATENT, 0.2)
    # KL between two normals; 1.3 is the ratio of their standard deviations.
    divergence = 0.5 * (
        shift @ np.linalg.inv(truth.covariance) @ shift
        + LATENT * (1.3**2 - 1 - 2 * np.log(1.3))
    )
    mean, error = mean_and_error([model.elbo(x, seed=seed) for seed in range(16)])
    expected = truth.log_prob(x).mean() - divergence
    assert error < 0.1 * divergence
    assert abs(mean - expected) < ERRORS * error


@TRUTHS
def test_the_bounds_are_ordered(full):
    truth, model, x = wrong_posterior(full)
    log_px = truth.log_prob(x).mean()
    elbo, iwae5, iwae50 = (bound(model, x, s) for s in (1, 5, 50))
    for lower, higher in ((elbo, iwae5), (iwae5, iwae50)):
        error = np.hypot(lower[1], higher[1])
        # More than not above: these gaps are many standard errors wide.
        assert higher[0] - lower[0] > ERRORS * error
    assert iwae50[0] < log_px + ERRORS * iwae50[1]
    assert log_px - iwae50[0] < 0.2 * (log_px - elbo[0])


@TRUTHS
def test_log_likelihood_agrees_within_its_standard_error(full):
    truth, model, x = wrong_posterior(full, n=30)
    expected, n = truth.log_prob(x), 5000
    ratio = np.exp(model.trace(x, n, seed=9).log_weight - expected)
    error = ratio.std(axis=0) / np.sqrt(n)
    estimate = model.log_likelihood(x, num_samples=n, seed=1)
    assert (error < 0.05).all()
    assert (np.abs(estimate - expected) < ERRORS * error).all()


@pytest.mark.slow
def test_training_the_encoder_finds_the_true_posterior():
    truth = linear_gaussian(orthogonal=True)
    model = model_with_posterior(truth, stretch=1.5, shift=0.5)
    model.decoder.trainable = False
    x = truth.sample(500)
    schedule = keras.optimizers.schedules.CosineDecay(0.02, 400)
    model.compile(keras.optimizers.Adam(schedule), objectives.ELBO(num_samples=8))
    model.fit(x, batch_size=100, epochs=80, verbose=0)
    q = model.encode(x)
    np.testing.assert_allclose(q.mean(), truth.posterior_mean(x), atol=0.05)
    expected = np.broadcast_to(np.sqrt(np.diag(truth.covariance)), q.stddev().shape)
    np.testing.assert_allclose(q.stddev(), expected, rtol=0.1)
