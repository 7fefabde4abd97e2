"""The importance-weighted bound."""

from __future__ import annotations

import keras

from keras_vae.objectives.base import Objective
from keras_vae.objectives.multisample import importance_weighted


@keras.saving.register_keras_serializable("keras_vae")
class IWAE(Objective):
    """Minimises -log of the mean importance weight of `num_samples` draws.

    With one draw it is the negative ELBO with a sampled rate; with more it is tighter.
    The decoder runs `num_samples` times for each example.

    Args:
        num_samples: Latent draws S for each example.

    Example:
        >>> vae.compile("adam", objective=IWAE(50))

    Source:
        Burda et al. 2016, "Importance weighted autoencoders", equation 8.
    """

    def __init__(self, num_samples: int = 5):
        """Creates the objective."""
        super().__init__(num_samples)

    def call(self, trace, step):
        """The negative importance-weighted bound."""
        return -importance_weighted(trace.log_weight)
