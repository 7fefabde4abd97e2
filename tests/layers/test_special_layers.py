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
    "relaxed_groups": lambda: layers.RelaxedOneHotCategorical((2, 3), temperature=0.7),
    "relaxed_bernoulli": lambda: layers.RelaxedBernoulli(3, temperature=0.7),
    "power_spherical": lambda: layers.PowerSpherical(3),
    "von_mises_fisher": lambda: layers.VonMisesFisher(3),
    "poincare": lambda: layers.PoincareNormal(3, curvature=0.7),
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


UNITS = [layers.IndependentBeta, layers.IndependentKumaraswamy, layers.Dirichlet]


@pytest.mark.parametrize("kind", UNITS)
def test_draws_at_the_ends_of_an_interval_have_densities_and_gradients(kind):
    layer = kind(2)
    params = 10 * np.random.default_rng(2).normal(size=(1000, layer.params_size))
    params = tf.constant(params.astype("float32"))
    with tf.GradientTape() as tape:
        tape.watch(params)
        distribution = layer.distribution(params)
        log_prob = distribution.log_prob(distribution.sample(seed=(0, 1)))
    laws.all_finite(log_prob)
    laws.all_finite(tape.gradient(log_prob, params))


@pytest.mark.parametrize("kind", UNITS)
def test_gradients_through_shares_are_those_of_the_mean(kind):
    layer = kind(2)
    params = tf.constant([[-1.0, 0.5, 1.5, -0.5][: layer.params_size]])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(params)
        rows = tf.repeat(params, 20_000, axis=0)
        tape.watch(rows)
        draws = layer.distribution(rows).sample(seed=(3, 4))[:, 0]
        mean = layer.distribution(params).mean()[0, 0]
    laws.near_in_standard_errors(tape.gradient(draws, rows), tape.gradient(mean, params)[0])


@pytest.mark.parametrize("floor", [0.0, 0.2, 1.0, 3.0])
def test_the_parameters_that_training_starts_from_are_uniform_or_near(floor):
    for kind in UNITS:
        layer = kind(2, floor=floor)
        d = layer.distribution(layer.initial_params()[np.newaxis])
        found = getattr(d, "distribution", d).parameters
        for name in found.keys() & {"concentration", "concentration0", "concentration1"}:
            laws.close(found[name], np.full((1, 2), max(1.0, floor)), rtol=2e-3)


@pytest.mark.parametrize(
    "make",
    [
        lambda dtype: layers.IndependentMixture(2, 2, dtype=dtype),
        lambda dtype: layers.ZeroInflated(2, dtype=dtype),
        lambda dtype: layers.Blockwise(["normal:event_shape=2"], dtype=dtype),
    ],
    ids=["mixture", "zero-inflated", "blockwise"],
)
def test_layers_by_name_have_the_precision_of_the_layer_around_them(make):
    layer = make("float64")
    distribution = layer.distribution(np.zeros((1, layer.params_size)))
    assert distribution.log_prob(np.zeros((1, 2))).dtype == tf.float64


@pytest.mark.parametrize("kind", [layers.Dirichlet, layers.RelaxedOneHotCategorical])
def test_shares_of_zero_have_no_density(kind):
    accepts = kind(3).accepts
    accepts.check(np.array([[0.2, 0.3, 0.5], [1.0, 1e-20, 1e-20]]))
    with pytest.raises(ValueError, match="outside positive numbers that add up to 1"):
        accepts.check(np.array([[0.0, 0.5, 0.5]]))


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
    params = np.zeros((3, size + 1), "float32")
    params[1, :size] = 3.0
    params[2, :size] = 1e-7
    direction = layer.distribution(params).mean_direction
    first = np.eye(size)[0]
    laws.close(direction, [first, np.full(size, size**-0.5), first])


def test_gradients_of_narrow_directions_are_finite_on_the_circle():
    layer = layers.PowerSpherical(2)
    params = tf.tile([[0.6, 0.8, np.log(1000.0)]], [20_000, 1])
    with tf.GradientTape() as tape:
        tape.watch(params)
        z = layer.distribution(params).sample(seed=(0, 1))
    slopes = tape.gradient(z, params, output_gradients=tf.ones_like(z)).numpy()
    assert np.isfinite(slopes).all()
    # The density is nearly a normal one of the angle, whose variance is 2 / concentration.
    angle = np.arctan2(0.6 * z[:, 1] - 0.8 * z[:, 0], z.numpy() @ [0.6, 0.8])
    variance = 2 / 1000.0
    assert abs(angle.mean()) < 5 * np.sqrt(variance / len(angle))
    assert angle.var() == pytest.approx(variance, rel=5 * np.sqrt(2 / len(angle)))


def test_a_power_sphere_is_that_of_tfp():
    layer, params = made("power_spherical")
    z = layer.distribution(params).sample(seed=(0, 1))
    direction = tf.linalg.l2_normalize(params[:, :3], axis=-1)
    expected = tfd.PowerSpherical(direction, layer.floor + tf.exp(params[:, 3]))
    laws.close(layer.distribution(params).log_prob(z), expected.log_prob(z), rtol=1e-4)
    # Whatever a network says, the concentration is finite.
    with tf.GradientTape() as tape:
        tape.watch(huge := tf.constant([[1.0, 0.0, 0.0, 300.0]]))
        concentration = layer.distribution(huge).concentration
    assert 1e6 < concentration.numpy()[0] < 1e7
    assert np.isfinite(tape.gradient(concentration, huge)).all()


def test_a_von_mises_fisher_distribution_is_that_of_tfp():
    layer, params = made("von_mises_fisher")
    z = layer.distribution(params).sample(seed=(0, 1))
    direction = tf.linalg.l2_normalize(params[:, :3], axis=-1)
    expected = tfd.VonMisesFisher(direction, layer.floor + tf.exp(params[:, 3]))
    laws.close(layer.distribution(params).log_prob(z), expected.log_prob(z), rtol=1e-4)
    assert layers.VonMisesFisher(3).is_reparameterized
    assert not layers.VonMisesFisher(4).is_reparameterized
    with pytest.raises(ValueError, match="at most 5, but is 6: .* PowerSpherical"):
        layers.VonMisesFisher(6)


@pytest.mark.parametrize("curvature", [0.3, 1.0, 4.0])
@pytest.mark.parametrize("params", [[0.0, 0.0, 0.5, 0.5], [0.6, -0.3, 0.0, -1.0]])
def test_the_density_in_a_poincare_ball_sums_to_one_and_is_that_of_its_draws(
    curvature, params
):
    layer = layers.PoincareNormal(2, curvature=curvature)
    distribution = layer.distribution(np.array([params], "float32"))
    radius = layer.support.high
    axis = np.linspace(-radius, radius, 802, dtype="float32")
    grid = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 1, 2)
    grid = grid[np.linalg.norm(grid[:, 0], axis=-1) < 0.9999 * radius]
    p = np.exp(distribution.log_prob(grid))[:, 0] * (axis[1] - axis[0]) ** 2
    assert p.sum() == pytest.approx(1.0, abs=4e-3)
    # Moments of draws are those of the density.
    draws = distribution.sample(20_000, seed=(0, 1)).numpy()[:, 0]
    for power in (1, 2):
        expected = (p[:, None] * grid[:, 0] ** power).sum(axis=0) / p.sum()
        error = 5 * (draws**power).std(axis=0) / np.sqrt(len(draws))
        assert (np.abs((draws**power).mean(axis=0) - expected) < error + 2e-3).all()


def test_nearly_flat_a_poincare_ball_is_the_plane():
    layer = layers.PoincareNormal(3, curvature=1e-4)
    params = np.array([[0.3, -0.2, 0.1, 0.5, 0.0, 1.0]], "float32")
    z = np.random.default_rng(0).normal(size=(6, 1, 3)).astype("float32")
    # Half of a tangent vector's length at the origin: there the metric is 4 dz^2.
    scale = (layer.floor + np.logaddexp(0, params[:, 3:])) / 2
    expected = tfd.MultivariateNormalDiag(params[:, :3], scale)
    found = layer.distribution(params).log_prob(z)
    np.testing.assert_allclose(found, expected.log_prob(z), rtol=5e-3, atol=5e-3)


@pytest.mark.parametrize("size", [2, 5])
def test_draws_of_a_poincare_ball_stay_inside(size):
    layer = layers.PoincareNormal(size)
    params = np.full((4, 2 * size), 30.0, "float32")
    draws = layer.distribution(params).sample(50, seed=(0, 1))
    layer.support.check(draws.numpy())
    laws.all_finite(layer.distribution(params).log_prob(draws))


OF_TFP = {
    "relaxed_one_hot": tfd.RelaxedOneHotCategorical,
    "relaxed_groups": tfd.RelaxedOneHotCategorical,
    "relaxed_bernoulli": tfd.RelaxedBernoulli,
}


@pytest.mark.parametrize("name", OF_TFP)
def test_relaxed_codes_are_those_of_tfp(name):
    layer, params = made(name)
    z = layer.distribution(params).sample(seed=(0, 1))
    logits = tf.reshape(params, (-1, *layer.event_shape))
    expected = np.asarray(OF_TFP[name](0.7, logits=logits).log_prob(z)).reshape(5, -1)
    found = layer.distribution(params).log_prob(z)
    laws.close(found, expected.sum(axis=-1), rtol=1e-4)
    # A copy, whose logits or logarithms the transformation does not remember.
    laws.close(layer.distribution(params).log_prob(z + 0.0), found, rtol=1e-4)


@pytest.mark.parametrize("name", OF_TFP)
def test_copies_of_draws_that_round_to_a_bound_have_a_density(name):
    cold = type(made(name)[0])(made(name)[0].event_shape, temperature=0.05)
    params = tf.constant(np.resize([9.0, 0.0, -9.0], (200, cold.params_size)), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(params)
        q = cold.distribution(params)
        z = q.sample(seed=(0, 1))
        log_prob = q.log_prob(tf.stop_gradient(z))
    assert ((z.numpy() == 0) | (z.numpy() == 1)).any()
    laws.all_finite(log_prob)
    laws.all_finite(tape.gradient(log_prob, params))


@pytest.mark.parametrize("temperature", [None, 0.5])
@pytest.mark.parametrize(
    "make",
    [
        lambda t: layers.StraightThroughBernoulli(3, temperature=t),
        lambda t: layers.StraightThroughOneHotCategorical((2, 2), temperature=t),
    ],
    ids=["bits", "choices"],
)
def test_straight_through_draws_are_discrete_and_have_the_gradient_of_soft_ones(
    make, temperature
):
    layer = make(temperature)
    params = np.random.default_rng(0).normal(size=layer.params_size).astype("float32")
    rows = tf.repeat(params[np.newaxis], 4_000, axis=0)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(rows)
        q = layer.distribution(rows)
        draws = tf.reshape(q.sample(seed=(0, 1)), (len(rows), -1))
        first = draws[:, 0]
        mean = tf.reshape(q.mean(), (len(rows), -1))
        first_mean = mean[:, 0]
    assert set(np.unique(draws)) == {0.0, 1.0}
    laws.near_in_standard_errors(draws, mean[0])
    gradient, exact = tape.gradient(first, rows), tape.gradient(first_mean, rows)
    if temperature is None:
        # That of a linear function's mean, which is exact.
        laws.close(gradient, exact, rtol=1e-5)
    else:
        assert not np.allclose(gradient, exact)
        assert (tf.reduce_mean(gradient, 0)[0] > 0) and exact[0, 0] > 0


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


def test_a_mixture_of_betas_starts_from_values_at_the_ends():
    x = np.repeat([0.01, 0.5, 0.99995], [200, 200, 1])[:, np.newaxis]
    layer = layers.get("mixture:num_components=3,component=beta", 1)
    laws.all_finite(layer.marginal_params(x))
    laws.all_finite(layers.IndependentBeta(1).marginal_params(np.full((4, 1), np.nan)))


def test_a_floor_above_one_is_the_scale_that_training_starts_from():
    layer = layers.MultivariateNormalTriL(2, floor=1.5)
    scale = layer.distribution(layer.initial_params()[np.newaxis]).stddev()
    laws.close(scale, [[1.5, 1.5]], rtol=1e-2)
