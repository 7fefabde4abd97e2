"""The objective of an autoencoder."""

from __future__ import annotations

import keras
import tensorflow as tf

from keras_vae.objectives.base import Objective


@keras.saving.register_keras_serializable("keras_vae")
class Reconstruction(Objective):
    """Minimises only the distortion: an autoencoder if the posterior is a point.

    See `Objective` for the argument.

    Example:
        >>> vae = keras_vae.DenseVAE(6, 2, posterior="deterministic")
        >>> vae.compile("adam", objective=Reconstruction())

    Source:
        Hinton and Salakhutdinov 2006, "Reducing the dimensionality of data with neural
        networks".
    """

    needs_density = False

    def call(self, trace, step):
        """-log p(x|z), averaged over the draws."""
        return tf.reduce_mean(trace.distortion, axis=0)
