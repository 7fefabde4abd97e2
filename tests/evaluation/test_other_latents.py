"""The tools on latent variables of other kinds, against closed forms and single steps."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from kind_cases import KINDS, kind
from latent_cases import given_posterior, params
from linear_gaussian import LATENT, SIGMA, SIZE, linear_gaussian, model_with_posterior
from scipy.special import log_softmax, logsumexp, softmax

import keras_vae
from keras_vae import layers
from keras_vae.core.seeds import fold
from keras_vae.evaluation import (
    active_units,
    aggregate_posterior,
    annealed_importance_sampling,
    bidirectional_check,
    collapse_report,
    inference_gaps,
    information,
)
from keras_vae.evaluation.likelihood.local_posteriors import LocalPosteriors

RNG = np.random.default_rng(0)
QUICK = {"num_steps": 8, "num_chains": 3, "num_leapfrog": 3}
FEW = {"num_samples": 50, "steps": 20, "draws": 4}


def dressed(model, posterior):
    """The same model behind a posterior that says the same in another form."""
    inside = [keras.Input(posterior.event_shape), keras.layers.Flatten(), model.decoder]
    likelihood = layers.IndependentNormal(SIZE, scale=SIGMA)
    decoder = keras.Sequential(inside)
    return keras_vae.VAE(model.encoder, decoder, posterior, likelihood, seed=0)


@pytest.fixture(scope="module")
def plain():
    """A model whose posterior is not the true one, and observations."""
    truth = linear_gaussian(orthogonal=False)
    return model_with_posterior(truth, stretch=1.3, shift=0.2), truth.sample(20)


# What gives the same for latent matrices as for vectors, to the last draw.
SAME = {
    "annealing": lambda model, x: annealed_importance_sampling(model, x, **QUICK),
    "annealing from q": lambda model, x: annealed_importance_sampling(
        model, x, start="posterior", **QUICK
    ),
    "both sides": lambda model, x: np.stack(bidirectional_check(model, 5, **QUICK)[1:]),
    "gaps": lambda model, x: np.stack(inference_gaps(model, x, **FEW)),
    "gaps, normal": lambda model, x: np.stack(
        inference_gaps(model, x, family="diagonal", **FEW)
    ),
    "active units": active_units,
    "rates": lambda model, x: collapse_report(model, x)["rate"],
    "information": lambda model, x: information(model, x)["mutual_information"]["mean"],
}


@pytest.mark.thinned
@pytest.mark.parametrize("tool", SAME)
def test_matrices_are_vectors_in_another_shape(plain, tool):
    model, x = plain
    matrix = dressed(model, layers.IndependentNormal((LATENT, 1)))
    assert matrix.latent.shape == (LATENT, 1)
    expected, found = SAME[tool](model, x), SAME[tool](matrix, x)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=2e-3)


# A flow begins at the identity, so its normal is the model's own.
@pytest.mark.thinned
@pytest.mark.parametrize("tool", ["annealing", "annealing from q", "active units"])
def test_a_flow_at_the_identity_is_the_normal_behind_it(plain, tool):
    model, x = plain
    flow = dressed(model, layers.Flow(LATENT, num_layers=2, hidden_units=(4,)))
    expected, found = SAME[tool](model, x), SAME[tool](flow, x)
    # The draws of q are others.
    np.testing.assert_allclose(found, expected, atol=1e-3 if tool == "annealing" else 1.0)
    assert abs(np.mean(found) - np.mean(expected)) < 0.2


@pytest.mark.thinned
@pytest.mark.parametrize("family", ["posterior", "diagonal", "full"])
def test_gaps_of_a_flow_are_in_order(plain, family):
    model, x = plain
    flow = dressed(model, layers.Flow(LATENT, num_layers=2, hidden_units=(4,)))
    found = inference_gaps(flow, x, 500, steps=150, draws=8, family=family)
    assert found.amortization_gap.mean() > 0.1
    assert found.approximation_gap.mean() > -0.02


@pytest.mark.thinned
@pytest.mark.parametrize("name", [name for name in KINDS if name != "autoencoder"])
def test_the_aggregate_posterior_is_the_mean_of_single_ones(name):
    model, x, y = kind(name)
    units = model.to_units(x, scores=True)
    z = model.trace(units, seed=fold(3), y=y).z.numpy()[0]
    single = [
        model.encode(units[i : i + 1], None if y is None else y[i : i + 1]).log_prob(z)
        for i in range(len(x))
    ]
    expected = logsumexp(single, axis=0) - np.log(len(x))
    np.testing.assert_allclose(
        aggregate_posterior(model, x, z, y=y), expected, rtol=1e-4, atol=1e-4
    )


def test_information_of_one_hot_codes_is_that_of_their_table():
    model = given_posterior(3, layers.OneHotCategorical(3))
    x = (2.0 * RNG.normal(size=(40, 3))).astype("float32")
    q, mean = softmax(x, axis=1), softmax(x, axis=1).mean(axis=0)
    found = information(model, x, num_samples=300)
    expected = {
        "mutual_information": (q * (log_softmax(x, axis=1) - np.log(mean))).sum(axis=1),
        "marginal_kl": (mean * np.log(3 * mean)).sum(),
    }
    for name, nats in expected.items():
        # The error over observations is larger than that of the draws of each.
        spread = found[name]["standard_error"]
        assert found[name]["mean"] == pytest.approx(np.mean(nats), abs=0.5 * spread)
    z = np.eye(3, dtype="float32")
    np.testing.assert_allclose(aggregate_posterior(model, x, z), np.log(mean), rtol=1e-4)


def test_rates_of_one_hot_codes_are_of_the_group():
    model = given_posterior(3, layers.OneHotCategorical(3))
    x = RNG.normal(size=(40, 3)).astype("float32")
    report = collapse_report(model, x)
    expected = (softmax(x, axis=1) * (log_softmax(x, axis=1) + np.log(3))).sum(axis=1)
    assert report["rate"] is None and report["num_units"] == 3
    np.testing.assert_allclose(report["group_rate"], [expected.mean()], rtol=1e-4)
    modes = np.eye(3)[x.argmax(axis=1)]
    np.testing.assert_allclose(report["variance"], modes.var(axis=0, ddof=1), rtol=1e-5)


def test_bits_have_rates_of_their_own():
    model = given_posterior(4, layers.IndependentBernoulli(4))
    x = RNG.normal(size=(40, 4)).astype("float32")
    x[:, 3] = 0.0
    report = collapse_report(model, x)
    p = 1 / (1 + np.exp(-x))
    expected = np.log(2) + p * np.log(p) + (1 - p) * np.log1p(-p)
    np.testing.assert_allclose(report["rate"], expected.mean(axis=0), rtol=1e-4, atol=1e-6)
    assert report["dead"].tolist() == [3]
    np.testing.assert_allclose(report["group_rate"].sum(), report["rate"].sum(), rtol=1e-5)


def test_a_condition_is_part_of_the_posterior():
    model, x, y = kind("condition")
    told, other = (active_units(model, x, 0.0, labels) for labels in (y, y[::-1]))
    assert told.shape == other.shape == (3,)
    reports = [collapse_report(model, x, y=labels)["rate"] for labels in (y, y[::-1])]
    assert np.abs(reports[0] - reports[1]).max() > 1e-4


@pytest.mark.parametrize("family", ["diagonal", "full"])
def test_normals_start_at_the_encoder_s_mean_and_spread(family):
    model = given_posterior(2)
    x = params(RNG.normal(size=(5, 2)), RNG.uniform(0.05, 3.0, (5, 2)))
    local, q = LocalPosteriors(model, family), model.encode(x)
    found = local.member(local.start(tf.constant(x)))
    np.testing.assert_allclose(found.mean(), q.mean(), rtol=1e-5)
    np.testing.assert_allclose(found.stddev(), q.stddev(), rtol=1e-3)
