"""Learned priors over codes, each of which depends on the earlier ones."""

from __future__ import annotations

import math

import tensorflow as tf

from keras_vae.core.seeds import by_row, fold, is_by_row
from keras_vae.layers.quantizers import ChosenCode
from keras_vae.priors.over_codes import OverCodes, PriorOverCodes


class CodesInOrder(OverCodes):
    """Codes of a quantizer, each of which depends on the earlier ones in reading order.

    Args:
        quantizer: The quantizer.
        logits_of: From code indices [B, N] to logits [B, N, K]; the logits of a position
            depend only on earlier indices.
    """

    def __init__(self, quantizer, logits_of):
        """Creates the distribution."""
        self.logits_of = logits_of
        super().__init__(quantizer)

    @property
    def length(self) -> int:
        """Number N of an observation's codes."""
        return math.prod(self.quantizer.index_shape)

    def log_prob_of(self, indices):
        """The sum of the log-probabilities of the codes, one pass of the network."""
        batch = tf.shape(indices)[: indices.shape.rank - len(self.quantizer.index_shape)]
        flat = tf.reshape(indices, (-1, self.length))
        nats = tf.nn.sparse_softmax_cross_entropy_with_logits(flat, self.logits_of(flat))
        return tf.reshape(-tf.reduce_sum(nats, axis=-1), batch)

    def draw(self, n, seed):
        """Draws code indices one after the other, with N passes of the network.

        Args:
            n: Number of draws.
            seed: A seed [2]; or [n, 2], so that a draw depends only on its own seed.

        Returns:
            int32 tensor [n, *index_shape].
        """
        shape = (self.length, self.quantizer.num_codes)
        if is_by_row(seed):
            noise = by_row(lambda one: self._gumbel(shape, fold(one)), self.dtype, seed)
        else:
            noise = self._gumbel((n, *shape), fold(seed))

        def step(i, codes):
            # The largest of logits with Gumbel noise is a draw of their softmax.
            chosen = tf.argmax((self.logits_of(codes) + noise)[:, i], -1, tf.int32)
            return i + 1, tf.where(tf.range(self.length) == i, chosen[:, tf.newaxis], codes)

        start = tf.zeros([n, self.length], tf.int32)
        _, codes = tf.while_loop(
            lambda i, _: i < self.length, step, (tf.constant(0), start)
        )
        return tf.reshape(codes, (n, *self.quantizer.index_shape))

    def _gumbel(self, shape, seed):
        tiny = self.dtype.as_numpy_dtype(1e-30)
        uniform = tf.random.stateless_uniform(shape, seed, tiny, 1.0, self.dtype)
        return -tf.math.log(-tf.math.log(uniform))


class PriorInOrder(PriorOverCodes):
    """Base of priors over codes in reading order: a network predicts the next code.

    Subclasses define `make_weights` and `logits_of`. The rate is -log p of the codes, which
    needs no draws; a draw takes as many passes of the network as there are codes.
    """

    def logits_of(self, indices: tf.Tensor) -> tf.Tensor:
        """Returns the logits of the next code at each position.

        Args:
            indices: Code indices [B, N].

        Returns:
            Logits [B, N, K]; those of a position depend only on earlier indices.
        """
        raise NotImplementedError

    def make_distribution(self, y=None):
        """The distribution of all codes, whatever the condition."""
        return self.tempered(1.0)

    def tempered(self, temperature, y=None):
        """Each code's logits are divided by `temperature`."""
        return CodesInOrder(self.quantizer, lambda one: self.logits_of(one) / temperature)

    def kl_divergence(self, q, p):
        """-log p of the chosen codes."""
        if not isinstance(q, ChosenCode):
            return super().kl_divergence(q, p)
        return -p.log_prob_of(q.indices)

    def sample_by_row(self, seeds, y=None, temperature=1.0):
        """Draws for all rows at once, each with the noise of its own seed."""
        p = self._at(temperature, y)
        return self.quantizer.lookup(p.draw(tf.shape(seeds)[0], seeds))
