"""Distribution layers, `tfp.layers` for Keras 3: parameters in, a distribution out."""

from keras_vae.layers.base import (
    DistributionLayer,
    distribution_of,
    negative_log_likelihood,
)
from keras_vae.layers.bernoulli import IndependentBernoulli
from keras_vae.layers.categorical import IndependentCategorical, OneHotCategorical
from keras_vae.layers.discretized_logistic import DiscretizedLogistic
from keras_vae.layers.distribution_lambda import DistributionLambda
from keras_vae.layers.independent import (
    IndependentBeta,
    IndependentContinuousBernoulli,
    IndependentLaplace,
    IndependentLogistic,
    IndependentNegativeBinomial,
    IndependentPoisson,
    IndependentStudentT,
)
from keras_vae.layers.kl import KLDivergenceAddLoss, KLDivergenceRegularizer
from keras_vae.layers.likelihoods import get_likelihood, likelihood_names
from keras_vae.layers.mixture import (
    CategoricalMixtureOfOneHotCategorical,
    MixtureLogistic,
    MixtureNormal,
    MixtureSameFamily,
)
from keras_vae.layers.normal import IndependentNormal, MultivariateNormalTriL

__all__ = [
    "CategoricalMixtureOfOneHotCategorical",
    "DiscretizedLogistic",
    "DistributionLambda",
    "DistributionLayer",
    "IndependentBernoulli",
    "IndependentBeta",
    "IndependentCategorical",
    "IndependentContinuousBernoulli",
    "IndependentLaplace",
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
    "distribution_of",
    "get_likelihood",
    "likelihood_names",
    "negative_log_likelihood",
]
