"""Gaps on the linear-Gaussian model, where all of them have a closed form."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from linear_gaussian import (
    LATENT,
    SIZE,
    LinearGaussian,
    linear_gaussian,
    model_with_posterior,
)
from model_cases import data_for, vae

import keras_vae
from keras_vae import layers, priors
from keras_vae.evaluation import InferenceGaps, inference_gaps
from keras_vae.models import latent_variable_model as queries

# Five standard errors, and what the optimizer leaves.
ERRORS, REST = 5, 2e-3
QUICK = {"steps": 300, "draws": 8, "num_samples": 1000}


def correlated():
    """A model whose true posterior is far from diagonal."""
    rng = np.random.default_rng(0)
    one = rng.normal(size=(SIZE, 1))
    w = np.concatenate([one, one + 0.3 * rng.normal(size=(SIZE, 1))], axis=1)
    return LinearGaussian(w, rng.normal(size=SIZE))


def near(values, expected):
    """Whether a mean over observations is what it should be."""
    error = values.std(ddof=1) / np.sqrt(len(values))
    assert abs(values.mean() - expected) < ERRORS * error + REST


def divergence(truth, variance, shift=0.0):
    """KL of a diagonal normal, `shift` off the true mean, from the true posterior."""
    precision, shift = np.linalg.inv(truth.covariance), np.full(LATENT, shift)
    return 0.5 * (
        (np.diag(precision) * variance).sum()
        + shift @ precision @ shift
        - LATENT
        - np.linalg.slogdet(precision)[1]
        - np.log(variance).sum()
    )


def log_px_by_the_prior(model, x, n=50_000):
    """The log of the mean likelihood at draws from the prior, of which few are enough."""
    z = model.prior.distribution().sample(n, seed=(1, 2))[:, None]
    return tf.reduce_logsumexp(model.decode(z).log_prob(x), axis=0).numpy() - np.log(n)


@pytest.fixture(scope="module")
def restricted():
    """A correlated truth, a diagonal posterior beside it, and what was found."""
    truth = correlated()
    model = model_with_posterior(truth, stretch=1.2, shift=0.1)
    x = truth.sample(40)
    return truth, model, x, inference_gaps(model, x, seed=1, **QUICK)


@pytest.mark.parametrize("full", [False, True], ids=["diagonal", "full"])
def test_the_true_posterior_has_no_gaps(full):
    truth = linear_gaussian(orthogonal=not full)
    x = truth.sample(20)
    gaps = inference_gaps(model_with_posterior(truth, full), x, **QUICK)
    expected = truth.log_prob(x)
    np.testing.assert_allclose(gaps.amortized_bound, expected, atol=1e-3)
    np.testing.assert_allclose(gaps.log_likelihood, expected, atol=5e-3)
    for name in ("approximation_gap", "amortization_gap", "total_gap"):
        np.testing.assert_allclose(getattr(gaps, name), 0.0, atol=0.02)


def test_a_diagonal_posterior_costs_what_its_best_member_lacks(restricted):
    truth, _, _, gaps = restricted
    precision = np.linalg.inv(truth.covariance)
    # The best diagonal normal has the true mean and the diagonal of the true precision.
    expected = 0.5 * (np.log(np.diag(precision)).sum() - np.linalg.slogdet(precision)[1])
    assert expected > 0.1
    assert expected == pytest.approx(divergence(truth, 1 / np.diag(precision)))
    near(gaps.approximation_gap, expected)


def test_the_encoder_costs_the_rest(restricted):
    truth, _, _, gaps = restricted
    best = divergence(truth, 1 / np.diag(np.linalg.inv(truth.covariance)))
    total = divergence(truth, 1.2**2 * np.diag(truth.covariance), 0.1)
    assert total - best > 0.2
    near(gaps.amortization_gap, total - best)
    near(gaps.total_gap, total)


def test_log_likelihood_is_that_of_the_model(restricted):
    truth, _, x, gaps = restricted
    near(gaps.log_likelihood - truth.log_prob(x), 0.0)


def test_full_covariance_closes_the_approximation_gap(restricted):
    truth, model, x, gaps = restricted
    full = inference_gaps(model, x, family="full", seed=2, **QUICK)
    near(full.approximation_gap, 0.0)
    near(full.total_gap - gaps.total_gap, 0.0)


def test_summary_is_of_the_arrays(restricted):
    gaps = restricted[-1]
    assert set(gaps.summary) == {
        "log_likelihood",
        "local_bound",
        "amortized_bound",
        "approximation_gap",
        "amortization_gap",
        "total_gap",
    }
    for name, score in gaps.summary.items():
        values = getattr(gaps, name)
        assert values.shape == (40,)
        assert score["mean"] == pytest.approx(values.mean(), rel=1e-4)


def test_the_seed_decides(restricted):
    _, model, x, gaps = restricted
    same, other = (inference_gaps(model, x, seed=seed, **QUICK) for seed in (1, 2))
    np.testing.assert_array_equal(gaps, same)
    assert (gaps.local_bound != other.local_bound).any()


def test_what_fits_into_memory_changes_noise_alone(restricted, monkeypatch):
    _, model, x, gaps = restricted
    # Batches of 15 and of 10 observations; chunks of 4 draws.
    monkeypatch.setattr(queries, "_EVENTS_AT_A_TIME", 120)
    chunked = inference_gaps(model, x, seed=1, **QUICK)
    for one, other in zip(gaps, chunked, strict=True):
        near(one - other, 0.0)


@pytest.mark.parametrize("family", ["posterior", "diagonal"])
def test_other_posteriors_and_priors(family):
    model = vae(
        posterior=layers.IndependentLaplace(LATENT),
        prior=priors.MixtureOfNormals(3, seed=1),
    )
    x = data_for(model)
    gaps = inference_gaps(model, x, family=family, **QUICK)
    near(gaps.log_likelihood - log_px_by_the_prior(model, x), 0.0)
    assert gaps.approximation_gap.mean() > 0 and gaps.amortization_gap.mean() > 0


def test_another_estimate_of_log_px_is_used():
    model = vae()
    x = data_for(model)
    gaps = inference_gaps(model, x, 5, 3, 2, log_likelihood=np.arange(len(x)))
    np.testing.assert_array_equal(gaps.log_likelihood, np.arange(len(x)))


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"steps": 0}, "steps must be a positive"),
        ({"draws": -1}, "draws must be a positive"),
        ({"num_samples": 0.5}, "num_samples must be a positive"),
        ({"learning_rate": 0.0}, "learning_rate must be positive"),
        ({"family": "flow"}, "family"),
        ({"log_likelihood": np.zeros(3)}, "one number for each of the 12"),
    ],
)
def test_bad_arguments_are_refused(arguments, words):
    model = vae()
    with pytest.raises(ValueError, match=words):
        inference_gaps(model, data_for(model), **arguments)


def test_models_in_double_precision():
    parts = {
        "posterior": layers.IndependentNormal(2, dtype="float64"),
        "likelihood": layers.IndependentNormal(3, dtype="float64"),
    }
    networks = (keras.Sequential([keras.layers.Dense(n, dtype="float64")]) for n in (4, 6))
    model = keras_vae.VAE(*networks, **parts, seed=0)
    gaps = inference_gaps(model, np.ones((2, 3)), 50, steps=50, draws=4)
    assert gaps.local_bound.dtype == np.float64
    assert (gaps.amortization_gap > 0).all()


def test_discrete_posteriors_are_refused():
    model = vae(posterior=layers.OneHotCategorical(LATENT))
    with pytest.raises(ValueError, match="no gradient"):
        inference_gaps(model, data_for(model))


def test_the_gaps_are_differences_and_add_up():
    bounds = np.array([[-1.0, -2.0, -3.0], [-1.5, -2.0, -5.0], [-4.0, -2.5, -6.0]])
    gaps = InferenceGaps(*bounds)
    np.testing.assert_array_equal(gaps.approximation_gap, [0.5, 0.0, 2.0])
    np.testing.assert_array_equal(gaps.amortization_gap, [2.5, 0.5, 1.0])
    np.testing.assert_array_equal(
        gaps.total_gap, gaps.approximation_gap + gaps.amortization_gap
    )
    assert gaps.summary["total_gap"]["mean"] == pytest.approx(6.5 / 3)
    assert set(gaps.summary) == {*gaps._fields} | {
        "approximation_gap",
        "amortization_gap",
        "total_gap",
    }
