"""The passes of annealed importance sampling through its temperatures."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_vae.core.names import unknown
from keras_vae.core.numbers import positive_int
from keras_vae.core.seeds import fold, make_seed
from keras_vae.core.support import REAL
from keras_vae.evaluation.likelihood.hamiltonian import Annealed
from keras_vae.models import LatentVariableModel

STARTS = ("prior", "posterior")
# Numbers that give each pass its own noise.
_TUNING, _FORWARD, _BACKWARD, _SIMULATION = range(4)
# The target acceptance probability for step sizes, the rate of their adaptation, and the
# number of chains that measure it.
_ACCEPTANCE, _RATE, _TUNERS = 0.65, 0.3, 4


class Annealing:
    """Passes of chains between a start and p(z|x), each over one batch of observations.

    Args:
        model: The model.
        start: "prior" or "posterior".
        num_steps: Number T of temperatures above 0.
        num_chains: Chains K for each observation.
        num_leapfrog: Leapfrog steps of each transition.
        seed: Seed of all noise.

    Raises:
        ValueError: If a number is not positive, there is no such start, or z does not
            live in R^D.
    """

    def __init__(
        self,
        model: LatentVariableModel,
        start: str,
        num_steps: int,
        num_chains: int,
        num_leapfrog: int,
        seed: int,
    ):
        """Stores the settings; nothing is compiled yet."""
        if start not in STARTS:
            raise unknown("start", start, STARTS)
        _refuse_others(model)
        self.model, self.seed = model, make_seed(seed)
        self.num_chains = positive_int(num_chains, "num_chains")
        self.num_leapfrog = positive_int(num_leapfrog, "num_leapfrog")
        self.temperatures = sigmoid_schedule(positive_int(num_steps, "num_steps"))
        self.batch_size = max(1, model.events_at_a_time() // num_chains)
        annealed = Annealed(model, start)
        # They do not need autograph, whose conversion takes longer than the tracing.
        self._draw = tf.function(annealed.draw, autograph=False)
        self._at = tf.function(annealed.at, autograph=False)
        self._transition = tf.function(annealed.transition, autograph=False)

    def batch_sizes(self, n: int) -> list[int]:
        """Sizes of batches of n observations, so that memory is bounded."""
        starts = range(0, n, self.batch_size)
        return [min(self.batch_size, n - start) for start in starts]

    def progress_bar(self, n: int, passes: int, verbose: int) -> keras.utils.Progbar:
        """A bar over all transitions of a number of passes over n observations."""
        transitions = (len(self.temperatures) - 2) * len(self.batch_sizes(n)) * passes
        return keras.utils.Progbar(transitions, verbose=verbose)

    def as_floats(self, x) -> tf.Tensor:
        """Observations in the form that the likelihood reads."""
        return tf.cast(tf.convert_to_tensor(x), self.model.probability_dtype)

    def simulate(self, n: int, index: int) -> tuple[tf.Tensor, tf.Tensor]:
        """Draws from the model.

        Args:
            n: Number of observations.
            index: Number of the batch.

        Returns:
            z from p(z), flattened, [n, D], and x from p(x|z), [n, *event]: z is an exact
            draw from p(z|x), too.
        """
        seed = fold(self.seed, _SIMULATION, index)
        z = self.model.draw(n, fold(seed, 0))
        x = self.as_floats(self.model.decode(z).sample(seed=fold(seed, 1)))
        return tf.reshape(z, (n, self.model.latent_dim)), x

    def tune(self, x: tf.Tensor, index: int, bar) -> list[tf.Tensor]:
        """Finds step sizes for each observation and temperature.

        It uses its own chains and noise: step sizes that depend on the chains whose weights
        are averaged would invalidate the bounds.

        Args:
            x: Observations [B, *event].
            index: Number of the batch.
            bar: Progress bar.

        Returns:
            Step sizes [B] of the T - 1 temperatures between 0 and 1.
        """
        seed = fold(self.seed, _TUNING, index)
        point = self._draw(x, tf.constant(_TUNERS), fold(seed, 0))
        # The scale that suits a unit normal in D dimensions.
        log_size = tf.fill([len(x)], -0.25 * np.log(self.model.latent_dim))
        log_size = tf.cast(log_size, x.dtype)
        sizes = []
        for step in range(1, len(self.temperatures) - 1):
            sizes.append(tf.exp(log_size))
            point, accept = self._move(x, point, step, sizes, seed, bar)
            log_size += _RATE * (tf.reduce_mean(accept, axis=0) - _ACCEPTANCE)
        return sizes

    def forward(self, x: tf.Tensor, sizes, index: int, bar) -> np.ndarray:
        """Anneals from the start to p(z|x).

        Args:
            x: Observations [B, *event].
            sizes: Step sizes from `tune`.
            index: Number of the batch.
            bar: Progress bar.

        Returns:
            Log-weights [K, B]; the mean of a weight is p(x).
        """
        seed = fold(self.seed, _FORWARD, index)
        point = self._draw(x, tf.constant(self.num_chains), fold(seed, 0))
        log_weight: Any = 0.0
        last = len(self.temperatures) - 1
        for step in range(1, last + 1):
            log_weight += self._rise(step) * point.log_ratio.numpy()
            if step < last:
                point, _ = self._move(x, point, step, sizes, seed, bar)
        return log_weight

    def backward(self, x: tf.Tensor, z: tf.Tensor, sizes, index: int, bar) -> np.ndarray:
        """Anneals from p(z|x) to the start: the reversal of `forward`.

        Args:
            x: Observations [B, *event].
            z: An exact draw from p(z|x) for each, [B, D], where all its chains begin.
            sizes: Step sizes from `tune`.
            index: Number of the batch.
            bar: Progress bar.

        Returns:
            Log-weights [K, B]; the mean of a weight's reciprocal is 1 / p(x).
        """
        seed = fold(self.seed, _BACKWARD, index)
        point = self._at(x, tf.repeat(z[tf.newaxis], self.num_chains, axis=0))
        log_weight: Any = 0.0
        for step in range(len(self.temperatures) - 1, 0, -1):
            log_weight += self._rise(step) * point.log_ratio.numpy()
            if step > 1:
                point, _ = self._move(x, point, step - 1, sizes, seed, bar)
        return log_weight

    def _rise(self, step):
        return self.temperatures[step] - self.temperatures[step - 1]

    def _move(self, x, point, step, sizes, seed, bar):
        """A transition at a temperature between 0 and 1."""
        bar.add(1)
        temperature = tf.constant(self.temperatures[step], x.dtype)
        size, count = sizes[step - 1], tf.constant(self.num_leapfrog)
        return self._transition(x, point, temperature, size, count, fold(seed, step))


def sigmoid_schedule(num_steps: int) -> np.ndarray:
    """Temperatures from 0 to 1, close together at both ends.

    Args:
        num_steps: Number T of temperatures above 0.

    Returns:
        Array [T + 1], from 0 to 1.

    Source:
        Grosse, Ghahramani and Adams 2015, section 6: a sigmoid from -4 to 4, made to
        begin at 0 and to end at 1.
    """
    sigmoid = 1 / (1 + np.exp(-np.linspace(-4.0, 4.0, num_steps + 1)))
    return (sigmoid - sigmoid[0]) / (sigmoid[-1] - sigmoid[0])


def log_mean_exp(values: np.ndarray) -> np.ndarray:
    """The log of the mean of the exponentials over the first axis.

    Args:
        values: Array [K, B].

    Returns:
        Float32 array [B].
    """
    return np.asarray(np.logaddexp.reduce(values) - np.log(len(values)), np.float32)


def _refuse_others(model):
    model.require_density()
    latent = model.latent
    if latent.support != REAL:
        raise ValueError(
            "Annealing moves z along straight lines in R^D, but the posterior "
            f"{latent.name} lives on {latent.support}. Use model.log_likelihood."
        )
    if model.condition_shape is not None:
        raise ValueError(
            "Annealing knows no condition, but the model has one. Use model.log_likelihood."
        )
