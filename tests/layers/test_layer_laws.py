"""Every distribution layer obeys the laws."""

import itertools

import keras
import laws
import numpy as np
import pytest
import tensorflow as tf
from layer_cases import CASES

from keras_vae import layers

pytestmark = pytest.mark.parametrize("name", CASES)
# One for each way to draw: the noise under XLA alone takes a second to compile.
DRAWN_BY_XLA = (
    "normal",
    "normal_tril",
    "poisson",
    "categorical",
    "mixture_normal",
    "quantized_normal",
    "blockwise",
)
# What an output carries and how a model trains are matters of the base classes: each
# layer is asked in one style of model, and trains in one mode.
STYLES = dict(zip(CASES, itertools.cycle(laws.STYLES), strict=False))
EAGERLY = dict(zip(CASES, itertools.cycle([False, True]), strict=False))


@pytest.fixture
def case(name):
    """The case of that name."""
    return CASES[name]


def test_params_size_of_layer_and_of_class(case):
    layer = case.make()
    assert layer.params_size == case.params_size
    arguments = case.size_arguments or {
        k: v() if callable(v) and k == "blocks" else v for k, v in case.arguments.items()
    }
    assert case.cls.params_size(**arguments) == case.params_size


def test_shapes(case):
    laws.shapes(case.make(), case.params(6))


def test_log_prob_is_that_of_the_oracle(case):
    laws.log_prob_is(case.make(), case.params(8), case.x(8), case.oracle)


def test_double_precision_is_kept_throughout(case):
    single = case.make().distribution(case.params(3)).log_prob(case.x(3))
    # Of everything, since mixtures bring layers of their own.
    keras.config.set_dtype_policy("float64")
    distribution = case.make().distribution(case.params(3).astype("float64"))
    x = case.x(3).astype("float64")
    center = getattr(distribution, case.fixed)()
    draw = distribution.sample(seed=1)
    assert {t.dtype for t in (distribution.log_prob(x), center, draw)} == {tf.float64}
    np.testing.assert_allclose(distribution.log_prob(x), single, rtol=1e-3, atol=1e-4)


@pytest.mark.thinned
def test_eager_and_xla_agree(case):
    layer = case.make()

    def everything(params, x):
        center = getattr(layer.distribution(params), case.fixed)()
        return *laws.score_and_gradient(layer, params, x), center

    laws.agrees_compiled(everything, tf.constant(case.params(3)), case.x(3))


@pytest.mark.thinned
def test_draws_eagerly_and_compiled(case, name):
    params = tf.constant(case.params(3))
    laws.draws_when_compiled(case.make(), params, name in DRAWN_BY_XLA)


def test_mean_of_draws(case):
    params = case.params(2)
    if case.cls is layers.IndependentStudentT:
        params[:, 4:] = 8.0  # Degrees of freedom for which the standard error is one.
    laws.samples_center_at(case.make(), params, case.fixed)


def test_gradients_reach_all_parameters(case):
    laws.gradients_reach_all(case.make(), case.params(5), case.x(5))


def test_extremes_are_finite(case):
    laws.finite_at_extremes(case.make(), case.x(3), *case.extremes)


def test_batch_does_not_matter(case):
    laws.batch_does_not_matter(case.make(), case.params(4), case.x(4))


def test_wrong_size_names_both_sizes(case):
    layer, wrong = case.make(), case.params_size + 1
    expected = f"needs {case.params_size} parameters.*given {wrong}"
    with pytest.raises(ValueError, match=expected):
        layer.distribution(np.zeros([2, wrong]))
    with pytest.raises(ValueError, match=expected):
        case.make()(np.zeros([2, wrong]))
    with pytest.raises(ValueError, match=expected):
        case.make()(keras.Input((wrong,)))
    layer(case.params(2))
    with pytest.raises(ValueError, match=expected):
        layer(np.zeros([2, wrong]))


def test_its_distribution_is_that_of_a_models_output(case, name):
    layer = case.make(convert_to_tensor_fn=case.fixed)
    laws.works_in_a_model(STYLES[name], layer, case.x(3))


@pytest.mark.thinned
def test_trains_and_survives_saving(case, name, tmp_path):
    layer = case.make(convert_to_tensor_fn=case.fixed)
    y = case.x(4)
    model, x = laws.trains(layer, y, EAGERLY[name])
    laws.survives_saving(model, x, y, tmp_path / "model.keras")


def test_probabilities_stay_float32_in_mixed_precision(case):
    keras.config.set_dtype_policy("mixed_float16")
    laws.stays_single_precision(case.make(), case.x(3))


def test_same_seed_same_draws(case):
    params = case.params(64)
    first, second = case.make(), case.make()
    draw = first(params)
    laws.close(second(params), draw)
    assert (np.asarray(first(params)) != np.asarray(draw)).any()


def test_config_rebuilds_the_layer(case):
    layer = case.make(convert_to_tensor_fn=case.fixed, name="one")
    laws.config_names_all_arguments(layer)
    config = keras.saving.serialize_keras_object(layer)
    again = keras.saving.deserialize_keras_object(config)
    assert again.get_config() == layer.get_config()
    assert again.support == layer.support
