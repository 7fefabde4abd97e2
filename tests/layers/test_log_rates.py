"""Log-rates of the Poisson layer: capped, and with a gradient that leads back."""

import keras
import laws
import numpy as np
import pytest
import tensorflow as tf

from keras_vae import layers

LAYER = layers.IndependentPoisson(1)


def test_rates_stop_growing_where_counts_are_no_longer_exact():
    log_rates = tf.constant([[16.9], [17.0], [17.1], [100.0]])
    means = LAYER.distribution(log_rates).mean()
    laws.close(means, np.exp([[16.9], [17.0], [17.0], [17.0]]))


def test_the_gradient_beyond_the_cap_is_that_at_the_cap():
    _, gradient = laws.score_and_gradient(
        LAYER, tf.constant([[17.0], [18.0], [100.0]]), tf.constant([[3.0]])
    )
    laws.close(gradient, np.full([3, 1], 3.0 - np.exp(17.0)))


@pytest.mark.parametrize("start", [-70.0, 70.0])
def test_a_log_rate_that_ran_away_comes_back(start):
    log_rate = keras.Variable([[start]])
    optimizer, target = keras.optimizers.Adam(0.1), tf.constant([[3.0]])
    values = [start]
    for _ in range(50):
        log_prob, gradient = laws.score_and_gradient(LAYER, log_rate.value, target)
        laws.all_finite(log_prob)
        optimizer.apply([-gradient], [log_rate])
        values.append(float(log_rate.numpy()[0, 0]))
    for one in optimizer.variables:
        laws.all_finite(one)
    distances = np.abs(np.array(values) - np.log(3.0))
    assert np.isfinite(values).all() and (np.diff(distances) < 0).all()
    assert distances[-1] < distances[0] - 2.0
