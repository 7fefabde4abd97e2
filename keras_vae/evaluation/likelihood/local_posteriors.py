"""Posteriors of single observations, found by optimization instead of by the encoder."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import keras
import numpy as np
import tensorflow as tf
from tensorflow_probability import bijectors as tfb
from tensorflow_probability import distributions as tfd

from keras_vae.core.centers import moments_of
from keras_vae.core.names import unknown
from keras_vae.core.seeds import fold
from keras_vae.core.support import REAL
from keras_vae.layers import IndependentNormal, MultivariateNormalTriL
from keras_vae.models import LatentVariableModel

FAMILIES = ("posterior", "diagonal", "full")
# Number of draws that estimate the moments of posteriors without closed forms.
_DRAWS = 100
# How often `optimize` returns to Python to report its progress.
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

    def __init__(self, model: LatentVariableModel, family: str = "posterior"):
        """Chooses the family."""
        if family not in FAMILIES:
            raise unknown("family", family, FAMILIES)
        latent = model.latent
        if family == "posterior" and not latent.is_reparameterized:
            raise ValueError(
                f"Draws from the posterior {latent.name} have no gradient with respect to "
                "its parameters, so it cannot be optimized for one observation. Choose "
                "family='diagonal' or 'full' for latent variables in R^D."
            )
        if family != "posterior" and latent.support != REAL:
            raise ValueError(
                f"family={family!r} is of normals in R^D, but z lives on {latent.support}."
            )
        if family == "full" and len(latent.shape) != 1:
            raise ValueError(
                f"family='full' is of latent vectors, but z has shape {latent.shape}. "
                "Choose family='diagonal'."
            )
        if model.condition_shape is not None:
            raise ValueError(
                "inference_gaps knows no condition, but the model has one. Use a model "
                "without."
            )
        self.model, self.family = model, family
        self.layer = None
        if family == "diagonal":
            self.layer = IndependentNormal(latent.shape, dtype=model.probability_dtype)
        if family == "full":
            size, dtype = model.latent_dim, model.probability_dtype
            self.layer = MultivariateNormalTriL(size, dtype=dtype)

    def member(self, params) -> tfd.Distribution:
        """The member of the family with given parameters.

        Args:
            params: Tensor [B, params_size].

        Returns:
            Distribution with batch shape [B].
        """
        if self.layer is None:
            return self.model.posterior_at(params)
        return self.layer.distribution(params)

    def start(self, x: tf.Tensor) -> tf.Tensor:
        """Parameters of the encoder's posterior, or of the nearest in the family.

        Args:
            x: Observations [B, *event].

        Returns:
            Tensor [B, params_size]: the encoder's output if the family is the model's,
            otherwise parameters with its means and standard deviations.
        """
        if self.layer is None:
            return self.model.posterior_params(x)
        mean, stddev = (
            tf.reshape(one, (len(x), -1))
            for one in moments_of(self.model.encode(x), _DRAWS)
        )
        # The scales of both layers are a softplus plus a floor, which is negligible here.
        stddev = tf.maximum(stddev, 1e-6)
        if self.family == "full":
            raw = tfb.FillScaleTriL(diag_shift=None).inverse(tf.linalg.diag(stddev))
        else:
            raw = tfb.Softplus().inverse(stddev)
        return tf.concat([mean, raw], axis=-1)

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
        q = self.member(params)
        seed = fold(seed)
        z = q.sample(draws, seed=seed)
        # A model of missingness draws, too.
        trace = self.model.trace(x, z=z, seed=seed)
        rate = self.model.divergence_from_prior(q)
        if rate is None:
            rate = tf.reduce_mean(q.log_prob(z) - trace.log_p, axis=0)
        return tf.reduce_mean(trace.log_px, axis=0) - rate

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
            learning_rate: Initial learning rate; it falls to zero on a cosine, so that the
                noise of the gradients averages out.
            seed: An int32 tensor [2].
            advance: Called `PARTS` times to report progress.

        Returns:
            Parameters [B, params_size].
        """
        start = self.start(x)
        variable = keras.Variable(start, dtype=start.dtype.name)
        schedule = keras.optimizers.schedules.CosineDecay(learning_rate, steps)
        optimizer = keras.optimizers.Adam(schedule, epsilon=1e-8)
        optimizer.build([variable])

        def step(i):
            with tf.GradientTape() as tape:
                tape.watch(variable.value)
                # A sum over observations: each has its own gradient.
                bound = self.bound(x, variable.value, draws, fold(seed, i))
                loss = -tf.reduce_sum(bound)
            optimizer.apply([tape.gradient(loss, variable.value)], [variable])
            return (i + 1,)

        @partial(tf.function, autograph=False)
        def climb(first, end):
            tf.while_loop(lambda i: i < end, step, [first], parallel_iterations=1)

        ends = np.linspace(0, steps, PARTS + 1).astype(np.int32)
        for first, end in zip(ends[:-1], ends[1:], strict=True):
            climb(tf.constant(first), tf.constant(end))
            advance()
        return tf.convert_to_tensor(variable.value)
