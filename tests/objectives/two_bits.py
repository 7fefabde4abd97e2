"""A model of two bits, of which everything can be summed."""

import itertools

import numpy as np
import tensorflow as tf

from keras_vae import layers
from keras_vae.core.trace import Extras, Trace

BITS, SIZE = 2, 3
X = np.array([1.0, 0.0, 1.0], "float32")
RNG = np.random.default_rng(2)
LOGITS = RNG.normal(size=BITS).astype("float32")
PRIOR = RNG.normal(size=BITS).astype("float32")
# Logits of x by a linear decoder of the bits.
KERNEL = 2.0 * RNG.normal(size=(BITS, SIZE)).astype("float32")
Q, PX = layers.IndependentBernoulli(BITS), layers.IndependentBernoulli(SIZE)
# What a baseline guesses: a mean and a spread of other batches, and what is read off x.
GUESS = -2.5, 0.5, 0.4


def made_trace(logits, kernel, z, guess=GUESS):
    """The pass with given draws [S, B, BITS]; parameters are [B, ...]."""
    q, p = Q.distribution(logits), Q.distribution(PRIOR)
    px = PX.distribution(tf.einsum("sbk,bkx->sbx", z, kernel))
    x = tf.tile(X[np.newaxis], (len(logits), 1))
    log_q, log_p = q.log_prob(z), p.log_prob(z)
    rates = (log_q - log_p)[tf.newaxis]
    asked = dict.fromkeys(Extras._fields)
    extras = Extras(**{**asked, "baseline": lambda signal: guess})
    return Trace(x, z, q, p, px, log_q, log_p, px.log_prob(x), rates, extras=extras)


def importance_weighted(log_weight):
    """The bound that IWAE and VIMCO maximize."""
    return tf.reduce_logsumexp(log_weight, axis=0) - np.log(len(log_weight))


def mean_weight(log_weight):
    """The ELBO."""
    return tf.reduce_mean(log_weight, axis=0)


def exact(num_samples, bound=importance_weighted):
    """Minus the bound, and its gradients, summed over all draws there are."""
    bits = np.array(list(itertools.product([0.0, 1.0], repeat=BITS)), "float32")
    draws = np.array(list(itertools.product(bits, repeat=num_samples)), "float32")
    z = tf.constant(draws.transpose(1, 0, 2))
    logits, kernel = tf.constant(LOGITS), tf.constant(KERNEL)
    with tf.GradientTape() as tape:
        tape.watch([logits, kernel])
        trace = made_trace(*(tf.stack([one] * len(draws)) for one in (logits, kernel)), z)
        chance = tf.exp(tf.reduce_sum(trace.log_q, axis=0))
        loss = -tf.reduce_sum(chance * bound(trace.log_weight))
    return float(loss), *(g.numpy() for g in tape.gradient(loss, [logits, kernel]))


def estimates(objective, repeats, guess=GUESS):
    """Independent estimates of loss and gradients, one an example of a batch."""
    logits = tf.tile(LOGITS[np.newaxis], (repeats, 1))
    kernel = tf.tile(KERNEL[np.newaxis], (repeats, 1, 1))
    z = objective.draw(Q.distribution(logits), (3, 4))
    with tf.GradientTape() as tape:
        tape.watch([logits, kernel])
        losses = objective(made_trace(logits, kernel, z, guess))
        losses = losses["vae"] if objective.players else losses
    return losses.numpy(), *(g.numpy() for g in tape.gradient(losses, [logits, kernel]))
