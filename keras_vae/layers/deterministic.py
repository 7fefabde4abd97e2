"""A single point instead of a distribution: the posterior of an autoencoder."""

from __future__ import annotations

import keras
from tensorflow_probability import distributions as tfd

from keras_vae.layers.independent import IndependentLayer


@keras.saving.register_keras_serializable("keras_vae")
class Deterministic(IndependentLayer):
    """All probability on one point; parameters: the point.

    As a posterior it makes an autoencoder: `embed`, `reconstruct` and `interpolate` work as
    usual. A point has no density, so there is no rate, no ELBO and no likelihood; the
    objective is `keras_vae.objectives.Reconstruction`, or your own that reads only the
    codes. `sample` draws from the prior. See `IndependentLayer` for the arguments.

    Example:
        >>> Deterministic(16).params_size
        16

    Source:
        Hinton and Salakhutdinov 2006, "Reducing the dimensionality of data with neural
        networks".
    """

    has_density = False

    def make_elements(self, loc):
        """The points."""
        return tfd.Deterministic(loc, validate_args=self.validate_args)

    def summary(self, distribution):
        """The point."""
        return {"center": self.center(distribution)}
