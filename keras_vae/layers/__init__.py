"""Distribution layers, `tfp.layers` for Keras 3: parameters in, a distribution out."""

from typing import Any

from keras_vae.core.parts import Room
from keras_vae.layers.base import (
    DistributionLayer,
    distribution_of,
    event_tuple,
    negative_log_likelihood,
)
from keras_vae.layers.bernoulli import IndependentBernoulli
from keras_vae.layers.categorical import IndependentCategorical, OneHotCategorical
from keras_vae.layers.deterministic import Deterministic
from keras_vae.layers.discretized_logistic import DiscretizedLogistic
from keras_vae.layers.distribution_lambda import DistributionLambda
from keras_vae.layers.flow import Flow
from keras_vae.layers.independent import (
    IndependentBeta,
    IndependentContinuousBernoulli,
    IndependentLaplace,
    IndependentLayer,
    IndependentLogistic,
    IndependentNegativeBinomial,
    IndependentPoisson,
    IndependentStudentT,
    PositiveLayer,
)
from keras_vae.layers.kl import KLDivergenceAddLoss, KLDivergenceRegularizer
from keras_vae.layers.mixture import (
    CategoricalMixtureOfOneHotCategorical,
    MixtureLogistic,
    MixtureNormal,
    MixtureSameFamily,
)
from keras_vae.layers.normal import IndependentNormal, MultivariateNormalTriL
from keras_vae.layers.power_spherical import PowerSpherical
from keras_vae.layers.relaxed import RelaxedOneHotCategorical

__all__ = [
    "CategoricalMixtureOfOneHotCategorical",
    "Deterministic",
    "DiscretizedLogistic",
    "DistributionLambda",
    "DistributionLayer",
    "Flow",
    "IndependentBernoulli",
    "IndependentBeta",
    "IndependentCategorical",
    "IndependentContinuousBernoulli",
    "IndependentLaplace",
    "IndependentLayer",
    "IndependentLogistic",
    "IndependentNegativeBinomial",
    "IndependentNormal",
    "IndependentPoisson",
    "IndependentStudentT",
    "KLDivergenceAddLoss",
    "KLDivergenceRegularizer",
    "MixtureLogistic",
    "MixtureNormal",
    "MixtureSameFamily",
    "MultivariateNormalTriL",
    "OneHotCategorical",
    "PositiveLayer",
    "PowerSpherical",
    "RelaxedOneHotCategorical",
    "distribution_of",
    "get",
    "negative_log_likelihood",
]

ROOM = Room("distribution layer", DistributionLayer)


def get(identifier: Any, event_shape=None, **given: Any) -> DistributionLayer:
    """Returns a distribution layer for a name, a description or a layer.

    Args:
        identifier: Such as "bernoulli", "normal:scale=shared",
            {"name": "flow", "num_layers": 8}, or a layer.
        event_shape: Shape of one event, for layers that are made here.
        **given: Further arguments for layers that take them, such as the `low` and `high`
            of the data's levels.

    Returns:
        The layer.

    Raises:
        ValueError: If the name or an argument is not known, or a layer for vectors is
            asked for another shape.

    Example:
        >>> get("bernoulli", (28, 28, 1)).params_size
        784
    """
    if event_shape is not None:
        given["event_shape"] = event_shape = event_tuple(event_shape)
        if len(event_shape) == 1:
            given["event_size"] = event_shape[0]
    return ROOM.get(identifier, **given)
