"""What a trace derives from its numbers."""

import laws
import numpy as np
import pytest
import tensorflow as tf

from keras_vae.core.replicas import num_replicas, sum_over_replicas
from keras_vae.core.trace import Trace

RNG = np.random.default_rng(0)
LOG_Q, LOG_P, LOG_PX = RNG.normal(size=(3, 5, 4)).astype("float32")
KL = RNG.uniform(1.0, 2.0, (1, 4)).astype("float32")


def trace(kl=None):
    """A trace of five draws for four examples; only its numbers are read."""
    parts = {"x": None, "z": None, "q": None, "p": None, "px": None}
    return Trace(**parts, log_q=LOG_Q, log_p=LOG_P, log_px=LOG_PX, kl=kl)


def test_rate_is_exact_where_it_can_be():
    laws.close(trace(KL).rate, KL)
    laws.close(trace().rate, LOG_Q - LOG_P)
    laws.close(trace(KL).sampled_rate, LOG_Q - LOG_P)


@pytest.mark.parametrize("kl", [None, KL])
def test_distortion_and_weights(kl):
    laws.close(trace(kl).distortion, -LOG_PX)
    laws.close(trace(kl).log_weight, LOG_PX + LOG_P - LOG_Q)


def test_elbo_is_the_mean_over_draws():
    laws.close(trace().elbo, np.mean(LOG_PX + LOG_P - LOG_Q, axis=0))
    laws.close(trace(KL).elbo, LOG_PX.mean(0) - KL[0])


def test_one_replica_without_a_strategy():
    value = tf.constant([1.0, 2.0])
    assert num_replicas() == 1
    assert sum_over_replicas(value) is value
