"""A variational autoencoder of dense layers."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from keras_vae.core.numbers import sizes
from keras_vae.layers import DistributionLayer
from keras_vae.models.conditions import read_condition
from keras_vae.models.prebuilt import (
    latent_scale,
    latent_size,
    make_layers,
    offset_places,
    policy,
    reading,
)
from keras_vae.models.vae import VAE
from keras_vae.networks import dense_decoder, dense_encoder


@keras.saving.register_keras_serializable("keras_vae")
class DenseVAE(VAE):
    """A VAE of multilayer perceptrons, for vectors and small images.

    Args:
        event_shape: Shape of one observation, such as (28, 28, 1) or 30.
        latent_dim: Size D of the latent vector, or the shape of the latent variable, such as
            (20, 10) for 20 choices among 10 classes.
        likelihood: Distribution layer, or its name, such as "bernoulli" or
            "normal:scale=shared".
        hidden_units: Width of each hidden layer of the encoder; the decoder has the
            same in reverse.
        activation: Name of the hidden layers' activation.
        posterior: Distribution layer over latent variables, or its name, such as "flow".
        gaps: Whether observations may have gaps (NaN), which the likelihood leaves out:
            with "fill" the encoder reads zeros there, with "mask" it also reads where the
            gaps are. None refuses gaps.
        offset: For counts, whether to add the first number of the condition to the
            logarithms of their means. With the number log(size / typical size) the means
            are proportional to the size of an observation, such as a cell's library size.
        encoder: An existing encoder (of a loaded model); None makes a new one.
        decoder: An existing decoder; None makes a new one.
        dtype: Dtype or policy of the networks; None takes Keras's global one.
        **kwargs: `prior`, `condition`, `seed` and `preprocessor` of `VAE`, and arguments
            of `keras.Model`.

    Example:
        >>> vae = DenseVAE((28, 28, 1), latent_dim=16)
        >>> vae.compile("adam")
        >>> vae.fit(x_train, epochs=10, validation_data=x_test)
    """

    def __init__(
        self,
        event_shape: Sequence[int] | int,
        latent_dim: Sequence[int] | int = 32,
        likelihood: str | dict | DistributionLayer = "bernoulli",
        hidden_units: Sequence[int] = (500, 500),
        activation: str = "relu",
        posterior: str | dict | DistributionLayer = "normal",
        gaps: str | None = None,
        offset: bool = False,
        encoder: keras.Model | None = None,
        decoder: keras.Model | None = None,
        dtype=None,
        **kwargs,
    ):
        """Creates and builds the model."""
        hidden_units = sizes(hidden_units, "hidden_units")
        with policy(dtype):
            posterior, likelihood = make_layers(
                event_shape, latent_dim, posterior, likelihood
            )
            condition_shape = read_condition(kwargs.get("condition"))[0]
            places = offset_places(likelihood, kwargs.get("condition")) if offset else None
            encoder = encoder or dense_encoder(
                likelihood.event_shape,
                posterior.params_size,
                hidden_units,
                activation,
                condition_shape=condition_shape,
                **reading(likelihood, gaps),
            )
            decoder = decoder or dense_decoder(
                posterior.event_shape,
                likelihood.params_size,
                hidden_units[::-1],
                activation,
                condition_shape,
                places,
                latent_scale(posterior),
            )
        super().__init__(encoder, decoder, posterior, likelihood, dtype=dtype, **kwargs)
        self.hidden_units = hidden_units
        self.activation = activation
        self.gaps = gaps
        self.offset = offset

    def get_config(self):
        """Returns the constructor's arguments, with the networks as they are now."""
        return {
            **super().get_config(),
            "event_shape": list(self.event_shape),
            "latent_dim": latent_size(self.posterior),
            "hidden_units": list(self.hidden_units),
            "activation": self.activation,
            "gaps": self.gaps,
            "offset": self.offset,
        }
