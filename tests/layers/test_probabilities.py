"""Probabilities add up to one, and rounded variables are what they say."""

import laws
import numpy as np
import pytest
import tensorflow as tf
from scipy import special, stats
from scipy.integrate import trapezoid

from keras_vae import layers
from keras_vae.layers.discretized import DiscretizedLogisticDistribution

LOCS = [-3.0, -1.0, -0.99, -0.31, 0.0, 0.5, 1.0, 1.004, 4.0]
RAW_SCALES = [-100.0, -8.0, -4.0, -1.0, 0.0, 3.0, 20.0]


def grid_of_parameters():
    """Locations and raw scales, [63, 2], from far outside to inside, narrow to wide."""
    return np.stack(np.meshgrid(LOCS, RAW_SCALES), -1).reshape(-1, 2).astype("float32")


def probabilities(distribution, values):
    """Probability of each value under each member of the batch, [len(values), B]."""
    shape = (-1, *[1] * (distribution.batch_shape.rank + distribution.event_shape.rank))
    return np.exp(distribution.log_prob(np.reshape(values, shape).astype("float32")))


# Layers of rounded variables, and P(X > t) of location 0 and scale 1.
ROUNDED = {
    layers.DiscretizedLogistic: lambda t: special.expit(-t),
    layers.QuantizedNormal: lambda t: special.ndtr(-t),
}


@pytest.mark.parametrize("cls", ROUNDED)
@pytest.mark.parametrize("low, high", [(0, 255), (0, 1), (-3, 12)])
def test_rounded_variables_sum_to_one(cls, low, high):
    layer = cls((), low, high)
    distribution = layer.distribution(grid_of_parameters())
    total = probabilities(distribution, np.arange(low, high + 1)).sum(0)
    laws.close(total, 1.0, rtol=2e-5)


@pytest.mark.parametrize("cls", ROUNDED)
@pytest.mark.parametrize("low, high", [(0, 255), (0, 1), (-3, 12)])
def test_the_mean_of_rounded_variables_is_the_sum_over_levels(cls, low, high):
    params = grid_of_parameters().astype(float)
    half, levels = (high - low) / 2, np.arange(low, high + 1)
    loc = (low + high) / 2 + half * params[:, 0]
    scale = half * (1e-4 + np.logaddexp(0, params[:, 1]))
    # E x = low + sum of P(x >= k) over the levels k above low, in double precision.
    tails = ROUNDED[cls]((levels[1:, None] - 0.5 - loc) / scale)
    layer = cls((), low, high)
    mean = layer.distribution(params).mean()
    # 2e-4 of a level is promised; the rest is the precision of the locations.
    np.testing.assert_allclose(mean, low + tails.sum(0), rtol=1e-5, atol=2e-4 + 2e-5 * half)


@pytest.mark.parametrize("scale", [0.05, 0.3, 0.5, 0.999, 1.001, 1.5, 4.0])
def test_discretized_logistic_mean_where_the_formula_changes(scale):
    loc = np.linspace(-2, 17, 77)
    distribution = DiscretizedLogisticDistribution(
        loc.astype("float32"), np.float32(scale), 0, 15
    )
    levels = np.arange(16)
    tails = special.expit((loc - (levels[1:, None] - 0.5)) / scale)
    np.testing.assert_allclose(distribution.mean(), tails.sum(0), atol=2e-4)
    by_sum = (levels[:, None] * probabilities(distribution, levels)).sum(0)
    np.testing.assert_allclose(distribution.mean(), by_sum, atol=3e-4)


def test_discretized_logistic_mode_is_the_likeliest_level():
    distribution = layers.DiscretizedLogistic((), -3, 12).distribution(
        np.stack([np.linspace(-2, 2, 41) + 0.013, np.full(41, -3.0)], 1)
    )
    levels = np.arange(-3, 13)
    likeliest = levels[probabilities(distribution, levels).argmax(0)]
    np.testing.assert_array_equal(distribution.mode(), likeliest)


def test_discretized_logistic_draws_have_its_probabilities():
    distribution = layers.DiscretizedLogistic((), 0, 7).distribution([[0.4, -0.5]])
    draws = distribution.sample(20_000, seed=(3, 4)).numpy().astype(int).ravel()
    expected = probabilities(distribution, np.arange(8)).ravel().astype(float)
    observed = np.bincount(draws, minlength=8)
    assert observed.shape == (8,)
    result = stats.chisquare(observed, len(draws) * expected / expected.sum())
    assert result.pvalue > 1e-6


def test_discretized_logistic_keeps_digits_in_the_tails():
    distribution = layers.DiscretizedLogistic((), 0, 255).distribution([[1.0, -5.0]])
    scale = 127.5 * (1e-4 + np.logaddexp(0, -5.0))
    # Far below the location F(x + 1/2) - F(x - 1/2) is exp((x - loc) / scale) times
    # 2 sinh(1 / (2 scale)); the difference of two floats would be 0.
    x = np.array([5.0, 20.0, 100.0])
    expected = (x - 255.0) / scale + np.log(2 * np.sinh(0.5 / scale))
    log_prob = distribution.log_prob(x.reshape(3, 1).astype("float32"))
    laws.close(np.ravel(log_prob), expected, rtol=1e-5)


@pytest.mark.parametrize("low, high", [(0, 0), (5, 2), (0.5, 3)])
def test_discretized_logistic_refuses_levels(low, high):
    with pytest.raises(ValueError, match="whole numbers with low < high"):
        layers.DiscretizedLogistic(3, low, high)


def test_categorical_and_one_hot_sum_to_one():
    params = np.random.default_rng(2).normal(size=(5, 4)) * 3
    categorical = layers.IndependentCategorical((), 4).distribution(params)
    laws.close(probabilities(categorical, np.arange(4)).sum(0), 1.0)
    for layer in [
        layers.OneHotCategorical(4),
        layers.CategoricalMixtureOfOneHotCategorical(4, 2),
    ]:
        wide = np.resize(params, (5, layer.params_size))
        rows = np.eye(4, dtype="float32")[:, None]
        total = np.exp(layer.distribution(wide).log_prob(rows)).sum(0)
        laws.close(total, 1.0)


def test_bernoulli_sums_to_one_and_is_linear_in_grey_values():
    distribution = layers.IndependentBernoulli(()).distribution([[-4.0], [0.0], [30.0]])
    ends = probabilities(distribution, [0, 1])
    laws.close(ends.sum(0), 1.0)
    grey = np.log(probabilities(distribution, [0.3]))[0]
    laws.close(grey, 0.7 * np.log(ends[0]) + 0.3 * np.log(ends[1]), rtol=1e-3)


@pytest.mark.parametrize("logit", [-100.0, -8.0, -0.01, 0.0, 1e-4, 0.003, 0.02, 3.0, 100.0])
def test_continuous_bernoulli_integrates_to_one(logit):
    x = np.linspace(0, 1, 40_001)
    distribution = layers.IndependentContinuousBernoulli(()).distribution([[logit]])
    density = probabilities(distribution, x)[:, 0].astype(float)
    assert trapezoid(density, x) == pytest.approx(1.0, abs=1e-5)
    assert trapezoid(x * density, x) == pytest.approx(
        float(distribution.mean()[0]), abs=1e-5
    )


@pytest.mark.parametrize("params", [[3.0, 2.0], [0.6, 8.0], [5.0, 0.6]])
def test_beta_integrates_to_one(params):
    # Both concentrations are above 1, so the density is bounded.
    x = np.linspace(1e-6, 1 - 1e-6, 40_001)
    distribution = layers.IndependentBeta(()).distribution([params])
    density = probabilities(distribution, x)[:, 0].astype(float)
    assert trapezoid(density, x) == pytest.approx(1.0, abs=1e-3)
    assert trapezoid(x * density, x) == pytest.approx(
        float(distribution.mean()[0]), abs=1e-3
    )


@pytest.mark.parametrize("name", ["poisson", "negative_binomial"])
def test_counts_sum_to_one(name):
    layer = layers.get(name, ())
    params = np.full([1, layer.params_size], 1.0)
    total = probabilities(layer.distribution(params), np.arange(300)).sum()
    assert total == pytest.approx(1.0, abs=1e-5)


INF = np.inf
# A layer, logits of certainty, an event that fits them, and one that does not.
CERTAIN = {
    "bits": (layers.IndependentBernoulli(2), [INF, -INF], [1, 0], [0, 0]),
    "one-hot": (layers.OneHotCategorical(3), [0, -INF, -INF], [1, 0, 0], [0, 1, 0]),
    "classes": (layers.IndependentCategorical(1, 3), [0, -INF, -INF], [0], [2]),
    "a mixture": (
        layers.CategoricalMixtureOfOneHotCategorical(3, 1),
        [0, 0, -INF, -INF],
        [1, 0, 0],
        [0, 0, 1],
    ),
    "no counts": (layers.IndependentPoisson(1), [-INF], [0], [1]),
    "no failures": (layers.IndependentNegativeBinomial(1), [1, -INF], [0], [1]),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("layer, logits, event, other", CERTAIN.values(), ids=list(CERTAIN))
def test_what_is_certain_has_the_log_probability_zero(layer, logits, event, other, dtype):
    layer = type(layer).from_config({**layer.get_config(), "dtype": dtype})
    distribution = layer.distribution(np.array([logits], dtype))
    laws.close(distribution.log_prob(np.array([event], dtype)), [0.0])
    assert distribution.log_prob(np.array([other], dtype))[0] < -1e29


def test_categories_that_are_out_leave_the_others_their_gradients():
    layer = layers.OneHotCategorical(3)
    logits = tf.constant([[0.5, -INF, 0.2]])
    with tf.GradientTape() as tape:
        tape.watch(logits)
        log_prob = layer.distribution(logits).log_prob([[1.0, 0.0, 0.0]])
    share = special.expit(0.3)
    laws.close(log_prob, [np.log(share)])
    laws.close(tape.gradient(log_prob, logits), [[1 - share, 0.0, share - 1]])


def test_a_rank_without_room_leaves_the_others_their_gradients():
    layer = layers.IndependentOrdinal(1, num_classes=4)
    # The third cut point is as high as the second.
    layer.cuts.assign([[-1.0, 0.5, -30.0]])
    with tf.GradientTape() as tape:
        distribution = layer.distribution(tf.zeros([1, 1]))
        log_probs = [distribution.log_prob([[k]])[0] for k in (0.0, 1.0, 2.0, 3.0)]
    laws.all_finite(tape.gradient(log_probs[3], layer.cuts.value))
    cut = special.expit(np.exp(0.5) - 1.0)
    first = special.expit(-1.0)
    laws.close(np.exp(log_probs), [first, cut - first, 0.0, 1 - cut], atol=2e-6)


def test_the_mean_of_a_mixture_of_one_hots_has_a_logarithm():
    layer = layers.CategoricalMixtureOfOneHotCategorical(4, 2)
    params = np.random.default_rng(0).normal(size=(2, 3, layer.params_size))
    distribution = layer.distribution(params)
    laws.close(np.exp(distribution.log_mean()), distribution.mean())
    # Where the mean itself is too small for its precision.
    params = np.zeros((1, layer.params_size), "float32")
    params[:, 2::4] = -200.0
    laws.close(layer.distribution(params).log_mean()[0, 0], -200.0 - np.log(3.0))


def scale(distribution):
    inner = getattr(distribution, "components_distribution", distribution)
    return np.ravel(inner.stddev() if hasattr(inner, "loc") else inner.distribution.scale)


# Layers that stand in tfp.layers too, with the setting that makes them equal: parameters,
# and the number that TFP makes of the last one.
SAME_AS_TFP = {
    "normal": (layers.IndependentNormal, {"floor": 0.0}, [0.0, -10.0]),
    "logistic": (layers.IndependentLogistic, {"floor": 0.0}, [0.0, -10.0]),
    "mixture of normals": (
        lambda **a: layers.MixtureNormal(1, **a),
        {"floor": 0.0},
        [0.0, 0.0, -10.0],
    ),
    "mixture of logistics": (
        lambda **a: layers.MixtureLogistic(1, **a),
        {"floor": 0.0},
        [0.0, 0.0, -10.0],
    ),
}


@pytest.mark.parametrize("make, exact, params", SAME_AS_TFP.values(), ids=list(SAME_AS_TFP))
def test_scales_are_those_of_tfp_without_the_floor(make, exact, params):
    expected = np.log1p(np.exp(-10.0))
    laws.close(scale(make(**exact).distribution([params])), [expected], rtol=1e-5)
    # The floor is no error of rounding there.
    assert scale(make().distribution([params]))[0] > 1.2 * expected
    layer = make(**exact)
    assert type(layer).from_config(layer.get_config()).get_config() == layer.get_config()


def test_a_full_normal_is_that_of_tfp():
    distribution = layers.MultivariateNormalTriL(1).distribution([[0.0, -10.0]])
    laws.close(distribution.stddev(), [[1e-5 + np.log1p(np.exp(-10.0))]], rtol=1e-5)


def test_rates_are_those_of_tfp_without_the_cap():
    exact = layers.IndependentPoisson(1, max_log_rate=None)
    laws.close(exact.distribution([[20.0]]).mean(), [[np.exp(20.0)]], rtol=1e-5)
    laws.close(
        layers.IndependentPoisson(1).distribution([[20.0]]).mean(),
        [[np.exp(17.0)]],
        rtol=1e-5,
    )


def test_what_is_no_rank_has_the_probability_zero():
    distribution = layers.IndependentOrdinal(1, num_classes=3).distribution(
        np.zeros([1, 1])
    )
    for x in (-1.0, 0.5, 3.0, np.nan):
        assert distribution.log_prob([[x]]) == -np.inf
