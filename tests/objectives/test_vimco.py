"""VIMCO against enumeration."""

import laws
import numpy as np
import pytest
import tensorflow as tf
from two_bits import KERNEL, LOGITS, Q, estimates, exact, made_trace

from keras_vae.core.trace import Trace
from keras_vae.objectives import IWAE, VIMCO


@pytest.mark.parametrize("num_samples", [2, 3, 5])
def test_the_gradient_is_unbiased(num_samples):
    for given, expected in zip(
        estimates(VIMCO(num_samples), 40_000), exact(num_samples), strict=True
    ):
        assert np.abs(expected).max() > 1e-2
        laws.near_in_standard_errors(given, expected)


def test_without_the_score_it_would_be_biased():
    # What keeps the test above honest: the pathwise gradient of the same draws is wrong.
    _, gradient, _ = estimates(IWAE(3), 40_000)
    error = gradient.std(axis=0) / np.sqrt(len(gradient))
    assert (np.abs(gradient.mean(0) - exact(3)[1]) > 20 * error).any()


def test_comparing_with_the_other_draws_lowers_the_variance():
    _, gradient, _ = estimates(VIMCO(5), 10_000)
    logits = tf.tile(LOGITS[np.newaxis], (10_000, 1))
    kernel = tf.tile(KERNEL[np.newaxis], (10_000, 1, 1))
    z = Q.distribution(logits).sample(5, seed=(3, 4))
    with tf.GradientTape() as tape:
        tape.watch(logits)
        trace = made_trace(logits, kernel, z)
        bound = tf.reduce_logsumexp(trace.log_weight, axis=0) - np.log(5.0)
        plain = -bound - tf.stop_gradient(bound) * tf.reduce_sum(trace.log_q, axis=0)
    plain = tape.gradient(plain, logits).numpy()
    laws.near_in_standard_errors(plain, exact(5)[1])
    assert (gradient.var(axis=0) < 0.5 * plain.var(axis=0)).all()


@pytest.mark.parametrize("num_samples", [2, 3, 7])
def test_a_draw_is_judged_by_what_it_adds_to_the_bound(num_samples):
    """Equations 8 to 10 of Mnih and Rezende, written out a draw at a time."""
    joint, log_q = np.random.default_rng(num_samples).normal(size=(2, num_samples, 1))
    weights = np.exp(joint - log_q)[:, 0]
    signals = []
    for i in range(num_samples):
        others = np.delete(weights, i)
        replaced = np.append(others, np.prod(others) ** (1 / len(others)))
        signals.append(np.log(weights.mean()) - np.log(replaced.mean()))
    empty = dict.fromkeys(("z", "q", "p", "px", "rates"))
    score = tf.Variable(log_q)
    with tf.GradientTape() as tape:
        trace = Trace(
            np.zeros((1, 1)), log_q=score, log_p=joint, log_px=np.zeros_like(joint), **empty
        )
        loss = VIMCO(num_samples)(trace)
    # The bound itself also has a gradient, minus the share of each weight.
    expected = weights / weights.sum() - signals
    laws.close(tape.gradient(loss, score)[:, 0], expected, rtol=1e-9, atol=1e-9)


def test_the_value_is_the_importance_weighted_bound():
    losses, *_ = estimates(VIMCO(4), 50)
    expected, *_ = estimates(IWAE(4), 50)
    laws.close(losses, expected, rtol=1e-6)


@pytest.mark.parametrize("shift", [-1e4, 1e4])
def test_extreme_weights_give_finite_gradients(shift):
    z = tf.constant(np.eye(2, dtype="f4")[:, np.newaxis])
    logits, kernel = tf.constant(LOGITS[np.newaxis]), tf.constant(KERNEL[np.newaxis])
    with tf.GradientTape() as tape:
        tape.watch(logits)
        trace = made_trace(logits, kernel, z)
        losses = VIMCO(2)(trace._replace(log_px=trace.log_px + [[shift], [0.0]]))
    laws.all_finite(losses)
    laws.all_finite(tape.gradient(losses, logits))
