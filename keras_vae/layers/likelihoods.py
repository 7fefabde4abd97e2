"""Likelihoods by name, for prebuilt models and the command line."""

from __future__ import annotations

from keras_vae.core.names import unknown
from keras_vae.layers.base import DistributionLayer
from keras_vae.layers.bernoulli import IndependentBernoulli
from keras_vae.layers.discretized_logistic import DiscretizedLogistic
from keras_vae.layers.independent import (
    IndependentBeta,
    IndependentContinuousBernoulli,
    IndependentLaplace,
    IndependentLogistic,
    IndependentNegativeBinomial,
    IndependentPoisson,
    IndependentStudentT,
)
from keras_vae.layers.normal import IndependentNormal

_LIKELIHOODS = {
    "bernoulli": (IndependentBernoulli, {}),
    "beta": (IndependentBeta, {}),
    "continuous_bernoulli": (IndependentContinuousBernoulli, {}),
    "discretized_logistic": (DiscretizedLogistic, {}),
    "laplace": (IndependentLaplace, {}),
    "logistic": (IndependentLogistic, {}),
    "negative_binomial": (IndependentNegativeBinomial, {}),
    "normal": (IndependentNormal, {"scale": "shared"}),
    "normal_learned_scale": (IndependentNormal, {"scale": "learned"}),
    "poisson": (IndependentPoisson, {}),
    "student_t": (IndependentStudentT, {}),
}


def likelihood_names() -> list[str]:
    """Returns the names that `get_likelihood` understands."""
    return sorted(_LIKELIHOODS)


def get_likelihood(
    likelihood: str | DistributionLayer, event_shape, **arguments
) -> DistributionLayer:
    """Returns a likelihood layer for a name.

    Args:
        likelihood: A name of `likelihood_names()`, or a layer, which is returned as it
            is. "normal" is a normal with one shared trainable scale (the sigma-VAE).
        event_shape: Shape of one observation.
        **arguments: Further arguments of the layer, such as `low` and `high` of
            "discretized_logistic" or a number as the `scale` of "normal".

    Returns:
        The layer.

    Raises:
        ValueError: If the name is not known.

    Example:
        >>> get_likelihood("bernoulli", (28, 28, 1)).params_size
        784
    """
    if isinstance(likelihood, DistributionLayer):
        return likelihood
    if likelihood not in _LIKELIHOODS:
        raise unknown("likelihood", likelihood, _LIKELIHOODS)
    layer, defaults = _LIKELIHOODS[likelihood]
    return layer(event_shape, **{**defaults, **arguments})
