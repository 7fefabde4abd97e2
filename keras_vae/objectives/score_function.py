"""Gradients of the ELBO through log q: for discrete latent variables, too."""

from __future__ import annotations

import keras
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from keras_vae.core.numbers import positive_int
from keras_vae.core.support import BINARY
from keras_vae.objectives.base import Objective


def with_gradient_of(value: tf.Tensor, surrogate: tf.Tensor) -> tf.Tensor:
    """Adds the gradient of a tensor to another one, but not its value.

    Args:
        value: The tensor whose value counts.
        surrogate: The tensor whose gradient is added.

    Returns:
        A tensor of the shape of `value`.
    """
    return value + surrogate - tf.stop_gradient(surrogate)


class _ScoreFunction(Objective):
    """Base of estimators of the ELBO's gradient by the derivative of log q."""

    pathwise = False

    def _log_weight(self, trace):
        # The gradient of -log q at draws is zero in expectation, so it is only noise.
        return trace.log_joint - tf.stop_gradient(trace.log_q)

    def _loss(self, trace, log_weight, guess):
        """The negative ELBO; a draw's learning signal is its weight minus the baseline."""
        signal = tf.stop_gradient(log_weight - guess)
        score = tf.reduce_mean(signal * trace.log_q, axis=0)
        return with_gradient_of(-tf.reduce_mean(log_weight, axis=0), -score)


@keras.saving.register_keras_serializable("keras_vae")
class ScoreFunction(_ScoreFunction):
    """The ELBO by its score function, with a running mean as baseline (REINFORCE).

    A draw's learning signal is log p(x, z) - log q(z|x) minus the mean of earlier batches,
    which the model's `baseline` keeps. See `Objective` for the argument.

    Example:
        >>> vae = keras_vae.DenseVAE(6, 2, posterior="bernoulli", baseline=())
        >>> vae.compile("adam", objective=ScoreFunction())

    Source:
        Williams 1992, "Simple statistical gradient-following algorithms"; Mnih and Gregor
        2014, equation 8 (centred signal).
    """

    needs = ("baseline",)

    def call(self, trace, step):
        """The negative ELBO, with the gradient of the surrogate."""
        log_weight = self._log_weight(trace)
        mean, _, _ = trace.extras.baseline(tf.reduce_mean(log_weight, axis=0))
        return self._loss(trace, log_weight, mean)


@keras.saving.register_keras_serializable("keras_vae")
class NVIL(_ScoreFunction):
    """The ELBO by its score function, with a baseline that a network predicts from x.

    The network of the model's `baseline` is a separate player: it minimises the squared
    error of its prediction, in units of the signal's spread. Signals are not divided by
    their spread, so that the gradient is that of the ELBO. See `Objective` for the
    argument.

    Example:
        >>> vae = keras_vae.DenseVAE(6, 2, posterior="bernoulli", baseline=(100,))
        >>> vae.compile("adam", objective=NVIL())

    Source:
        Mnih and Gregor 2014, "Neural variational inference and learning in belief
        networks", Algorithm 1.
    """

    needs = ("baseline",)
    players = ("vae", "baseline")

    def call(self, trace, step):
        """The negative ELBO, and the error of the baseline."""
        log_weight = self._log_weight(trace)
        signal = tf.stop_gradient(tf.reduce_mean(log_weight, axis=0))
        mean, spread, of_x = trace.extras.baseline(signal)
        error = tf.square((signal - mean) / spread - of_x)
        loss = self._loss(trace, log_weight, mean + spread * of_x)
        return dict(zip(self.players, (loss, error), strict=True))


@keras.saving.register_keras_serializable("keras_vae")
class LeaveOneOut(_ScoreFunction):
    """The ELBO by its score function: the baseline of a draw is the mean of the others.

    Args:
        num_samples: Latent draws S for each example, at least 2.

    Raises:
        ValueError: If `num_samples` is below 2.

    Example:
        >>> vae = keras_vae.DenseVAE(6, 2, posterior="bernoulli")
        >>> vae.compile("adam", objective=LeaveOneOut(4))

    Source:
        Kool, van Hoof and Welling 2019, "Buy 4 REINFORCE samples, get a baseline for
        free!", equation 8.
    """

    def __init__(self, num_samples: int = 4):
        """Creates the objective."""
        super().__init__(num_samples)
        if self.num_samples < 2:
            raise ValueError(
                "num_samples of LeaveOneOut must be at least 2: each draw is compared with "
                "the others."
            )

    def call(self, trace, step):
        """The negative ELBO, with the gradient of the surrogate."""
        log_weight = self._log_weight(trace)
        total = tf.reduce_sum(log_weight, axis=0)
        of_others = (total - log_weight) / (self.num_samples - 1)
        return self._loss(trace, log_weight, of_others)


@keras.saving.register_keras_serializable("keras_vae")
class DisARM(_ScoreFunction):
    """The ELBO of Bernoulli codes by pairs of opposite draws.

    Each pair is thresholded from one uniform number u and from 1 - u. The remaining
    randomness of the estimate, given the pair, is integrated out.

    Args:
        num_pairs: Number of pairs of latent draws for each example.

    Raises:
        ValueError: If `num_pairs` is not a positive integer.

    Example:
        >>> vae = keras_vae.DenseVAE(6, 2, posterior="bernoulli")
        >>> vae.compile("adam", objective=DisARM())

    Source:
        Dong, Mnih and Tucker 2020, "DisARM: an antithetic gradient estimator for binary
        latent variables", equation 5.
    """

    part_name = "disarm"
    needs = ("draws",)

    def __init__(self, num_pairs: int = 1):
        """Creates the objective."""
        self.num_pairs = positive_int(num_pairs, "num_pairs")
        super().__init__(2 * self.num_pairs)

    def check(self, latent):
        """Refuses posteriors that are not of independent bits."""
        super().check(latent)
        if latent.support != BINARY or not latent.is_factorized:
            raise _no_bits(
                f"{latent.name} lives on {latent.support}, or its elements are not "
                "independent given x"
            )

    def draw(self, q, seed):
        """Pairs of opposite draws, one half after the other."""
        if not isinstance(q.distribution, tfd.Bernoulli):
            # Such as classes, of which there are two.
            raise _no_bits(f"gives {type(q.distribution).__name__} variables")
        logits = q.distribution.logits_parameter()
        shape = tf.concat([[self.num_pairs], tf.shape(logits)], axis=0)
        u = tf.random.stateless_uniform(shape, seed, dtype=logits.dtype)
        p = tf.sigmoid(logits)
        return tf.cast(tf.concat([u < p, 1.0 - u < p], axis=0), logits.dtype)

    def call(self, trace, step):
        """The negative ELBO, with the gradient of the surrogate."""
        log_weight = self._log_weight(trace)
        logits = trace.q.distribution.logits_parameter()
        one, other = tf.split(log_weight, 2)
        z, opposite = tf.split(trace.z, 2)
        rank = logits.shape.rank - 1
        gain = tf.reshape(one - other, tf.concat([tf.shape(one), [1] * rank], axis=0))
        of_logits = 0.5 * gain * (z - opposite) * tf.sigmoid(tf.abs(logits))
        of_logits = tf.stop_gradient(tf.reduce_mean(of_logits, axis=0))
        axes = list(range(1, logits.shape.rank))
        score = tf.reduce_sum(of_logits * logits, axis=axes)
        return with_gradient_of(-tf.reduce_mean(log_weight, axis=0), -score)

    def get_config(self):
        """Returns the constructor's arguments."""
        return {"num_pairs": self.num_pairs}


def _no_bits(reason: str) -> ValueError:
    return ValueError(
        f"DisARM draws independent bits in opposite pairs, but the posterior {reason}. Use "
        "the posterior 'bernoulli', or objectives.LeaveOneOut()."
    )
