"""The uniform prior over directions."""

from __future__ import annotations

import keras
from tensorflow_probability import distributions as tfd

from keras_vae.core.support import SPHERE, Support
from keras_vae.priors.base import Prior


@keras.saving.register_keras_serializable("keras_vae")
class UniformOnSphere(Prior):
    """The uniform distribution on the unit sphere.

    The prior for `keras_vae.layers.PowerSpherical`; their divergence has a closed form.
    See `Prior` for the arguments.

    Example:
        >>> UniformOnSphere(3).distribution().sample(2, seed=(0, 1)).shape
        TensorShape([2, 3])

    Source:
        Davidson et al. 2018, "Hyperspherical variational auto-encoders".
    """

    def make_weights(self):
        """Creates no weights; checks that vectors have at least two numbers."""
        if len(self.event_shape) != 1 or self.event_shape[0] < 2:
            raise ValueError(
                "UniformOnSphere is a prior over vectors of at least 2 numbers, but the "
                f"latent variable has shape {self.event_shape}."
            )

    def make_distribution(self, y=None):
        """Uniform on the sphere."""
        return tfd.SphericalUniform(self.event_shape[0], dtype=self.compute_dtype)

    @property
    def support(self) -> Support:
        """Unit vectors."""
        return SPHERE

    def center(self, distribution):
        """Refused: the uniform distribution has no centre."""
        raise NotImplementedError("The uniform distribution on a sphere has no centre.")

    def summary(self, distribution):
        """An empty summary, since there are no parameters."""
        return {}
