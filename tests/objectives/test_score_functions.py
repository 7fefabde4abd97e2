"""Estimators of the ELBO's gradient against enumeration, and their variances."""

import laws
import numpy as np
import pytest
import tensorflow as tf
from objective_cases import LATENT
from two_bits import BITS, LOGITS, Q, estimates, exact, mean_weight

from keras_vae import layers, networks
from keras_vae.core.support import BINARY
from keras_vae.objectives import NVIL, DisARM, LeaveOneOut, ScoreFunction

ESTIMATORS = {
    "score_function": lambda: ScoreFunction(),
    "score_function_of_3": lambda: ScoreFunction(3),
    "nvil": lambda: NVIL(2),
    "leave_one_out_of_2": lambda: LeaveOneOut(2),
    "leave_one_out_of_5": lambda: LeaveOneOut(5),
    "disarm": lambda: DisARM(),
    "disarm_of_3_pairs": lambda: DisARM(3),
}


@pytest.mark.parametrize("name", ESTIMATORS)
def test_the_gradient_is_that_of_the_elbo(name):
    for given, expected in zip(
        estimates(ESTIMATORS[name](), 40_000), exact(1, mean_weight), strict=True
    ):
        assert np.abs(expected).max() > 1e-2
        laws.near_in_standard_errors(given, expected)


def variance(objective, guess=(0.0, 1.0, 0.0)):
    """Of the gradient by the logits, summed over them; draws are counted as equals."""
    _, gradient, _ = estimates(objective, 20_000, guess)
    return objective.num_samples * gradient.var(axis=0).sum()


def test_variances_are_in_the_order_of_the_literature():
    elbo = -exact(1, mean_weight)[0]
    in_order = [
        variance(DisARM()),
        variance(LeaveOneOut(2)),
        variance(ScoreFunction(2)),
    ]
    assert in_order[0] < in_order[1] < in_order[2]
    # A baseline near the mean helps, and one that is read off x is a better guess of it.
    near = variance(ScoreFunction(2), (elbo, 1.0, 0.0))
    guesses = (elbo + 0.5, 1.0, -0.5)
    assert near < 0.5 * in_order[2]
    assert variance(NVIL(2), guesses) < variance(ScoreFunction(2), guesses)


@pytest.mark.parametrize("num_pairs", [1, 4])
def test_pairs_are_opposite_and_each_half_is_drawn_from_q(num_pairs):
    q = Q.distribution(np.tile(LOGITS, (20_000, 1)))
    z = DisARM(num_pairs).draw(q, (1, 2))
    assert z.shape == (2 * num_pairs, 20_000, BITS)
    for half in np.split(z.numpy(), 2):
        for draws in half:
            laws.near_in_standard_errors(draws, tf.sigmoid(LOGITS).numpy())
    # Both are one, or both are zero, no more often than the probabilities force them to.
    one, other = np.split(z.numpy(), 2)
    laws.near_in_standard_errors((one == other)[0], np.abs(2 * tf.sigmoid(LOGITS) - 1))


def test_only_bits_are_drawn_in_pairs():
    with pytest.raises(ValueError, match="DisARM draws independent bits"):
        DisARM().check(LATENT._replace(is_discrete=True))
    DisARM().check(LATENT._replace(is_discrete=True, support=BINARY))
    # Two classes are numbered 0 and 1, too.
    classes = layers.IndependentCategorical(3, num_classes=2)
    with pytest.raises(ValueError, match="DisARM draws independent bits"):
        DisARM().draw(classes.distribution(np.zeros([2, 6])), (1, 2))


def test_a_single_draw_has_no_others():
    with pytest.raises(ValueError, match="at least 2"):
        LeaveOneOut(1)


def test_a_baseline_knows_the_batches_before_this_one():
    baseline = networks.Baseline(networks.dense_encoder((3,), 1, ()), decay=0.5)
    x = np.ones((4, 3), "float32")
    signals = np.random.default_rng(0).normal(-90.0, 3.0, (5, 4)).astype("float32")
    for i, signal in enumerate(signals):
        mean, spread, of_x = baseline(signal, x, training=True)
        assert of_x.shape == (4,)
        weights = 0.5 ** np.arange(i)[::-1]
        before = signals[:i]
        expected = np.average(before.mean(1), weights=weights) if i else 0.0
        np.testing.assert_allclose(mean, expected, rtol=1e-5)
        if i:
            square = np.average((before**2).mean(1), weights=weights)
            expected = max(np.sqrt(square - expected**2), 1e-3 * (1 - expected))
        np.testing.assert_allclose(spread, expected if i else 1.0, rtol=1e-2)
    state = baseline.sums.numpy()
    baseline(signals[0], x)
    np.testing.assert_array_equal(baseline.sums, state)
