"""A convolutional variational autoencoder."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from keras_vae.layers import DistributionLayer
from keras_vae.models.prebuilt import input_scaling, make_layers, policy, prebuilt_config
from keras_vae.models.vae import VAE
from keras_vae.networks import conv_decoder, conv_encoder
from keras_vae.priors import Prior


@keras.saving.register_keras_serializable("keras_vae")
class ConvVAE(VAE):
    """A VAE of convolutions, for images of any size.

    Args:
        event_shape: Shape (height, width, channels) of one image.
        latent_dim: Size D of the latent vector.
        likelihood: Name of a likelihood (`keras_vae.layers.likelihood_names`), or a
            distribution layer.
        filters: Filters of each strided convolution of the encoder; the decoder has the
            same in reverse. None takes 32, 64, 128, ... with as many halvings as bring
            the longer side to 8 pixels or fewer.
        dense_units: Width of the dense layer between convolutions and latent vector.
        activation: Name of the hidden layers' activation.
        normalization: Whether hidden convolutions are followed by group normalization.
        posterior: Distribution layer over D numbers; None is `IndependentNormal`.
        prior: p(z); None is the standard normal.
        seed: Seed of all noise in training and testing; None takes Keras's global seed.
        dtype: Dtype or policy of the networks; None takes Keras's global one.
        **kwargs: Arguments of `keras.Model`.

    Example:
        >>> vae = ConvVAE((64, 64, 3), latent_dim=64, likelihood="discretized_logistic")
        >>> vae.compile(keras.optimizers.Adam(1e-3))
        >>> vae.fit(images, epochs=10)
    """

    def __init__(
        self,
        event_shape: Sequence[int],
        latent_dim: int = 32,
        likelihood: str | DistributionLayer = "bernoulli",
        filters: Sequence[int] | None = None,
        dense_units: int = 256,
        activation: str = "relu",
        normalization: bool = False,
        posterior: DistributionLayer | None = None,
        prior: Prior | None = None,
        seed: int | None = None,
        dtype=None,
        **kwargs,
    ):
        """Creates and builds the model."""
        with policy(dtype):
            posterior, likelihood = make_layers(
                event_shape, latent_dim, posterior, likelihood
            )
            event_shape = likelihood.event_shape
            filters = tuple(filters or default_filters(event_shape))
            encoder = conv_encoder(
                event_shape,
                posterior.params_size,
                filters,
                dense_units,
                activation=activation,
                normalization=normalization,
                **input_scaling(likelihood),
            )
            decoder = conv_decoder(
                latent_dim,
                event_shape,
                likelihood.params_size,
                filters[::-1],
                dense_units,
                activation=activation,
                normalization=normalization,
            )
        super().__init__(
            encoder,
            decoder,
            posterior,
            likelihood,
            prior,
            seed=seed,
            dtype=dtype,
            **kwargs,
        )
        self.filters = filters
        self.dense_units = dense_units
        self.activation = activation
        self.normalization = bool(normalization)

    def get_config(self):
        """Returns the constructor's arguments."""
        return {
            **prebuilt_config(self, super().get_config()),
            "filters": list(self.filters),
            "dense_units": self.dense_units,
            "activation": self.activation,
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
