"""The parts of the rate: mutual information, and the aggregate posterior's KL."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_vae.core.batches import in_batches
from keras_vae.core.numbers import positive_int
from keras_vae.core.seeds import fold
from keras_vae.evaluation.errors import mean_and_error
from keras_vae.models import LatentVariableModel

# Parameters of densities that are evaluated together, and observations of them.
_ELEMENTS_AT_A_TIME, _OBSERVATIONS_AT_A_TIME = 2_000_000, 250


def aggregate_posterior(
    model: LatentVariableModel, x, z, verbose: int = 0, y=None
) -> np.ndarray:
    """Returns log q(z), where q(z) is the mean of all q(z|x): a density, or a probability.

    Args:
        model: The model.
        x: Observations [N, *event].
        z: Latent variables [M, *latent].
        verbose: 1 shows a progress bar.
        y: The condition of each observation, for a model that has one.

    Returns:
        Array [M], nats: the log of the mean over all N observations, in chunks.

    Raises:
        ValueError: If x does not fit the model, or z is of another shape.

    Example:
        >>> aggregate_posterior(vae, x_test, vae.embed(x_test))

    Source:
        Makhzani et al. 2016, "Adversarial autoencoders", section 2.
    """
    model.require_density()
    z, shape = np.asarray(z, model.probability_dtype), model.latent.shape
    if z.shape[1:] != shape or len(z) == 0:
        raise ValueError(
            f"z must hold latent variables {('M', *shape)}, but has shape {z.shape}."
        )
    x, y = model.to_units(x, scores=True), model.check_condition(y, len(x))
    width = min(_OBSERVATIONS_AT_A_TIME, len(x))
    height = max(1, _ELEMENTS_AT_A_TIME // (width * 2 * model.latent_dim))
    log_sum = np.full(len(z), -np.inf)
    bar = keras.utils.Progbar(-(-len(x) // width), verbose=verbose, unit_name="chunk")
    for start in range(0, len(x), width):
        rows = slice(start, start + width)
        q = model.encode(x[rows], None if y is None else y[rows])

        def log_sum_of_chunk(z, _, q=q):
            return tf.reduce_logsumexp(q.log_prob(z[:, tf.newaxis]), axis=1)

        log_sum = np.logaddexp(log_sum, in_batches(log_sum_of_chunk, z, height))
        bar.add(1)
    return log_sum - math.log(len(x))


def information(
    model: LatentVariableModel,
    x,
    num_samples: int = 1,
    seed: int = 0,
    verbose: int = 0,
    y=None,
) -> dict[str, Any]:
    """Splits the rate into the information of z about x and the KL of q(z) from the prior.

    For draws z from q(z|x), log q(z|x) - log p(z) is the sum of log q(z|x) - log q(z),
    whose mean is the mutual information of z and the index of the observation, and
    log q(z) - log p(z), whose mean is KL(q(z), p(z)). q(z) is the mean of the posteriors of
    all N observations, not of a minibatch, so both are unbiased for these N observations.
    The information is at most log N, which is returned, too. As an estimate for the whole
    population the information is too small, and the KL too large by the same amount: if the
    information is within a nat or two of log N, take more observations.

    Args:
        model: The model.
        x: Observations [N, *event]; the cost grows with the square of N.
        num_samples: Draws of z for each observation.
        seed: Same seed, same result.
        verbose: 1 shows a progress bar.
        y: The condition of each observation, for a model that has one.

    Returns:
        `num_examples`, `log_num_examples` (nats), and `{"mean", "standard_error"}`, over
        observations, nats, of `mutual_information`, `marginal_kl` and their sum `rate`.

    Raises:
        ValueError: If x does not fit the model, or its prior depends on y, so that there is
            no single p(z).

    Example:
        >>> information(vae, x_test[:2000])["mutual_information"]

    Source:
        Hoffman and Johnson 2016, "ELBO surgery".
    """
    positive_int(num_samples, "num_samples")
    model.require_density()
    units, y = model.to_units(x, scores=True), model.check_condition(y, len(x))

    def draw(rows, index):
        x, y = rows
        trace = model.trace(x, num_samples, fold(seed, index), y=y)
        if trace.p.batch_shape.rank:
            raise ValueError(
                "The prior of this model depends on y, so there is no one p(z) to compare "
                "q(z) with. Use a model whose prior is the same for all y."
            )
        z = tf.reshape(trace.z, (num_samples, -1, model.latent_dim))
        both = tf.stack([trace.log_q, trace.log_p], axis=-1)
        return tf.transpose(tf.concat([z, both], axis=-1), [1, 0, 2])

    drawn = in_batches(draw, (units, y), 256).astype(np.float64)
    z, log_posterior, log_prior = drawn[..., :-2], drawn[..., -2], drawn[..., -1]
    z = z.reshape(-1, *model.latent.shape)
    log_aggregate = aggregate_posterior(model, x, z, verbose, y)
    log_aggregate = log_aggregate.reshape(len(x), num_samples)
    terms = {
        "mutual_information": log_posterior - log_aggregate,
        "marginal_kl": log_aggregate - log_prior,
        "rate": log_posterior - log_prior,
    }
    return {
        "num_examples": len(x),
        "log_num_examples": math.log(len(x)),
        **{name: mean_and_error(term.mean(axis=1)) for name, term in terms.items()},
    }
