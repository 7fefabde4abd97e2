"""The autoencoder of latent diffusion models: a VAE-GAN whose codes are small images."""

from __future__ import annotations

import math
from collections.abc import Sequence

import keras

from keras_vae.core.names import unknown
from keras_vae.core.numbers import positive_int, sizes
from keras_vae.layers import IndependentNormal
from keras_vae.models.conv_vae import default_filters
from keras_vae.models.prebuilt import policy
from keras_vae.models.vae_gan.model import DISCRIMINATORS, VAEGAN
from keras_vae.models.vae_gan.networks import SCALING
from keras_vae.networks import (
    conv_discriminator,
    perceptual_network,
    residual_map_decoder,
    residual_map_encoder,
)
from keras_vae.objectives import Adversarial
from keras_vae.priors import Prior


@keras.saving.register_keras_serializable("keras_vae")
class AutoencoderKL(VAEGAN):
    """A VAE-GAN whose code is a map [height / f, width / f, channels].

    Such codes keep places, and a diffusion model or another prior learns them instead of
    pixels. The rate has so little weight that the codes hold nearly all that the decoder
    can use: draws from the prior N(0, I) are no good samples before a prior is fitted
    (`generation.fit_prior`). The arguments are those of `VAEGAN`; `for_images`
    (`autoencoder_kl` on the command line) makes the networks.

    Example:
        >>> model = AutoencoderKL.for_images((28, 28, 1), filters=(8, 16))
        >>> model.compile("adam")
        >>> model.fit(x_train, epochs=1)
        >>> codes = model.embed(x_test)  # [N, 7, 7, 4]
        >>> mean, scale = codes.mean(axis=(0, 1, 2)), codes.std(axis=(0, 1, 2))
        >>> scaled = (codes - mean) / scale  # as diffusion models like them
        >>> images = model.decode_codes(scaled * scale + mean)

    Source:
        Rombach et al. 2022, "High-resolution image synthesis with latent diffusion models",
        section 3.1 and appendix G; Esser et al. 2021, "Taming transformers for
        high-resolution image synthesis".
    """

    # Twice the rate of a VAE-GAN, since the first part is no game; and more epochs, since it
    # is the long one.
    usual_optimizer = "adam:learning_rate=0.001,beta_1=0.5"
    usual_epochs = 50

    @classmethod
    def for_images(  # type: ignore[override]
        cls,
        event_shape: Sequence[int],
        latent_channels: int = 4,
        filters: Sequence[int] = (64, 128),
        spectral_normalization: bool = False,
        discriminator: str = "patch",
        perceptual: bool = False,
        prior: str | dict | Prior | None = None,
        seed: int | None = None,
        dtype=None,
        **kwargs,
    ) -> AutoencoderKL:
        """Makes a model with residual networks, for images with values in [0, 1].

        Args:
            event_shape: Shape (height, width, channels) of one image; both sides are
                multiples of f = 2 ** len(filters).
            latent_channels: Channels C of a code, which has shape (height / f, width / f,
                C).
            filters: Filters of the encoder after each halving of the image; the decoder has
                the same in reverse.
            spectral_normalization: Whether the discriminator has spectral normalization.
            discriminator: "patch" has one logit for each patch of an image (a PatchGAN),
                "global" one for the image.
            perceptual: Whether the model has a network for perceptual distances, which
                `train_perceptual_network` trains on labels before the adversarial training.
            prior: See `VAE`.
            seed: See `VAE`.
            dtype: Dtype or policy of the networks; None takes Keras's global one.
            **kwargs: `preprocessor` of `VAE`, and arguments of `keras.Model`.

        Returns:
            The model, not compiled.

        Raises:
            ValueError: If `event_shape` is not that of an image, or its sides cannot be
                halved this often.

        Example:
            >>> AutoencoderKL.for_images((64, 64, 3)).latent.shape
            (16, 16, 4)
        """
        if discriminator not in DISCRIMINATORS:
            raise unknown("discriminator", discriminator, DISCRIMINATORS)
        channels = positive_int(latent_channels, "latent_channels")
        filters = sizes(filters, "filters")
        if not filters:
            raise ValueError(
                "filters must hold one number for each halving of the image, such as "
                "(64, 128), but is empty."
            )
        with policy(dtype):
            encoder = residual_map_encoder(event_shape, 2 * channels, filters, **SCALING)
            posterior = IndependentNormal((*encoder.output_shape[1:3], channels))
            decoder = residual_map_decoder(
                posterior.event_shape, event_shape[-1], filters[::-1]
            )
            judge = conv_discriminator(
                event_shape,
                default_filters(event_shape),
                spectral_normalization=spectral_normalization,
                patches=discriminator == "patch",
                **SCALING,
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

    def usual_objective(self):
        """L1 distances, a rate of little weight, and a hinge game that begins late.

        Distances are sums over pixels and channels with values in [0, 1], as the authors'
        are over values in [-1, 1], and the rate is in nats. With `beta=0.01` a nat costs as
        much as a hundredth of one such value. The authors' 1e-6 (5e-7 in these units) lets
        the scale of codes drift: Stable Diffusion divides its codes by 5.5.

        The perceptual distance, a mean over places, weighs as much as 0.05 for each pixel
        and channel, which is about what gave the faces of `vae_gan_celeba`. Samples from
        N(0, I) play no part: they are not what the decoder is for.
        """
        return Adversarial(
            gamma=1e-3,
            beta=0.01,
            generator_loss="hinge",
            sample_weight=0.0,
            feature_weight=0.0,
            pixel_weight=1.0,
            perceptual_weight=0.05 * math.prod(self.event_shape) if self.perceptual else 0,
            adaptive_weight=0.2,
            start_step=1000,
            diff_augment="pictures" in self.provides,
        )
