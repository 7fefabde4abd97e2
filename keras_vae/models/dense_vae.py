"""A variational autoencoder of dense layers."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from keras_vae.layers import DistributionLayer
from keras_vae.models.prebuilt import input_scaling, make_layers, policy, prebuilt_config
from keras_vae.models.vae import VAE
from keras_vae.networks import dense_decoder, dense_encoder
from keras_vae.priors import Prior


@keras.saving.register_keras_serializable("keras_vae")
class DenseVAE(VAE):
    """A VAE of multilayer perceptrons, for vectors and small images.

    Args:
        event_shape: Shape of one observation, such as (28, 28, 1) or 30.
        latent_dim: Size D of the latent vector.
        likelihood: Name of a likelihood (`keras_vae.layers.likelihood_names`), or a
            distribution layer.
        hidden_units: Width of each hidden layer of the encoder; the decoder has the
            same in reverse.
        activation: Name of the hidden layers' activation.
        posterior: Distribution layer over D numbers; None is `IndependentNormal`.
        prior: p(z); None is the standard normal.
        seed: Seed of all noise in training and testing; None takes Keras's global seed.
        dtype: Dtype or policy of the networks; None takes Keras's global one.
        **kwargs: Arguments of `keras.Model`.

    Example:
        >>> vae = DenseVAE((28, 28, 1), latent_dim=16)
        >>> vae.compile("adam")
        >>> vae.fit(x_train, epochs=10, validation_data=x_test)
    """

    def __init__(
        self,
        event_shape: Sequence[int] | int,
        latent_dim: int = 32,
        likelihood: str | DistributionLayer = "bernoulli",
        hidden_units: Sequence[int] = (500, 500),
        activation: str = "relu",
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
            encoder = dense_encoder(
                event_shape,
                posterior.params_size,
                hidden_units,
                activation,
                **input_scaling(likelihood),
            )
            decoder = dense_decoder(
                latent_dim, likelihood.params_size, hidden_units[::-1], activation
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
        self.hidden_units = tuple(hidden_units)
        self.activation = activation

    def get_config(self):
        """Returns the constructor's arguments."""
        return {
            **prebuilt_config(self, super().get_config()),
            "hidden_units": list(self.hidden_units),
            "activation": self.activation,
        }
