"""What a call of a distribution layer returns, and what is refused."""

import keras
import laws
import numpy as np
import pytest
import tensorflow as tf
from layer_cases import CASES, make_gumbel
from tensorflow_probability import distributions as tfd

from keras_vae import layers
from keras_vae.layers import DistributionLambda, IndependentNormal, distribution_of

PARAMS = np.array([[0.5, -1.0, 0.3, 0.2], [2.0, 0.0, -1.0, 1.0]], "float32")


@keras.saving.register_keras_serializable("keras_vae_tests")
def upper_quartile(distribution):
    """A conversion of one's own."""
    return distribution.distribution.quantile(0.75)


@keras.saving.register_keras_serializable("keras_vae_tests")
def total(distribution):
    """A conversion whose result has another shape than the event."""
    return tf.reduce_sum(distribution.mean(), axis=-1, keepdims=True)


def unregistered(distribution):
    return distribution.mean()


@pytest.mark.parametrize("name", ["mean", "mode"])
def test_names_and_methods_of_distributions_mean_the_same(name):
    by_name = IndependentNormal(2, convert_to_tensor_fn=name)
    by_method = IndependentNormal(2, getattr(tfd.Distribution, name))
    assert by_method.get_config()["convert_to_tensor_fn"] == name
    for layer in (by_name, by_method):
        np.testing.assert_array_equal(layer(PARAMS), PARAMS[:, :2])


def test_sample_is_the_default_and_a_method():
    for layer in [IndependentNormal(2), IndependentNormal(2, tfd.Distribution.sample)]:
        assert layer.convert_to_tensor_fn == "sample"
        params = np.tile(PARAMS[:1], (20_000, 1))
        laws.near_in_standard_errors(layer(params), PARAMS[0, :2])


def test_mean_and_mode_differ_where_they_should():
    params = np.array([[1.0, 0.5, -2.0]])
    mean = layers.OneHotCategorical(3, convert_to_tensor_fn="mean")(params)
    mode = layers.OneHotCategorical(3, convert_to_tensor_fn="mode")(params)
    laws.close(mean, tf.nn.softmax(params))
    np.testing.assert_array_equal(mode, [[1, 0, 0]])


@pytest.mark.parametrize("function, width", [(upper_quartile, 2), (total, 1)])
def test_registered_function(function, width, tmp_path):
    model = keras.Sequential(
        [keras.Input((4,)), IndependentNormal(2, convert_to_tensor_fn=function)]
    )
    assert model.output_shape == (None, width)
    expected = function(IndependentNormal(2).distribution(PARAMS))
    laws.close(model(PARAMS), expected)
    model.save(tmp_path / "m.keras")
    laws.close(keras.saving.load_model(tmp_path / "m.keras")(PARAMS), expected)


@pytest.mark.parametrize("function", [lambda d: d.mean(), unregistered, "median", None, 3])
def test_what_could_not_be_saved_is_refused(function):
    with pytest.raises(ValueError, match="not registered with Keras"):
        IndependentNormal(2, convert_to_tensor_fn=function)


@keras.saving.register_keras_serializable("keras_vae_tests")
def as_many_draws_as_examples(distribution):
    """An extra axis in front, as long as the batch."""
    return distribution.sample(len(PARAMS), seed=(0, 1))


@keras.saving.register_keras_serializable("keras_vae_tests")
def three_draws(distribution):
    """An extra axis in front."""
    return distribution.sample(3, seed=(0, 1))


@keras.saving.register_keras_serializable("keras_vae_tests")
def turned(distribution):
    """The batch behind."""
    return tf.transpose(distribution.mean())


@keras.saving.register_keras_serializable("keras_vae_tests")
def grand_total(distribution):
    """No batch at all."""
    return tf.reduce_sum(distribution.mean())


@keras.saving.register_keras_serializable("keras_vae_tests")
def two_tensors(distribution):
    """Not one tensor."""
    return [distribution.mean(), distribution.stddev()]


@keras.saving.register_keras_serializable("keras_vae_tests")
def draws_behind(distribution):
    """Draws of each example: [B, 3, 2]."""
    return tf.stack([distribution.mean()] * 3, axis=1)


@pytest.mark.parametrize(
    "function", [as_many_draws_as_examples, three_draws, turned, grand_total, two_tensors]
)
def test_results_without_the_batch_in_front_are_refused_when_the_model_is_made(function):
    with pytest.raises(ValueError, match="one tensor with the batch shape .* in front"):
        keras.Sequential([keras.Input((4,)), IndependentNormal(2, function)])
    with pytest.raises(ValueError, match="one tensor with the batch shape .* in front"):
        IndependentNormal(2, function)(np.zeros((5, 4)))


def test_more_axes_behind_the_batch_are_fine():
    model = keras.Sequential([keras.Input((4,)), IndependentNormal(2, draws_behind)])
    assert model.output_shape == (None, 3, 2)
    assert model.predict(np.tile(PARAMS, (3, 1)), batch_size=4, verbose=0).shape == (
        6,
        3,
        2,
    )


@keras.saving.register_keras_serializable("keras_vae_tests")
def joint(params):
    """A distribution whose draws are lists."""
    return tfd.JointDistributionSequential(
        [tfd.Normal(params, 1.0), tfd.Normal(params, 1.0)]
    )


def test_joint_draws_are_refused():
    with pytest.raises(ValueError, match="one tensor"):
        keras.Sequential([keras.Input((4,)), DistributionLambda(joint)])


SIDE = tf.Variable(1.0)
SIDE_OF_KERAS = keras.Variable(1.0)
NETWORK = keras.layers.Dense(4)
NETWORK.build((None, 4))


@keras.saving.register_keras_serializable("keras_vae_tests")
def with_a_variable(params):
    return tfd.Independent(tfd.Normal(params, tf.nn.softplus(SIDE)), 1)


@keras.saving.register_keras_serializable("keras_vae_tests")
def with_a_deferred_variable(params):
    return tfd.Independent(tfd.Normal(params, SIDE), 1)


@keras.saving.register_keras_serializable("keras_vae_tests")
def with_a_variable_of_keras(params):
    return tfd.Independent(tfd.Normal(params, tf.nn.softplus(SIDE_OF_KERAS.value)), 1)


@keras.saving.register_keras_serializable("keras_vae_tests")
def with_a_network(params):
    return tfd.Independent(tfd.Normal(NETWORK(params), 1.0), 1)


@pytest.mark.parametrize(
    "function",
    [with_a_variable, with_a_deferred_variable, with_a_variable_of_keras, with_a_network],
)
@pytest.mark.parametrize("compiled", [False, True])
def test_functions_that_read_variables_are_refused(function, compiled):
    layer = DistributionLambda(function, 4, 4)
    call = tf.function(layer) if compiled else layer
    with pytest.raises(ValueError, match="reads trainable variables.*add_weight"):
        call(tf.constant(PARAMS))


@keras.saving.register_keras_serializable("keras_vae_tests")
def with_a_layer_made_inside(params):
    return IndependentNormal(2).distribution(params)


@keras.saving.register_keras_serializable("keras_vae_tests")
def with_a_layer_called_inside(params):
    return distribution_of(layers.IndependentLogistic(2)(params))


@keras.saving.register_keras_serializable("keras_vae_tests")
def with_a_mixture_inside(params):
    return layers.MixtureSameFamily.new(params, 1, layers.IndependentNormal(1))


@pytest.mark.parametrize(
    "function, size",
    [
        (with_a_layer_made_inside, 4),
        (with_a_layer_called_inside, 4),
        (with_a_mixture_inside, 3),
    ],
)
def test_layers_may_be_made_in_functions_of_a_lambda(function, size, tmp_path):
    last = DistributionLambda(function, size)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(size), last])
    model.compile("sgd", loss=layers.negative_log_likelihood)
    y = np.zeros((2, *distribution_of(model(PARAMS)).event_shape))
    assert np.isfinite(model.fit(PARAMS, y, epochs=2, verbose=0).history["loss"]).all()
    model.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    laws.close(
        distribution_of(loaded(PARAMS)).mean(), distribution_of(model(PARAMS)).mean()
    )


@pytest.mark.parametrize("name", CASES)
def test_layers_may_be_made_in_graphs(name):
    layer = CASES[name].make()
    if layer.weights:
        return  # They would be new ones each time, which TensorFlow refuses.
    config, cls = layer.get_config(), type(layer)
    params = tf.zeros([3, layer.params_size or 4])
    graph = tf.function(lambda params: cls.from_config(config)(params))
    drawn = graph.get_concrete_function(params)
    assert drawn.output_shapes == (3, *layer.event_shape)


def test_mode_of_mixtures_and_mean_of_classes_are_refused():
    with pytest.raises(ValueError, match="no mode"):
        layers.MixtureNormal(2, 2, convert_to_tensor_fn="mode")
    with pytest.raises(ValueError, match="no mean"):
        layers.IndependentCategorical(2, 3, convert_to_tensor_fn="mean")


def test_distribution_is_lost_by_an_operation_and_the_error_says_so():
    output = IndependentNormal(2)(PARAMS)
    assert distribution_of(output).batch_shape == (2,)
    for tensor in [output + 0.0, tf.constant(1.0), np.zeros(2)]:
        with pytest.raises(ValueError, match="carries no distribution.*come last"):
            distribution_of(tensor)


def test_two_layers_on_one_tensor_do_not_share_a_distribution():
    first = IndependentNormal(2, convert_to_tensor_fn="mean")
    second = layers.IndependentLogistic(2, convert_to_tensor_fn="mean")
    one, two = first(PARAMS), second(PARAMS)
    assert isinstance(distribution_of(one).distribution, tfd.Normal)
    assert isinstance(distribution_of(two).distribution, tfd.Logistic)


@pytest.mark.parametrize("size", [{}, {"params_size": 4}, {"event_shape": 4}])
def test_lambda_with_and_without_sizes(size, tmp_path):
    layer = DistributionLambda(make_gumbel, convert_to_tensor_fn="mean", **size)
    assert layer.params_size == size.get("params_size")
    model = keras.Sequential([keras.Input((4,)), layer])
    assert model.output_shape == (None, 4)
    expected = PARAMS + 2.0 * np.euler_gamma
    laws.close(model(PARAMS), expected)
    model.save(tmp_path / "m.keras")
    laws.close(keras.saving.load_model(tmp_path / "m.keras")(PARAMS), expected)


def test_lambda_without_sizes_draws_in_functional_models():
    model = keras.Sequential([keras.Input((4,)), DistributionLambda(make_gumbel)])
    assert model.predict(PARAMS, verbose=0).shape == (2, 4)


def test_lambda_by_registered_name():
    by_name = DistributionLambda("keras_vae_tests>make_gumbel", convert_to_tensor_fn="mean")
    laws.close(by_name(PARAMS), PARAMS + 2.0 * np.euler_gamma)


@pytest.mark.parametrize("function", [lambda p: tfd.Normal(p, 1.0), unregistered, "x"])
def test_lambda_refuses_what_is_not_registered(function):
    with pytest.raises(ValueError, match="make_distribution_fn.*not registered"):
        DistributionLambda(function)


@pytest.mark.parametrize("shape", [0, -1, (2, 0), (2, None), 1.5, True])
def test_event_shapes_are_positive_integers(shape):
    with pytest.raises(ValueError, match="every size in event_shape.*positive integer"):
        IndependentNormal(shape)


@pytest.mark.parametrize(
    "given, expected",
    [
        (3, (3,)),
        (np.int64(3), (3,)),
        (np.array(3), (3,)),
        (np.array([2, 3]), (2, 3)),
        (tf.constant(3), (3,)),
        (tf.constant([2, 3]), (2, 3)),
        (tf.TensorShape([2, 3]), (2, 3)),
        ([2, np.int32(3)], (2, 3)),
        ((), ()),
    ],
)
def test_event_shapes_in_every_form(given, expected):
    assert IndependentNormal(given).event_shape == expected
    assert IndependentNormal.params_size(given) == 2 * np.prod(expected, dtype=int)
    assert layers.MixtureNormal(2, given).event_shape == expected


@pytest.mark.parametrize("shape", [np.array(3.0), "3", tf.TensorShape(None), None])
def test_what_is_no_event_shape_is_said(shape):
    with pytest.raises(ValueError, match="event_shape"):
        IndependentNormal(shape)


def test_a_shape_that_a_graph_computes_is_said():
    compiled = tf.function(lambda n: IndependentNormal.new(tf.zeros([4, 4]), n + 1))
    with pytest.raises(ValueError, match="event_shape is not known in advance"):
        compiled(tf.constant(1))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", [np.asarray, tf.constant])
def test_new_has_the_precision_of_its_parameters(dtype, kind):
    assert IndependentNormal.new(kind(PARAMS.astype(dtype)), 2).dtype == dtype
    params = kind(np.zeros((3, 10), dtype))
    assert layers.MixtureNormal.new(params, 2, 2).dtype == dtype
    half = IndependentNormal.new(tf.zeros([3, 4], "float16"), 2)
    assert half.dtype == "float32"


THIRD = {
    "normal": lambda third: IndependentNormal(2, "mean", third),
    "logistic": lambda third: layers.IndependentLogistic(2, "mean", third),
    "student_t": lambda third: layers.IndependentStudentT(2, "mean", third),
    "beta": lambda third: layers.IndependentBeta(2, "mean", third),
    "poisson": lambda third: layers.IndependentPoisson(2, "mean", third),
    "bernoulli": lambda third: layers.IndependentBernoulli(2, "mean", third),
    "full normal": lambda third: layers.MultivariateNormalTriL(2, "mean", third),
    "one-hot": lambda third: layers.OneHotCategorical(2, "mean", third),
    "mixture": lambda third: layers.MixtureNormal(2, 2, "mean", third),
    "same family": lambda third: layers.MixtureSameFamily(
        2, IndependentNormal(2), "mean", third
    ),
    "one-hots": lambda third: layers.CategoricalMixtureOfOneHotCategorical(
        2, 2, "mean", third
    ),
    "sphere": lambda third: layers.PowerSpherical(2, "mean", third),
    "flow": lambda third: layers.Flow(2, "mean", third),
}


@pytest.mark.parametrize("make", THIRD.values(), ids=list(THIRD))
def test_validate_args_of_tfp_is_not_read_as_something_else(make):
    with pytest.raises(TypeError, match="positional arguments"):
        make(True)


@pytest.mark.parametrize("number", [0, -2, 2.5, True, "3"])
def test_counts_of_components_are_positive_integers(number):
    with pytest.raises(ValueError, match="num_components must be a positive integer"):
        layers.MixtureNormal(number, 2)


@pytest.mark.parametrize("seed", [-1, 1.5, True])
def test_seeds_of_layers_are_checked(seed):
    with pytest.raises(ValueError, match="seed must be a non-negative integer"):
        IndependentNormal(2, seed=seed)


def test_mixture_refuses_components_that_are_no_distribution_layer():
    with pytest.raises(ValueError, match="must be a distribution layer"):
        layers.MixtureSameFamily(2, keras.layers.Dense(2))
    with pytest.raises(ValueError, match="must know its params_size"):
        layers.MixtureSameFamily(2, DistributionLambda(make_gumbel))


def test_float64_policy_keeps_double_precision():
    distribution = IndependentNormal(2, dtype="float64").distribution(PARAMS)
    assert distribution.dtype == tf.float64
