"""The VampPrior against its definition, and flows against numerical integration."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from model_cases import LATENT, SIZE, condition_for, data_for, fit, flow, network, vae
from scipy import special

import keras_vae
from keras_vae import layers, priors

K = 3
POSTERIORS = {
    "normal": lambda: layers.IndependentNormal(LATENT),
    "full covariance": lambda: layers.MultivariateNormalTriL(LATENT),
    "flow": lambda: flow(context_size=1),
    "bits": lambda: layers.IndependentBernoulli(LATENT),
    "sphere": lambda: layers.PowerSpherical(LATENT),
    "matrix": lambda: layers.IndependentNormal((2, 2)),
}
LIKELIHOODS = {
    "bits": lambda: layers.IndependentBernoulli(SIZE),
    "numbers": lambda: layers.IndependentNormal(SIZE),
    "counts": lambda: layers.IndependentPoisson(SIZE),
    "levels": lambda: layers.DiscretizedLogistic(SIZE, low=-3, high=12),
    "an open interval": lambda: layers.IndependentBeta(SIZE),
}
every_posterior = pytest.mark.parametrize("name", POSTERIORS)
every_likelihood = pytest.mark.parametrize("name", LIKELIHOODS)


def with_vamp(posterior="normal", likelihood="bits"):
    model = vae(
        posterior=POSTERIORS[posterior](),
        likelihood=LIKELIHOODS[likelihood](),
        prior=priors.VampPrior(K, seed=1),
    )
    rng = np.random.default_rng(6)
    model.prior.logits.assign(rng.normal(size=K))
    return model


@every_posterior
def test_the_density_is_the_mixture_of_encodings(name):
    model = with_vamp(name)
    prior, z = model.prior, model.draw(7, seed=2)
    each = model.encode(prior.pseudo_inputs)
    scores = np.stack([each.log_prob(one[tf.newaxis]) for one in z])
    weights = special.log_softmax(prior.logits.numpy())
    expected = special.logsumexp(scores + weights, axis=1)
    np.testing.assert_allclose(prior.distribution().log_prob(z), expected, rtol=1e-4)


@every_posterior
def test_gradients_reach_pseudo_inputs_weights_and_encoder(name):
    model = with_vamp(name)
    z, prior = model.draw(7, seed=2), model.prior
    variables = [prior.raw_inputs, prior.logits, *model.encoder.trainable_variables]
    with tf.GradientTape() as tape:
        score = prior.distribution().log_prob(z)
    for gradient in tape.gradient(score, [v.value for v in variables]):
        assert np.isfinite(gradient).all() and np.abs(gradient).max() > 0


def test_every_pseudo_input_has_a_part_in_it():
    prior = with_vamp().prior
    z = np.random.default_rng(3).normal(size=(20, LATENT)).astype("float32")
    with tf.GradientTape() as tape:
        score = prior.distribution().log_prob(z)
    gradient = tape.gradient(score, prior.raw_inputs.value).numpy()
    assert (np.abs(gradient).max(axis=1) > 0).all()


@every_likelihood
def test_pseudo_inputs_lie_where_observations_do(name):
    model = with_vamp(likelihood=name)
    model.prior.raw_inputs.assign(10.0 * model.prior.raw_inputs)
    u = model.prior.pseudo_inputs.numpy()
    support = model.support
    assert u.shape == (K, SIZE) and np.isfinite(u).all()
    assert support.low is None or u.min() >= support.low
    assert support.high is None or u.max() <= support.high


@every_likelihood
def test_they_start_from_training_data(name):
    model = with_vamp(likelihood=name)
    x = data_for(model, 20)
    model.start_from(x)
    u = model.prior.pseudo_inputs.numpy()
    # Each is an observation, up to what keeps it off the bounds.
    width = 1.0 if model.support.high is None else model.support.high - model.support.low
    nearest = np.abs(u[:, None] - x[None]).max(axis=-1)
    assert (nearest.min(axis=1) < 2e-3 * width).all()
    assert len(set(nearest.argmin(axis=1))) == K
    model.compile("sgd", run_eagerly=True)
    fit(model, x)


def test_fewer_observations_than_pseudo_inputs_are_taken_again():
    model = vae(prior=priors.VampPrior(30))
    model.start_from(data_for(model, 4))
    assert model.prior.pseudo_inputs.shape == (30, SIZE)


def test_the_encoder_is_saved_once(tmp_path):
    model = with_vamp()
    assert len(model.weights) == len(model.encoder.weights + model.decoder.weights) + 2
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    z = model.draw(5, seed=0)
    np.testing.assert_allclose(
        loaded.prior.distribution().log_prob(z),
        model.prior.distribution().log_prob(z),
        rtol=1e-6,
    )
    # It is the loaded model's own encoder that it asks.
    loaded.encoder.set_weights([2.0 * w for w in loaded.encoder.get_weights()])
    after = loaded.prior.distribution().log_prob(z)
    assert np.abs(after - model.prior.distribution().log_prob(z)).max() > 1e-3


@pytest.mark.slow
def test_training_moves_them_and_lowers_the_rate():
    """A posterior that lies apart from N(0, I): its own mixture is nearer."""
    rates = {}
    for name, prior in [("normal", None), ("vamp", priors.VampPrior(8, seed=0))]:
        keras.utils.set_random_seed(0)
        model = keras_vae.DenseVAE(
            SIZE, LATENT, hidden_units=(16,), prior=prior, activation="tanh", seed=0
        )
        rng = np.random.default_rng(1)
        patterns = np.array([[1, 1, 1, 0, 0, 0], [0, 0, 0, 1, 1, 1], [1, 0, 1, 0, 1, 0]])
        x = patterns[rng.integers(0, 3, 240)].astype("float32")
        model.start_from(x)
        model.compile(keras.optimizers.Adam(1e-2))
        logs = model.fit(x, epochs=25, batch_size=40, verbose=0).history
        rates[name] = -np.mean(model.log_likelihood(x[:60], 200)), logs["elbo"][-1]
    assert rates["vamp"][1] > rates["normal"][1]
    # Nothing is below the entropy of three patterns.
    assert rates["vamp"][0] > np.log(3) - 0.15


# Flows.

GRID = np.linspace(-7.0, 7.0, 281)


def grid():
    """Points of a fine grid over the plane, and the area of a cell."""
    points = np.stack(np.meshgrid(GRID, GRID, indexing="ij"), axis=-1).reshape(-1, 2)
    return points.astype("float32"), (GRID[1] - GRID[0]) ** 2


@pytest.mark.parametrize("context_size", [0, 2])
def test_the_density_of_a_flow_integrates_to_one(context_size):
    layer = flow(context_size=context_size)
    rng = np.random.default_rng(1)
    params = 0.5 * rng.normal(size=(3, layer.params_size)).astype("float32")
    points, area = grid()
    density = np.exp(layer.distribution(params).log_prob(points[:, np.newaxis]))
    np.testing.assert_allclose(density.sum(axis=0) * area, 1.0, rtol=2e-3)


def test_the_density_of_a_flow_is_that_of_its_draws():
    layer = flow()
    params = 0.5 * np.random.default_rng(1).normal(size=layer.params_size).astype("f4")
    q = layer.distribution(params)
    points, area = grid()
    density = np.exp(q.log_prob(points)) * area
    draws = q.sample(40_000, seed=(1, 2)).numpy()
    mean = (points * density[:, None]).sum(axis=0)
    square = (points**2 * density[:, None]).sum(axis=0)
    error = draws.std(axis=0) / np.sqrt(len(draws))
    assert (np.abs(draws.mean(axis=0) - mean) < 5 * error + 2e-3).all()
    np.testing.assert_allclose((draws**2).mean(axis=0), square, rtol=0.05)
    # And it is no normal: its draws are skewed or bent.
    normal = np.exp(-0.5 * ((points - mean) ** 2 / (square - mean**2)).sum(-1))
    normal /= normal.sum()
    assert (density * np.log(density / normal + 1e-30))[density > 0].sum() > 1e-3


def test_of_a_flow_as_prior_the_density_integrates_to_one():
    prior = priors.Learned(flow())
    model = vae(prior=prior)
    rng = np.random.default_rng(2)
    prior.params.assign(0.3 * rng.normal(size=prior.params.shape))
    points, area = grid()
    density = np.exp(model.prior.distribution().log_prob(points))
    np.testing.assert_allclose(density.sum() * area, 1.0, rtol=2e-3)


def test_a_conditional_prior_is_its_layer_at_what_its_network_says():
    keras.utils.set_random_seed(2)
    net = network(2 * LATENT)
    prior = priors.Conditional("normal", net)
    model = keras_vae.DenseVAE(SIZE, LATENT, hidden_units=(3,), condition=4, prior=prior)
    y = condition_for(model, 5)
    p = model.trace(data_for(model, 5), y=y).p
    params = net(np.eye(4, dtype="float32")[y])
    expected = layers.IndependentNormal(LATENT).distribution(params)
    np.testing.assert_allclose(p.mean(), expected.mean(), rtol=1e-5)
    np.testing.assert_allclose(p.stddev(), expected.stddev(), rtol=1e-5)
