"""KL(q, p): closed forms against TFP and against Monte Carlo."""

import laws
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from keras_vae import layers, priors
from keras_vae.core.divergence import exact_kl

POSTERIORS = {
    "normal": layers.IndependentNormal(2),
    "narrow": layers.IndependentNormal(2, scale=1e-3),
    "normal_tril": layers.MultivariateNormalTriL(2),
    "laplace": layers.IndependentLaplace(2),
    "logistic": layers.IndependentLogistic(2),
}


def posterior(name):
    layer = POSTERIORS[name]
    params = np.random.default_rng(4).normal(size=(3, layer.params_size))
    return layer.distribution(params.astype("float32"))


@pytest.mark.parametrize("name", POSTERIORS)
def test_standard_normal_against_monte_carlo(name):
    q, prior = posterior(name), priors.StandardNormal(2)
    z = q.sample(40_000, seed=(1, 9))
    log_ratio = q.log_prob(z) - prior.distribution().log_prob(z)
    kl = prior.kl_divergence(q, prior.distribution())
    assert kl.shape == (3,)
    laws.near_in_standard_errors(log_ratio, kl.numpy(), slack=1e-5)


@pytest.mark.parametrize("name", ["normal", "normal_tril"])
def test_standard_normal_against_tfp(name):
    q = posterior(name)
    diagonal = name == "normal"
    covariance = tf.linalg.diag(q.variance()) if diagonal else q.covariance()
    full = tfd.MultivariateNormalTriL(q.mean(), tf.linalg.cholesky(covariance))
    expected = tfd.kl_divergence(full, tfd.MultivariateNormalTriL(tf.zeros(2), tf.eye(2)))
    laws.close(
        priors.StandardNormal(2).kl_divergence(q, priors.StandardNormal(2).distribution()),
        expected,
    )


@pytest.mark.parametrize("name", POSTERIORS)
def test_divergence_compiles_and_moves_every_parameter(name):
    layer, prior = POSTERIORS[name], priors.StandardNormal(2)
    params = np.random.default_rng(4).normal(size=(3, layer.params_size)).astype("float32")

    def kl_and_gradient(params):
        with tf.GradientTape() as tape:
            tape.watch(params)
            kl = prior.kl_divergence(layer.distribution(params), prior.distribution())
        return kl, tape.gradient(kl, params)

    laws.agrees_compiled(kl_and_gradient, tf.constant(params))
    _, gradient = kl_and_gradient(tf.constant(params))
    laws.all_finite(gradient)
    assert (np.abs(gradient) > 0).all()


def test_divergence_from_itself_is_zero():
    q = layers.IndependentNormal(2, scale=1.0).distribution(np.zeros([1, 2]))
    laws.close(
        priors.StandardNormal(2).kl_divergence(q, priors.StandardNormal(2).distribution()),
        0.0,
        atol=1e-7,
    )
    full = tfd.MultivariateNormalTriL(tf.zeros([1, 2]), tf.eye(2)[None])
    laws.close(
        priors.StandardNormal(2).kl_divergence(
            full, priors.StandardNormal(2).distribution()
        ),
        0.0,
        atol=1e-6,
    )


def test_no_closed_form_is_none_to_and_from_mixtures():
    mixture = layers.MixtureNormal(2, 2).distribution(np.zeros([3, 10]))
    assert (
        priors.StandardNormal(2).kl_divergence(
            mixture, priors.StandardNormal(2).distribution()
        )
        is None
    )
    to_mixture = priors.MixtureOfNormals(2, event_shape=2)
    assert to_mixture.kl_divergence(posterior("normal"), to_mixture.distribution()) is None


def test_no_closed_form_is_none_for_discrete_and_momentless_posteriors():
    prior = priors.StandardNormal(2)
    one_hot = layers.OneHotCategorical(2).distribution(np.zeros([3, 2]))
    assert prior.kl_divergence(one_hot, prior.distribution()) is None
    relaxed = tfd.RelaxedOneHotCategorical(0.5, logits=np.zeros([3, 2], "float32"))
    assert prior.kl_divergence(relaxed, prior.distribution()) is None


def test_exact_kl_is_tfps_or_none():
    q, p = tfd.Normal(1.0, 2.0), tfd.Normal(0.0, 1.0)
    laws.close(exact_kl(q, p), 0.5 * (1 + 4 - 1) - np.log(2))
    assert exact_kl(tfd.Logistic(0.0, 1.0), p) is None


@pytest.mark.parametrize("number", [0, -1, True, 1.5])
def test_mixture_needs_components(number):
    with pytest.raises(ValueError, match="num_components must be a positive integer"):
        priors.MixtureOfNormals(number)


def test_mixture_says_when_trainable_was_meant_as_a_size():
    with pytest.raises(ValueError, match="trainable must be True or False.*event_shape"):
        priors.MixtureOfNormals(3, 16)


def test_mixture_starts_near_the_standard_normal():
    prior = priors.MixtureOfNormals(500, event_shape=2, seed=3)
    distribution = prior.distribution()
    laws.close(distribution.components_distribution.stddev(), 1.0, rtol=1e-4)
    laws.close(distribution.mixture_distribution.probs_parameter(), 1 / 500)
    laws.near_in_standard_errors(prior.loc.numpy(), 0.0)
    assert prior.loc.numpy().std() == pytest.approx(1.0, abs=0.1)


def test_mixture_with_a_seed_starts_the_same():
    first, second, other = (
        priors.MixtureOfNormals(3, event_shape=2, seed=s) for s in (1, 1, 2)
    )
    for prior in (first, second, other):
        prior.distribution()
    np.testing.assert_array_equal(first.loc.numpy(), second.loc.numpy())
    assert (first.loc.numpy() != other.loc.numpy()).all()
