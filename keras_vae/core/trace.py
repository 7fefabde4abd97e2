"""The record of one pass through a latent variable model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow as tf
from tensorflow_probability import distributions as tfd


class Trace(NamedTuple):
    """Everything that an objective or an estimator may read about one pass.

    The log-densities are computed once, when the trace is made. In a compiled step the
    ones that an objective does not use are pruned.

    Attributes:
        x: Observations, [B, *event].
        z: Latent draws from q, [S, B, *latent].
        q: Posterior q(z|x, y), batch [B], event [*latent].
        p: Prior p(z|y), batch [] or [B], event [*latent].
        px: Likelihood p(x|z, y), batch [S, B], event of x.
        log_q: log q(z|x, y), nats, [S, B].
        log_p: log p(z|y), nats, [S, B].
        log_px: log p(x|z, y), nats, [S, B].
        rates: KL(q, p) of each of G groups of latent variables, nats: exact, [G, 1, B], or
            estimated from each draw, [G, S, B].
        y: Condition, [B, ...], or None.
        cost: Loss terms of the layers, nats, [B], or None.
        seed: Seed for objectives that draw, int32 [2].
        game: The discriminator's results for the pass, or None.
        extras: Further functions of the pass, for objectives that need them, or None.
        terms: Values that the model itself logs, by name: values [B], and which of them
            count, [B]; or None.

    Example:
        >>> trace = vae.trace(x[:4], num_samples=3)
        >>> trace.log_weight.shape, trace.elbo.shape
        (TensorShape([3, 4]), TensorShape([4]))
    """

    x: tf.Tensor
    z: tf.Tensor
    q: tfd.Distribution
    p: tfd.Distribution
    px: tfd.Distribution
    log_q: tf.Tensor
    log_p: tf.Tensor
    log_px: tf.Tensor
    rates: tf.Tensor
    y: tf.Tensor | None = None
    cost: tf.Tensor | None = None
    seed: tf.Tensor | None = None
    game: Game | None = None
    extras: Extras | None = None
    terms: dict[str, tuple[tf.Tensor, tf.Tensor]] | None = None

    @property
    def rate(self) -> tf.Tensor:
        """KL(q, p), nats, the sum over groups: exact, [1, B], or estimated, [S, B]."""
        return tf.reduce_sum(self.rates, axis=0)

    @property
    def sampled_rate(self) -> tf.Tensor:
        """Log q(z|x) - log p(z), nats, [S, B]: an unbiased estimate of KL(q, p)."""
        return self.log_q - self.log_p

    @property
    def distortion(self) -> tf.Tensor:
        """-log p(x|z), nats, [S, B]."""
        return -self.log_px

    @property
    def log_joint(self) -> tf.Tensor:
        """Log p(x, z), nats, [S, B]."""
        return self.log_px + self.log_p

    @property
    def log_weight(self) -> tf.Tensor:
        """Log p(x, z) - log q(z|x), nats, [S, B]: importance weights."""
        return self.log_joint - self.log_q

    @property
    def elbo(self) -> tf.Tensor:
        """The evidence lower bound, nats, [B]; higher is better."""
        return -tf.reduce_mean(self.rate + self.distortion, axis=0)


class Extras(NamedTuple):
    """Functions of a pass that a model provides for the few objectives that need them.

    Objectives name the functions that they need in `needs`, so that `compile` refuses a
    model without them.

    Attributes:
        frozen_log_q: Function that computes log q(z|x), nats, [S, B], with q held constant:
            gradients go only through z.
        codes: Function of x [B, *event] to the centres of q(z|x), [B, *latent].
        expected: Function of z [B, *latent] to the means of p(x|z), [B, *event].
        pictures: Function of observations that are images, [B, height, width, channels], to
            their values from 0 (black) to 1 (white); None where they are none, or have gaps.
        decoder_kernels: Function that returns the decoder's weights with two axes or more.
        critic: Function of z [B, *latent] to logits [B], or None.
        baseline: Function of learning signals [B] to their running mean and spread,
            scalars, and what a network reads off x, [B]; or None.
        leapfrog: Function of noise [S, B, *latent] to where the draws of z, which it gives
            a momentum, end (`networks.Moved`); or None.
    """

    frozen_log_q: Callable[[], tf.Tensor]
    codes: Callable[[tf.Tensor], tf.Tensor]
    expected: Callable[[tf.Tensor], tf.Tensor]
    decoder_kernels: Callable[[], list[tf.Tensor]]
    pictures: Callable[[tf.Tensor], tf.Tensor] | None = None
    critic: Callable[[tf.Tensor], tf.Tensor] | None = None
    baseline: Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor, tf.Tensor]] | None = None
    leapfrog: Callable[[tf.Tensor], Any] | None = None


class Game(NamedTuple):
    """The discriminator's results for a pass of a VAE-GAN with one draw.

    Attributes:
        feature_distance: -log N(features of x | features of the reconstruction, I)
            without its constant, so half the squared distance; nats, [B].
        real: Logits that x is real, [B], or [B, P] for each of P patches.
        reconstructed: Logits that the reconstruction at the draw of z is real, likewise.
        sampled: Logits that a sample from the prior is real, likewise.
        gradient_penalty: Function that computes the squared norm of the gradient of `real`
            (its mean over patches) by x, [B].
        reconstruction: Mean of p(x|z) at the draw of z, [B, *event]; None if no loss
            compares pixels.
        perceptual_distance: Function that computes the distance of x and the reconstruction
            in a frozen network, [B]; None where the model has no such network.
    """

    feature_distance: tf.Tensor
    real: tf.Tensor
    reconstructed: tf.Tensor
    sampled: tf.Tensor
    gradient_penalty: Callable[[], tf.Tensor]
    reconstruction: tf.Tensor | None = None
    perceptual_distance: Callable[[], tf.Tensor] | None = None
