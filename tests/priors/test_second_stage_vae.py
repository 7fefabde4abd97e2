"""A VAE of codes as prior: a bound of what it draws from."""

import keras
import laws
import numpy as np
import pytest
import tensorflow as tf
from scipy import special, stats

import keras_vae
from keras_vae import priors
from keras_vae.layers.independent import inverse_softplus

Z = np.random.default_rng(1).normal(size=(5, 2)).astype("float32")
U = np.linspace(-8, 8, 4001)


def second_stage(num_samples=16, hidden_units=(4,), latent_dim=1, **kwargs):
    """A prior over two numbers with weights away from where they start."""
    prior = priors.SecondStageVAE(
        latent_dim, hidden_units, num_samples, event_shape=2, seed=3, **kwargs
    )
    prior.build((2,))
    rng = np.random.default_rng(8)
    for weight in prior.trainable_weights:
        weight.assign(0.7 * rng.normal(size=weight.shape))
    prior.loc.assign([0.5, -0.3])
    prior.log_scale.assign([0.2, -0.4])
    return prior


def given(prior, u, temperature=1.0):
    """Means [N, 2] and scales [2] of p(z|u), in NumPy."""
    x = np.asarray(u, float)
    *hidden, (kernel, bias) = zip(*[iter(prior.decoder.get_weights())] * 2, strict=True)
    for one, other in hidden:
        x = np.maximum(x @ one + other, 0.0)
    scale = np.exp(prior.log_scale.numpy().astype(float))
    gamma = 1e-5 + np.logaddexp(0.0, float(prior.likelihood.raw_scale.numpy()))
    return prior.loc.numpy() + scale * (x @ kernel + bias), temperature * gamma * scale


def by_quadrature(prior, z, temperature=1.0):
    """log p(z) and the mean of z where u is one number."""
    loc, scale = given(prior, U[:, None], temperature)
    log_weight = stats.norm.logpdf(U, 0.0, temperature) + np.log(U[1] - U[0])
    each = stats.norm.logpdf(np.asarray(z, float)[:, None], loc, scale).sum(-1)
    mean = (np.exp(log_weight)[:, None] * loc).sum(0)
    return special.logsumexp(each + log_weight, axis=1), mean


@pytest.mark.parametrize("temperature", [1.0, 0.4])
def test_its_score_is_a_bound_that_more_draws_tighten(temperature):
    prior = second_stage(4)
    # From a wide posterior for all codes draws come to the integral in time.
    shapes = [weight.shape for weight in prior.encoder.weights]
    prior.encoder.set_weights([np.zeros(one) for one in shapes])
    prior.encoder.weights[-1].assign([0.0, inverse_softplus(1.5)])
    draws = prior.sample(200, seed=2, temperature=temperature)
    exact, _ = by_quadrature(prior, draws, temperature)
    means = []
    for count, repeats in ((1, 20), (4, 20), (2000, 1)):
        scores = []
        for seed in range(repeats):
            noise = tf.random.stateless_normal((count, 1, 1), (seed, count))
            prior.noise_of = lambda n, seed, noise=noise: noise
            scores.append(prior.tempered(temperature).log_prob(draws).numpy())
        means.append(np.mean(scores, axis=0))
    below = [np.mean(exact - one) for one in means]
    assert below[0] > below[1] > below[2] > -0.01 and below[2] < 0.05 < below[0]


@pytest.mark.parametrize("num_samples", [1, 16])
def test_with_the_true_posterior_the_bound_is_exact(num_samples):
    prior = second_stage(num_samples, hidden_units=())
    loc, scale = given(prior, [[0.0], [1.0]])
    slope, start = loc[1] - loc[0], loc[0]
    precision = 1.0 + (slope**2 / scale**2).sum()
    # The mean of u is linear in the standardised code.
    kernel = slope / scale**2 / precision
    unit = np.exp(prior.log_scale.numpy())
    bias = kernel @ (prior.loc.numpy() - start)
    raw = inverse_softplus(precision**-0.5 - 1e-5)
    weights = np.stack([kernel * unit, [0.0, 0.0]], axis=1), np.array([bias, raw])
    prior.encoder.set_weights(weights)
    covariance = np.outer(slope, slope) + np.diag(scale**2)
    expected = stats.multivariate_normal(start, covariance).logpdf(Z)
    laws.close(prior.distribution().log_prob(Z), expected, rtol=1e-4)


def test_draws_are_of_the_density_that_is_bounded():
    prior = second_stage()
    draws = prior.sample(20_000, seed=5)
    laws.near_in_standard_errors(draws, by_quadrature(prior, Z)[1])
    assert prior.distribution().sample((3, 4), seed=(0, 0)).shape == (3, 4, 2)
    laws.close(prior.center(prior.distribution()), given(prior, [[0.0]])[0][0])
    # Colder draws are nearer to it.
    cold = prior.sample(500, seed=5, temperature=0.1)
    assert (np.std(cold, axis=0) < 0.3 * np.std(draws, axis=0)).all()


def test_the_same_code_has_the_same_score_but_while_training():
    prior = second_stage()
    score = tf.function(lambda: prior.distribution().log_prob(Z))
    while_training = tf.function(lambda: prior.distribution(None, True).log_prob(Z))
    laws.close(score(), score())
    alone = [prior.distribution().log_prob(one[None])[0] for one in Z]
    laws.close(score(), alone)
    assert np.abs(while_training() - while_training()).min() > 1e-4
    frozen = second_stage(trainable=False)
    scores = [frozen.distribution(None, one).log_prob(Z) for one in (False, True)]
    laws.close(*scores)


def test_noise_of_training_is_that_of_the_pass_and_is_saved():
    prior, again = second_stage(), second_stage()
    for _ in range(2):
        p = prior.distribution(None, True)
        laws.close(p.log_prob(Z), p.log_prob(Z))
    again.set_weights(prior.get_weights())
    laws.close(*(one.distribution(None, True).log_prob(Z) for one in (prior, again)))


@pytest.mark.slow
def test_a_model_that_is_loaded_scores_and_trains_on_as_the_one_that_was_saved(tmp_path):
    part = "second_stage_vae:hidden_units=4,latent_dim=1"
    model = keras_vae.DenseVAE(2, 2, "normal", (3,), prior=part, seed=0)
    model.compile("adam")
    model.fit(Z, verbose=0)
    model.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    laws.close(loaded.log_prior(Z), model.log_prior(Z), rtol=1e-6)
    laws.close(loaded.sample(3, seed=1), model.sample(3, seed=1), rtol=1e-5)
    for _ in range(2):
        logs = [one.train_on_batch(Z, return_dict=True) for one in (model, loaded)]
        assert logs[0] == pytest.approx(logs[1], rel=1e-5)


def test_eager_and_xla_agree():
    prior = second_stage()

    def everything(z):
        with tf.GradientTape() as tape:
            tape.watch(z)
            log_prob = prior.distribution().log_prob(z)
        return log_prob, tape.gradient(log_prob, z)

    laws.agrees_compiled(everything, tf.constant(Z))


@pytest.mark.parametrize("training", [False, True])
def test_gradients_reach_all_weights_that_are_trained(training):
    prior = second_stage(hidden_units=(16,))
    variables = [w.value for w in prior.trainable_weights]
    assert len(variables) == 9
    with tf.GradientTape() as tape:
        log_prob = prior.distribution(None, training).log_prob(Z)
    for gradient in tape.gradient(log_prob, variables):
        laws.all_finite(gradient)
        assert np.abs(gradient).max() > 0
    assert second_stage(trainable=False).trainable_weights == []


def test_config_and_weights_rebuild_the_prior():
    prior = second_stage(trainable=False)
    laws.config_names_all_arguments(prior)
    again = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(prior)
    )
    assert again.get_config() == prior.get_config()
    again.build((2,))
    again.set_weights(prior.get_weights())
    laws.close(again.distribution().log_prob(Z), prior.distribution().log_prob(Z))


@pytest.mark.parametrize("name", ["latent_dim", "hidden_units", "num_samples"])
def test_numbers_are_positive(name):
    with pytest.raises(ValueError, match=f"{name} must be a positive integer"):
        priors.get(f"second_stage_vae:{name}=0")
