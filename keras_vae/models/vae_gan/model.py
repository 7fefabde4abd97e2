"""The VAE-GAN: a VAE whose reconstruction metric is a discriminator's features."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_vae import layers
from keras_vae.core.batches import in_batches
from keras_vae.core.names import unknown
from keras_vae.core.numbers import positive_int
from keras_vae.core.seeds import fold
from keras_vae.core.support import Support
from keras_vae.core.trace import Game, Trace
from keras_vae.data import diff_augment
from keras_vae.layers import DistributionLayer, IndependentNormal
from keras_vae.models.prebuilt import policy
from keras_vae.models.vae import VAE
from keras_vae.models.vae_gan.networks import (
    check_discriminator,
    check_likelihood,
    light_networks,
    observer,
    paper_networks,
    residual_networks,
)
from keras_vae.models.vae_gan.perceptual import (
    is_untrained,
    perceptual_distance,
    train_perceptual,
)
from keras_vae.networks import perceptual_network
from keras_vae.objectives import Adversarial
from keras_vae.priors import Prior

NETWORKS: dict[str, Callable] = {
    "light": light_networks,
    "residual": residual_networks,
    "paper": paper_networks,
}
DISCRIMINATORS = ("global", "patch")


@keras.saving.register_keras_serializable("keras_vae")
class VAEGAN(VAE):
    """A VAE and a GAN that share a decoder.

    The distortion that trains encoder and decoder is measured on a layer of the
    discriminator, -log N(features of x | features of the reconstruction, I), so that
    similar images are near each other. Everything else is as in `VAE`: `encode`, `decode`,
    `sample`, `embed`, `interpolate`. The likelihood of pixels is not trained; `elbo`,
    `reconstruction_loss` and `log_likelihood` use it for comparisons.

    Args:
        encoder: Keras model, x [B, *event] -> parameters of q(z|x).
        decoder: Keras model, z [B, D] -> parameters of the likelihood, by default the
            image, flat: [B, prod(event)].
        discriminator: Keras model (Functional or Sequential), x [B, *event] -> logit
            [B, 1] that x is real, or [B, h, w, 1] for each of its patches.
        posterior: Distribution layer for q(z|x).
        likelihood: Distribution layer without weights of its own, whose mean is the image;
            None is `IndependentNormal` with scale 1.
        feature_layer: Name of the discriminator's layer that measures distances.
        value_range: Smallest and largest value of x; data outside are refused. None takes
            the range of the likelihood.
        perceptual: Keras model x [B, *event] -> list of features [B, h, w, F], in which
            `Adversarial(perceptual_weight=...)` measures distances; `fit` never trains it.
            None for no such network.
        **kwargs: `prior`, `seed` and `preprocessor` of `VAE`, and arguments of
            `keras.Model`.

    Raises:
        ValueError: If two parts do not fit together, or the discriminator has no layer
            of that name.

    Example:
        >>> model = VAEGAN.for_images((28, 28, 1), latent_dim=16)
        >>> model.compile(
        ...     keras.optimizers.Adam(5e-4, beta_1=0.5),
        ...     keras_vae.objectives.Adversarial(0.05, generator_loss="non_saturating"),
        ... )
        >>> model.fit(x_train, epochs=5, validation_data=x_test)

    Source:
        Larsen, Sonderby, Larochelle and Winther 2016, "Autoencoding beyond pixels using
        a learned similarity metric".
    """

    part_name = "vae_gan"
    # The usual momentum of adversarial training (Radford et al. 2016).
    usual_optimizer = "adam:learning_rate=0.0005,beta_1=0.5"
    # No validation score ends them early: 15 take seven minutes on a CPU core for 320 photos.
    usual_epochs = 20

    def __init__(
        self,
        encoder: keras.Model,
        decoder: keras.Model,
        discriminator: keras.Model,
        posterior: DistributionLayer,
        likelihood: DistributionLayer | None = None,
        feature_layer: str = "features",
        value_range: Sequence[float] | None = None,
        perceptual: keras.Model | None = None,
        **kwargs,
    ):
        """Creates and builds the model."""
        observe = observer(discriminator, feature_layer)
        posterior = layers.get(posterior)
        if likelihood is None:
            shape, dtype = discriminator.input_shape[1:], posterior.dtype
            likelihood = IndependentNormal(shape, scale=1.0, dtype=dtype)
        check_likelihood(likelihood)
        check_discriminator(discriminator, likelihood.event_shape)
        if kwargs.get("condition") is not None:
            raise ValueError(
                "A VAE-GAN has no condition: its discriminator would have to read it, too. "
                "Leave condition out, or use VAE."
            )
        # Before the parent builds the model, after which Keras takes no more layers.
        self.discriminator = discriminator
        self.feature_layer = feature_layer
        self.perceptual: Any = perceptual
        if perceptual is not None:
            perceptual.trainable = False
        self.value_range = None if value_range is None else tuple(value_range)
        # A bound method, so that Keras does not save the layers twice.
        self._observe = observe.__call__
        super().__init__(encoder, decoder, posterior, likelihood, **kwargs)
        if self.takes_gaps:
            raise ValueError(
                "The encoder reads gaps, but the discriminator of a VAE-GAN compares whole "
                "observations. Take networks.Gaps out, or use VAE."
            )

    @classmethod
    def for_images(
        cls,
        event_shape: Sequence[int],
        latent_dim: int = 128,
        networks: str = "light",
        filters: Sequence[int] | None = None,
        posterior: str | dict | DistributionLayer = "normal",
        spectral_normalization: bool = False,
        discriminator: str = "global",
        perceptual: bool = False,
        prior: str | dict | Prior | None = None,
        seed: int | None = None,
        dtype=None,
        **kwargs,
    ) -> VAEGAN:
        """Makes a VAE-GAN with its networks, for images with values in [0, 1].

        Args:
            event_shape: Shape (height, width, channels) of one image.
            latent_dim: Size D of the latent vector.
            networks: "light" has the encoder and decoder of `ConvVAE` with group
                normalization, and a discriminator of their size, for CPUs; "residual" an
                encoder and a decoder of residual blocks, which avoid checkerboard
                artefacts; "paper" those of Larsen et al. 2016, with batch normalization.
            filters: Filters of the light or residual networks; None chooses them by the
                image size. The discriminator's feature layer is never deeper than by
                default.
            posterior: Distribution layer over D numbers, or its name.
            spectral_normalization: Whether the discriminator has spectral normalization.
            discriminator: "global" has one logit for an image, "patch" one for each patch
                (a PatchGAN).
            perceptual: Whether the model has a network for perceptual distances, which
                `train_perceptual_network` trains on labels before the adversarial training.
            prior: See `VAE`.
            seed: See `VAE`.
            dtype: Dtype or policy of the networks; None takes Keras's global one.
            **kwargs: `preprocessor` of `VAE`, and arguments of `keras.Model`.

        Returns:
            The model, not compiled.

        Raises:
            ValueError: If `event_shape` is not that of an image, or an argument does not
                apply to the chosen networks.

        Example:
            >>> VAEGAN.for_images((28, 28, 1), latent_dim=32).event_shape
            (28, 28, 1)
        """
        if networks not in NETWORKS:
            raise unknown("networks", networks, NETWORKS)
        if discriminator not in DISCRIMINATORS:
            raise unknown("discriminator", discriminator, DISCRIMINATORS)
        patches = discriminator == "patch"
        if networks == "paper" and (
            filters is not None or spectral_normalization or patches
        ):
            raise ValueError(
                "filters, spectral_normalization and discriminator are for "
                "networks='light' and 'residual'; those of the paper are fixed."
            )
        with policy(dtype):
            posterior = layers.get(posterior, positive_int(latent_dim, "latent_dim"))
            encoder, decoder, judge = NETWORKS[networks](
                event_shape,
                latent_dim,
                posterior,
                filters,
                spectral_normalization=spectral_normalization,
                patches=patches,
            )
            sees = perceptual_network(event_shape) if perceptual else None
        return cls(
            encoder,
            decoder,
            judge,
            posterior,
            value_range=(0.0, 1.0),
            perceptual=sees,
            prior=prior,
            seed=seed,
            dtype=dtype,
            **kwargs,
        )

    @property
    def support(self) -> Support:
        """The values that observations may have."""
        if self.value_range is None:
            return super().support
        low, high = self.value_range
        return Support(low, high)

    @property
    def trains_likelihood(self) -> bool:
        """Whether its objective trains the likelihood, without adversarial losses."""
        return self.compiled and not self.objective.is_adversarial

    def usual_objective(self):
        """Losses that gave faces without grain where there were 320 photos.

        Samples get a tenth of the weight of reconstructions, the rate three times its own,
        so that samples look like reconstructions; and a distance of pixels holds what the
        game alone would turn into grain.
        """
        return Adversarial(
            gamma=0.2,
            beta=3.0,
            sample_weight=0.1,
            pixel_weight=5.0,
            pixel_distance="l2",
            diff_augment="pictures" in self.provides,
        )

    def player_parts(self):
        """The parts of each player; posterior and prior belong to the encoder."""
        return {
            **super().player_parts(),
            "encoder": (self.encoder, self.posterior, self.prior),
            "decoder": (self.decoder,),
            "discriminator": (self.discriminator,),
        }

    @property
    def provides(self) -> frozenset[str]:
        """The names of what an objective may need of the model's passes; see `Objective.needs`."""
        own = [] if self.perceptual is None else ["perceptual"]
        return super().provides | frozenset(own)

    def check_before_fit(self) -> None:
        """Refuses distances in a perceptual network that has learned nothing."""
        super().check_before_fit()
        if "perceptual" in self.objective.needs and is_untrained(self.perceptual):
            raise ValueError(
                "The objective measures distances in the model's perceptual network, which "
                "is untrained. Train it on labels before fit: "
                "model.train_perceptual_network(x_train, y_train)."
            )

    def train_perceptual_network(self, x, y, epochs: int = 6) -> float:
        """Trains the network for perceptual distances on labels, before `fit`.

        Keras's global seed is set to the model's.

        Args:
            x: Images [N, *event] in the model's units, from 0 to 1.
            y: Attributes, 0 or 1, [N, A]; or class numbers [N].
            epochs: Passes through the images.

        Returns:
            The last epoch's mean loss, nats.

        Raises:
            ValueError: If the model has no such network, or y has another form.

        Example:
            >>> model = VAEGAN.for_images((28, 28, 1), perceptual=True)
            >>> model.train_perceptual_network(x_train, y_train)
            >>> model.compile(None, Adversarial(perceptual_weight=500))
        """
        if self.perceptual is None:
            return super().train_perceptual_network(x, y, epochs)
        return train_perceptual(self.perceptual, x, y, epochs, self.seed)

    def features(self, x, training: bool = False) -> tf.Tensor:
        """Returns the discriminator's features of x, in which distances are measured.

        Args:
            x: Observations [B, *event].
            training: Whether statistics of the batch and the like are in use.

        Returns:
            Tensor [B, number of features].
        """
        return self.observe(x, training)[0]

    def observe(self, x, training: bool = False) -> tuple[tf.Tensor, tf.Tensor]:
        """Passes x through the discriminator once.

        Args:
            x: Observations [B, *event].
            training: Whether statistics of the batch and the like are in use.

        Returns:
            Features [B, number of features], and logits that x is real, [B], or [B, P] for
            each of P patches.
        """
        features, logits = self._observe(x, training=training)
        dtype = self.likelihood.compute_dtype
        features = tf.cast(features, dtype)
        features = tf.reshape(features, (tf.shape(features)[0], -1))
        logits = tf.cast(logits, dtype)
        if logits.shape.rank == 2:
            return features, logits[:, 0]
        return features, tf.reshape(logits, (tf.shape(logits)[0], -1))

    def pass_for_training(self, x, y, seed, training):
        """The trace, with the discriminator's results if the objective needs them."""
        trace = super().pass_for_training(x, y, seed, training)
        if not self.objective.is_adversarial:
            return trace
        return trace._replace(game=self.play(trace, seed, training))

    def play(self, trace: Trace, seed=0, training: bool = False) -> Game:
        """Shows the discriminator observations, reconstructions and samples.

        Args:
            trace: A pass with one draw.
            seed: An integer or an int32 tensor [2].
            training: Whether dropout, statistics of the batch and the like are active.

        Returns:
            The values that `objectives.Adversarial` reads.
        """
        size = tf.shape(trace.x)[0]
        z = self.draw(size, fold(seed, 1))
        reconstruction = tf.reshape(
            self.likelihood.expectation(trace.px), tf.shape(trace.x)
        )
        sample = self.likelihood.expectation(self.decode(z, training=training))
        # One pass for all, so that batch statistics are those of real and fake together.
        shown = tf.concat([trace.x, reconstruction, sample], 0)
        if training and self.compiled and getattr(self.objective, "diff_augment", False):
            shown = diff_augment(shown, fold(seed, 6), copies=3)
        features, logits = self.observe(shown, training)
        real, reconstructed, sampled = tf.split(logits, 3)
        difference = features[:size] - features[size : 2 * size]
        return Game(
            feature_distance=0.5 * tf.reduce_sum(tf.square(difference), axis=-1),
            real=real,
            reconstructed=reconstructed,
            sampled=sampled,
            gradient_penalty=lambda: self._slope(trace.x),
            reconstruction=reconstruction,
            perceptual_distance=None
            if self.perceptual is None
            else lambda: self._perceptual_distance(trace.x, reconstruction),
        )

    def own_scores(self, x, seed: int = 0) -> dict[str, np.ndarray]:
        """The distance of reconstructions in the discriminator's features.

        Args:
            x: Raw observations [N, *event].
            seed: Same seed, same draw of z.

        Returns:
            `feature_distance`, nats, [N].
        """

        def distance(x, index):
            trace = self.trace(x, 1, fold(seed, index))
            return self.play(trace, fold(seed, index)).feature_distance

        return {"feature_distance": in_batches(distance, self.to_units(x), 100)}

    def _perceptual_distance(self, x, reconstruction):
        features = self.perceptual(x, training=False)
        distance = perceptual_distance(
            [tf.stop_gradient(one) for one in features],
            self.perceptual(reconstruction, training=False),
        )
        return tf.cast(distance, self.probability_dtype)

    def _slope(self, x):
        """Squared norm of the logit's gradient with respect to x, [B]."""
        with tf.GradientTape() as tape:
            tape.watch(x)
            # As in testing, since batch statistics would mix the examples' gradients.
            logits = self.observe(x)[1]
            patches = list(range(1, logits.shape.rank))
            total = tf.reduce_sum(tf.reduce_mean(logits, axis=patches))
        slope = tape.gradient(total, x)
        return tf.reduce_sum(tf.square(slope), axis=list(range(1, slope.shape.rank)))

    def get_config(self):
        """Returns the constructor's arguments."""
        discriminator = keras.saving.serialize_keras_object(self.discriminator)
        return {
            **super().get_config(),
            "discriminator": discriminator,
            "feature_layer": self.feature_layer,
            "value_range": None if self.value_range is None else list(self.value_range),
            "perceptual": None
            if self.perceptual is None
            else keras.saving.serialize_keras_object(self.perceptual),
        }
