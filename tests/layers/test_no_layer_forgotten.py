"""A public layer that is in no list of cases fails here; likelihoods by name."""

import laws
import numpy as np
import pytest
from layer_cases import CASES

from keras_vae import layers
from keras_vae.layers.base import DistributionLayer


def test_every_public_layer_has_a_case():
    listed = {case.cls for case in CASES.values()}
    assert listed == laws.public_classes(layers, DistributionLayer)


def test_every_public_name_exists_and_is_described():
    for name in layers.__all__:
        assert getattr(layers, name).__doc__.strip()


@pytest.mark.parametrize("name", layers.likelihood_names())
def test_likelihood_of_every_name(name):
    layer = layers.get_likelihood(name, (2, 3))
    assert layer.event_shape == (2, 3)
    distribution = layer.distribution(np.zeros([4, layer.params_size]))
    assert distribution.event_shape == (2, 3)
    draw = distribution.sample(seed=(0, 0))
    layer.support.check(draw.numpy())
    laws.all_finite(distribution.log_prob(draw))


def test_likelihood_arguments_reach_the_layer():
    assert layers.get_likelihood("normal", 3).scale == "shared"
    assert layers.get_likelihood("normal", 3).scale == "learned"
    assert layers.get_likelihood("normal", 3, scale=0.25).scale == 0.25
    layer = layers.get_likelihood("discretized_logistic", 3, low=0, high=15)
    assert (layer.low, layer.high) == (0, 15)


def test_a_layer_is_its_own_likelihood():
    layer = layers.IndependentNormal(2)
    assert layers.get_likelihood(layer, (2,)) is layer


def test_unknown_likelihood_suggests_the_nearest():
    with pytest.raises(ValueError, match="'bernouli'. Did you mean 'bernoulli'"):
        layers.get_likelihood("bernouli", (2,))
    with pytest.raises(ValueError, match="Known: bernoulli, beta, .*student_t"):
        layers.get_likelihood("zzz", (2,))


def test_supports_in_words():
    words = {name: str(case.make().support) for name, case in CASES.items()}
    unit, whole = "[0, 1]", "whole numbers in [0, infinity)"
    expected = {
        "bernoulli": unit,
        "continuous_bernoulli": unit,
        "beta": "(0, 1)",
        "poisson": whole,
        "negative_binomial": whole,
        "mixture_of_poissons": whole,
        "one_hot": "whole numbers in [0, 1]",
        "mixture_of_one_hots": "whole numbers in [0, 1]",
        "categorical": "whole numbers in [0, 2]",
        "discretized_logistic": "whole numbers in [-3, 12]",
    }
    assert words == {name: expected.get(name, "the real numbers") for name in CASES}
