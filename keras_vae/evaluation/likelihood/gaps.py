"""Why the ELBO is below log p(x): the family of posteriors, or the encoder."""

from __future__ import annotations

import math
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from keras_vae.core.numbers import positive_int
from keras_vae.core.seeds import fold
from keras_vae.evaluation.errors import mean_and_error
from keras_vae.evaluation.likelihood.local_posteriors import PARTS, LocalPosteriors
from keras_vae.models import LatentVariableModel


class InferenceGaps(NamedTuple):
    """The results of `inference_gaps`, in nats, for each of N observations.

    Attributes:
        log_likelihood: Estimate of log p(x), [N].
        local_bound: ELBO at a posterior optimized for this observation alone, [N].
        amortized_bound: ELBO at the encoder's posterior, [N].

    Example:
        >>> gaps = InferenceGaps(np.array([-90.0]), np.array([-92.0]), np.array([-95.0]))
        >>> gaps.approximation_gap, gaps.amortization_gap
        (array([2.]), array([3.]))
    """

    log_likelihood: np.ndarray
    local_bound: np.ndarray
    amortized_bound: np.ndarray

    @property
    def approximation_gap(self) -> np.ndarray:
        """The loss due to the family of posteriors, [N]."""
        return self.log_likelihood - self.local_bound

    @property
    def amortization_gap(self) -> np.ndarray:
        """The loss because the encoder misses the best member of the family, [N]."""
        return self.local_bound - self.amortized_bound

    @property
    def total_gap(self) -> np.ndarray:
        """Both together: the divergence of the posterior from the true one, [N]."""
        return self.log_likelihood - self.amortized_bound

    @property
    def summary(self) -> dict[str, dict[str, float | None]]:
        """`{"mean", "standard_error"}` over observations of the six arrays, by name."""
        gaps = ("approximation_gap", "amortization_gap", "total_gap")
        return {name: mean_and_error(getattr(self, name)) for name in self._fields + gaps}


def inference_gaps(
    model: LatentVariableModel,
    x,
    num_samples: int = 2500,
    steps: int = 1000,
    draws: int = 16,
    learning_rate: float = 0.02,
    family: str = "posterior",
    log_likelihood=None,
    seed: int = 0,
    verbose: int = 0,
) -> InferenceGaps:
    """Splits log p(x) - ELBO into the approximation gap and the amortization gap.

    For each observation, Adam maximizes the ELBO over the parameters of a separate
    posterior, starting from the encoder's (the learning rate falls to zero on a cosine).
    Both bounds are then evaluated with the same new noise, which makes their difference
    less noisy than either. The difference can still be slightly below zero if the encoder
    is already at the optimum. The bounds are means of log p(x, z) - log q(z), not of log
    p(x|z) with the rate in closed form: the nearer q is to the true posterior, the less
    this varies.

    log p(x) is estimated by importance weighting with the mixture of the two posteriors,
    half of the draws from each: a lower bound in expectation, whose weights are at most
    twice those of the better of the two.

    Args:
        model: The model.
        x: Observations [N, *event].
        num_samples: Draws from each of the two posteriors, for the three results.
        steps: Steps of the optimizer.
        draws: Draws for each observation and step.
        learning_rate: Initial learning rate of the optimizer.
        family: Family of the local posteriors. "posterior": the model's own family.
            "diagonal", "full": normals with diagonal or full covariance. If this is not the
            model's family, the amortization gap also includes the difference between the
            families.
        log_likelihood: Estimates of log p(x), [N], to use instead of importance weighting,
            such as those of `annealed_importance_sampling`.
        seed: Same seed, same result.
        verbose: 1 shows a progress bar.

    Returns:
        The estimates, with the gaps and their summary as properties.

    Raises:
        ValueError: If x is of another shape or outside the likelihood's support, a number
            is not positive, there is no such `family`, or draws from the posterior have
            no gradient.

    Example:
        >>> gaps = inference_gaps(vae, x_test[:100])
        >>> gaps.summary["amortization_gap"]

    Source:
        Cremer, Li and Duvenaud 2018, "Inference suboptimality in variational
        autoencoders", section 3. The mixture: Owen and Zhou 2000, "Safe and effective
        importance sampling".
    """
    model.require_density()
    x = model.to_units(x, scores=True)
    for name, n in (("num_samples", num_samples), ("steps", steps), ("draws", draws)):
        positive_int(n, name)
    if not 0 < learning_rate < math.inf:
        raise ValueError(f"learning_rate must be positive, but is {learning_rate!r}.")
    if log_likelihood is not None and np.shape(log_likelihood) != (len(x),):
        raise ValueError(
            f"log_likelihood must be one number for each of the {len(x)} observations, "
            f"but has shape {np.shape(log_likelihood)}."
        )
    local = LocalPosteriors(model, family)
    evaluate = tf.function(_evaluate, autograph=False, reduce_retracing=True)
    at_a_time = model.events_at_a_time()
    size = min(len(x), max(1, at_a_time // draws))
    chunk = tf.constant(min(num_samples, max(1, at_a_time // (2 * size))))
    starts = range(0, len(x), size)
    bar = keras.utils.Progbar(len(starts) * (PARTS + 1), verbose=verbose, unit_name="part")
    found = []
    for index, start in enumerate(starts):
        rows = tf.convert_to_tensor(x[start : start + size])
        rows = tf.cast(rows, model.probability_dtype)
        params = local.optimize(
            rows, steps, draws, learning_rate, fold(seed, index, 0), lambda: bar.add(1)
        )
        count = tf.constant(num_samples)
        found.append(evaluate(local, rows, params, count, chunk, fold(seed, index, 1)))
        bar.add(1)
    estimates = np.concatenate(found, axis=1) + model.log_scale_of(x)
    if log_likelihood is not None:
        estimates[0] = log_likelihood
    return InferenceGaps(*estimates)


def _evaluate(local, x, params, num_samples, chunk, seed):
    """Log p(x), the bound at `params` and the encoder's bound, [3, B], in chunks."""
    model = local.model
    posteriors = local.member(params), model.encode(x)
    dtype = tf.as_dtype(model.probability_dtype)

    def add(done, log_sum, sums):
        count = tf.minimum(chunk, num_samples - done)
        # One seed for both: normals of one kind get the same noise.
        noise = fold(seed, done)
        z = tf.concat([q.sample(count, noise) for q in posteriors], axis=0)
        # A model of missingness draws, too.
        log_joint = model.trace(x, z=z, seed=noise).log_joint
        log_q = tf.stack([q.log_prob(z) for q in posteriors])
        log_mixture = tf.reduce_logsumexp(log_q, axis=0) - math.log(2.0)
        log_weight = tf.concat([log_sum[tf.newaxis], log_joint - log_mixture], axis=0)
        log_sum = tf.reduce_logsumexp(log_weight, axis=0)
        # Each posterior's own draws.
        halves = log_joint[:count] - log_q[0, :count], log_joint[count:] - log_q[1, count:]
        sums += tf.stack([tf.reduce_sum(half, axis=0) for half in halves])
        return (
            done + count,
            tf.ensure_shape(log_sum, [None]),
            tf.ensure_shape(sums, [2, None]),
        )

    size = tf.shape(x)[0]
    _, log_sum, sums = tf.while_loop(
        lambda done, *_: done < num_samples,
        add,
        (
            tf.constant(0),
            tf.fill([size], tf.constant(-np.inf, dtype)),
            tf.zeros([2, size], dtype),
        ),
        (tf.TensorShape([]), tf.TensorShape([None]), tf.TensorShape([2, None])),
        parallel_iterations=1,
    )
    count = tf.cast(num_samples, dtype)
    return tf.concat([[log_sum - tf.math.log(2 * count)], sums / count], axis=0)
