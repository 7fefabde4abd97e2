"""Posteriors of single observations, found by optimization instead of by the encoder."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import tensorflow as tf
from tensorflow_probability import bijectors as tfb
from tensorflow_probability import distributions as tfd

from keras_vae.core.names import unknown
from keras_vae.core.seeds import fold
from keras_vae.layers import IndependentNormal, MultivariateNormalTriL
from keras_vae.models import VAE

FAMILIES = ("posterior", "diagonal", "full")
# What the layers of normals add to the softplus of their parameters.
_FLOOR = 1e-5
_BETA_1, _BETA_2, _EPSILON = 0.9, 0.999, 1e-8
# How often `optimize` comes back to Python, to say how far it is.
PARTS = 10


class LocalPosteriors:
    """A posterior for each observation, whose parameters are optimized directly.

    Args:
        model: The model.
        family: "posterior", the model's own family; "diagonal" or "full", normals with
            diagonal or full covariance.

    Raises:
        ValueError: If there is no such family, or draws from it have no gradient.

    Source:
        Cremer, Li and Duvenaud 2018, section 5.
    """

    def __init__(self, model: VAE, family: str = "posterior"):
        """Chooses the family."""
        if family not in FAMILIES:
            raise unknown("family", family, FAMILIES)
        self.model = model
        own, size = model.posterior, model.latent_dim
        self.layer = own
        if family == "diagonal" and not _is_learned_normal(own):
            self.layer = IndependentNormal(size, dtype=own.dtype)
        if family == "full" and not isinstance(own, MultivariateNormalTriL):
            self.layer = MultivariateNormalTriL(size, dtype=own.dtype)
        q = self.layer.distribution(tf.zeros([1, self.layer.params_size]))
        if q.reparameterization_type != tfd.FULLY_REPARAMETERIZED:
            raise ValueError(
                f"Draws from the posterior {type(self.layer).__name__} have no gradient "
                "with respect to its parameters, so it cannot be optimized for one "
                "observation. Choose family='diagonal' or 'full'."
            )
        self._climb = tf.function(self._steps, autograph=False)

    def start(self, x: tf.Tensor) -> tf.Tensor:
        """Parameters of the encoder's posterior, or of the nearest in the family.

        Args:
            x: Observations [B, *event].

        Returns:
            Tensor [B, params_size]: the encoder's output where the family is the
            model's, else what has its means and standard deviations.
        """
        model = self.model
        if self.layer is model.posterior:
            params = model.encoder(x, training=False)
            return tf.cast(params, self.layer.compute_dtype)
        q = model.encode(x)
        # Both kinds of scales are a floor and a softplus.
        scale = tf.maximum(q.stddev() - _FLOOR, 1e-6)
        if isinstance(self.layer, MultivariateNormalTriL):
            shift = np.array(_FLOOR, scale.dtype.as_numpy_dtype)
            fill = tfb.FillScaleTriL(diag_shift=shift)
            raw = fill.inverse(tf.linalg.diag(scale + _FLOOR))
        else:
            raw = tfb.Softplus().inverse(scale)
        return tf.concat([q.mean(), raw], axis=-1)

    def bound(self, x: tf.Tensor, params: tf.Tensor, draws: int, seed) -> tf.Tensor:
        """The ELBO of each observation at the posterior with given parameters.

        Args:
            x: Observations [B, *event].
            params: Parameters [B, params_size].
            draws: Draws of z for each observation.
            seed: An integer or an int32 tensor [2].

        Returns:
            Nats, [B].
        """
        q, p = self.layer.distribution(params), self.model.prior.distribution()
        z = q.sample(draws, seed=fold(seed))
        rate = self.model.prior.kl_divergence(q)
        if rate is None:
            rate = tf.reduce_mean(q.log_prob(z) - p.log_prob(z), axis=0)
        return tf.reduce_mean(self.model.decode(z).log_prob(x), axis=0) - rate

    def optimize(
        self,
        x: tf.Tensor,
        steps: int,
        draws: int,
        learning_rate: float,
        seed,
        advance: Callable[[], None] = lambda: None,
    ) -> tf.Tensor:
        """Maximizes the ELBO of each observation by Adam.

        Args:
            x: Observations [B, *event].
            steps: Number of steps.
            draws: Draws for each observation and step.
            learning_rate: At the start; it falls to zero on a cosine, so that the noise
                of the gradients averages out.
            seed: An int32 tensor [2].
            advance: Called `PARTS` times on the way.

        Returns:
            Parameters [B, params_size].
        """
        params = self.start(x)
        state = params, tf.zeros_like(params), tf.zeros_like(params)
        rate = tf.constant(learning_rate, params.dtype)
        settings = tf.constant(steps), tf.constant(draws), rate
        ends = np.linspace(0, steps, PARTS + 1).astype(np.int32)
        for first, end in zip(ends[:-1], ends[1:], strict=True):
            span = tf.constant(first), tf.constant(end)
            state = self._climb(x, *state, *span, *settings, seed)
            advance()
        return state[0]

    def _steps(self, x, params, mean, square, first, end, steps, draws, rate, seed):
        """Steps `first` to `end` of Adam; also returns the gradients' moving moments."""

        def step(i, params, mean, square):
            with tf.GradientTape() as tape:
                tape.watch(params)
                # A sum over observations: each has its own gradient.
                bound = tf.reduce_sum(self.bound(x, params, draws, fold(seed, i)))
            gradient = tape.gradient(bound, params)
            mean = _BETA_1 * mean + (1 - _BETA_1) * gradient
            square = _BETA_2 * square + (1 - _BETA_2) * gradient**2
            t = tf.cast(i, params.dtype)
            size = rate * (1 + tf.cos(math.pi * t / tf.cast(steps, params.dtype))) / 2
            root = tf.sqrt(square / (1 - _BETA_2 ** (t + 1))) + _EPSILON
            params += size * mean / (1 - _BETA_1 ** (t + 1)) / root
            return i + 1, params, mean, square

        return tf.while_loop(
            lambda i, *_: i < end,
            step,
            (first, params, mean, square),
            parallel_iterations=1,
        )[1:]


def _is_learned_normal(layer):
    return isinstance(layer, IndependentNormal) and layer.scale == "learned"
