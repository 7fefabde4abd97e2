"""Laws of the bijectors of flows: inverse, determinant, density, gradients, saving."""

import keras
import laws
import numpy as np
import pytest
import tensorflow as tf

import keras_vae
from keras_vae import layers
from keras_vae.core.parts import part_text
from keras_vae.layers import bijectors

SIZE = 3
BIJECTORS = {
    "affine_coupling": "affine_coupling",
    "spline_coupling": "spline_coupling:num_bins=4,bound=3",
    "iaf": "iaf",
    "maf": "maf",
    "planar": "planar",
    "radial": "radial",
    "householder": "householder",
    "sylvester": "sylvester:rank=2",
    "sylvester_householder": "sylvester:kind=householder,num_reflections=2",
    "sylvester_triangular": "sylvester:kind=triangular",
}
WITH_NETWORKS = ("affine_coupling", "spline_coupling", "iaf", "maf")
every_bijector = pytest.mark.parametrize("name", BIJECTORS)


def made(name, dtype="float64", size=SIZE, params_scale=1.0, **arguments):
    """A flow with weights and parameters away from where they start."""
    keras.config.set_dtype_policy(dtype)
    context = 2 if name in WITH_NETWORKS else 0
    layer = layers.Flow(
        size,
        bijector=BIJECTORS[name],
        num_layers=2,
        hidden_units=(8, 5),
        context_size=context,
        params_scale=params_scale,
        seed=0,
        **arguments,
    )
    rng = np.random.default_rng(1)
    layer.set_weights([rng.normal(scale=0.5, size=w.shape) for w in layer.get_weights()])
    params = rng.normal(size=(5, layer.params_size))
    return layer, tf.constant(params, dtype)


def test_every_bijector_has_a_line():
    parts = bijectors.ROOM.parts()
    assert set(parts) == {one.split(":")[0] for one in BIJECTORS.values()}
    named = {getattr(bijectors, name) for name in bijectors.__all__}
    assert set(parts.values()) <= named


@every_bijector
def test_its_name_is_that_of_a_flow(name):
    text = BIJECTORS[name]
    given = layers.get({"name": text} if ":" not in text else text, 5)
    assert isinstance(given, layers.Flow)
    spelt = layers.get(f"flow:bijector=({text})", 5)
    assert given.get_config()["bijector"] == spelt.get_config()["bijector"]
    assert given.params_size == spelt.params_size
    # What is written is read again.
    again = layers.get(part_text(given), 5)
    assert again.get_config()["bijector"] == given.get_config()["bijector"]


@pytest.mark.parametrize("name", sorted(set(BIJECTORS) - set(WITH_NETWORKS)))
def test_numbers_of_the_layers_are_scaled(name):
    (whole, params), (half, _) = made(name), made(name, params_scale=0.5)
    normal, layers_own = np.split(params, [whole.base.params_size], axis=1)
    doubled = tf.constant(np.concatenate([normal, 2 * layers_own], axis=1))
    one, other = (
        layer.distribution(given).sample(seed=(1, 2))
        for layer, given in ((whole, params), (half, doubled))
    )
    laws.close(one, other)


def test_pairs_of_reflections_begin_near_the_identity():
    flow = layers.get("householder:num_layers=2", SIZE)
    params = 0.1 * np.random.default_rng(0).normal(size=(5, flow.params_size))
    normal = flow.base.distribution(params[:, : flow.base.params_size])
    one, other = (q.sample(seed=(1, 2)) for q in (flow.distribution(params), normal))
    # Two mirrors turn by twice the angle between them, which is about 0.02 here.
    laws.close(one, other, atol=0.2)


def test_names_of_bijectors_take_the_arguments_of_flows():
    flow = layers.get("sylvester:kind=triangular,num_layers=2", 5)
    assert (flow.num_layers, flow.bijector.kind) == (2, "triangular")
    assert layers.get("iaf", 5).context_size == 5
    assert layers.get("iaf:context_size=0", 5).context_size == 0
    # What was not said is not written.
    for text in ("flow", "flow:bijector=iaf,num_layers=2", "flow:context_size=3"):
        assert part_text(layers.get(text, 5)) == text
    with pytest.raises(ValueError, match="'plannar'. Did you mean 'planar'"):
        layers.get("plannar", 5)
    with pytest.raises(ValueError, match="Unknown argument .* 'kind'"):
        layers.get("planar:kind=triangular", 5)


@every_bijector
def test_inverse_and_determinant_are_those_of_the_jacobian(name):
    layer, params = made(name)
    bijector = layer.distribution(params).bijector
    x = tf.constant(np.random.default_rng(2).normal(size=(5, SIZE)))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = bijector.forward(x)
    jacobian = tape.batch_jacobian(y, x, experimental_use_pfor=False)
    _, expected = np.linalg.slogdet(jacobian)
    given = bijector.forward_log_det_jacobian(x, 1)
    np.testing.assert_allclose(np.broadcast_to(given, 5), expected, rtol=1e-6, atol=1e-9)
    assert np.abs(y - x).max() > 0.1
    # (Another tensor, of which the bijector remembers nothing.)
    back = layer.distribution(params).bijector.inverse(tf.identity(y))
    np.testing.assert_allclose(back, x, rtol=1e-6, atol=1e-8)


@pytest.mark.thinned
@every_bijector
def test_gradients_of_the_density_are_its_slopes(name):
    layer, params = made(name)
    z = tf.constant(np.random.default_rng(3).normal(size=(5, SIZE)))
    with tf.GradientTape() as tape:
        tape.watch([params, z])
        log_prob = layer.distribution(params).log_prob(z)
    of_params, of_z = tape.gradient(log_prob, [params, z])
    assert (np.abs(of_params).max(axis=0) > 0).all()
    # Along a direction in which both change.
    rng, step = np.random.default_rng(4), 1e-5
    by_params, by_z = (rng.normal(size=one.shape) for one in (of_params, of_z))
    ahead, behind = (
        layer.distribution(params + by * by_params).log_prob(z + by * by_z)
        for by in (step, -step)
    )
    slope = (ahead - behind).numpy() / (2 * step)
    expected = np.sum(of_params * by_params, axis=-1) + np.sum(of_z * by_z, axis=-1)
    np.testing.assert_allclose(slope, expected, rtol=1e-4, atol=1e-5)


# Of the others it follows from inverse and determinant.
@pytest.mark.parametrize("name", ["spline_coupling", "maf", "sylvester"])
def test_the_density_sums_to_one(name):
    layer, params = made(name, size=2)
    axis = np.linspace(-12, 12, 301)
    grid = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 1, 2)
    log_prob = layer.distribution(0.5 * params[:1]).log_prob(grid)
    total = np.exp(log_prob).sum() * (axis[1] - axis[0]) ** 2
    assert total == pytest.approx(1.0, abs=2e-3)


@pytest.mark.slow
@every_bijector
def test_eager_and_xla_agree(name):
    layer, params = made(name, "float32")
    z = tf.constant(np.random.default_rng(3).normal(size=(5, SIZE)), tf.float32)

    def scores(params, z):
        with tf.GradientTape() as tape:
            tape.watch(params)
            log_prob = layer.distribution(params).log_prob(z)
        return log_prob, tape.gradient(log_prob, params)

    # (XLA compiles the graph: what holds of it holds of the graph.)
    compiled = tf.function(scores, jit_compile=True)(params, z)
    for a, b in zip(compiled, scores(params, z), strict=True):
        laws.close(a, b, rtol=2e-3, atol=2e-3)


@every_bijector
def test_extreme_parameters_give_finite_draws_and_scores(name):
    layer, params = made(name, "float32")
    for far in (-30.0, 30.0):
        at = layer.distribution(tf.fill(params.shape, tf.constant(far)))
        z = at.sample(3, seed=(1, 2))
        laws.all_finite(z)
        laws.all_finite(at.log_prob(z))


@pytest.mark.parametrize("name", WITH_NETWORKS)
def test_a_flow_of_networks_starts_at_the_normal(name):
    arguments = {"num_layers": 2, "hidden_units": (4,), "context_size": 0}
    layer = layers.Flow(SIZE, bijector=BIJECTORS[name], **arguments)
    params = np.random.default_rng(0).normal(size=(4, layer.params_size)).astype("f4")
    z = np.random.default_rng(1).normal(size=(4, SIZE)).astype("float32")
    expected = layer.base.distribution(params).log_prob(z)
    laws.close(layer.distribution(params).log_prob(z), expected, rtol=1e-4)


@pytest.mark.parametrize("name", WITH_NETWORKS)
def test_flows_with_other_networks_score_the_same_draws_by_their_own(name):
    one, params = made(name)
    other, _ = made(name)
    other.set_weights([-weight for weight in one.get_weights()])
    z = one.distribution(params).sample(3, seed=(0, 1))
    expected = other.distribution(params).log_prob(np.array(z))
    laws.close(other.distribution(params).log_prob(z), expected, rtol=1e-6)
    # Nor does a flow remember what it was before its weights changed.
    one.set_weights(other.get_weights())
    laws.close(one.distribution(params).log_prob(z), expected, rtol=1e-6)


@pytest.mark.parametrize("name", ["affine_coupling", "spline_coupling", "maf"])
def test_the_rate_between_two_flows_is_that_of_their_densities(name):
    keras.config.set_dtype_policy("float32")
    parts = {"posterior": name, "prior": f"learned:layer=({name})"}
    model = keras_vae.DenseVAE(6, 3, hidden_units=(4,), seed=0, **parts)
    rng = np.random.default_rng(0)
    model.set_weights([0.3 * rng.normal(size=w.shape) for w in model.get_weights()])
    trace = model.trace(rng.integers(0, 2, (4, 6)).astype("float32"), seed=1)
    log_p = model.log_prior(np.array(trace.z))
    laws.close(trace.log_p, log_p, rtol=1e-4)
    laws.close(trace.rate, trace.log_q - log_p, rtol=1e-3)


@pytest.mark.thinned
@every_bijector
def test_a_saved_flow_scores_the_draws_of_the_one_that_drew_them(name):
    layer, params = made(name)
    config = keras.saving.serialize_keras_object(layer)
    again = keras.saving.deserialize_keras_object(config)
    assert again.get_config() == layer.get_config()
    again.set_weights(layer.get_weights())
    # The bijector that drew remembers its inverses; the other one computes them.
    one = layer.distribution(params)
    z = one.sample(4, seed=(0, 1))
    assert z.shape == (4, 5, SIZE)
    other = again.distribution(params).log_prob(tf.identity(z))
    np.testing.assert_allclose(other, one.log_prob(z), rtol=1e-6)


@pytest.mark.parametrize("hidden_units", [(), (8,), (3, 7)])
@pytest.mark.parametrize("context", [0, 2])
def test_an_autoregressive_network_sees_what_is_before_and_the_context(
    hidden_units, context
):
    network = bijectors.IAF().make_network(4, context, hidden_units, "float32", "iaf")
    rng = np.random.default_rng(0)
    network.set_weights([0.3 + rng.uniform(size=w.shape) for w in network.get_weights()])
    x = tf.constant(rng.uniform(size=(1, 4 + context)), tf.float32)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        outputs = network(x)
    jacobian = tape.batch_jacobian(outputs, x, experimental_use_pfor=False)[0].numpy()
    sees = jacobian.reshape(2, 4, 4 + context) != 0
    before = np.tril(np.ones((4, 4)), -1) > 0
    assert not sees[..., :4][:, ~before].any()
    # Somewhere through the layers each output sees all that it may.
    wide = len(hidden_units) == 0 or min(hidden_units) >= 4
    if wide:
        assert sees[..., :4][:, before].all()
    if wide and hidden_units:
        assert sees[:, 1:, 4:].all()


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"bijector": "plannar"}, "Unknown bijector 'plannar'. Did you mean 'planar'"),
        ({"bijector": "planar", "context_size": 2}, "Planar has no network to read a con"),
        ({"bijector": "iaf", "event_size": 1}, "event_size must be at least 2"),
        ({"bijector": "spline_coupling", "event_size": 1}, "must be at least 2"),
        ({"bijector": "spline_coupling:num_bins=0"}, "num_bins must be a positive"),
        ({"bijector": "spline_coupling:bound=0"}, "bound must be positive"),
        ({"bijector": "sylvester:kind=ortho"}, "Did you mean 'orthogonal'"),
        ({"bijector": "sylvester:rank=0"}, "rank must be a positive integer"),
    ],
)
def test_bad_flows_are_refused_when_they_are_made(arguments, words):
    with pytest.raises(ValueError, match=words):
        layers.Flow(**{"event_size": 3, **arguments})


def test_flows_are_named_in_recipes():
    model = keras_vae.DenseVAE(
        6,
        3,
        hidden_units=(4,),
        posterior="flow:bijector=(sylvester:kind=householder),num_layers=2",
        prior="learned:layer=(flow:bijector=maf)",
    )
    assert model.posterior.bijector.kind == "householder"
    assert type(model.prior.layer.bijector) is bijectors.MAF
