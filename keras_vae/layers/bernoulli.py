"""The Bernoulli likelihood of binary images."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from keras_vae.core.support import BINARY, UNIT_INTERVAL, Support
from keras_vae.layers.independent import IndependentLayer, element_moments, logit

_LARGE = 1e30


class StableBernoulli(tfd.Bernoulli):
    """TFP's Bernoulli by logits, with the cross-entropy as one short expression.

    TFP evaluates two softplus functions and two guarded products for each pixel, which is
    noticeable in the step time of an image decoder.
    """

    def _log_prob(self, event):
        event = tf.cast(event, self.logits.dtype)
        # Infinite logits that match x have the log-probability 0, not inf - inf.
        logits = tf.clip_by_value(self.logits, -_LARGE, _LARGE)
        return event * logits - tf.nn.softplus(logits)


@keras.saving.register_keras_serializable("keras_vae")
class IndependentBernoulli(IndependentLayer):
    """Independent Bernoulli variables; parameter: logits.

    The log-probability of a grey value x in [0, 1] is the cross-entropy, x log p + (1 -
    x) log(1 - p): the expectation over a random binarization of the pixel, though not a
    density over grey values (`IndependentContinuousBernoulli` is one). Draws are floats.
    See `IndependentLayer` for the arguments.

    Example:
        >>> IndependentBernoulli((28, 28, 1)).params_size
        784
    """

    is_discrete = True
    takes_logits = True

    def make_elements(self, logits):
        """Bernoulli by logits."""
        return StableBernoulli(
            logits=logits, dtype=logits.dtype, validate_args=self.validate_args
        )

    def marginal_params(self, x):
        """Logits of the shares of ones."""
        return logit(np.clip(element_moments(x)[0], 1e-3, 1 - 1e-3))

    @property
    def support(self) -> Support:
        """0 and 1."""
        return BINARY

    @property
    def accepts(self) -> Support:
        """From 0 to 1: grey values are read as probabilities."""
        return UNIT_INTERVAL
