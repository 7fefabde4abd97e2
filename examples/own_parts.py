"""Two custom parts: a zero-inflated Poisson likelihood and an MMD objective.

keras-vae --import examples/own_parts.py train dense_vae:latent_dim=8 \
        --data counts.npy --likelihood zero_inflated_poisson --objective mmd:weight=100
"""

import keras
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from keras_vae.core.support import COUNTS
from keras_vae.layers import IndependentLayer
from keras_vae.objectives import Number, Objective


@keras.saving.register_keras_serializable("own")
class ZeroInflatedPoisson(IndependentLayer):
    """Counts with additional zeros; parameters: log-rates, logits."""

    num_blocks = 2
    is_discrete = True
    support = COUNTS

    def make_elements(self, log_rate, logits):
        """A Poisson count, or zero with probability sigmoid(logits)."""
        poisson = tfd.Poisson(log_rate=tf.minimum(log_rate, 10.0))
        # Half the logits, since TFP 0.25 inflates with probability sigmoid(2 * logits).
        return tfd.Inflated(poisson, inflated_loc_logits=logits / 2.0, inflated_loc=0.0)


@keras.saving.register_keras_serializable("own")
class MMD(Objective):
    """Distortion plus the distance of codes from prior draws (Tolstikhin et al. 2018)."""

    per_example = False
    needs_density = False
    terms = ("mmd",)
    weight = Number()

    def __init__(self, weight: float = 10.0, **kwargs):
        """Creates the objective."""
        super().__init__(**kwargs)
        self.weight = weight

    def call(self, trace, step):
        """The distortion of each example plus the distance of the batch."""
        z, prior = trace.z[0], trace.p.sample(tf.shape(trace.x)[0], seed=trace.seed)
        mmd = nearness(z, z) + nearness(prior, prior) - 2.0 * nearness(z, prior)
        return tf.reduce_mean(trace.distortion, axis=0) + self.weight * mmd, {"mmd": mmd}

    def get_config(self):
        """Returns the constructor's arguments."""
        return {**super().get_config(), "weight": self.weight}


def nearness(a, b):
    """The mean inverse multiquadratic kernel over all pairs."""
    distance = tf.reduce_sum(tf.square(a[:, tf.newaxis] - b), axis=-1)
    return tf.reduce_mean(1.0 / (1.0 + distance / (2.0 * a.shape[-1])))
