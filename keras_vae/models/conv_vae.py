"""A convolutional variational autoencoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from keras_vae.core.numbers import sizes
from keras_vae.layers import DistributionLayer
from keras_vae.models.conditions import read_condition
from keras_vae.models.prebuilt import (
    latent_scale,
    latent_size,
    make_layers,
    policy,
    reading,
)
from keras_vae.models.vae import VAE
from keras_vae.networks import conv_decoder, conv_encoder


@keras.saving.register_keras_serializable("keras_vae")
class ConvVAE(VAE):
    """A VAE of convolutions, for images of any size.

    Args:
        event_shape: Shape (height, width, channels) of one image.
        latent_dim: Size D of the latent vector, or the shape of the latent variable, such as
            (20, 10) for 20 choices among 10 classes.
        likelihood: Distribution layer, or its name, such as "bernoulli" or
            "discretized_logistic".
        filters: Filters of each strided convolution of the encoder; the decoder has the
            same in reverse. None takes 32, 64, 128, ..., and halves the image until its
            longer side has 8 pixels or fewer.
        dense_units: Width of the dense layer between convolutions and latent vector.
        activation: Name of the hidden layers' activation.
        normalization: Whether hidden convolutions are followed by group normalization.
        posterior: Distribution layer over latent variables, or its name, such as "flow".
        gaps: Whether observations may have gaps (NaN), which the likelihood leaves out:
            with "fill" the encoder reads zeros there, with "mask" it also reads where the
            gaps are. None refuses gaps.
        encoder: An existing encoder (of a loaded model); None makes a new one.
        decoder: An existing decoder; None makes a new one.
        dtype: Dtype or policy of the networks; None takes Keras's global one.
        **kwargs: `prior`, `condition`, `seed` and `preprocessor` of `VAE`, and arguments
            of `keras.Model`.

    Example:
        >>> vae = ConvVAE((64, 64, 3), latent_dim=64, likelihood="discretized_logistic")
        >>> vae.compile(keras.optimizers.Adam(1e-3))
        >>> vae.fit(images, epochs=10)
    """

    def __init__(
        self,
        event_shape: Sequence[int],
        latent_dim: Sequence[int] | int = 32,
        likelihood: str | dict | DistributionLayer = "bernoulli",
        filters: Sequence[int] | None = None,
        dense_units: int = 256,
        activation: str = "relu",
        normalization: bool = False,
        posterior: str | dict | DistributionLayer = "normal",
        gaps: str | None = None,
        encoder: keras.Model | None = None,
        decoder: keras.Model | None = None,
        dtype=None,
        **kwargs,
    ):
        """Creates and builds the model."""
        with policy(dtype):
            posterior, likelihood = make_layers(
                event_shape, latent_dim, posterior, likelihood
            )
            event_shape = likelihood.event_shape
            filters = sizes(filters or default_filters(event_shape), "filters")
            common: dict[str, Any] = {
                "dense_units": dense_units,
                "activation": activation,
                "normalization": normalization,
                "condition_shape": read_condition(kwargs.get("condition"))[0],
            }
            encoder = encoder or conv_encoder(
                event_shape,
                posterior.params_size,
                filters,
                **common,
                **reading(likelihood, gaps),
            )
            decoder = decoder or conv_decoder(
                posterior.event_shape,
                event_shape,
                likelihood.params_size,
                filters[::-1],
                **common,
                latent_scale=latent_scale(posterior),
            )
        super().__init__(encoder, decoder, posterior, likelihood, dtype=dtype, **kwargs)
        self.filters = filters
        self.dense_units = dense_units
        self.activation = activation
        self.gaps = gaps
        self.normalization = bool(normalization)

    def get_config(self):
        """Returns the constructor's arguments, with the networks as they are now."""
        return {
            **super().get_config(),
            "event_shape": list(self.event_shape),
            "latent_dim": latent_size(self.posterior),
            "filters": list(self.filters),
            "dense_units": self.dense_units,
            "activation": self.activation,
            "gaps": self.gaps,
            "normalization": self.normalization,
        }


def default_filters(event_shape: Sequence[int]) -> tuple[int, ...]:
    """Filters that halve an image until its longer side has 8 pixels or fewer.

    Args:
        event_shape: Shape (height, width, channels).

    Returns:
        32, 64, 128, 128, ...: at least one.

    Example:
        >>> default_filters((64, 64, 3))
        (32, 64, 128)
    """
    side, halvings = max(event_shape[:2], default=1), 0
    while side > 8:
        side, halvings = -(-side // 2), halvings + 1
    return tuple(min(32 * 2**i, 128) for i in range(max(halvings, 1)))
