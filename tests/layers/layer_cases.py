"""Every distribution layer, with the log-probability that its docstring promises.

The oracles are written with SciPy and read the parameters of one example, so that the
order of the parameters and their transformation are tested together.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field

import keras
import numpy as np
from scipy import special, stats
from tensorflow_probability import distributions as tfd

from keras_vae import layers


def positive(u, floor=1e-5):
    return floor + np.logaddexp(0.0, u)


def normal(params, x):
    loc, scale = params.reshape(2, x.size)
    return stats.norm.logpdf(x.ravel(), loc, positive(scale)).sum()


def normal_of_scale(scale):
    return lambda params, x: stats.norm.logpdf(x.ravel(), params, scale).sum()


def normal_tril(params, x, off_diagonal_scale=1.0):
    a = params[3:]
    lower = np.array([[a[3], 0, 0], [a[5], a[4], 0], [a[2], a[1], a[0]]])
    lower = np.diag(positive(np.diag(lower))) + off_diagonal_scale * np.tril(lower, -1)
    return stats.multivariate_normal.logpdf(x, params[:3], lower @ lower.T)


def logistic(params, x):
    loc, scale = params.reshape(2, x.size)
    return stats.logistic.logpdf(x.ravel(), loc, positive(scale)).sum()


def laplace(params, x):
    loc, scale = params.reshape(2, x.size)
    return stats.laplace.logpdf(x.ravel(), loc, positive(scale)).sum()


def student_t(params, x):
    loc, scale, df = params.reshape(3, x.size)
    return stats.t.logpdf(x.ravel(), positive(df, 2.01), loc, positive(scale)).sum()


def poisson(params, x):
    return stats.poisson.logpmf(x.ravel(), np.exp(params)).sum()


def negative_binomial(params, x):
    count, logits = params.reshape(2, x.size)
    return stats.nbinom.logpmf(x.ravel(), positive(count), special.expit(-logits)).sum()


def beta(params, x):
    one, zero = params.reshape(2, x.size)
    return stats.beta.logpdf(x.ravel(), positive(one, 1e-3), positive(zero, 1e-3)).sum()


def bernoulli(params, x):
    p, x = special.expit(params), x.ravel()
    return (special.xlogy(x, p) + special.xlogy(1 - x, 1 - p)).sum()


def continuous_bernoulli(params, x):
    odd = 1 - 2 * special.expit(params)
    return bernoulli(params, x) + np.log(2 * np.arctanh(odd) / odd).sum()


def categorical(params, x):
    logits = special.log_softmax(params.reshape(x.size, -1), axis=-1)
    return logits[np.arange(x.size), x.ravel().astype(int)].sum()


def one_hot(params, x):
    return (special.log_softmax(params.reshape(x.shape), axis=-1) * x).sum()


def discretized_logistic(low, high):
    def oracle(params, x):
        u, scale = params.reshape(2, x.size)
        loc, half = (low + high) / 2, (high - low) / 2
        cdf = stats.logistic(loc + half * u, half * positive(scale, 1e-4)).cdf
        x = x.ravel()
        upper = np.where(x == high, 1.0, cdf(x + 0.5))
        return np.log(upper - np.where(x == low, 0.0, cdf(x - 0.5))).sum()

    return oracle


def quantized_normal(low, high):
    def oracle(params, x):
        u, scale = params.reshape(2, x.size)
        loc, half = (low + high) / 2, (high - low) / 2
        x = x.ravel()
        end = np.where(x == high, np.inf, x + 0.5) - loc - half * u
        start = np.where(x == low, -np.inf, x - 0.5) - loc - half * u
        # On the side where no number is near 1.
        right = start + end > 0
        start, end = np.where(right, -end, start), np.where(right, -start, end)
        cdf = stats.norm(0, half * positive(scale, 1e-4)).cdf
        return np.log(cdf(end) - cdf(start)).sum()

    return oracle


def truncated_normal(low, high):
    def oracle(params, x):
        u, scale = params.reshape(2, x.size)
        loc = low + (high - low) * special.expit(u)
        scale = (high - low) * positive(scale, 1e-3)
        ends = (low - loc) / scale, (high - loc) / scale
        return stats.truncnorm.logpdf(x.ravel(), *ends, loc, scale).sum()

    return oracle


def kumaraswamy(params, x):
    a, b = positive(params.reshape(2, x.size), 0.1)
    x = x.ravel()
    return (np.log(a * b) + (a - 1) * np.log(x) + (b - 1) * np.log1p(-(x**a))).sum()


def gamma(params, x):
    concentration, rate = params.reshape(2, x.size)
    shape = positive(concentration, 0.1)
    return stats.gamma.logpdf(x.ravel(), shape, scale=1 / positive(rate)).sum()


def dirichlet(params, x):
    x = x.astype(np.float64)
    return stats.dirichlet.logpdf(x / x.sum(), positive(params, 0.1))


def low_rank_normal(params, x):
    factor = params[6:].reshape(3, 2)
    covariance = np.diag(positive(params[3:6], 1e-4)) + factor @ factor.T
    return stats.multivariate_normal.logpdf(x, params[:3], covariance)


def mixture(num_components, component):
    def oracle(params, x):
        weights = special.log_softmax(params[:num_components])
        each = params[num_components:].reshape(num_components, -1)
        scores = [component(one, x) for one in each]
        return special.logsumexp(weights + scores)

    return oracle


def log_normal(params, x):
    loc, scale = params.reshape(2, x.size)
    return stats.lognorm.logpdf(x, positive(scale), scale=np.exp(loc)).sum()


def elementwise_mixture(num_components, component):
    def oracle(params, x):
        scores = []
        for of_element, one in zip(params.reshape(x.size, -1), x, strict=True):
            weights = special.log_softmax(of_element[:num_components])
            parts = of_element[num_components:].reshape(num_components, -1)
            each = [component(part, np.array([one])) for part in parts]
            scores.append(special.logsumexp(weights + each))
        return np.sum(scores)

    return oracle


def zero_inflated_poisson(params, x):
    logits, log_rates = params.reshape(2, x.size)
    share = special.expit(logits)
    counts = stats.poisson.pmf(x, np.exp(log_rates))
    return np.log(share * (x == 0) + (1 - share) * counts).sum()


def ordinal(params, x):
    """Cut points at the quartiles of the logistic distribution."""
    cuts = np.array([-np.inf, special.logit(0.25), 0.0, special.logit(0.75), np.inf])
    below = special.expit(cuts - params[:, np.newaxis])
    return np.log(np.diff(below)[np.arange(x.size), x.astype(int)]).sum()


def table(params, x):
    classes = categorical(params[4:10], x[[1, 3]])
    return normal(params[:4], x[[0, 2]]) + classes + poisson(params[10:], x[4:])


def make_table():
    return [
        layers.IndependentNormal(2),
        layers.IndependentCategorical(2, num_classes=3),
        layers.IndependentPoisson(1),
    ]


def rows(rng, shape):
    x = rng.normal(size=shape)
    x[..., [1, 3]] = rng.integers(0, 3, (*shape[:-1], 2))
    x[..., 4] = rng.poisson(3.0, shape[:-1])
    return x


def gumbel(params, x):
    return stats.gumbel_r.logpdf(x, params, 2.0).sum()


@keras.saving.register_keras_serializable("keras_vae_tests")
def make_gumbel(params):
    """A distribution that has no layer of its own."""
    return tfd.Independent(tfd.Gumbel(params, 2.0), 1)


def reals(rng, shape):
    return rng.normal(size=shape)


def counts(rng, shape):
    return rng.poisson(3.0, shape)


def units(rng, shape):
    return rng.choice([0.0, 0.1, 0.35, 0.8, 1.0], shape)


def open_units(rng, shape):
    return rng.uniform(0.02, 0.98, shape)


def classes(n):
    return lambda rng, shape: rng.integers(0, n, shape)


def positives(rng, shape):
    return np.exp(rng.normal(size=shape))


def shares(rng, shape):
    return rng.dirichlet(np.ones(shape[-1]), shape[:-1])


def one_hots(rng, shape):
    return np.eye(shape[-1])[rng.integers(0, shape[-1], shape[:-1])]


@dataclass(frozen=True)
class LayerCase:
    """A layer, its sizes, its oracle and data from its support.

    `fixed` is a conversion deterministically; `extremes` are parameters at which the
    probability still fits into single precision.
    """

    cls: type
    arguments: dict
    event_shape: tuple
    params_size: int
    oracle: Callable
    data: Callable = reals
    fixed: str = "mean"
    extremes: tuple = (-100.0, 100.0)
    size_arguments: dict | None = field(default=None)

    def make(self, **more):
        """Makes the layer."""
        arguments = dict(self.arguments)
        for name in ("component_layer", "blocks"):
            if callable(arguments.get(name)):
                arguments[name] = arguments[name]()
        return self.cls(**arguments, seed=11, **more)

    def params(self, *batch, seed=0):
        """Parameters [*batch, params_size]."""
        rng = np.random.default_rng(seed)
        return rng.normal(size=(*batch, self.params_size)).astype("float32")

    def x(self, *batch, seed=1):
        """Observations [*batch, *event_shape] from the support."""
        rng = np.random.default_rng(seed)
        return self.data(rng, (*batch, *self.event_shape)).astype("float32")


def case(cls, arguments, event_shape, params_size, oracle, data=reals, **more):
    return LayerCase(cls, arguments, event_shape, params_size, oracle, data, **more)


def shaped(*event_shape):
    return {"event_shape": event_shape}


CASES = {
    "normal": case(layers.IndependentNormal, shaped(2, 3), (2, 3), 12, normal),
    "normal_scalar": case(layers.IndependentNormal, {}, (), 2, normal),
    "normal_shared": case(
        layers.IndependentNormal,
        {"event_shape": 3, "scale": "shared"},
        (3,),
        3,
        normal_of_scale(1.00001),
    ),
    "normal_fixed": case(
        layers.IndependentNormal,
        {"event_shape": [3], "scale": 0.5},
        (3,),
        3,
        normal_of_scale(0.5),
    ),
    "normal_narrow": case(
        layers.IndependentNormal,
        {"event_shape": [3], "scale": 1e-6},
        (3,),
        3,
        normal_of_scale(1e-6),
    ),
    "normal_tril": case(
        layers.MultivariateNormalTriL, {"event_size": 3}, (3,), 9, normal_tril,
        # Three divisions by a diagonal of 1e-5 leave the range of single precision.
        extremes=(-10.0, 10.0),
    ),
    "normal_tril_scaled": case(
        layers.MultivariateNormalTriL, {"event_size": 3, "off_diagonal_scale": 0.25},
        (3,), 9, functools.partial(normal_tril, off_diagonal_scale=0.25),
        extremes=(-10.0, 10.0),
    ),
    "logistic": case(layers.IndependentLogistic, shaped(3), (3,), 6, logistic),
    "laplace": case(layers.IndependentLaplace, shaped(2, 1), (2, 1), 4, laplace),
    "student_t": case(layers.IndependentStudentT, shaped(2), (2,), 6, student_t),
    "poisson": case(
        layers.IndependentPoisson, shaped(3), (3,), 3, poisson, counts,
    ),
    "negative_binomial": case(
        layers.IndependentNegativeBinomial, shaped(2), (2,), 4, negative_binomial,
        counts,
    ),
    "beta": case(layers.IndependentBeta, shaped(2), (2,), 4, beta, open_units),
    "continuous_bernoulli": case(
        layers.IndependentContinuousBernoulli, shaped(3), (3,), 3,
        continuous_bernoulli, units,
    ),
    "bernoulli": case(
        layers.IndependentBernoulli, shaped(2, 2, 1), (2, 2, 1), 4, bernoulli, units
    ),
    "categorical": case(
        layers.IndependentCategorical, {"event_shape": (2, 2), "num_classes": 3},
        (2, 2), 12, categorical, classes(3), fixed="mode",
    ),
    "one_hot": case(layers.OneHotCategorical, shaped(4), (4,), 4, one_hot, one_hots),
    "one_hot_groups": case(
        layers.OneHotCategorical, shaped(2, 3), (2, 3), 6, one_hot, one_hots
    ),
    "straight_through_bernoulli": case(
        layers.StraightThroughBernoulli, shaped(3), (3,), 3, bernoulli, classes(2)
    ),
    "straight_through_one_hot": case(
        layers.StraightThroughOneHotCategorical,
        {"event_shape": (2, 3), "temperature": 0.5}, (2, 3), 6, one_hot, one_hots,
    ),
    "discretized_logistic": case(
        layers.DiscretizedLogistic, {"event_shape": 3, "low": -3, "high": 12},
        (3,), 6, discretized_logistic(-3, 12),
        lambda rng, shape: rng.integers(-3, 13, shape),
    ),
    "mixture_normal": case(
        layers.MixtureNormal, {"num_components": 3, "event_shape": 2}, (2,), 15,
        mixture(3, normal),
    ),
    "mixture_logistic": case(
        layers.MixtureLogistic, {"num_components": 2, "event_shape": (2, 1)}, (2, 1), 10,
        mixture(2, logistic),
    ),
    "mixture_of_poissons": case(
        layers.MixtureSameFamily,
        {
            "num_components": 2,
            "component_layer": lambda: layers.IndependentPoisson(2),
        },
        (2,), 6, mixture(2, poisson), counts,
        size_arguments={"num_components": 2, "component_params_size": 2},
    ),
    "mixture_of_one_hots": case(
        layers.CategoricalMixtureOfOneHotCategorical,
        {"event_size": 3, "num_components": 2}, (3,), 8, mixture(2, one_hot), one_hots,
    ),
    "log_normal": case(
        layers.IndependentLogNormal, shaped(2), (2,), 4, log_normal,
        positives, extremes=(-20.0, 20.0),
    ),
    "gamma": case(
        layers.IndependentGamma, shaped(2), (2,), 4, gamma, positives,
    ),
    "truncated_normal": case(
        layers.IndependentTruncatedNormal, {"event_shape": 3, "low": -1.0, "high": 2.0},
        (3,), 6, truncated_normal(-1.0, 2.0),
        lambda rng, shape: rng.uniform(-1.0, 2.0, shape), extremes=(-20.0, 20.0),
    ),
    "kumaraswamy": case(
        layers.IndependentKumaraswamy, shaped(2), (2,), 4, kumaraswamy, open_units
    ),
    "dirichlet": case(
        layers.Dirichlet, {"event_size": 3}, (3,), 3, dirichlet, shares,
    ),
    "low_rank_normal": case(
        layers.MultivariateNormalLowRank, {"event_size": 3, "rank": 2}, (3,), 12,
        low_rank_normal, extremes=(-10.0, 10.0),
    ),
    "quantized_normal": case(
        layers.QuantizedNormal, {"event_shape": 3, "low": -3, "high": 12},
        (3,), 6, quantized_normal(-3, 12),
        lambda rng, shape: rng.integers(-3, 13, shape),
    ),
    "mixture": case(
        layers.IndependentMixture, {"event_shape": 2, "num_components": 3}, (2,), 18,
        elementwise_mixture(3, normal),
    ),
    "mixture_of_levels": case(
        layers.IndependentMixture,
        {
            "event_shape": 2,
            "num_components": 2,
            "component": "discretized_logistic:low=0,high=9",
        },
        (2,), 12, elementwise_mixture(2, discretized_logistic(0, 9)), classes(10),
    ),
    "zero_inflated": case(
        layers.ZeroInflated, shaped(3), (3,), 6, zero_inflated_poisson,
        lambda rng, shape: rng.poisson(3.0, shape) * rng.integers(0, 2, shape),
    ),
    "ordinal": case(
        layers.IndependentOrdinal, {"event_shape": 3, "num_classes": 4}, (3,), 3, ordinal,
        classes(4), fixed="mode",
    ),
    "blockwise": case(
        layers.Blockwise,
        {"blocks": make_table, "columns": [[0, 2], [1, 3], [4]]},
        (5,), 11, table, rows, fixed="mode",
    ),
    "lambda": case(
        layers.DistributionLambda,
        {"make_distribution_fn": make_gumbel, "params_size": 3, "event_shape": 3},
        (3,), 3, gumbel,
    ),
}  # fmt: skip
