"""A public layer that is in no list of cases fails here; likelihoods by name."""

import laws
import pytest
from layer_cases import CASES

from keras_vae import layers
from keras_vae.layers.base import DistributionLayer

# Layers whose laws are in `test_special_layers`, and the bases of others.
SPECIAL = {
    layers.Deterministic,
    layers.IndependentLayer,
    layers.PositiveLayer,
    layers.Flow,
    layers.PoincareNormal,
    layers.PowerSpherical,
    layers.VonMisesFisher,
    layers.RelaxedBernoulli,
    layers.RelaxedOneHotCategorical,
    layers.ChoiceLayer,
    layers.RelaxedLayer,
    layers.StraightThroughLayer,
    layers.Quantizer,
    layers.VectorQuantizer,
    layers.FiniteScalarQuantizer,
    layers.ResidualQuantizer,
}


def test_every_public_layer_has_a_case():
    listed = {case.cls for case in CASES.values()} | SPECIAL
    assert listed == laws.public_classes(layers, DistributionLayer)


def test_every_public_name_exists_and_is_described():
    for name in layers.__all__:
        assert getattr(layers, name).__doc__.strip()


def test_likelihood_arguments_reach_the_layer():
    assert layers.get("normal:scale=shared", 3).scale == "shared"
    assert layers.get("normal", 3).scale == "learned"
    assert layers.get("normal:scale=0.25", 3).scale == 0.25
    layer = layers.get("discretized_logistic:low=0,high=15", 3)
    assert (layer.low, layer.high) == (0, 15)


def test_a_layer_is_its_own_likelihood():
    layer = layers.IndependentNormal(2)
    assert layers.get(layer, (2,)) is layer


def test_unknown_likelihood_suggests_the_nearest():
    with pytest.raises(ValueError, match="'bernouli'. Did you mean 'bernoulli'"):
        layers.get("bernouli", (2,))
