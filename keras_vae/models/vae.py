"""The variational autoencoder: its parts and how they are wired."""

from __future__ import annotations

import keras
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from keras_vae.core.checks import check_shape
from keras_vae.core.seeds import fold, make_seed
from keras_vae.core.support import Support
from keras_vae.core.trace import Trace
from keras_vae.export.writing import Exporting
from keras_vae.layers import DistributionLayer
from keras_vae.models.queries import Queries
from keras_vae.models.steps import Steps
from keras_vae.presets.folder import PresetFolder
from keras_vae.priors import Prior, StandardNormal


@keras.saving.register_keras_serializable("keras_vae")
class VAE(Steps, Queries, Exporting, PresetFolder, keras.Model):
    """A variational autoencoder from any encoder, decoder, posterior, likelihood, prior.

    Args:
        encoder: Keras model, x [B, *event] -> parameters of q(z|x) [B,
            posterior.params_size].
        decoder: Keras model, z [B, D] -> parameters of p(x|z) [B,
            likelihood.params_size].
        posterior: Distribution layer for q(z|x), over vectors of size D.
        likelihood: Distribution layer for p(x|z); its event shape is that of x.
        prior: p(z); None is the standard normal.
        seed: Seed of all noise in training and testing; None takes Keras's global seed.
        **kwargs: Arguments of `keras.Model`.

    Raises:
        ValueError: If two parts do not fit together; both sizes are named.

    Example:
        >>> vae = VAE(
        ...     encoder=keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(32)]),
        ...     decoder=keras.Sequential([keras.layers.Dense(784)]),
        ...     posterior=keras_vae.layers.IndependentNormal(16),
        ...     likelihood=keras_vae.layers.IndependentBernoulli((28, 28, 1)),
        ... )
        >>> vae.compile("adam", objective="elbo")
        >>> vae.fit(x_train, epochs=20, validation_data=x_test)

    Source:
        Kingma and Welling 2014, "Auto-encoding variational Bayes"; Rezende, Mohamed and
        Wierstra 2014, "Stochastic backpropagation".
    """

    def __init__(
        self,
        encoder: keras.Model,
        decoder: keras.Model,
        posterior: DistributionLayer,
        likelihood: DistributionLayer,
        prior: Prior | None = None,
        seed: int | None = None,
        **kwargs,
    ):
        """Creates and builds the model."""
        super().__init__(**kwargs)
        self._set_parts(encoder, decoder, posterior, likelihood, prior, seed)
        self.build()

    def _set_parts(self, encoder, decoder, posterior, likelihood, prior, seed):
        self.encoder = encoder
        self.decoder = decoder
        self.posterior = posterior
        self.likelihood = likelihood
        # `encode` casts; half precision would round counts, and overflow at 65504.
        self.autocast = False
        dtype = posterior.dtype
        self.prior = StandardNormal(dtype=dtype) if prior is None else prior
        self.seed = make_seed(seed)
        self.make_metrics()

    def build(self, input_shape=None):
        """Builds all parts and checks that they fit together.

        Args:
            input_shape: Ignored; the event shape of the likelihood says it.

        Raises:
            ValueError: If a network's output is not what the layer behind it takes.
        """
        if self.built:
            return
        _require_sizes(self.posterior, "posterior")
        _require_sizes(self.likelihood, "likelihood")
        params = self.encoder(keras.Input(self.event_shape))
        _check_output(params, self.posterior, "encoder", "posterior")
        self.posterior.build(params.shape)
        self.prior.build(self.posterior.event_shape)
        params = self.decoder(keras.Input(self.posterior.event_shape))
        _check_output(params, self.likelihood, "decoder", "likelihood")
        self.likelihood.build(params.shape)
        self.built = True

    @property
    def support(self) -> Support:
        """The values that observations may have."""
        return self.likelihood.support

    @property
    def event_shape(self) -> tuple[int, ...]:
        """Shape of one observation."""
        return self.likelihood.event_shape

    @property
    def latent_dim(self) -> int:
        """Size D of the latent vector."""
        return self.posterior.event_shape[0]

    def encode(self, x, training: bool = False) -> tfd.Distribution:
        """Returns the posterior q(z|x).

        Args:
            x: Observations [B, *event].
            training: Whether the encoder's dropout and the like are active.

        Returns:
            Distribution with batch shape [B] and event shape [D].

        Raises:
            ValueError: If x holds events of another shape.
        """
        x = tf.cast(tf.convert_to_tensor(x), self.likelihood.compute_dtype)
        check_shape(x.shape, self.event_shape)
        return self.posterior.distribution(self.encoder(x, training=training))

    def decode(self, z, training: bool = False) -> tfd.Distribution:
        """Returns the likelihood p(x|z).

        Args:
            z: Latent vectors [..., D].
            training: Whether the decoder's dropout and the like are active.

        Returns:
            Distribution with batch shape [...] and the event shape of x.

        Raises:
            ValueError: If the last axis of z has another size than D.
        """
        z = tf.convert_to_tensor(z, self.posterior.compute_dtype)
        if z.shape.rank == 0 or z.shape[-1] != self.latent_dim:
            raise ValueError(
                f"z has shape {tuple(z.shape)}, but this model's latent vectors have "
                f"size {self.latent_dim} in the last axis."
            )
        batch = keras.ops.shape(z)[:-1]
        flat = tf.reshape(z, (-1, self.latent_dim))
        params = self.decoder(flat, training=training)
        params = tf.reshape(params, (*batch, self.likelihood.params_size))
        return self.likelihood.distribution(params)

    def call(self, x, training=False):
        """Reconstructs x: the mean of p(x|z) at the mean of q(z|x).

        Args:
            x: Observations [B, *event].
            training: Whether dropout and the like are active.

        Returns:
            Tensor [B, *event].
        """
        return self.center(self.decode(self.encode(x, training).mean(), training))

    def trace(self, x, num_samples: int = 1, seed=0, training: bool = False) -> Trace:
        """Makes one pass: encode, draw, decode, score.

        Args:
            x: Observations [B, *event].
            num_samples: Latent draws S for each example.
            seed: An integer or an int32 tensor [2].
            training: Whether dropout and the like are active.

        Returns:
            The record of the pass, which objectives and estimators read.

        Raises:
            ValueError: If draws from the posterior have no gradient.
        """
        x = tf.cast(tf.convert_to_tensor(x), self.likelihood.compute_dtype)
        q, p = self.encode(x, training), self.prior.distribution()
        if training and q.reparameterization_type != tfd.FULLY_REPARAMETERIZED:
            raise ValueError(
                f"Draws from the posterior {type(self.posterior).__name__} have no "
                "gradient with respect to its parameters, so the encoder would not be "
                "trained. Use a reparameterized posterior, such as IndependentNormal."
            )
        z = q.sample(num_samples, seed=fold(seed))
        px = self.decode(z, training)
        kl = self.prior.kl_divergence(q)
        return Trace(
            x=x,
            z=z,
            q=q,
            p=p,
            px=px,
            log_q=q.log_prob(z),
            log_p=p.log_prob(z),
            log_px=px.log_prob(x),
            kl=None if kl is None else kl[tf.newaxis],
        )

    def get_config(self):
        """Returns the constructor's arguments."""
        serialize = keras.saving.serialize_keras_object
        return {
            **super().get_config(),
            "encoder": serialize(self.encoder),
            "decoder": serialize(self.decoder),
            "posterior": serialize(self.posterior),
            "likelihood": serialize(self.likelihood),
            "prior": serialize(self.prior),
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config):
        """Makes the model from the result of `get_config`."""
        return cls(
            **{
                key: keras.saving.deserialize_keras_object(value)
                if isinstance(value, dict) and "class_name" in value
                else value
                for key, value in config.items()
            }
        )


def _require_sizes(layer, name):
    if layer.activity_regularizer is not None:
        raise ValueError(
            f"The {name} {type(layer).__name__} has an activity_regularizer, which a VAE "
            "does not use: its objective weighs the rate. Take it out (ELBO(beta=...))."
        )
    if layer.event_shape is None or layer.params_size is None:
        raise ValueError(
            f"The {name} {type(layer).__name__} must know its event_shape and "
            "params_size; give them to DistributionLambda."
        )


def _check_output(params, layer, network, role):
    if params.shape != (None, layer.params_size):
        raise ValueError(
            f"The {network} ends in shape {params.shape}, but the {role} "
            f"{type(layer).__name__} with event shape {layer.event_shape} takes "
            f"{layer.params_size} parameters, shape (None, {layer.params_size}). Let the "
            f"{network} end in Dense({layer.params_size}), or in Flatten() after as many "
            "numbers."
        )
