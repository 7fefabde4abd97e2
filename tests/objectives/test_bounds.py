"""Bounds of a model whose log p(x) is known, and the arguments of the objectives."""

import keras
import laws
import numpy as np
import pytest
import tensorflow as tf
from objective_cases import made_trace, warm_up
from tensorflow_probability import distributions as tfd

from keras_vae import objectives
from keras_vae.core.trace import Trace
from keras_vae.objectives import ELBO, IWAE

# z ~ N(0, 1), x | z ~ N(A z, NOISE^2), observed once at X.
A, NOISE, X = 1.5, 0.7, 1.2
EVIDENCE = tfd.Normal(0.0, np.sqrt(A**2 + NOISE**2)).log_prob(X).numpy()
POSTERIOR = A * X / (A**2 + NOISE**2), NOISE / np.sqrt(A**2 + NOISE**2)


def linear_trace(loc, scale, num_samples, repeats):
    """`repeats` independent passes for the same x, as a batch."""
    one = tf.ones([repeats, 1])
    q = tfd.Independent(tfd.Normal(loc * one, scale * one), 1)
    p = tfd.Independent(tfd.Normal(tf.zeros(1), 1.0), 1)
    z = q.sample(num_samples, seed=(7, 8))
    px = tfd.Independent(tfd.Normal(A * z, NOISE), 1)
    kl = tfd.kl_divergence(q, p)[tf.newaxis]
    return Trace(
        X * one, z, q, p, px, q.log_prob(z), p.log_prob(z), px.log_prob(X * one), kl
    )


def first_draws(trace, n):
    """The trace of the first n draws."""
    return trace._replace(
        log_q=trace.log_q[:n], log_p=trace.log_p[:n], log_px=trace.log_px[:n]
    )


def test_bounds_are_ordered_below_the_evidence():
    trace = linear_trace(0.2, 0.6, 50, 4000)
    losses = [np.asarray(IWAE(n)(first_draws(trace, n))) for n in (1, 5, 50)]
    for looser, tighter in zip(losses, losses[1:], strict=False):
        gain = looser.astype(float) - tighter
        error = gain.std(ddof=1) / np.sqrt(len(gain))
        assert gain.mean() > laws.STANDARD_ERRORS * error
    error = losses[2].std(ddof=1) / np.sqrt(4000)
    assert losses[2].mean() > -EVIDENCE - laws.STANDARD_ERRORS * error
    assert losses[2].mean() < -EVIDENCE + 0.05


def test_mean_importance_weight_is_the_evidence():
    # exp(-IWAE) is an unbiased estimate of p(x), whatever the number of draws.
    trace = linear_trace(0.4, 1.0, 5, 4000)
    for n in (1, 5):
        estimates = np.exp(-np.asarray(IWAE(n)(first_draws(trace, n)), float))
        laws.near_in_standard_errors(estimates, np.exp(EVIDENCE))


def test_elbo_with_and_without_closed_form_agree_in_expectation():
    trace = linear_trace(0.2, 0.6, 1, 20_000)
    difference = ELBO()(trace) - ELBO(exact_kl=False)(trace)
    laws.near_in_standard_errors(difference, 0.0)
    assert np.std(difference) > 0.01


@pytest.mark.parametrize("num_samples", [1, 7])
def test_all_bounds_meet_the_evidence_at_the_true_posterior(num_samples):
    trace = linear_trace(*POSTERIOR, num_samples, 20)
    for objective in [IWAE(num_samples), ELBO(exact_kl=False, num_samples=num_samples)]:
        laws.close(objective(trace), -EVIDENCE, rtol=1e-5)


def test_iwae_of_one_draw_is_the_elbo_with_sampled_rate():
    trace = made_trace(1)
    laws.close(IWAE(1)(trace), ELBO(exact_kl=False)(trace), rtol=1e-6)


@pytest.mark.parametrize("shift", [-1e4, 1e4])
def test_iwae_is_stable_for_extreme_weights(shift):
    trace = made_trace(5)
    shifted = tf.Variable(trace.log_px + shift)
    with tf.GradientTape() as tape:
        losses = IWAE(5)(trace._replace(log_px=shifted))
    laws.close(losses + shift, IWAE(5)(trace), atol=2e-2)
    gradient = tape.gradient(losses, shifted)
    laws.all_finite(gradient)
    laws.close(tf.reduce_sum(gradient, axis=0), -1.0)


def test_elbo_loss_is_minus_the_elbo_of_the_trace():
    trace = made_trace(3)
    laws.close(ELBO(num_samples=3)(trace), -trace.elbo, rtol=1e-6)


def test_free_bits_stop_the_gradient_of_a_small_rate_only():
    trace = made_trace(1)
    rates = np.ravel(trace.kl)
    threshold = float(np.median(rates))
    kl = tf.Variable(trace.kl)
    with tf.GradientTape() as tape:
        losses = ELBO(free_bits=threshold)(trace._replace(kl=kl))
    gradient = np.ravel(tape.gradient(losses, kl))
    np.testing.assert_array_equal(gradient, (rates > threshold).astype("float32"))
    assert 0 < gradient.sum() < 4


def test_schedule_is_read_in_the_graph():
    objective, trace = ELBO(beta=warm_up()), made_trace(1)
    step = tf.Variable(0, dtype=tf.int64)
    loss = tf.function(lambda: objective(trace, step))
    at_start = loss().numpy()
    step.assign(10)
    laws.close(loss() - at_start, trace.kl[0], atol=1e-4)


def test_only_a_scheduled_beta_is_logged():
    assert ELBO(beta=2.0).logs(3) == {} and IWAE().logs(3) == {}
    assert float(ELBO(beta=warm_up()).logs(3)["beta"]) == pytest.approx(0.3)


def test_schedule_survives_saving_as_json():
    config = keras.saving.serialize_keras_object(ELBO(beta=warm_up()))
    beta = objectives.get(config).beta
    assert isinstance(beta, keras.optimizers.schedules.PolynomialDecay)
    assert beta.get_config() == warm_up().get_config()


@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf"), True, "1", None])
@pytest.mark.parametrize("argument", ["beta", "free_bits"])
def test_refused_numbers(argument, value):
    with pytest.raises(ValueError, match=f"{argument} must be"):
        ELBO(**{argument: value})


@pytest.mark.parametrize("number", [np.float32(4), np.float64(4), np.int64(4), 4])
def test_numbers_may_be_numpys(number):
    objective, trace = ELBO(beta=number, free_bits=number), made_trace(1)
    config = objective.get_config()
    assert config["beta"] == config["free_bits"] == 4.0
    assert type(config["beta"]) is type(config["free_bits"]) is float
    expected = ELBO(beta=4.0, free_bits=4.0)
    laws.close(objective(trace), expected(trace), rtol=1e-7)
    assert objective.logs(0) == {}


@pytest.mark.parametrize(
    "name, cls", [("elbo", ELBO), ("ELBO", ELBO), ("iwae", IWAE), ("Iwae", IWAE)]
)
def test_names(name, cls):
    assert type(objectives.get(name)) is cls


def test_an_objective_is_itself():
    objective = IWAE(3)
    assert objectives.get(objective) is objective


def test_unknown_name_suggests_the_nearest():
    with pytest.raises(ValueError, match="'elbow'. Did you mean 'elbo'"):
        objectives.get("elbow")


@pytest.mark.parametrize("objective", [None, 3, lambda trace, step: 0.0, ELBO])
def test_other_things_are_refused(objective):
    with pytest.raises(ValueError, match="must be a name.*or an Objective"):
        objectives.get(objective)
