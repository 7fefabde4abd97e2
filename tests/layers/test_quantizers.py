"""Quantizers: each law is asked of each of them."""

import keras
import laws
import numpy as np
import pytest
import tensorflow as tf
from two_level_codes import two_levels

import keras_vae
from keras_vae import layers

GRID = (2, 2)
LAYERS = {
    "vector": lambda **more: layers.VectorQuantizer((*GRID, 3), num_codes=5, **more),
    "cosine": lambda **more: layers.VectorQuantizer(
        (*GRID, 3), num_codes=5, similarity="cosine", **more
    ),
    "by_gradient": lambda **more: layers.VectorQuantizer(
        (*GRID, 3), num_codes=5, learning="gradient", **more
    ),
    "finite_scalar": lambda **more: layers.FiniteScalarQuantizer(
        (*GRID, 3), levels=(3, 4, 5), **more
    ),
    "residual": lambda **more: layers.ResidualQuantizer(
        (*GRID, 6), num_quantizers=2, num_codes=5, **more
    ),
    "two_levels": lambda **more: two_levels(2, 3, 5, **more),
}
every = pytest.mark.parametrize("name", LAYERS)


def made(name, size=16, **more):
    layer = LAYERS[name](seed=1, **more)
    rng = np.random.default_rng(0)
    params = rng.normal(size=(size, layer.params_size)).astype("float32")
    return layer, tf.constant(params)


@every
def test_draws_are_codes_and_indices_go_there_and_back(name):
    layer, params = made(name)
    laws.shapes(layer, params.numpy())
    q = layer.distribution(params)
    draws = q.sample(3, seed=(0, 1))
    layer.support.check(draws.numpy())
    assert not layer.support.contains(draws.numpy() + 0.01).all()
    np.testing.assert_array_equal(draws[0], draws[1])
    assert q.indices.shape == (16, *layer.index_shape)
    assert 0 <= q.indices.numpy().min() and q.indices.numpy().max() < layer.num_codes
    np.testing.assert_array_equal(layer.indices(draws[0]), q.indices)
    np.testing.assert_array_equal(layer.lookup(q.indices), draws[0])
    np.testing.assert_array_equal(q.log_prob(draws), np.zeros((3, 16)))
    assert np.isinf(q.log_prob(draws + 1.0)).all()


@every
@pytest.mark.parametrize("gradient", ["straight_through", "rotation"])
def test_gradients_go_through(name, gradient):
    layer, params = made(name, gradient=gradient)
    with tf.GradientTape() as tape:
        tape.watch(params)
        z = layer.distribution(params).sample(seed=(0, 1))
        score = tf.reduce_sum(z * tf.reshape(tf.range(tf.size(z), dtype=z.dtype), z.shape))
    slope = tape.gradient(score, params)
    laws.all_finite(slope)
    assert (np.abs(slope).max(axis=0) > 0).all()


def test_nearest_codes_and_straight_gradient_are_those_of_numpy():
    layer, params = made("vector")
    vectors = params.numpy().reshape(-1, 3)
    codes = np.asarray(layer.codebook)
    distances = np.square(vectors[:, None] - codes).sum(-1)
    q = layer.distribution(params)
    np.testing.assert_array_equal(q.indices.numpy().ravel(), distances.argmin(1))
    expected = 0.25 * distances.min(1).reshape(16, -1).sum(1)
    laws.close(layer.cost(q), expected)
    with tf.GradientTape() as tape:
        tape.watch(params)
        total = tf.reduce_sum(layer.distribution(params).sample(seed=(0, 1)))
    laws.close(tape.gradient(total, params), np.ones_like(params))


def test_lower_vectors_are_told_the_upper_codes():
    layer, params = made("two_levels")
    upper, lower = layer.split(tf.reshape(params, (16, 20, 3)))
    told = lower + layer.network(layer.upper.nearest(upper))
    q = layer.distribution(params)
    expected = layer.upper.nearest(upper), layer.lower.nearest(told)
    for codes, one in zip(layer.split(q.mode()), expected, strict=True):
        laws.close(codes, one)
    pairs = zip((upper, told), expected, strict=True)
    squares = [np.square(a - b).sum(axis=(1, 2, 3)) for a, b in pairs]
    laws.close(layer.cost(q), 0.25 * sum(squares))
    with tf.GradientTape() as tape:
        tape.watch(params)
        score = tf.reduce_sum(layer.split(layer.distribution(params).mode())[1])
    of_upper = tape.gradient(score, params)[:, :12]
    kernel = layer.network.layers[-1].kernel
    laws.close(of_upper, np.tile(np.sum(kernel, axis=(0, 1, 2)), (16, 4)))


@every
def test_cost_does_not_depend_on_the_batch(name):
    layer, params = made(name)
    cost = layer.cost(layer.distribution(params))
    if name == "finite_scalar":
        assert cost is None
        return
    assert cost.shape == (16,)
    laws.close(layer.cost(layer.distribution(params[3:4])), cost[3:4])


def test_moving_averages_follow_the_vectors_whatever_the_batch():
    layer, params = made("vector", kmeans=False, restart=0.0)
    twin, _ = made("vector", kmeans=False, restart=0.0)
    before, rows = np.asarray(layer.codebook), params.numpy().reshape(-1, 3)
    chosen = layer.distribution(params).indices.numpy().ravel()
    layer.distribution(params, training=True)
    twin.distribution(tf.concat([params, params], 0), training=True)
    hits = np.eye(5)[chosen]
    usage = 0.99 / 5 + 0.01 * hits.mean(0)
    expected = (0.99 * before / 5 + 0.01 * hits.T @ rows / len(rows)) / usage[:, None]
    laws.close(layer.codebook, expected)
    laws.close(layer.usage, usage)
    laws.close(twin.codebook, layer.codebook)
    layer.distribution(params)
    laws.close(layer.codebook, expected)


def test_starts_at_kmeans_and_dead_codes_return():
    # With averages over fewer steps than by default, codes are dead sooner.
    layer, _ = made("vector", decay=0.9)
    centers = 10.0 * np.eye(5, 3) + np.arange(5)[:, None]
    rng = np.random.default_rng(1)
    rows = centers[rng.integers(0, 5, 4 * 64)] + 0.01 * rng.normal(size=(256, 3))
    params = tf.constant(rows.reshape(64, 12), tf.float32)
    learn = tf.function(lambda: layer.distribution(params, training=True).indices)
    learn()
    nearest = np.abs(np.asarray(layer.codebook)[:, None] - rows).max(-1).min(1)
    assert nearest.max() < 5.0
    layer.codebook.assign(tf.fill((5, 3), 1000.0))
    layer.sums.assign(tf.fill((5, 3), 200.0))
    for _ in range(60):
        learn()
    assert np.unique(layer.distribution(params).indices).size >= 4
    assert layer.alive == 1.0 and 3.0 < layer.perplexity <= 5.0


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"num_codes": 1}, "num_codes must be at least 2, but is 1"),
        ({"learning": "sgd"}, "learning must be one of"),
        ({"similarity": "dot"}, "similarity must be one of"),
        ({"decay": 1.0}, "decay must be between"),
        ({"gradient": "none"}, "gradient must be"),
        ({"event_shape": ()}, r"event_shape is \(\)"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        layers.VectorQuantizer(**{"event_shape": (2, 3), **arguments})


def test_more_codes_than_int32_numbers_are_refused():
    with pytest.raises(ValueError, match="more than int32 can number"):
        layers.FiniteScalarQuantizer((1, 11), levels=(8,) * 11)


def test_levels_and_codes_must_fit_the_shape():
    with pytest.raises(ValueError, match="one number of at least 2"):
        layers.FiniteScalarQuantizer((2, 3), levels=(3, 4))
    with pytest.raises(ValueError, match="give a multiple"):
        layers.ResidualQuantizer((2, 5), num_quantizers=2)


@pytest.mark.thinned
@every
def test_models_train_score_and_survive_saving(name, tmp_path):
    layer = LAYERS[name](seed=1)
    dense = keras.layers.Dense
    model = keras_vae.VAE(
        keras.Sequential([dense(layer.params_size)]),
        keras.Sequential([keras.layers.Flatten(), dense(6)]),
        layer,
        layers.IndependentNormal(6, scale=1.0),
        seed=0,
    )
    x = np.random.default_rng(2).normal(size=(8, 6)).astype("float32")
    start = [np.array(w) for w in model.encoder.get_weights()]
    # As a graph where the codebook moves by averages, which are no gradients.
    model.compile("adam", run_eagerly=name != "vector")
    model.fit(x, verbose=0)
    assert all(
        (a != b).any() for a, b in zip(start, model.encoder.get_weights(), strict=True)
    )
    rate, _ = model.rate_and_distortion(x)
    laws.close(rate, np.full(8, np.prod(layer.index_shape) * np.log(layer.num_codes)))
    laws.close(model.log_likelihood(x, 3), model.elbo(x))
    layer.support.check(np.asarray(model.draw(5, seed=1)))
    model.save(tmp_path / "m.keras")
    laws.close(keras.saving.load_model(tmp_path / "m.keras").elbo(x), model.elbo(x))
