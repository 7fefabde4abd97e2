"""What a trained model is asked for: samples, codes, reconstructions, likelihoods."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import tensorflow as tf

from keras_vae.core.batches import in_batches
from keras_vae.core.checks import check_array
from keras_vae.core.numbers import positive_int
from keras_vae.core.seeds import fold, make_seed

# Decoded events (images times draws), and elements of them (pixels), that the likelihood
# estimate holds at a time: enough to keep two cores at their matrix speed, and well below
# a gigabyte with the temporaries of any likelihood.
_EVENTS_AT_A_TIME = 5_000
_ELEMENTS_AT_A_TIME = 4_000_000


class Queries:
    """The part of `VAE` that works on arrays of any length, in batches.

    Like `predict`, these methods take arrays and return NumPy arrays, and give the same
    result for the same seed.
    """

    def sample(
        self,
        n: int = 1,
        seed: int | None = 0,
        temperature: float = 1.0,
        draw: bool = False,
        batch_size: int = 256,
    ) -> np.ndarray:
        """Makes new data: p(x|z) at draws z from the prior.

        Args:
            n: Number of observations.
            seed: Same seed, same samples; None takes Keras's global seed.
            temperature: Factor of the prior's standard deviations; below 1 samples are
                more typical and less varied.
            draw: Whether to draw from p(x|z) instead of taking its mean.
            batch_size: Latent vectors decoded at a time.

        Returns:
            Array [n, *event].

        Raises:
            ValueError: If `n` or `temperature` is not positive.

        Example:
            >>> vae.sample(64, seed=0).shape
            (64, 28, 28, 1)
        """
        positive_int(n, "n")
        seed = make_seed(seed)
        z = self.prior.distribution(temperature).sample(n, seed=fold(seed, 0))

        def decode(z, index):
            px = self.decode(z)
            return px.sample(seed=fold(seed, 1, index)) if draw else self.center(px)

        return in_batches(decode, z, batch_size)

    def embed(self, x, batch_size: int = 256) -> np.ndarray:
        """Returns the posterior means, the usual embedding.

        Args:
            x: Observations [N, *event].
            batch_size: Observations at a time.

        Returns:
            Array [N, D].

        Raises:
            ValueError: If x is empty, of another shape, NaN, infinite or outside the
                likelihood's support.
        """
        self._check_values(x)
        return in_batches(lambda x, _: self.encode(x).mean(), x, batch_size)

    def reconstruct(self, x, batch_size: int = 256) -> np.ndarray:
        """Returns the mean of p(x|z) at the posterior mean, like `predict`.

        Args:
            x: Observations [N, *event].
            batch_size: Observations at a time.

        Returns:
            Array [N, *event].

        Raises:
            ValueError: If x is empty, of another shape, NaN, infinite or outside the
                likelihood's support.
        """
        self._check_values(x)
        return in_batches(lambda x, _: self(x), x, batch_size)

    def interpolate(self, start, end, steps: int = 8) -> np.ndarray:
        """Walks in latent space from one observation to another, in a straight line.

        Args:
            start: Observations [N, *event].
            end: As many others.
            steps: Points of each walk, both ends included.

        Returns:
            Array [N, steps, *event]: the mean of p(x|z) at each point.

        Raises:
            ValueError: If `start` and `end` differ in shape, or `steps` is below 2.
        """
        return self.interpolate_codes(self.embed(start), self.embed(end), steps)

    def interpolate_codes(self, start, end, steps: int = 8) -> np.ndarray:
        """Walks in latent space from one code to another, in a straight line.

        Args:
            start: Codes [N, D].
            end: As many others.
            steps: Points of each walk, both ends included.

        Returns:
            Array [N, steps, *event]: the mean of p(x|z) at each point.

        Raises:
            ValueError: If `start` and `end` differ in shape, or `steps` is below 2.

        Example:
            >>> z = vae.prior.distribution().sample(2, seed=[0, 0])
            >>> vae.interpolate_codes(z[:1], z[1:]).shape
            (1, 8, 28, 28, 1)
        """
        if steps < 2:
            raise ValueError(f"steps must be at least 2, but is {steps!r}.")
        z0, z1 = np.asarray(start), np.asarray(end)
        if z0.shape != z1.shape:
            raise ValueError(
                f"start and end must hold as many observations each, but hold {len(z0)} "
                f"and {len(z1)}."
            )
        t = np.linspace(0.0, 1.0, steps, dtype=z0.dtype)[:, None]
        z = (1 - t) * z0[:, None] + t * z1[:, None]
        decoded = in_batches(
            lambda z, _: self.center(self.decode(z)), z.reshape(-1, z.shape[-1]), 256
        )
        return decoded.reshape(len(z0), steps, *self.event_shape)

    def elbo(
        self, x, num_samples: int = 1, batch_size: int = 256, seed: int = 0
    ) -> np.ndarray:
        """Estimates the evidence lower bound of each observation.

        Args:
            x: Observations [N, *event].
            num_samples: Latent draws for each observation.
            batch_size: Observations at a time.
            seed: Same seed, same estimate.

        Returns:
            Array [N], nats, below log p(x) in expectation.
        """
        rate, distortion = self.rate_and_distortion(x, num_samples, batch_size, seed)
        return -(rate + distortion)

    def rate_and_distortion(
        self, x, num_samples: int = 1, batch_size: int = 256, seed: int = 0
    ) -> tuple[np.ndarray, np.ndarray]:
        """Estimates the two parts of the negative ELBO of each observation.

        Args:
            x: Observations [N, *event].
            num_samples: Latent draws for each observation.
            batch_size: Observations at a time.
            seed: Same seed, same estimate; that of `elbo`, too.

        Returns:
            The rate KL(q, p), in closed form where there is one, and the distortion, the
            mean of -log p(x|z); arrays [N], nats.

        Source:
            Alemi et al. 2018, "Fixing a broken ELBO".
        """
        self._check_values(x)
        positive_int(num_samples, "num_samples")

        def parts(x, index):
            trace = self.trace(x, num_samples, fold(seed, index))
            both = trace.rate, trace.distortion
            return tf.stack([tf.reduce_mean(part, axis=0) for part in both], axis=1)

        return tuple(in_batches(parts, x, batch_size).T)

    def log_likelihood(
        self,
        x,
        num_samples: int = 500,
        batch_size: int = 100,
        seed: int = 0,
        verbose: int = 0,
    ) -> np.ndarray:
        """Estimates log p(x) of each observation by importance weighting.

        log of the mean over `num_samples` draws z from q of p(x, z) / q(z|x): a lower
        bound in expectation that grows with `num_samples` to log p(x). Draws are decoded
        a few thousand events at a time, so memory does not grow with `num_samples`.

        Args:
            x: Observations [N, *event].
            num_samples: Latent draws for each observation.
            batch_size: Observations at a time.
            seed: Same seed and `batch_size`, same estimate.
            verbose: 1 shows a progress bar.

        Returns:
            Array [N], nats.

        Raises:
            ValueError: If x is of another shape or outside the likelihood's support, or
                `num_samples` below 1.

        Example:
            >>> vae.log_likelihood(x_test, num_samples=5000).mean()

        Source:
            Burda et al. 2016, equation 8; Rezende et al. 2014, appendix E.
        """
        self._check_values(x)
        positive_int(num_samples, "num_samples")
        positive_int(batch_size, "batch_size")
        at_a_time = self.events_at_a_time()
        batch_size = min(batch_size, len(x), at_a_time)
        chunk = min(num_samples, at_a_time // batch_size)
        # TensorFlow counts the traces of a method over all models and calls, and would warn
        # of them; of a partial it counts its own.
        estimate = tf.function(partial(self._importance_weighted), reduce_retracing=True)
        counts = tf.constant(num_samples), tf.constant(chunk)
        return in_batches(
            lambda x, index: estimate(x, *counts, fold(seed, index)),
            x,
            batch_size,
            verbose,
        )

    def events_at_a_time(self) -> int:
        """How many events are decoded together, so that memory stays bounded."""
        largest = max(math.prod(self.event_shape), self.likelihood.params_size)
        return max(1, min(_EVENTS_AT_A_TIME, _ELEMENTS_AT_A_TIME // largest))

    def _importance_weighted(self, x, num_samples, chunk, seed):
        """Log of the mean weight of `num_samples` draws, `chunk` draws at a time."""

        def add(done, log_sum):
            count = tf.minimum(chunk, num_samples - done)
            log_weight = self.trace(x, count, fold(seed, done)).log_weight
            log_sum = tf.reduce_logsumexp(
                tf.concat([log_sum[tf.newaxis], log_weight], axis=0), axis=0
            )
            return done + count, tf.ensure_shape(log_sum, [None])

        dtype = self.likelihood.compute_dtype
        start = tf.fill(tf.shape(x)[:1], tf.constant(-np.inf, dtype))
        _, log_sum = tf.while_loop(
            lambda done, _: done < num_samples,
            add,
            (tf.constant(0), start),
            shape_invariants=(tf.TensorShape([]), tf.TensorShape([None])),
            # One chunk at a time is in memory.
            parallel_iterations=1,
        )
        return log_sum - tf.math.log(tf.cast(num_samples, dtype))

    @staticmethod
    def center(px):
        """The mean of a likelihood; the mode where it has no mean (class numbers)."""
        try:
            return px.mean()
        except NotImplementedError:
            return px.mode()

    def _check_values(self, x):
        check_array(x, self.event_shape, self.support)
