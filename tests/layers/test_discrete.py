"""Which layers give probabilities, and which densities."""

import itertools

import laws
import numpy as np
import pytest
import tensorflow as tf
from layer_cases import CASES
from scipy import special

from keras_vae import layers

# Every value of one element whose probability is not lost in single precision.
ELEMENTS = {
    "bernoulli": range(2),
    "straight_through_bernoulli": range(2),
    "categorical": range(3),
    "discretized_logistic": range(-3, 13),
    "quantized_normal": range(-3, 13),
    "poisson": range(40),
    "negative_binomial": range(250),
    "mixture_of_poissons": range(60),
    "mixture_of_levels": range(10),
    "ordinal": range(4),
    "zero_inflated": range(40),
}
ONE_HOTS = {
    "one_hot",
    "one_hot_groups",
    "mixture_of_one_hots",
    "straight_through_one_hot",
}
DISCRETE = ONE_HOTS | set(ELEMENTS)


def all_events(name):
    """Every event of a discrete case, [N, *event_shape]."""
    shape = CASES[name].event_shape
    if name in ONE_HOTS:
        *groups, size = shape
        choices = itertools.product(range(size), repeat=int(np.prod(groups)))
        return np.eye(size, dtype="float32")[np.array(list(choices))].reshape(-1, *shape)
    events = itertools.product(ELEMENTS[name], repeat=int(np.prod(shape)))
    return np.array(list(events), "float32").reshape(-1, *shape)


@pytest.mark.parametrize("name", sorted(DISCRETE))
def test_probabilities_of_all_events_sum_to_one(name):
    layer, params = CASES[name].make(), CASES[name].params(3)
    assert layer.is_discrete is True
    events = all_events(name)
    layer.support.check(events)
    for row in params:
        log_prob = np.asarray(layer.distribution(row).log_prob(events), float)
        assert (log_prob <= 1e-6).all()
        assert special.logsumexp(log_prob) == pytest.approx(0.0, abs=1e-4)


@pytest.mark.parametrize("name", sorted(set(CASES) - DISCRETE))
def test_densities_are_marked_as_such(name):
    assert CASES[name].make().is_discrete is False


@pytest.mark.parametrize("name", CASES)
def test_checked_layers_score_alike_and_check_components(name):
    case = CASES[name]
    checked, plain = case.make(validate_args=True), case.make()
    params, x = case.params(3), case.x(3)
    if name == "bernoulli":
        x = np.round(x)
    log_prob = checked.distribution(params).log_prob(x)
    laws.close(log_prob, plain.distribution(params).log_prob(x), rtol=1e-6)
    component = getattr(checked, "component_layer", None)
    # The components of the general mixture are layers that the user made.
    if component is not None and case.cls is not layers.MixtureSameFamily:
        assert component.validate_args


@pytest.mark.parametrize(
    "name, value",
    [
        ("mixture_of_one_hots", 1.0),
        ("one_hot", 1.0),
        ("categorical", 3.0),
        ("categorical", 0.5),
        ("poisson", -1.0),
        ("negative_binomial", -1.0),
        ("bernoulli", 2.0),
        ("beta", 1.5),
        ("mixture_of_poissons", -1.0),
    ],
)
def test_checked_layers_refuse_values_without_probability(name, value):
    case = CASES[name]
    component = case.arguments.get("component_layer")
    if component is None:
        layer = case.make(validate_args=True)
    else:
        layer = case.cls(2, layers.IndependentPoisson(2, validate_args=True))
    x = np.full((2, *case.event_shape), value, "float32")
    with pytest.raises(tf.errors.InvalidArgumentError):
        layer.distribution(case.params(2)).log_prob(x)
