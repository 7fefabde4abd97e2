"""Networks that judge codes, or predict the score of an observation."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf

from keras_vae.core.dtypes import float_dtype
from keras_vae.core.numbers import fraction
from keras_vae.core.replicas import sum_over_replicas
from keras_vae.networks.inputs import latent_input


def code_critic(
    latent_shape: int | Sequence[int], hidden_units: Sequence[int] = (1000, 1000)
) -> keras.Model:
    """A multilayer perceptron from a latent variable to a logit.

    Args:
        latent_shape: Shape of one latent variable; an integer means a vector.
        hidden_units: Width of each hidden layer.

    Returns:
        A model z [B, *latent_shape] -> logit [B, 1].

    Example:
        >>> code_critic(10, (8,)).output_shape
        (None, 1)

    Source:
        Kim and Mnih 2018, "Disentangling by factorising", appendix A (leaky ReLU).
    """
    x, inputs = latent_input(latent_shape)
    for i, units in enumerate(hidden_units):
        x = keras.layers.Dense(units, name=f"hidden_{i + 1}")(x)
        x = keras.layers.LeakyReLU(negative_slope=0.2, name=f"leaky_{i + 1}")(x)
    logit = keras.layers.Dense(1, dtype=float_dtype(), name="logit")(x)
    return keras.Model(inputs, logit, name="critic")


@keras.saving.register_keras_serializable("keras_vae")
class Baseline(keras.layers.Layer):
    """Predicts a learning signal: its running mean, plus a network's output for x.

    The guess is mean + spread * network(x), so that the network learns numbers near one,
    whatever the signal's size. Its precision is at least single.

    Args:
        network: Keras model, x [B, *event] -> [B, 1].
        decay: Share of the running mean and spread that a batch leaves as it is.
        dtype: Dtype or policy; None takes Keras's global one.
        **kwargs: Arguments of `keras.layers.Layer`.

    Raises:
        ValueError: If `decay` is not between 0 and 1.

    Example:
        >>> baseline = Baseline(keras_vae.networks.dense_encoder((6,), 1, (4,)))
        >>> mean, spread, of_x = baseline(tf.ones([8]), tf.zeros([8, 6]), training=True)
        >>> float(mean), float(spread), of_x.shape
        (0.0, 1.0, TensorShape([8]))

    Source:
        Mnih and Gregor 2014, "Neural variational inference and learning in belief
        networks", section 2.3.
    """

    def __init__(self, network: keras.Model, decay: float = 0.9, dtype=None, **kwargs):
        """Creates the layer."""
        # Half precision does not hold the squares of hundreds of nats.
        super().__init__(dtype=float_dtype(dtype), **kwargs)
        if isinstance(network, dict):
            network = keras.saving.deserialize_keras_object(network)
        self.network = network
        self.decay = fraction(decay, "decay")
        # Sums that fade, of the signal, of its square and of ones: their ratios are means
        # from the first batch on.
        self.sums = self.add_weight(
            (3,), "zeros", "float32", trainable=False, name="sums", aggregation="mean"
        )
        self.built = True

    def call(self, signal, x, training=False):
        """Guesses, by the batches before this one; while training, remembers this one.

        Args:
            signal: The learning signals, [B].
            x: Observations [B, *event].
            training: Whether to remember.

        Returns:
            Running mean and spread, scalars, and the network's output for x, [B].
        """
        total, square, count = tf.unstack(tf.convert_to_tensor(self.sums))
        known = count > 0
        count = tf.where(known, count, 1.0)
        mean = total / count
        variance = tf.maximum(square / count - mean**2, 0.0)
        spread = tf.where(known, tf.sqrt(variance), 1.0)
        # A single signal, or equal ones, have no spread to measure by.
        spread = tf.maximum(spread, 1e-3 * (1.0 + tf.abs(mean)))
        if training:
            signal = tf.stop_gradient(tf.cast(signal, tf.float32))
            size = tf.cast(tf.size(signal), tf.float32)
            parts = tf.stack([tf.reduce_sum(signal), tf.reduce_sum(signal**2), size])
            # A replica may have fewer examples than others, or none.
            parts = sum_over_replicas(parts)
            keep = self.decay
            self.sums.assign(keep * self.sums + (1 - keep) * parts / parts[2])
        of_x = tf.cast(self.network(x, training=training), signal.dtype)[:, 0]
        return tf.cast(mean, signal.dtype), tf.cast(spread, signal.dtype), of_x

    def get_config(self):
        """Returns the constructor's arguments."""
        network = keras.saving.serialize_keras_object(self.network)
        return {**super().get_config(), "network": network, "decay": self.decay}
