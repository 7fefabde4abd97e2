"""Hamiltonian Monte Carlo on latent vectors, between a tractable density and p(x, z)."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from keras_vae.core.seeds import fold
from keras_vae.models import LatentVariableModel


class Point(NamedTuple):
    """The states of the chains, with their densities and gradients.

    Attributes:
        z: Latent variables, flattened, [K, B, D].
        log_start: Log-density of the start distribution of annealing, [K, B].
        log_ratio: log p(x, z) minus `log_start`, [K, B].
        grad_start: Gradient of `log_start` with respect to z, [K, B, D].
        grad_ratio: Gradient of `log_ratio` with respect to z, [K, B, D].
    """

    z: tf.Tensor
    log_start: tf.Tensor
    log_ratio: tf.Tensor
    grad_start: tf.Tensor
    grad_ratio: tf.Tensor

    def log_density(self, temperature):
        """Unnormalized log-density of the annealed distribution, [K, B]."""
        return self.log_start + temperature * self.log_ratio

    def gradient(self, temperature):
        """Its gradient with respect to z, [K, B, D]."""
        return self.grad_start + temperature * self.grad_ratio


class Annealed:
    """The densities start(z)^(1 - t) p(x, z)^t of a model, for t from 0 to 1.

    Args:
        model: The model.
        start: "prior" starts at p(z), "posterior" at q(z|x).

    Source:
        Neal 2001, "Annealed importance sampling", equation 3.
    """

    def __init__(self, model: LatentVariableModel, start: str):
        """Keeps the model."""
        self.model = model
        self.start = start

    def draw(self, x: tf.Tensor, num_chains: int, seed) -> Point:
        """Draws from the start.

        Args:
            x: Observations [B, *event].
            num_chains: Chains K for each observation.
            seed: An int32 tensor [2].

        Returns:
            K chains for each observation.
        """
        size = tf.shape(x)[0]
        if self.start == "posterior":
            z = self.model.encode(x).sample(num_chains, seed)
        else:
            z = self.model.draw(num_chains * size, seed)
        return self.at(x, tf.reshape(z, (num_chains, size, self.model.latent_dim)))

    def at(self, x: tf.Tensor, z: tf.Tensor) -> Point:
        """Evaluates both densities.

        Args:
            x: Observations [B, *event].
            z: Latent variables, flattened, [K, B, D].

        Returns:
            The point.
        """
        model = self.model
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(z)
            shape = tf.concat([tf.shape(z)[:2], model.latent.shape], axis=0)
            trace = model.trace(x, z=tf.reshape(z, shape))
            log_start, log_ratio = trace.log_p, trace.log_px
            if self.start == "posterior":
                log_start, log_ratio = trace.log_q, trace.log_weight
        gradients = tape.gradient(log_start, z), tape.gradient(log_ratio, z)
        return Point(z, log_start, log_ratio, *gradients)

    def transition(
        self,
        x: tf.Tensor,
        point: Point,
        temperature: tf.Tensor,
        step_size: tf.Tensor,
        num_leapfrog: tf.Tensor,
        seed,
    ) -> tuple[Point, tf.Tensor]:
        """A Hamiltonian transition, which leaves the annealed density invariant.

        The step size is multiplied by a random factor from 0.8 to 1.2, so that no chain
        walks in circles.

        Args:
            x: Observations [B, *event].
            point: The states of the chains.
            temperature: t, a scalar.
            step_size: Step size of the leapfrog integrator, [B].
            num_leapfrog: Number of steps of the integrator.
            seed: An int32 tensor [2].

        Returns:
            The point after acceptance or rejection, and the probability of acceptance of
            each chain, [K, B].

        Source:
            Neal 2011, "MCMC using Hamiltonian dynamics", section 3.
        """
        shape, dtype = tf.shape(point.z), point.z.dtype
        momentum = tf.random.stateless_normal(shape, fold(seed, 0), dtype=dtype)
        factor = tf.random.stateless_uniform(shape[:2], fold(seed, 1), 0.8, 1.2, dtype)
        size = (step_size * factor)[..., tf.newaxis]

        def leapfrog(i, momentum, there):
            momentum += 0.5 * size * there.gradient(temperature)
            there = self.at(x, there.z + size * momentum)
            momentum += 0.5 * size * there.gradient(temperature)
            return i + 1, momentum, there

        _, end_momentum, there = tf.while_loop(
            lambda i, *_: i < num_leapfrog,
            leapfrog,
            (tf.constant(0), momentum, point),
            parallel_iterations=1,
        )
        log_accept = there.log_density(temperature) - point.log_density(temperature)
        log_accept += 0.5 * tf.reduce_sum(momentum**2 - end_momentum**2, axis=-1)
        # If the integrator diverged, the chain stays.
        lost = tf.constant(float("-inf"), dtype)
        log_accept = tf.where(tf.math.is_finite(log_accept), log_accept, lost)
        uniform = tf.random.stateless_uniform(shape[:2], fold(seed, 2), dtype=dtype)
        accept = tf.math.log(uniform) < log_accept
        point = Point(
            *(
                tf.where(accept if old.shape.rank == 2 else accept[..., None], new, old)
                for new, old in zip(there, point, strict=True)
            )
        )
        return point, tf.exp(tf.minimum(log_accept, 0.0))
