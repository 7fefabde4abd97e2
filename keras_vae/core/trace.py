"""The record of one pass through a variational autoencoder."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf
from tensorflow_probability import distributions as tfd


class Trace(NamedTuple):
    """Everything that an objective or an estimator may read about one pass.

    The log-densities are computed once, when the trace is made. In a compiled step the
    ones that an objective does not use are pruned.

    Attributes:
        x: Observations, [B, *event].
        z: Latent draws from q, [S, B, D].
        q: Posterior q(z|x), batch [B], event [D].
        p: Prior p(z), event [D].
        px: Likelihood p(x|z), batch [S, B], event of x.
        log_q: log q(z|x), nats, [S, B].
        log_p: log p(z), nats, [S, B].
        log_px: log p(x|z), nats, [S, B].
        kl: Exact KL(q, p), nats, [1, B]; None where there is no closed form.
    """

    x: tf.Tensor
    z: tf.Tensor
    q: tfd.Distribution
    p: tfd.Distribution
    px: tfd.Distribution
    log_q: tf.Tensor
    log_p: tf.Tensor
    log_px: tf.Tensor
    kl: tf.Tensor | None = None

    @property
    def rate(self) -> tf.Tensor:
        """KL(q, p), nats: exact, [1, B], or else its one-sample estimate, [S, B]."""
        return self.sampled_rate if self.kl is None else self.kl

    @property
    def sampled_rate(self) -> tf.Tensor:
        """Log q(z|x) - log p(z), nats, [S, B]: an unbiased estimate of KL(q, p)."""
        return self.log_q - self.log_p

    @property
    def distortion(self) -> tf.Tensor:
        """-log p(x|z), nats, [S, B]."""
        return -self.log_px

    @property
    def log_weight(self) -> tf.Tensor:
        """Log p(x|z) + log p(z) - log q(z|x), nats, [S, B]: importance weights."""
        return self.log_px + self.log_p - self.log_q

    @property
    def elbo(self) -> tf.Tensor:
        """The evidence lower bound, nats, [B]; higher is better."""
        return -tf.reduce_mean(self.rate + self.distortion, axis=0)


class AdversarialTrace(NamedTuple):
    """One pass through a VAE-GAN: that of its VAE, and what the discriminator makes of it.

    Attributes:
        trace: The pass of the VAE, with one draw for each example.
        feature_distance: -log N(features of x | features of the reconstruction, I)
            without its constant, so half the squared distance; nats, [B].
        real: Logits that x is real, [B].
        reconstructed: Logits that the reconstruction at the draw of z is real, [B].
        sampled: Logits that a sample from the prior is real, [B].
        gradient_penalty: Squared norm of the gradient of `real` by x, [B]; None where it
            was not asked for.
    """

    trace: Trace
    feature_distance: tf.Tensor
    real: tf.Tensor
    reconstructed: tf.Tensor
    sampled: tf.Tensor
    gradient_penalty: tf.Tensor | None = None
