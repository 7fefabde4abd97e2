"""Priors made of layers, of the posterior, of a condition, and on the sphere."""

import keras
import laws
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_probability import distributions as tfd

import keras_vae
from keras_vae import layers, priors

X = np.random.default_rng(0).uniform(size=(6, 4)).astype("float32")


def test_uniform_on_the_sphere():
    prior = priors.UniformOnSphere(3)
    prior.build((3,))
    draws = prior.distribution().sample(20_000, seed=(2, 3))
    laws.close(tf.norm(draws, axis=-1), np.ones(20_000), rtol=1e-5)
    laws.near_in_standard_errors(draws, np.zeros(3))
    laws.close(prior.distribution().log_prob(draws[:4]), -np.log(4 * np.pi) * np.ones(4))


def test_a_learned_prior_is_its_layer():
    prior = priors.Learned("normal", event_shape=2)
    prior.build((2,))
    assert prior.trainable_weights
    z = np.random.default_rng(1).normal(size=(5, 2)).astype("float32")
    p = prior.distribution()
    expected = tfd.Independent(tfd.Normal(p.mean(), p.stddev()), 1)
    laws.close(p.log_prob(z), expected.log_prob(z))


@pytest.mark.parametrize(
    "make",
    [
        lambda: layers.IndependentNormal(2),
        lambda: layers.Flow(2, num_layers=2),
        lambda: layers.MixtureNormal(3, 2),
        lambda: layers.IndependentNormal(2, scale="shared"),
    ],
    ids=["normal", "flow", "mixture", "shared scale"],
)
@pytest.mark.parametrize("trainable", [True, False])
def test_all_of_a_learned_prior_is_trained_or_nothing(make, trainable):
    prior = priors.Learned(make(), trainable)
    prior.build((2,))
    assert {weight.trainable for weight in prior.weights} == {trainable}
    assert len(prior.trainable_weights) == trainable * len(prior.weights)
    # Also as part of something that asks the layer itself.
    assert len(prior.layer.trainable_weights) == trainable * len(prior.layer.weights)


@pytest.mark.parametrize("trainable", [True, False])
def test_all_of_a_conditional_prior_is_trained_or_nothing(trainable):
    prior = priors.Conditional("normal", hidden_units=(3,), trainable=trainable)
    vae = keras_vae.DenseVAE(4, 2, "bernoulli", hidden_units=(3,), prior=prior, condition=3)
    assert {weight.trainable for weight in prior.weights} == {trainable}
    inside = {id(weight) for weight in vae.trainable_weights}
    assert all((id(weight) in inside) == trainable for weight in prior.weights)


def test_a_vamp_prior_is_the_mixture_of_posteriors():
    vae = keras_vae.DenseVAE(
        4, 2, hidden_units=(3,), prior=priors.VampPrior(5), likelihood="bernoulli"
    )
    z = np.random.default_rng(1).normal(size=(7, 2)).astype("float32")
    log_prob = vae.prior.distribution().log_prob(z)
    assert log_prob.shape == (7,)
    laws.all_finite(log_prob)
    assert vae.prior.distribution().sample(3, seed=(0, 0)).shape == (3, 2)


def test_a_conditional_prior_depends_on_its_condition():
    vae = keras_vae.DenseVAE(
        4, 2, hidden_units=(3,), prior=priors.Conditional("normal"), condition=3,
        likelihood="bernoulli",
    )  # fmt: skip
    one_hot = np.eye(3, dtype="float32")
    p = vae.prior.distribution(one_hot)
    assert p.batch_shape == (3,) and p.event_shape == (2,)
    assert not np.allclose(p.mean()[0], p.mean()[1])


@pytest.mark.parametrize("start", [False, True])
def test_pseudo_inputs_of_tables_stay_within_their_columns(start):
    columns = layers.Blockwise(
        ["log_normal:event_shape=1", "poisson:event_shape=1", "bernoulli:event_shape=2"],
        [[0], [1], [2, 3]],
    )
    rng = np.random.default_rng(0)
    x = np.stack(
        [rng.lognormal(size=64), rng.poisson(2, 64), *rng.integers(0, 2, (2, 64))], 1
    )
    x = x.astype("float32")
    model = keras_vae.DenseVAE(4, 2, columns, (4,), prior="vamp:num_components=5", seed=0)
    if start:
        model.start_from(x)
    model.compile(keras.optimizers.Adam(0.1), run_eagerly=True)
    assert np.isfinite(model.fit(x, epochs=3, verbose=0).history["loss"]).all()
    u = np.asarray(model.prior.pseudo_inputs)
    assert (u[:, 0] > 0).all() and (u[:, 1] >= 0).all()
    assert ((u[:, 2:] >= 0) & (u[:, 2:] <= 1)).all()


@pytest.mark.slow
@pytest.mark.parametrize("prior", ["vamp:num_components=3", "learned:layer=flow"])
def test_a_model_with_it_trains_and_comes_back(prior, tmp_path):
    vae = keras_vae.DenseVAE(4, 2, hidden_units=(3,), prior=prior, likelihood="bernoulli")
    vae.compile("adam", run_eagerly=prior.startswith("learned"))
    before = [w.numpy().copy() for w in vae.prior.trainable_weights]
    vae.fit(X, epochs=1, verbose=0)
    assert before
    assert any(
        (a != w.numpy()).any()
        for a, w in zip(before, vae.prior.trainable_weights, strict=True)
    )
    vae.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    laws.close(again.elbo(X), vae.elbo(X))


def test_layers_stay_what_they_are():
    assert isinstance(
        priors.get("learned:layer=normal").layer, str | layers.DistributionLayer
    )
