"""Common code of all priors over the codes of a quantizer."""

from __future__ import annotations

import math
from typing import Any

import tensorflow as tf
from tensorflow_probability import distributions as tfd

from keras_vae.core.measures import CODES
from keras_vae.core.support import CODES_APART, Support
from keras_vae.layers.quantizers import Quantizer
from keras_vae.priors.base import Prior


class OverCodes(tfd.Distribution):
    """A distribution of a quantizer's codes; other vectors have probability 0.

    Subclasses define `log_prob_of` and `draw`, both for code indices.

    Args:
        quantizer: The quantizer.
    """

    measure = CODES
    # While training the codebook moves after codes are chosen and before they are scored:
    # then each vector stands for its nearest code.
    moves = False

    def __init__(self, quantizer: Quantizer):
        """Creates the distribution."""
        self.quantizer = quantizer
        super().__init__(
            dtype=tf.as_dtype(quantizer.compute_dtype),
            reparameterization_type=tfd.NOT_REPARAMETERIZED,
            validate_args=False,
            allow_nan_stats=True,
            parameters={"quantizer": quantizer},
            name=type(self).__name__,
        )

    def log_prob_of(self, indices) -> tf.Tensor:
        """Log-probabilities of code indices [..., *index_shape]."""
        raise NotImplementedError

    def draw(self, n, seed) -> tf.Tensor:
        """Draws the code indices of n observations, [n, *index_shape]."""
        raise NotImplementedError

    @property
    def _rank(self):
        return len(self.quantizer.event_shape)

    def _batch_shape(self):
        return tf.TensorShape([])

    def _batch_shape_tensor(self, **_):
        return tf.constant([], tf.int32)

    def _event_shape(self):
        return tf.TensorShape(self.quantizer.event_shape)

    def _event_shape_tensor(self, **_):
        return tf.constant(self.quantizer.event_shape, tf.int32)

    def _sample_n(self, n, seed=None):
        return self.quantizer.lookup(self.draw(n, seed))

    def _log_prob(self, value):
        indices = self.quantizer.indices(tf.stop_gradient(value))
        if self.moves:
            return tf.broadcast_to(
                self.log_prob_of(indices), tf.shape(value)[: -self._rank]
            )
        codes = tf.stop_gradient(self.quantizer.lookup(indices))
        away = tf.norm(value - codes, axis=-1)
        same = away <= CODES_APART * tf.norm(codes, axis=-1) + 1e-6
        hit = tf.reduce_all(same, axis=list(range(1 - self._rank, 0)))
        never = tf.constant(-math.inf, self.dtype)
        return tf.where(hit, self.log_prob_of(indices), never)


class PriorOverCodes(Prior):
    """A prior over the codes of the model's posterior, which must be a quantizer."""

    is_discrete = True

    def __init__(self, event_shape=None, **kwargs):
        """Creates the prior."""
        super().__init__(event_shape, **kwargs)
        # A bound method, so that Keras does not save the quantizer a second time.
        self._lookup: Any = None

    def connect(self, model):
        """Keeps the posterior's codes; refuses a second posterior."""
        posterior = model.posterior
        if self._lookup is not None and self.quantizer is not posterior:
            raise ValueError(
                f"This {type(self).__name__} belongs to the codes of another model "
                "already. Make one for each model."
            )
        if not isinstance(posterior, Quantizer):
            raise ValueError(
                f"The posterior {type(posterior).__name__} lives on {posterior.support}, "
                f"but the prior {type(self).__name__} on the codes of a codebook: there is "
                "no divergence between them. Leave the prior out to get the default, or "
                "use a posterior such as VectorQuantizer."
            )
        self._lookup = posterior.lookup

    def distribution(self, y=None, training=False):
        """The distribution of codes; while training, of a codebook that moves."""
        p = super().distribution(y, training)
        p.moves = training
        return p

    @property
    def quantizer(self) -> Quantizer:
        """The posterior to which the codes belong."""
        if self._lookup is None:
            raise ValueError(
                f"{type(self).__name__} needs the codes of a posterior: make it part of a "
                "model."
            )
        return self._lookup.__self__

    @property
    def support(self) -> Support:
        """The codes."""
        return self.quantizer.support

    def get_build_config(self):
        """Nothing: the prior's model builds it."""
        return None
