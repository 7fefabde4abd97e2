"""Layers with laws of their own: flows, spheres, relaxed codes, points."""

import laws
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from keras_vae import layers

LAYERS = {
    "flow": lambda: layers.Flow(3, seed=0),
    "relaxed_one_hot": lambda: layers.RelaxedOneHotCategorical(3, temperature=0.7),
    "power_spherical": lambda: layers.PowerSpherical(3),
}
every_layer = pytest.mark.parametrize("name", LAYERS)


def made(name):
    layer = LAYERS[name]()
    params = np.random.default_rng(1).normal(size=(5, layer.params_size))
    return layer, tf.constant(params.astype("float32"))


@every_layer
def test_shapes_support_and_gradients(name):
    layer, params = made(name)
    with tf.GradientTape() as tape:
        tape.watch(params)
        distribution = layer.distribution(params)
        draws = distribution.sample(4, seed=(0, 1))
        log_prob = distribution.log_prob(draws)
    assert draws.shape == (4, 5, *layer.event_shape) and log_prob.shape == (4, 5)
    layer.support.check(draws.numpy())
    laws.all_finite(tape.gradient(log_prob, params))


@pytest.mark.parametrize("size", [2, 3])
def test_no_coupling_of_a_flow_stretches_by_more_than_e(size):
    """Not even where its network ran away: then by e, or 1/e, for each moved element."""
    layer = layers.Flow(size, num_layers=3, seed=0)
    rng = np.random.default_rng(2)
    layer.set_weights([30.0 * rng.normal(size=w.shape) for w in layer.get_weights()])
    params = np.zeros((1, layer.params_size), "float32")
    z = rng.normal(size=(200, 1, size)).astype("float32")
    bijector = layer.distribution(params).bijector
    log_stretch = np.abs(bijector.forward_log_det_jacobian(z, 1))
    most = 3 * (size - size // 2)
    assert 0.5 * most < log_stretch.max() < most + 1e-4


MIXTURES = {
    "normal": lambda: layers.MixtureNormal(4, 3),
    "logistic": lambda: layers.MixtureLogistic(4, (2, 2)),
    "any": lambda: layers.MixtureSameFamily(4, layers.IndependentLaplace(3)),
    "one-hot": lambda: layers.CategoricalMixtureOfOneHotCategorical(5, 4),
}


@pytest.mark.parametrize("name", MIXTURES)
def test_components_of_a_mixture_start_apart(name):
    # Equal ones would get equal gradients, and stay one component for ever.
    layer = MIXTURES[name]()
    starts = [layer.initial_params(seed) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(starts[0], starts[1])
    assert (starts[0] != starts[2])[4:].all()
    np.testing.assert_array_equal(starts[0][:4], 0.0)
    components = starts[0][4:].reshape(4, -1)
    apart = np.abs(components[:, np.newaxis] - components).max(axis=-1)
    assert apart[~np.eye(4, dtype=bool)].min() > 0.1


@pytest.mark.parametrize("size", [2, 5])
def test_a_zero_vector_points_along_the_first_axis(size):
    layer = layers.PowerSpherical(size)
    params = np.zeros((2, size + 1), "float32")
    params[1, :size] = 3.0
    direction = layer.distribution(params).mean_direction
    laws.close(direction, [np.eye(size)[0], np.full(size, size**-0.5)])


def test_a_power_sphere_is_that_of_tfp():
    layer, params = made("power_spherical")
    z = layer.distribution(params).sample(seed=(0, 1))
    direction = tf.linalg.l2_normalize(params[:, :3], axis=-1)
    expected = tfd.PowerSpherical(direction, layer.floor + tf.nn.softplus(params[:, 3]))
    laws.close(layer.distribution(params).log_prob(z), expected.log_prob(z), rtol=1e-4)


def test_relaxed_codes_are_those_of_tfp():
    layer, params = made("relaxed_one_hot")
    z = layer.distribution(params).sample(seed=(0, 1))
    expected = tfd.RelaxedOneHotCategorical(0.7, logits=params)
    laws.close(layer.distribution(params).log_prob(z), expected.log_prob(z), rtol=1e-4)


def test_the_density_of_a_flow_sums_to_one():
    layer = layers.Flow(2, seed=0)
    params = np.random.default_rng(1).normal(size=(1, layer.params_size))
    distribution = layer.distribution(params.astype("float32"))
    axis = np.linspace(-12, 12, 401, dtype="float32")
    grid = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 1, 2)
    total = np.exp(distribution.log_prob(grid)).sum() * (axis[1] - axis[0]) ** 2
    assert total == pytest.approx(1.0, abs=1e-3)


def test_a_point_has_no_density():
    layer = layers.Deterministic((2, 2))
    assert layer.params_size == 4
    params = np.arange(8, dtype="float32").reshape(2, 4)
    drawn = layer.distribution(params).sample(seed=(0, 0))
    np.testing.assert_array_equal(drawn, params.reshape(2, 2, 2))
