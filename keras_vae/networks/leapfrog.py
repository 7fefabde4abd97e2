"""Moving latent variables along a density, with learned steps."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import keras
import tensorflow as tf

from keras_vae.core.numbers import positive


class Moved(NamedTuple):
    """The end of the steps of `Leapfrog`.

    Attributes:
        z: Latent variables [S, B, *latent].
        momentum: Their momenta, [S, B, *latent].
        value: The log-density there, nats, [S, B].

    Example:
        >>> leapfrog = Leapfrog(num_steps=0)
        >>> leapfrog.move(tf.ones([5, 4, 2]), tf.ones([5, 4, 2]), tf.norm).z.shape
        TensorShape([5, 4, 2])
    """

    z: tf.Tensor
    momentum: tf.Tensor
    value: tf.Tensor


@keras.saving.register_keras_serializable("keras_vae")
class Leapfrog(keras.layers.Layer):
    """Leapfrog steps along the gradient of a log-density, annealed; step sizes are learned.

    The momentum starts as noise divided by sqrt(beta_0); after step k of K it is multiplied
    by sqrt(beta_(k-1) / beta_k), with 1/sqrt(beta_k) = (1 - 1/sqrt(beta_0)) k^2 / K^2 +
    1/sqrt(beta_0), so that beta_K = 1. Leapfrog steps preserve volume, so from (z, noise) to
    the end the volume does not change at all: what the start takes, cooling gives back.

    Args:
        num_steps: Number of leapfrog steps K; with 0 nothing moves, and there are no
            weights.
        step_size: Step size of all elements at the start.
        largest_step: Step sizes stay below it.
        beta: Inverse temperature beta_0 at the start; 1 for no annealing.
        learn_beta: Whether it is learned. 1 stays 1.
        **kwargs: Arguments of `keras.layers.Layer`.

    Raises:
        ValueError: If a number is out of range.

    Example:
        >>> leapfrog = Leapfrog(3)
        >>> leapfrog.build((2,))
        >>> z = noise = tf.ones([5, 4, 2])
        >>> leapfrog.move(z, noise, lambda z: -0.5 * tf.reduce_sum(z**2, axis=-1)).value.shape
        TensorShape([5, 4])

    Source:
        Caterini, Doucet and Sejdinovic 2018, "Hamiltonian variational auto-encoder",
        Algorithm 1, and section 3.2 (tempering, quadratic).
    """

    # Keras's own, which has no types.
    built: bool

    def __init__(
        self,
        num_steps: int = 5,
        step_size: float = 0.05,
        largest_step: float = 0.5,
        beta: float = 0.5,
        learn_beta: bool = True,
        **kwargs,
    ):
        """Creates the layer."""
        super().__init__(**kwargs)
        is_number = hasattr(num_steps, "__index__") and not isinstance(num_steps, bool)
        if not is_number or num_steps < 0:
            raise ValueError(
                f"num_steps must be a whole number, 0 or more, but is {num_steps!r}."
            )
        self.num_steps = int(num_steps)
        self.step_size = positive(step_size, "step_size")
        self.largest_step = positive(largest_step, "largest_step")
        if self.step_size >= self.largest_step:
            raise ValueError(
                f"step_size must be below largest_step, {largest_step!r}, but is "
                f"{step_size!r}."
            )
        self.beta = positive(beta, "beta")
        if self.beta > 1:
            raise ValueError(f"beta must be at most 1, but is {beta!r}.")
        if not isinstance(learn_beta, bool):
            raise ValueError(f"learn_beta must be True or False, but is {learn_beta!r}.")
        self.learn_beta = learn_beta

    def build(self, latent_shape):
        """Creates a raw step size for each element, and the raw beta_0.

        Args:
            latent_shape: Shape of one latent variable.
        """
        if self.built:
            return
        self.built = True
        if self.num_steps == 0:
            return
        start = keras.initializers.Constant(_logit(self.step_size / self.largest_step))
        self.raw_step = self.add_weight(tuple(latent_shape), start, name="raw_step")
        if self.beta < 1:
            start = keras.initializers.Constant(_logit(math.sqrt(self.beta)))
            self.raw_beta = self.add_weight(
                (), start, trainable=self.learn_beta, name="raw_root_of_beta"
            )

    def move(
        self,
        z: tf.Tensor,
        noise: tf.Tensor,
        log_density: Callable[[tf.Tensor], tf.Tensor],
    ) -> Moved:
        """Moves latent variables.

        Args:
            z: Where they start, [S, B, *latent].
            noise: Standard normal, [S, B, *latent].
            log_density: Function of z to nats, [S, B], the same function at each of the
                K + 1 times that it is called.

        Returns:
            Where they end; the log-determinant of (z, noise) -> (z, momentum) is 0.
        """
        if self.num_steps == 0:
            return Moved(z, noise, log_density(z))
        size = self.largest_step * tf.sigmoid(tf.convert_to_tensor(self.raw_step))
        heat = self._heats()
        momentum = heat[0] * noise
        value, slope = _with_slope(log_density, z)
        for before, after in zip(heat[:-1], heat[1:], strict=True):
            momentum += 0.5 * size * slope
            z += size * momentum
            value, slope = _with_slope(log_density, z)
            momentum += 0.5 * size * slope
            momentum *= after / before
        return Moved(z, momentum, value)

    def _heats(self):
        """1 / sqrt(beta_k), for k from 0 to K."""
        start = 1.0
        if self.beta < 1:
            start = 1.0 / tf.sigmoid(tf.convert_to_tensor(self.raw_beta))
        shares = [(k / self.num_steps) ** 2 for k in range(self.num_steps + 1)]
        return [start + (1.0 - start) * share for share in shares]

    def get_config(self):
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "num_steps": self.num_steps,
            "step_size": self.step_size,
            "largest_step": self.largest_step,
            "beta": self.beta,
            "learn_beta": self.learn_beta,
        }


def _logit(share):
    return math.log(share / (1.0 - share))


def _with_slope(log_density, z):
    """The log-density, and its gradient by z, which has a gradient of its own."""
    with tf.GradientTape() as tape:
        tape.watch(z)
        value = log_density(z)
    return value, tape.gradient(value, z)
