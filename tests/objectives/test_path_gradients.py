"""Gradients along the path, of a model whose bounds are known."""

import laws
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from keras_vae.core.trace import Extras, Trace
from keras_vae.objectives import ELBO, IWAE, STL, DReG

# z ~ N(0, 1), x | z ~ N(A z, NOISE^2), observed once at X.
A, NOISE, X = 1.5, 0.7, 1.2
POSTERIOR = A * X / (A**2 + NOISE**2), NOISE / np.sqrt(A**2 + NOISE**2)
LOC, SCALE = 0.2, 0.6


def gradients(objective, loc=LOC, scale=SCALE, repeats=20_000):
    """Estimates of the gradients by loc, log-scale and A, [repeats, 3]."""
    one = tf.ones([repeats, 1])
    loc, log_scale, slope = loc * one, np.log(scale) * one, A * one
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([loc, log_scale, slope])
        trace = made_trace(loc, log_scale, slope, objective)
        losses = objective(trace)
        losses = losses if objective.players else {"encoder": losses, "decoder": losses}
    encoder = tape.gradient(losses["encoder"], [loc, log_scale])
    return np.concatenate([*encoder, tape.gradient(losses["decoder"], slope)], axis=1)


def made_trace(loc, log_scale, slope, objective):
    q = normal(loc, tf.exp(log_scale))
    z = objective.draw(q, (7, 8))
    p, px = normal(tf.zeros(1), 1.0), normal(slope * z, NOISE)
    x = X * tf.ones_like(loc)
    frozen = normal(*map(tf.stop_gradient, (loc, tf.exp(log_scale))))
    asked = dict.fromkeys(Extras._fields)
    extras = Extras(**{**asked, "frozen_log_q": lambda: frozen.log_prob(z)})
    rates = tfd.kl_divergence(q, p)[tf.newaxis, tf.newaxis]
    log_q, log_p, log_px = q.log_prob(z), p.log_prob(z), px.log_prob(x)
    return Trace(x, z, q, p, px, log_q, log_p, log_px, rates, extras=extras)


def normal(loc, scale):
    return tfd.Independent(tfd.Normal(loc, scale), 1)


def exact_elbo_gradient():
    """In closed form: distortion ((X - A m)^2 + A^2 s^2) / (2 NOISE^2), and the KL."""
    error = X - A * LOC
    by_loc = LOC - A * error / NOISE**2
    by_log_scale = SCALE**2 - 1 + A**2 * SCALE**2 / NOISE**2
    by_slope = (-error * LOC + A * SCALE**2) / NOISE**2
    return np.array([by_loc, by_log_scale, by_slope])


def test_without_the_score_the_gradient_is_still_that_of_the_elbo():
    laws.near_in_standard_errors(gradients(STL()), exact_elbo_gradient())
    laws.near_in_standard_errors(gradients(ELBO(exact_kl=False)), exact_elbo_gradient())


def test_at_the_true_posterior_nothing_is_left_of_the_noise():
    noise = gradients(ELBO(exact_kl=False), *POSTERIOR).std(axis=0)[:2]
    assert (noise > 0.1).all()
    np.testing.assert_allclose(gradients(STL(), *POSTERIOR)[:, :2], 0.0, atol=1e-4)


@pytest.mark.parametrize("num_samples", [1, 2, 8])
def test_doubly_reparameterized_gradients_are_those_of_the_bound(num_samples):
    # Of the same draws, so that the difference has little noise.
    doubly, plain = gradients(DReG(num_samples)), gradients(IWAE(num_samples))
    laws.near_in_standard_errors((doubly - plain)[:, :2], 0.0)
    np.testing.assert_allclose(doubly[:, 2], plain[:, 2], rtol=1e-3, atol=1e-4)
    assert np.abs(plain[:, :2].mean(0)).max() > 0.02


def signal_to_noise(objective):
    given = gradients(objective, repeats=4_000)[:, :2]
    return np.abs(given.mean(axis=0) / given.std(axis=0))


def test_more_draws_raise_the_signal_where_they_drowned_it():
    # Figure 1 of Tucker et al.: 1 / sqrt(K) for IWAE, sqrt(K) for DReG.
    few, many = signal_to_noise(DReG(4)), signal_to_noise(DReG(64))
    assert (many > 1.5 * few).all()
    assert (many > 3 * signal_to_noise(IWAE(64))).all()
