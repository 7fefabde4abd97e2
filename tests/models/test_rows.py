"""What is drawn for a row depends on nothing but its own seed."""

import numpy as np
import pytest
import tensorflow as tf

import keras_vae
from keras_vae.core.seeds import fold, row_seeds


def dense(**parts):
    return keras_vae.DenseVAE(6, 3, hidden_units=(5,), seed=0, **parts)


def labels():
    return keras_vae.SemiSupervisedVAE(6, 2, 3, hidden_units=(5,), seed=0)


MODELS = {
    "normal": dense,
    "vamp": lambda: dense(prior="vamp:num_components=4"),
    "flow": lambda: dense(posterior="flow", prior="learned:layer=flow"),
    "bits": lambda: dense(posterior="bernoulli"),
    "sphere": lambda: dense(posterior="power_spherical"),
    "classes": lambda: dense(condition=4),
    "conditional prior": lambda: dense(condition=4, prior="conditional"),
    "labels": labels,
}
every_model = pytest.mark.parametrize("name", MODELS)


def condition(model, n):
    return None if model.condition_shape is None else np.arange(n) % 4


@pytest.mark.thinned
@every_model
@pytest.mark.parametrize("draw", [False, True])
def test_more_samples_begin_with_the_same_ones(name, draw):
    model = MODELS[name]()
    # Few are drawn without a graph, many with one; 25 are two batches.
    few, many = (
        model.sample(n, condition(model, n), seed=3, draw=draw, batch_size=20)
        for n in (7, 25)
    )
    np.testing.assert_allclose(many[:7], few, rtol=1e-5, atol=1e-6)
    assert len(np.unique(model.sample(25, condition(model, 25), draw=True), axis=0)) > 5


@pytest.mark.thinned
@every_model
def test_a_bound_of_a_row_does_not_know_the_others(name):
    model = MODELS[name]()
    x = np.random.default_rng(0).integers(0, 2, (4, 6)).astype("f4")
    seeds, y = row_seeds(5, 4), condition(model, 4)
    whole = model.bound(x, 2, seeds, y=y).elbo
    for i in range(4):
        one = slice(i, i + 1)
        alone = model.bound(x[one], 2, seeds[one], y=None if y is None else y[one]).elbo
        np.testing.assert_allclose(whole[i], alone[0], rtol=1e-5)
    # The same observations with the same seeds, in another order.
    order = [2, 0, 3, 1]
    turned = model.bound(
        x[order], 2, tf.gather(seeds, order), y=None if y is None else y[order]
    ).elbo
    np.testing.assert_allclose(turned, tf.gather(whole, order), rtol=1e-5)


def test_a_row_with_the_seed_s_0_is_the_elbo_of_one_observation():
    model = dense()
    x = np.ones((1, 6), "f4")
    seeds = fold(tf.constant([[5, 0]]), 0)
    np.testing.assert_allclose(
        model.bound(x, 1, seeds).elbo, model.elbo(x, seed=5), rtol=1e-5
    )


def test_another_temperature_is_another_graph():
    model = dense()
    cold, warm = (model.sample(30, temperature=t) for t in (0.5, 1.0))
    again = model.sample(30, temperature=0.5)
    np.testing.assert_array_equal(cold, again)
    assert np.abs(cold - warm).max() > 1e-3
