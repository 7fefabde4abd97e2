"""The three losses of the VAE-GAN."""

from __future__ import annotations

from functools import partial

import keras
import tensorflow as tf

from keras_vae.core.names import unknown
from keras_vae.core.numbers import fraction, not_negative
from keras_vae.core.replicas import sum_over_replicas
from keras_vae.objectives.base import Number, Objective

GENERATOR_LOSSES = ("minimax", "non_saturating")
PLAYERS = ("encoder", "decoder", "discriminator")
KINDS = ("real", "reconstructed", "sampled")


@keras.saving.register_keras_serializable("keras_vae")
class Adversarial(Objective):
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

    The defaults learned more of faces in few epochs than the paper's losses, which are
    `Adversarial(gamma=1e-3, generator_loss="minimax")`.

    Example:
        >>> vae_gan.compile("adam", objective=Adversarial(gamma=0.05, label_smoothing=0.1))

    Source:
        Larsen et al. 2016, "Autoencoding beyond pixels using a learned similarity
        metric", equations 5 to 8 and Algorithm 1; the margin is of the authors' code.
    """

    players = PLAYERS
    is_game = True
    players_advice = "Use keras_vae.VAEGAN."
    terms = ("feature_distance", *(f"accuracy_{kind}" for kind in KINDS))
    gamma = Number()
    beta = Number()
    label_smoothing = Number(fraction)
    real_weight = Number()
    reconstruction_weight = Number()
    sample_weight = Number()

    def __init__(
        self,
        gamma: float = 0.05,
        beta: float = 1.0,
        generator_loss: str = "non_saturating",
        label_smoothing: float = 0.0,
        real_weight: float = 1.0,
        reconstruction_weight: float = 1.0,
        sample_weight: float = 1.0,
        margin: float | None = None,
        equilibrium: float = 0.68,
        r1: float = 0.0,
    ):
        """Creates the objective."""
        super().__init__(1)
        if generator_loss not in GENERATOR_LOSSES:
            raise unknown("generator_loss", generator_loss, GENERATOR_LOSSES)
        self.gamma = gamma
        self.beta = beta
        self.generator_loss = generator_loss
        self.label_smoothing = label_smoothing
        self.real_weight = real_weight
        self.reconstruction_weight = reconstruction_weight
        self.sample_weight = sample_weight
        self.margin = None if margin is None else not_negative(margin, "margin")
        self.equilibrium = not_negative(equilibrium, "equilibrium")
        self.r1 = not_negative(r1, "r1")

    def call(self, trace, step):
        """Each player's loss, and what the discriminator makes of the pass."""
        game = trace.game
        cost = self._gan_loss(game)
        weight = partial(self._weight, dtype=cost.dtype)
        decoder = weight("gamma") * game.feature_distance
        if self.generator_loss == "minimax":
            decoder -= cost
        else:
            decoder += weight("reconstruction_weight") * tf.nn.softplus(-game.reconstructed)
            decoder += weight("sample_weight") * tf.nn.softplus(-game.sampled)
        discriminator = cost
        if self.r1:
            discriminator += 0.5 * weight("r1") * game.gradient_penalty()
        rate = tf.reduce_mean(trace.rate, axis=0)
        losses = (weight("beta") * rate + game.feature_distance, decoder, discriminator)
        right = (game.real > 0, game.reconstructed < 0, game.sampled < 0)
        terms = [game.feature_distance, *(tf.cast(one, cost.dtype) for one in right)]
        return (
            dict(zip(self.players, losses, strict=True)),
            dict(zip(self.terms, terms, strict=True)),
        )

    def _weight(self, name, dtype):
        # In a graph numbers are tensors in single precision.
        return tf.cast(getattr(self, name), dtype)

    def _gan_loss(self, game):
        weight = partial(self._weight, dtype=game.real.dtype)
        smooth = weight("label_smoothing")
        real = (1.0 - smooth) * tf.nn.softplus(-game.real) + smooth * tf.nn.softplus(
            game.real
        )
        return (
            weight("real_weight") * real
            + weight("reconstruction_weight") * tf.nn.softplus(game.reconstructed)
            + weight("sample_weight") * tf.nn.softplus(game.sampled)
        )

    @property
    def turn_takers(self) -> tuple[str, ...]:
        """The two who play against each other, where there is a margin."""
        return () if self.margin is None else PLAYERS[1:]

    def turns(self, trace):
        """Whether the decoder plays and whether the discriminator does."""
        if self.margin is None:
            return {}
        game = trace.game
        costs = tf.stack(
            [
                tf.reduce_sum(tf.nn.softplus(-game.real)),
                0.5 * tf.reduce_sum(tf.nn.softplus(game.reconstructed))
                + 0.5 * tf.reduce_sum(tf.nn.softplus(game.sampled)),
                tf.cast(tf.size(game.real), game.real.dtype),
            ]
        )
        real, fake, size = tf.unstack(sum_over_replicas(costs))
        plays = self.who_plays(real / size, fake / size)
        return dict(zip(self.turn_takers, plays, strict=True))

    def who_plays(self, real: tf.Tensor, fake: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Decides by the margin who is updated at a step; the encoder always is.

        Args:
            real: Mean cost of real data, -log D(x), nats, scalar.
            fake: Mean cost of reconstructions and samples, -log(1 - D), nats, scalar.

        Returns:
            Whether the decoder plays and whether the discriminator does, bool scalars.
        """
        assert self.margin is not None, "without a margin all play"
        least, most = self.equilibrium - self.margin, self.equilibrium + self.margin
        discriminator = tf.minimum(real, fake) >= least
        decoder = tf.maximum(real, fake) <= most
        neither = ~decoder & ~discriminator
        return decoder | neither, discriminator | neither

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
