"""Every objective, its loss in NumPy, and traces made by hand."""

from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf
from scipy import special
from tensorflow_probability import distributions as tfd

from keras_vae import objectives
from keras_vae.core.trace import Trace


def made_trace(num_samples, batch_size=4, with_kl=True, seed=0):
    """A trace with numbers of its own: no two of its entries agree."""
    rng = np.random.default_rng(seed)

    def numbers(*shape):
        return tf.constant(rng.normal(size=shape), tf.float32)

    q = tfd.Independent(
        tfd.Normal(numbers(batch_size, 2), tf.exp(numbers(batch_size, 2))), 1
    )
    p = tfd.Independent(tfd.Normal(tf.zeros(2), 1.0), 1)
    px = tfd.Independent(tfd.Normal(numbers(num_samples, batch_size, 3), 1.0), 1)
    x, z = numbers(batch_size, 3), q.sample(num_samples, seed=(seed, 1))
    kl = tfd.kl_divergence(q, p)[tf.newaxis] if with_kl else None
    return Trace(x, z, q, p, px, q.log_prob(z), p.log_prob(z), px.log_prob(x), kl)


def repeated(trace, times=2):
    """The trace of the same examples, each `times` times."""

    def tile(tensor):
        return None if tensor is None else tf.tile(tensor, (1, times))

    return trace._replace(
        log_q=tile(trace.log_q),
        log_p=tile(trace.log_p),
        log_px=tile(trace.log_px),
        kl=tile(trace.kl),
    )


def numbers_of(trace):
    """(rate, sampled rate, distortion) in double precision."""
    log_q, log_p, log_px = (
        np.asarray(one, float) for one in (trace.log_q, trace.log_p, trace.log_px)
    )
    sampled = log_q - log_p
    return sampled if trace.kl is None else np.asarray(trace.kl, float), sampled, -log_px


def elbo(beta=1.0, free_bits=0.0, exact_kl=True):
    def loss(trace, step):
        rate, sampled, distortion = numbers_of(trace)
        rate = (rate if exact_kl else sampled).mean(0)
        weight = beta(step) if callable(beta) else beta
        return distortion.mean(0) + weight * np.maximum(rate, free_bits or -np.inf)

    return loss


def iwae(trace, step):
    _, sampled, distortion = numbers_of(trace)
    return np.log(len(sampled)) - special.logsumexp(-distortion - sampled, axis=0)


def warm_up():
    """From 0 to 1 within ten steps."""
    return keras.optimizers.schedules.PolynomialDecay(0.0, 10, end_learning_rate=1.0)


@dataclass(frozen=True)
class ObjectiveCase:
    """An objective and its loss [B] in NumPy."""

    cls: type
    arguments: dict
    oracle: Callable

    def make(self):
        """Makes the objective; arguments that are functions make their value."""
        return self.cls(**{k: v() if callable(v) else v for k, v in self.arguments.items()})

    def trace(self, **arguments):
        """A trace with as many draws as the objective wants."""
        return made_trace(self.make().num_samples, **arguments)


CASES = {
    "elbo": ObjectiveCase(objectives.ELBO, {}, elbo()),
    "elbo_of_draws": ObjectiveCase(objectives.ELBO, {"num_samples": 3}, elbo()),
    "beta": ObjectiveCase(objectives.ELBO, {"beta": 4.0, "num_samples": 2}, elbo(4.0)),
    "no_rate": ObjectiveCase(objectives.ELBO, {"beta": 0}, elbo(0.0)),
    "warm_up": ObjectiveCase(
        objectives.ELBO, {"beta": warm_up}, elbo(lambda step: min(step / 10, 1.0))
    ),
    "free_bits": ObjectiveCase(
        objectives.ELBO, {"free_bits": 2.0, "beta": 0.5}, elbo(0.5, 2.0)
    ),
    "sampled_rate": ObjectiveCase(
        objectives.ELBO, {"exact_kl": False, "num_samples": 3}, elbo(exact_kl=False)
    ),
    "sampled_free_bits": ObjectiveCase(
        objectives.ELBO,
        {"exact_kl": False, "free_bits": 1.0, "num_samples": 3},
        elbo(1.0, 1.0, exact_kl=False),
    ),
    "iwae": ObjectiveCase(objectives.IWAE, {}, iwae),
    "iwae_of_one": ObjectiveCase(objectives.IWAE, {"num_samples": 1}, iwae),
}
