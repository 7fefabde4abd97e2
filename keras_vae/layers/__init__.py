"""Distribution layers, `tfp.layers` for Keras 3: parameters in, a distribution out."""

from keras_vae.layers.base import (
    DistributionLayer,
    distribution_of,
    negative_log_likelihood,
)
from keras_vae.layers.base import event_tuple as event_tuple
from keras_vae.layers.bernoulli import IndependentBernoulli
from keras_vae.layers.blockwise import Blockwise
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
    IndependentMixture,
    MixtureLogistic,
    MixtureNormal,
    MixtureSameFamily,
)
from keras_vae.layers.normal import IndependentNormal, MultivariateNormalTriL
from keras_vae.layers.power_spherical import PowerSpherical
from keras_vae.layers.quantizers import (
    FiniteScalarQuantizer,
    Quantizer,
    ResidualQuantizer,
    VectorQuantizer,
)
from keras_vae.layers.relaxed import RelaxedOneHotCategorical
from keras_vae.layers.room import ROOM as ROOM
from keras_vae.layers.room import get
from keras_vae.layers.tabular import (
    IndependentLogNormal,
    IndependentOrdinal,
    ZeroInflated,
)

__all__ = [
    "Blockwise",
    "CategoricalMixtureOfOneHotCategorical",
    "Deterministic",
    "DiscretizedLogistic",
    "DistributionLambda",
    "DistributionLayer",
    "FiniteScalarQuantizer",
    "Flow",
    "IndependentBernoulli",
    "IndependentBeta",
    "IndependentCategorical",
    "IndependentContinuousBernoulli",
    "IndependentLaplace",
    "IndependentLogNormal",
    "IndependentLayer",
    "IndependentLogistic",
    "IndependentMixture",
    "IndependentNegativeBinomial",
    "IndependentNormal",
    "IndependentOrdinal",
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
    "Quantizer",
    "RelaxedOneHotCategorical",
    "ResidualQuantizer",
    "VectorQuantizer",
    "ZeroInflated",
    "distribution_of",
    "get",
    "negative_log_likelihood",
]
