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
    rates = tfd.kl_divergence(q, p)[tf.newaxis, tf.newaxis]
    return Trace(
        X * one, z, q, p, px, q.log_prob(z), p.log_prob(z), px.log_prob(X * one), rates
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


def test_free_bits_stop_the_gradient_of_the_small_groups_alone():
    trace = made_trace(1, groups=2)
    threshold = float(np.median(trace.rates))
    rates = tf.Variable(trace.rates)
    with tf.GradientTape() as tape:
        losses = ELBO(free_bits=threshold)(trace._replace(rates=rates))
    gradient = tape.gradient(losses, rates)
    np.testing.assert_array_equal(gradient, (rates > threshold).numpy().astype("float32"))
    assert 0 < np.sum(gradient) < 8


def test_schedule_is_read_in_the_graph():
    objective, trace = ELBO(beta=warm_up()), made_trace(1)
    step = tf.Variable(0, dtype=tf.int64)
    loss = tf.function(lambda: objective(trace, step))
    at_start = loss().numpy()
    step.assign(10)
    laws.close(loss() - at_start, trace.rate[0], atol=1e-4)


def test_only_a_scheduled_beta_is_logged():
    assert ELBO(beta=2.0).logs(3) == {} and IWAE().logs(3) == {}
    assert float(ELBO(beta=warm_up()).logs(3)["beta"]) == pytest.approx(0.3)


@pytest.mark.parametrize(
    "arguments, plain",
    [
        ({}, True),
        ({"beta": 4.0}, False),
        ({"free_bits": 0.1}, False),
        ({"beta": (0.0, 1.0)}, True),
        ({"beta": (1.0, 0.0)}, False),
        ({"beta": (1.0, 4.0)}, False),
        ({"beta": (0.0, 1.0), "free_bits": 0.1}, False),
        ({"exact_kl": False, "num_samples": 3}, True),
    ],
)
def test_a_plain_bound_is_one_whose_weight_ends_at_one(arguments, plain):
    if isinstance(beta := arguments.get("beta"), tuple):
        first, last = beta
        beta = keras.optimizers.schedules.PolynomialDecay(first, 1_000_000, last)
        arguments = {**arguments, "beta": beta}
    assert ELBO(**arguments).is_plain_bound == plain
    assert not IWAE().is_plain_bound


def test_schedule_survives_saving_as_json():
    config = keras.saving.serialize_keras_object(ELBO(beta=warm_up()))
    beta = objectives.get(config).beta
    assert isinstance(beta, keras.optimizers.schedules.PolynomialDecay)
    assert beta.get_config() == warm_up().get_config()


NAMES = {
    "elbo": ELBO,
    "iwae": IWAE,
    "vimco": objectives.VIMCO,
    "beta_tc": objectives.BetaTC,
    "aae": objectives.AAE,
    "capacity": objectives.Capacity,
    "contractive": objectives.Contractive,
    "denoising": objectives.Denoising,
    "disarm": objectives.DisARM,
    "dreg": objectives.DReG,
    "factor_vae": objectives.FactorVAE,
    "hvae": objectives.HVAE,
    "leave_one_out": objectives.LeaveOneOut,
    "nvil": objectives.NVIL,
    "rae": objectives.RAE,
    "score_function": objectives.ScoreFunction,
    "sparse": objectives.Sparse,
    "stl": objectives.STL,
    "ciwae": objectives.CIWAE,
    "dip": objectives.DIP,
    "info_vae": objectives.InfoVAE,
    "miwae": objectives.MIWAE,
    "piwae": objectives.PIWAE,
    "renyi": objectives.Renyi,
    "wae": objectives.WAE,
    "ms_ssim": objectives.MSSSIM,
    "reconstruction": objectives.Reconstruction,
    "adversarial": objectives.Adversarial,
}


def test_every_name_is_that_of_its_class():
    mine = {
        k: v for k, v in objectives.ROOM.parts().items() if "keras_vae." in v.__module__
    }
    assert mine == NAMES
    for name, cls in NAMES.items():
        assert type(objectives.get(name)) is cls


@pytest.mark.parametrize(
    "identifier",
    ["elbo:beta=4,num_samples=3", {"name": "elbo", "beta": 4.0, "num_samples": 3}],
)
def test_arguments_of_names(identifier):
    expected = ELBO(beta=4.0, num_samples=3)
    assert objectives.get(identifier).get_config() == expected.get_config()


def test_an_objective_is_itself():
    objective = IWAE(3)
    assert objectives.get(objective) is objective


@pytest.mark.parametrize(
    "identifier, match",
    [
        ("elbow", "Unknown objective 'elbow'. Did you mean 'elbo'"),
        ("elbo:betta=4", "Unknown argument of the objective elbo: 'betta'.*'beta'"),
        ("elbo:beta=-1", "beta must be finite and not negative"),
        ("vimco:num_samples=1", "at least 2"),
        ("leave_one_out:num_samples=1", "at least 2"),
        ("rae:penalty=l3", "Unknown penalty 'l3'. Did you mean 'l2'"),
        ("denoising:amount=1", "amount must be below 1"),
        ("denoising:corruption=maks", "Did you mean 'mask'"),
        ("adversarial:generator_loss=minmax", "'minmax'. Did you mean 'minimax'"),
        ("adversarial:label_smoothing=1", "label_smoothing must be below 1"),
        ("adversarial:margin=-1", "margin must be"),
        ("adversarial:r1=none", "r1 of .* must be"),
        ("elbo:beta=(warm:steps=3)", "Unknown schedule 'warm'. Did you mean 'warm_up'"),
        ("elbo:beta=(warm_up:steps=0)", "steps must be a positive integer"),
        ("elbo:beta=(cyclical:ramp=1)", "ramp must be below 1"),
        ("renyi:alpha=1", "alpha must not be 1.*Use ELBO"),
        ("ciwae:beta=1", "beta must be below 1"),
        ("dip:kind=iii", "Unknown kind 'iii'. Did you mean 'ii'"),
        ("wae:kernel=rfb", "Unknown kernel 'rfb'. Did you mean 'rbf'"),
        ("wae:bandwidth=0", "bandwidth must be positive"),
        ("miwae:num_bounds=0", "num_bounds must be a positive integer"),
        (ELBO, r"is the class ELBO; pass an object of it: ELBO\(...\)"),
        (None, "objective must be a name"),
        (3, "objective must be a name"),
        (lambda trace, step: 0.0, "derived from Objective"),
    ],
)
def test_what_is_no_objective_is_refused(identifier, match):
    with pytest.raises(ValueError, match=match):
        objectives.get(identifier)
