"""The three losses of the VAE-GAN."""

from __future__ import annotations

from typing import NamedTuple

import keras
import tensorflow as tf

from keras_vae.core.names import unknown
from keras_vae.core.numbers import fraction, not_negative
from keras_vae.core.trace import AdversarialTrace

GENERATOR_LOSSES = ("minimax", "non_saturating")


class PlayerLosses(NamedTuple):
    """What each player minimises, for each example, [B]."""

    encoder: tf.Tensor
    decoder: tf.Tensor
    discriminator: tf.Tensor


@keras.saving.register_keras_serializable("keras_vae")
class Adversarial:
    """The losses of encoder, decoder and discriminator, as in the paper's Algorithm 1.

        encoder:        beta * KL(q, p) + feature distance
        decoder:        gamma * feature distance - GAN loss
        discriminator:  GAN loss (+ r1 / 2 * |gradient of the real logit by x|^2)

    where the GAN loss is the cross-entropy of telling real from reconstructed and from
    sampled data, real_weight * -log D(x) - reconstruction_weight * log(1 - D(x~)) -
    sample_weight * log(1 - D(x_p)).

    Args:
        gamma: Weight of the feature distance for the decoder, in GAN losses a nat. The
            distance sums over the features (8 x 8 x 128 of them for 64 x 64 images), so
            small numbers are meant; the authors' code has 1e-5 to 1e-2 for its networks.
        beta: Weight of the rate for the encoder.
        generator_loss: "minimax" is the paper's. "non_saturating" has the decoder minimise
            -log D(x~) - log D(x_p) instead, with gradients also where the discriminator
            wins (Goodfellow et al. 2014).
        label_smoothing: The target of real data is 1 minus this (Salimans et al. 2016).
        real_weight: Weight of real data in the GAN loss.
        reconstruction_weight: Weight of reconstructions in it.
        sample_weight: Weight of samples in it.
        margin: With a number, the decoder sits a step out while real or fake data cost
            more than `equilibrium + margin`, and the discriminator while one of them costs
            less than `equilibrium - margin`, as in the authors' code (0.35 for faces).
            None: all play at every step.
        equilibrium: Cost of a coin's toss that the margin is counted from, nats.
        r1: Weight of the gradient penalty on real data (Mescheder et al. 2018). The
            gradient is that of the discriminator as in testing: with batch normalization,
            at its moving statistics.

    Raises:
        ValueError: If a number is out of its range, or the generator's loss not known.

    The defaults are the paper's losses; the command line trains with gamma=0.05 and
    "non_saturating", which learned more of faces in few epochs.

    Example:
        >>> vae_gan.compile("adam", objective=Adversarial(gamma=0.05, label_smoothing=0.1))

    Source:
        Larsen et al. 2016, "Autoencoding beyond pixels using a learned similarity
        metric", equations 5 to 8 and Algorithm 1; the margin is of the authors' code.
    """

    # One latent draw for each example; the interface of `Objective`.
    num_samples = 1

    def __init__(
        self,
        gamma: float = 1e-3,
        beta: float = 1.0,
        generator_loss: str = "minimax",
        label_smoothing: float = 0.0,
        real_weight: float = 1.0,
        reconstruction_weight: float = 1.0,
        sample_weight: float = 1.0,
        margin: float | None = None,
        equilibrium: float = 0.68,
        r1: float = 0.0,
    ):
        """Creates the objective."""
        if generator_loss not in GENERATOR_LOSSES:
            raise unknown("generator_loss", generator_loss, GENERATOR_LOSSES)
        self.gamma = not_negative(gamma, "gamma")
        self.beta = not_negative(beta, "beta")
        self.generator_loss = generator_loss
        self.label_smoothing = fraction(label_smoothing, "label_smoothing")
        self.real_weight = not_negative(real_weight, "real_weight")
        self.reconstruction_weight = not_negative(
            reconstruction_weight, "reconstruction_weight"
        )
        self.sample_weight = not_negative(sample_weight, "sample_weight")
        self.margin = None if margin is None else not_negative(margin, "margin")
        self.equilibrium = not_negative(equilibrium, "equilibrium")
        self.r1 = not_negative(r1, "r1")

    def __call__(self, game: AdversarialTrace, step: int | tf.Tensor = 0) -> PlayerLosses:
        """Computes each player's loss for each example.

        Args:
            game: A pass with one latent draw.
            step: Ignored; the interface of `Objective`.

        Returns:
            Nats, three times [B]; lower is better for the player.
        """
        cost = self._gan_loss(game)
        decoder = self.gamma * game.feature_distance
        if self.generator_loss == "minimax":
            decoder -= cost
        else:
            decoder += self.reconstruction_weight * tf.nn.softplus(-game.reconstructed)
            decoder += self.sample_weight * tf.nn.softplus(-game.sampled)
        discriminator = cost
        if self.r1:
            discriminator += 0.5 * self.r1 * game.gradient_penalty
        rate = tf.reduce_mean(game.trace.rate, axis=0)
        return PlayerLosses(
            self.beta * rate + game.feature_distance, decoder, discriminator
        )

    def _gan_loss(self, game):
        smooth = self.label_smoothing
        real = (1.0 - smooth) * tf.nn.softplus(-game.real) + smooth * tf.nn.softplus(
            game.real
        )
        return (
            self.real_weight * real
            + self.reconstruction_weight * tf.nn.softplus(game.reconstructed)
            + self.sample_weight * tf.nn.softplus(game.sampled)
        )

    def turns(self, real: tf.Tensor, fake: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Decides who is updated at a step; the encoder always is.

        Args:
            real: Mean cost of real data, -log D(x), nats, scalar.
            fake: Mean cost of reconstructions and samples, -log(1 - D), nats, scalar.

        Returns:
            Whether the decoder plays and whether the discriminator does, bool scalars.
        """
        if self.margin is None:
            return tf.constant(True), tf.constant(True)
        least, most = self.equilibrium - self.margin, self.equilibrium + self.margin
        discriminator = tf.minimum(real, fake) >= least
        decoder = tf.maximum(real, fake) <= most
        neither = ~decoder & ~discriminator
        return decoder | neither, discriminator | neither

    def logs(self, step: int | tf.Tensor) -> dict[str, tf.Tensor]:
        """No further scalars; the interface of `Objective`."""
        return {}

    def get_config(self) -> dict:
        """Returns the constructor's arguments."""
        return {
            "gamma": self.gamma,
            "beta": self.beta,
            "generator_loss": self.generator_loss,
            "label_smoothing": self.label_smoothing,
            "real_weight": self.real_weight,
            "reconstruction_weight": self.reconstruction_weight,
            "sample_weight": self.sample_weight,
            "margin": self.margin,
            "equilibrium": self.equilibrium,
            "r1": self.r1,
        }

    @classmethod
    def from_config(cls, config):
        """Makes the objective from the result of `get_config`."""
        return cls(**config)
