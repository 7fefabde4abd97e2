"""The three losses of the VAE-GAN."""

from __future__ import annotations

from functools import partial

import keras
import tensorflow as tf

from keras_vae.core.names import unknown
from keras_vae.core.numbers import fraction, not_negative, positive_int
from keras_vae.core.replicas import sum_over_replicas
from keras_vae.objectives.base import Number, Objective

GENERATOR_LOSSES = ("minimax", "non_saturating", "hinge")
PIXEL_DISTANCES = ("l1", "l2")
PLAYERS = ("encoder", "decoder", "discriminator")
KINDS = ("real", "reconstructed", "sampled")


@keras.saving.register_keras_serializable("keras_vae")
class Adversarial(Objective):
    """The losses of encoder, decoder and discriminator, as in the paper's Algorithm 1.

        encoder:        beta * KL(q, p) + distance
        decoder:        gamma * distance - GAN loss
        discriminator:  GAN loss (+ r1 / 2 * |gradient of the real logit by x|^2)
        distance:       feature distance (+ distances of pixels and in a frozen network)

    where the GAN loss is the cross-entropy of telling real from reconstructed and from
    sampled data, real_weight * -log D(x) - reconstruction_weight * log(1 - D(x~)) -
    sample_weight * log(1 - D(x_p)). For a discriminator of patches it is the mean over the
    patches.

    Args:
        gamma: Weight of the distance for the decoder, in GAN losses per nat. The feature
            distance sums over the features (8 x 8 x 128 of them for 64 x 64 images), so
            gamma should be small; the authors' code has 1e-5 to 1e-2 for its networks.
        beta: Weight of the rate for the encoder.
        generator_loss: "minimax" is the paper's. With "non_saturating" the decoder
            minimises -log D(x~) - log D(x_p) instead, which has gradients also if the
            discriminator wins (Goodfellow et al. 2014). With "hinge" the discriminator
            minimises max(0, 1 - real logit) and max(0, 1 + fake logit), and the decoder
            minus the fake logits (Lim and Ye 2017; Miyato et al. 2018).
        label_smoothing: The target of real data is 1 minus this (Salimans et al. 2016).
        real_weight: Weight of real data in the GAN loss.
        reconstruction_weight: Weight of reconstructions in it.
        sample_weight: Weight of samples in it.
        margin: With a number, the decoder skips a step while real or fake data cost more
            than `equilibrium + margin`, and the discriminator while one of them costs less
            than `equilibrium - margin`, as in the authors' code (0.35 for faces). None: all
            players are trained at every step.
        equilibrium: Cost from which the margin is counted, that of a coin toss by default,
            nats.
        r1: Weight of the gradient penalty on real data (Mescheder et al. 2018). The
            gradient is that of the discriminator as in testing: with batch normalization,
            at its moving statistics.
        feature_weight: Weight of the feature distance within the distance.
        pixel_weight: Weight of a distance of pixels within it.
        pixel_distance: "l1" is the sum of |x - x~|, "l2" half the sum of (x - x~)^2.
        perceptual_weight: Weight of the distance in the model's frozen network
            (`VAEGAN.for_images(perceptual=True)`) within it.
        adaptive_weight: With a number, such as 0.8, the decoder's share of the GAN loss is
            multiplied at each step by this and by the ratio of gradient norms at the
            decoder's last kernel, that of gamma * distance to that of the GAN loss, at most
            1e4 (Esser et al. 2021, equation 7). Then Adam does not depend on the size of
            gamma, but gamma must keep the ratio, which `decoder_balance` logs, below 1e4:
            1e-3 does so for distances that sum over thousands of pixels. `decoder_loss`
            logs gamma * distance. None leaves the share unchanged.
        start_step: The adversarial training begins at this step of the optimizer. Before,
            the decoder minimises only the distance, and the discriminator is not trained.
        diff_augment: Whether, in training, the same random changes of colour and place are
            applied to all images that the discriminator sees, each with a part cut out
            (`data.diff_augment`).

    Raises:
        ValueError: If a number is out of its range, a name is unknown, or label_smoothing
            or a margin are given with the hinge loss, which is not a cross-entropy.

    The defaults learned more of faces in few epochs than the paper's losses, which are
    `Adversarial(gamma=1e-3, generator_loss="minimax")`.

    Example:
        >>> vae_gan.compile("adam", objective=Adversarial(gamma=0.05, label_smoothing=0.1))

    Source:
        Larsen et al. 2016, "Autoencoding beyond pixels using a learned similarity
        metric", equations 5 to 8 and Algorithm 1; the margin is of the authors' code.
        Esser, Rombach and Ommer 2021, "Taming transformers for high-resolution image
        synthesis" (the adaptive weight and the late start).
    """

    players = PLAYERS
    is_adversarial = True
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
        feature_weight: float = 1.0,
        pixel_weight: float = 0.0,
        pixel_distance: str = "l1",
        perceptual_weight: float = 0.0,
        adaptive_weight: float | None = None,
        start_step: int = 0,
        diff_augment: bool = False,
    ):
        """Creates the objective."""
        super().__init__(1)
        if generator_loss not in GENERATOR_LOSSES:
            raise unknown("generator_loss", generator_loss, GENERATOR_LOSSES)
        if pixel_distance not in PIXEL_DISTANCES:
            raise unknown("pixel_distance", pixel_distance, PIXEL_DISTANCES)
        if generator_loss == "hinge" and (label_smoothing or margin is not None):
            raise ValueError(
                "label_smoothing and margin are for cross-entropies, not for "
                "generator_loss='hinge'. Leave them out, or take 'non_saturating'."
            )
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
        self.feature_weight = not_negative(feature_weight, "feature_weight")
        self.pixel_weight = not_negative(pixel_weight, "pixel_weight")
        self.pixel_distance = pixel_distance
        self.perceptual_weight = not_negative(perceptual_weight, "perceptual_weight")
        self.adaptive_weight = (
            None
            if adaptive_weight is None
            else not_negative(adaptive_weight, "adaptive_weight")
        )
        self.start_step = positive_int(start_step, "start_step") if start_step else 0
        self.diff_augment = bool(diff_augment)
        needs = {"pictures": self.diff_augment, "perceptual": self.perceptual_weight > 0}
        self.needs = tuple(name for name, is_needed in needs.items() if is_needed)
        if self.perceptual_weight:
            self.terms = (*self.terms, "perceptual_distance")

    def call(self, trace, step):
        """Each player's loss, and the discriminator's results as terms."""
        game = trace.game
        cost = self._gan_loss(game)
        weight = partial(self._weight, dtype=cost.dtype)
        seen = game.perceptual_distance() if self.perceptual_weight else None
        distance = self._distance(trace, seen)
        decoder = weight("gamma") * distance
        if self.adaptive_weight is None:
            decoder += self._deception(game, step)
        discriminator = cost
        if self.r1:
            discriminator += 0.5 * weight("r1") * game.gradient_penalty()
        rate = tf.reduce_mean(trace.rate, axis=0)
        losses = (weight("beta") * rate + distance, decoder, discriminator)
        right = (game.real > 0, game.reconstructed < 0, game.sampled < 0)
        terms = [game.feature_distance]
        terms += [_of_patches(tf.cast(one, cost.dtype)) for one in right]
        if self.perceptual_weight:
            terms.append(seen)
        return (
            dict(zip(self.players, losses, strict=True)),
            dict(zip(self.terms, terms, strict=True)),
        )

    @property
    def balanced_players(self) -> tuple[str, ...]:
        """The decoder, if the weight is adaptive."""
        return () if self.adaptive_weight is None else ("decoder",)

    def opposed(self, trace, step):
        """The decoder's share of the GAN loss, if the weight is adaptive."""
        if self.adaptive_weight is None:
            return {}
        return {"decoder": self._deception(trace.game, step)}

    @property
    def balance_factor(self) -> float:
        """The adaptive weight."""
        assert self.adaptive_weight is not None, "without an adaptive weight none asks"
        return self.adaptive_weight

    def _distance(self, trace, perceptual_distance):
        """The distance that encoder and decoder minimise, nats, [B]."""
        game = trace.game
        distance = tf.zeros_like(game.feature_distance)
        # Terms without weight are left out, and with them their gradients.
        if self.feature_weight:
            distance += self.feature_weight * game.feature_distance
        if self.pixel_weight:
            difference = trace.x - game.reconstruction
            elements = (
                tf.abs(difference)
                if self.pixel_distance == "l1"
                else 0.5 * tf.square(difference)
            )
            axes = list(range(1, elements.shape.rank))
            distance += self.pixel_weight * tf.reduce_sum(elements, axis=axes)
        if self.perceptual_weight:
            distance += self.perceptual_weight * perceptual_distance
        return distance

    def _has_begun(self, step):
        return tf.convert_to_tensor(step) >= self.start_step

    def _weight(self, name, dtype):
        # In a graph numbers are tensors in single precision.
        return tf.cast(getattr(self, name), dtype)

    def _deception(self, game, step):
        """What the decoder minimises to deceive the discriminator, [B]."""
        weight = partial(self._weight, dtype=game.real.dtype)
        if self.generator_loss == "minimax":
            loss = -self._gan_loss(game)
        else:
            costs = tf.negative if self.generator_loss == "hinge" else _softplus_of_minus
            loss = weight("reconstruction_weight") * _of_patches(costs(game.reconstructed))
            loss += weight("sample_weight") * _of_patches(costs(game.sampled))
        if self.start_step:
            loss *= tf.cast(self._has_begun(step), loss.dtype)
        return loss

    def _gan_loss(self, game):
        weight = partial(self._weight, dtype=game.real.dtype)
        if self.generator_loss == "hinge":
            real = tf.nn.relu(1.0 - game.real)
            fakes = [tf.nn.relu(1.0 + one) for one in (game.reconstructed, game.sampled)]
        else:
            smooth = weight("label_smoothing")
            real = (1.0 - smooth) * tf.nn.softplus(-game.real) + smooth * tf.nn.softplus(
                game.real
            )
            fakes = [tf.nn.softplus(one) for one in (game.reconstructed, game.sampled)]
        return (
            weight("real_weight") * _of_patches(real)
            + weight("reconstruction_weight") * _of_patches(fakes[0])
            + weight("sample_weight") * _of_patches(fakes[1])
        )

    @property
    def turn_takers(self) -> tuple[str, ...]:
        """The two opponents, if there is a margin or a late start."""
        if self.margin is None:
            return PLAYERS[2:] if self.start_step else ()
        return PLAYERS[1:]

    def turns(self, trace, step=0):
        """Whether the decoder and the discriminator are trained at this step."""
        plays: dict = {} if self.margin is None else self._turns_by_margin(trace.game)
        if self.start_step:
            # Its optimizer waits, too: moments of gradients that are zero would make the
            # first steps far too long.
            begun = self._has_begun(step)
            plays["discriminator"] = plays.get("discriminator", True) & begun
            if "decoder" in plays:
                plays["decoder"] |= ~begun
        return plays

    def _turns_by_margin(self, game):
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
        return dict(zip(PLAYERS[1:], plays, strict=True))

    def who_plays(self, real: tf.Tensor, fake: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Decides by the margin which players are updated at a step; the encoder always is.

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
            "feature_weight": self.feature_weight,
            "pixel_weight": self.pixel_weight,
            "pixel_distance": self.pixel_distance,
            "perceptual_weight": self.perceptual_weight,
            "adaptive_weight": self.adaptive_weight,
            "start_step": self.start_step,
            "diff_augment": self.diff_augment,
        }

    @classmethod
    def from_config(cls, config):
        """Makes the objective from the result of `get_config`."""
        return cls(**config)


def _softplus_of_minus(logits):
    return tf.nn.softplus(-logits)


def _of_patches(values):
    """The mean over an image's patches, [B]; a single value per image is unchanged."""
    return values if values.shape.rank == 1 else tf.reduce_mean(values, axis=1)
