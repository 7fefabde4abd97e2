"""A hierarchical VAE of dense layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

import keras

from keras_vae.core.names import unknown
from keras_vae.layers import DistributionLayer
from keras_vae.models.conditions import read_condition
from keras_vae.models.hierarchical.dense import DenseLevels
from keras_vae.models.hierarchical.level_numbers import one_a_level, several_levels
from keras_vae.models.hierarchical.model import HierarchicalVAE
from keras_vae.models.hierarchical.posteriors import LevelledPosterior
from keras_vae.models.hierarchical.prior import TopDownPrior
from keras_vae.models.prebuilt import make_layers, policy, reading
from keras_vae.priors import Prior


@keras.saving.register_keras_serializable("keras_vae")
class LadderVAE(HierarchicalVAE):
    """A hierarchical VAE of multilayer perceptrons, for vectors and small images.

    Args:
        event_shape: Shape of one observation, such as (28, 28, 1) or 30.
        latent_dims: Latent numbers of each level, lowest first.
        likelihood: Distribution layer, or its name.
        hidden_units: Width of the hidden layers of each level; None halves 512 from level
            to level, down to 64.
        inference: "ladder", "top_down" or "bidirectional"; see `Ladder`, `TopDown` and
            `Bidirectional` of `keras_vae.models.hierarchical`.
        depth: Hidden layers of each level, up and down.
        activation: Name of the hidden layers' activation.
        normalization: "batch", or None.
        skips: Whether a level's generative block reads the state above beside its own
            latent variables.
        gaps: See `DenseVAE`.
        prior: Prior of the highest level, or its name; None is the standard normal.
        encoder: An existing encoder (of a loaded model); None makes a new one.
        decoder: An existing decoder; None makes a new one.
        posterior: An existing posterior; None makes a new one.
        dtype: Dtype or policy of the networks; None takes Keras's global one.
        **kwargs: `condition`, `seed` and `preprocessor` of `VAE`, and arguments of
            `keras.Model`.

    Raises:
        ValueError: If there is only one level, the number of widths is not that of levels,
            or an argument has a wrong value.

    Example:
        >>> vae = LadderVAE((28, 28, 1), latent_dims=(16, 8), hidden_units=(64, 32))
        >>> vae.compile("adam", "elbo:free_bits=0.5")
        >>> vae.trace(x_train[:4]).rates.shape
        TensorShape([2, 1, 4])

    Source:
        Sonderby et al. 2016, "Ladder variational autoencoders".
    """

    def __init__(
        self,
        event_shape: Sequence[int] | int,
        latent_dims: Sequence[int] = (64, 32, 16, 8, 4),
        likelihood: str | dict | DistributionLayer = "bernoulli",
        hidden_units: Sequence[int] | None = None,
        inference: str = "ladder",
        depth: int = 2,
        activation: str = "leaky_relu",
        normalization: str | None = "batch",
        skips: bool = False,
        gaps: str | None = None,
        prior: str | dict | Prior | None = None,
        encoder: keras.Model | None = None,
        decoder: keras.Model | None = None,
        posterior: LevelledPosterior | None = None,
        dtype=None,
        **kwargs,
    ):
        """Creates and builds the model."""
        latent_dims = several_levels(latent_dims, "latent_dims", "DenseVAE")
        if hidden_units is None:
            hidden_units = [max(512 // 2**i, 64) for i in range(len(latent_dims))]
        hidden_units = one_a_level(hidden_units, "hidden_units", latent_dims, "latent_dims")
        if normalization not in (None, "batch"):
            raise unknown("normalization", normalization, ["batch"])
        made = DenseLevels(
            latent_dims, hidden_units, depth, activation, normalization == "batch", skips
        )
        if inference not in made.inferences:
            raise unknown("inference", inference, made.inferences)
        with policy(dtype):
            likelihood = make_layers(event_shape, 1, "normal", likelihood)[1]
            condition_shape = read_condition(kwargs.get("condition"))[0]
            posterior = posterior or made.inferences[inference]()
            if not isinstance(posterior, LevelledPosterior):
                raise ValueError(
                    f"posterior is {posterior!r}, but a LadderVAE takes the argument "
                    f"inference instead: {', '.join(made.inferences)}. Leave it out."
                )
            encoder = encoder or made.encoder(
                likelihood.event_shape,
                posterior.feature_sizes,
                condition_shape,
                **reading(likelihood, gaps),
            )
            decoder = decoder or made.decoder(likelihood.params_size, condition_shape)
            if not isinstance(prior, TopDownPrior):
                prior = made.prior(prior)
        super().__init__(
            encoder, decoder, posterior, likelihood, prior, dtype=dtype, **kwargs
        )
        self.hidden_units, self.inference, self.depth = hidden_units, inference, depth
        self.activation, self.normalization = activation, normalization
        self.skips, self.gaps = skips, gaps

    @classmethod
    def for_images(cls, *_: Any, **__: Any) -> NoReturn:
        """Refuses: the levels of a LadderVAE are vectors."""
        raise ValueError(
            f"The layers of a {cls.__name__} are dense, and its levels are vectors. Call "
            f"{cls.__name__}(event_shape), which takes small images too, or "
            "HierarchicalVAE.for_images for levels that are images."
        )

    def get_config(self):
        """Returns the constructor's arguments, with the networks as they are now."""
        return {
            **super().get_config(),
            "event_shape": list(self.event_shape),
            "latent_dims": list(self.level_sizes),
            "hidden_units": list(self.hidden_units),
            "inference": self.inference,
            "depth": self.depth,
            "activation": self.activation,
            "normalization": self.normalization,
            "skips": self.skips,
            "gaps": self.gaps,
        }
