"""What a trace derives from its numbers."""

import laws
import numpy as np
import pytest
import tensorflow as tf

from keras_vae.core.replicas import num_replicas, sum_over_replicas
from keras_vae.core.trace import Trace

RNG = np.random.default_rng(0)
LOG_Q, LOG_P, LOG_PX = RNG.normal(size=(3, 5, 4)).astype("float32")
GROUPS = RNG.uniform(1.0, 2.0, (2, 1, 4)).astype("float32")


def trace(rates=None):
    """A trace of five draws for four examples; only its numbers are read."""
    parts = {"x": None, "z": None, "q": None, "p": None, "px": None}
    rates = (LOG_Q - LOG_P)[np.newaxis] if rates is None else rates
    return Trace(**parts, log_q=LOG_Q, log_p=LOG_P, log_px=LOG_PX, rates=rates)


def test_the_rate_is_the_sum_over_groups():
    laws.close(trace(GROUPS).rate, GROUPS.sum(axis=0))
    laws.close(trace().rate, LOG_Q - LOG_P)
    laws.close(trace(GROUPS).sampled_rate, LOG_Q - LOG_P)


@pytest.mark.parametrize("rates", [None, GROUPS])
def test_distortion_and_weights(rates):
    laws.close(trace(rates).distortion, -LOG_PX)
    laws.close(trace(rates).log_joint, LOG_PX + LOG_P)
    laws.close(trace(rates).log_weight, LOG_PX + LOG_P - LOG_Q)


def test_elbo_is_the_mean_over_draws():
    laws.close(trace().elbo, np.mean(LOG_PX + LOG_P - LOG_Q, axis=0))
    laws.close(trace(GROUPS).elbo, LOG_PX.mean(0) - GROUPS.sum(axis=(0, 1)))


def test_one_replica_without_a_strategy():
    value = tf.constant([1.0, 2.0])
    assert num_replicas() == 1
    assert sum_over_replicas(value) is value
