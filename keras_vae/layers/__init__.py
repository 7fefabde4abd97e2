"""Distribution layers, `tfp.layers` for Keras 3: parameters in, a distribution out."""

from keras_vae.layers.base import (
    DistributionLayer,
    distribution_of,
    negative_log_likelihood,
)
from keras_vae.layers.base import event_tuple as event_tuple
from keras_vae.layers.bernoulli import IndependentBernoulli
from keras_vae.layers.blockwise import Blockwise
from keras_vae.layers.bounded import (
    IndependentBeta,
    IndependentKumaraswamy,
    IndependentTruncatedNormal,
)
from keras_vae.layers.categorical import (
    ChoiceLayer,
    IndependentCategorical,
    OneHotCategorical,
)
from keras_vae.layers.deterministic import Deterministic
from keras_vae.layers.dirichlet import Dirichlet
from keras_vae.layers.discretized import DiscretizedLogistic, QuantizedNormal
from keras_vae.layers.distribution_lambda import DistributionLambda
from keras_vae.layers.flow import Flow
from keras_vae.layers.independent import (
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
from keras_vae.layers.normal import (
    IndependentNormal,
    MultivariateNormalLowRank,
    MultivariateNormalTriL,
)
from keras_vae.layers.poincare import PoincareNormal
from keras_vae.layers.power_spherical import PowerSpherical, VonMisesFisher
from keras_vae.layers.quantizers import (
    FiniteScalarQuantizer,
    Quantizer,
    ResidualQuantizer,
    VectorQuantizer,
)
from keras_vae.layers.relaxed import (
    RelaxedBernoulli,
    RelaxedLayer,
    RelaxedOneHotCategorical,
)
from keras_vae.layers.room import ROOM as ROOM
from keras_vae.layers.room import get
from keras_vae.layers.straight_through import (
    StraightThroughBernoulli,
    StraightThroughLayer,
    StraightThroughOneHotCategorical,
)
from keras_vae.layers.tabular import (
    IndependentGamma,
    IndependentLogNormal,
    IndependentOrdinal,
    ZeroInflated,
)

__all__ = [
    "Blockwise",
    "CategoricalMixtureOfOneHotCategorical",
    "ChoiceLayer",
    "Deterministic",
    "Dirichlet",
    "DiscretizedLogistic",
    "DistributionLambda",
    "DistributionLayer",
    "FiniteScalarQuantizer",
    "Flow",
    "IndependentBernoulli",
    "IndependentBeta",
    "IndependentCategorical",
    "IndependentContinuousBernoulli",
    "IndependentGamma",
    "IndependentKumaraswamy",
    "IndependentLaplace",
    "IndependentLayer",
    "IndependentLogNormal",
    "IndependentLogistic",
    "IndependentMixture",
    "IndependentNegativeBinomial",
    "IndependentNormal",
    "IndependentOrdinal",
    "IndependentPoisson",
    "IndependentStudentT",
    "IndependentTruncatedNormal",
    "KLDivergenceAddLoss",
    "KLDivergenceRegularizer",
    "MixtureLogistic",
    "MixtureNormal",
    "MixtureSameFamily",
    "MultivariateNormalLowRank",
    "MultivariateNormalTriL",
    "OneHotCategorical",
    "PoincareNormal",
    "PositiveLayer",
    "PowerSpherical",
    "QuantizedNormal",
    "Quantizer",
    "RelaxedBernoulli",
    "RelaxedLayer",
    "RelaxedOneHotCategorical",
    "ResidualQuantizer",
    "StraightThroughBernoulli",
    "StraightThroughLayer",
    "StraightThroughOneHotCategorical",
    "VectorQuantizer",
    "VonMisesFisher",
    "ZeroInflated",
    "distribution_of",
    "get",
    "negative_log_likelihood",
]
