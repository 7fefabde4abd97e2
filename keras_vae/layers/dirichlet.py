"""Shares: a distribution on the simplex."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from keras_vae.core.numbers import not_negative, positive_int
from keras_vae.core.support import OPEN_SIMPLEX, SIMPLEX, Support
from keras_vae.layers.base import DistributionLayer
from keras_vae.layers.bounded import log_of_gamma
from keras_vae.layers.independent import raw_ones


class _Dirichlet(tfd.Dirichlet):
    """TFP's, whose draws are never 0, and have finite gradients."""

    def _sample_n(self, n, seed=None):
        shares = tf.nn.softmax(log_of_gamma(self.concentration, n, seed))
        return tf.maximum(shares, np.finfo(shares.dtype.as_numpy_dtype).tiny)


@keras.saving.register_keras_serializable("keras_vae")
class Dirichlet(DistributionLayer):
    """The Dirichlet distribution on the simplex; parameters: concentrations.

    Draws have gradients (implicit ones, of gamma variables). As a posterior, its default
    prior is the uniform distribution on the simplex.

    Args:
        event_size: Number of shares, at least 2.
        convert_to_tensor_fn: Output of a call; see `DistributionLayer`.
        floor: Smallest concentration, which is floor + softplus(u). With far smaller ones,
            some shares of draws would be zero in single precision.
        **kwargs: Arguments of `DistributionLayer`.

    Raises:
        ValueError: If the size is below 2.

    Example:
        >>> Dirichlet(3).distribution(tf.zeros([4, 3])).mean().shape
        TensorShape([4, 3])

    Source:
        Figurnov et al. 2018, "Implicit reparameterization gradients"; Joo et al. 2020,
        "Dirichlet variational autoencoder".
    """

    def __init__(self, event_size, convert_to_tensor_fn="sample", *, floor=0.1, **kwargs):
        """Creates the layer."""
        super().__init__(convert_to_tensor_fn=convert_to_tensor_fn, **kwargs)
        self.event_size = positive_int(event_size, "event_size")
        if self.event_size < 2:
            raise ValueError("event_size must be at least 2: a single share is always 1.")
        self.event_shape = (self.event_size,)
        self.floor = not_negative(floor, "floor")

    def compute_params_size(self) -> int:
        """One concentration for each share."""
        return self.event_size

    def make_distribution(self, params):
        """Dirichlet with softplus concentrations."""
        concentration = self.floor + tf.nn.softplus(params)
        return _Dirichlet(concentration, validate_args=self.validate_args)

    def initial_params(self, seed=0):
        """The uniform distribution's."""
        return raw_ones(self.event_size, self.floor)

    @property
    def support(self) -> Support:
        """Numbers that add up to 1."""
        return SIMPLEX

    @property
    def accepts(self) -> Support:
        """Positive numbers that add up to 1: where one is 0, there may be no density."""
        return OPEN_SIMPLEX

    def get_config(self):
        """Returns the constructor's arguments."""
        config = {"event_size": self.event_size, "floor": self.floor}
        return {**super().get_config(), **config}
