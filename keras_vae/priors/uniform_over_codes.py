"""The uniform distribution over a quantizer's codes."""

from __future__ import annotations

import math
from typing import Any

import keras
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from keras_vae.core.seeds import fold
from keras_vae.core.support import Support
from keras_vae.layers.quantizers import ChosenCode, Quantizer
from keras_vae.priors.base import Prior


class CodesAtRandom(tfd.Distribution):
    """Codes of a quantizer, each as probable as any other.

    Args:
        quantizer: The quantizer.
    """

    def __init__(self, quantizer: Quantizer):
        """Creates the distribution."""
        self.quantizer = quantizer
        super().__init__(
            dtype=tf.as_dtype(quantizer.compute_dtype),
            reparameterization_type=tfd.NOT_REPARAMETERIZED,
            validate_args=False,
            allow_nan_stats=True,
            parameters={"quantizer": quantizer},
            name="CodesAtRandom",
        )

    def _batch_shape(self):
        return tf.TensorShape([])

    def _batch_shape_tensor(self, **_):
        return tf.constant([], tf.int32)

    def _event_shape(self):
        return tf.TensorShape(self.quantizer.event_shape)

    def _event_shape_tensor(self, **_):
        return tf.constant(self.quantizer.event_shape, tf.int32)

    @property
    def nats(self) -> float:
        """-log p of all codes of an observation: N log K."""
        q = self.quantizer
        return math.prod(q.index_shape) * math.log(q.num_codes)

    def _sample_n(self, n, seed=None):
        shape = tf.concat([[n], tf.constant(self.quantizer.index_shape, tf.int32)], axis=0)
        indices = tf.random.stateless_uniform(
            shape, fold(seed), maxval=self.quantizer.num_codes, dtype=tf.int32
        )
        return self.quantizer.lookup(indices)

    def _log_prob(self, value):
        codes = tf.stop_gradient(self.quantizer.nearest(value))
        same = tf.abs(value - codes) <= 1e-5 * (1.0 + tf.abs(codes))
        hit = tf.reduce_all(same, axis=list(range(-len(self.quantizer.event_shape), 0)))
        numbers = (tf.constant(one, self.dtype) for one in (-self.nats, -math.inf))
        return tf.where(hit, *numbers)


@keras.saving.register_keras_serializable("keras_vae")
class UniformOverCodes(Prior):
    """All codes of the posterior's codebook are as probable: the usual prior of quantizers.

    The rate is N log K for N positions and K codes, whatever is encoded, so that the ELBO
    is a true bound of the likelihood.

    Args:
        event_shape: Shape of one latent variable; None takes it from the posterior.
        **kwargs: Arguments of `Prior`.

    Raises:
        ValueError: If the posterior of the model is no quantizer.

    Example:
        >>> keras_vae.DenseVAE(6, 2, posterior="vector_quantizer:num_codes=8",
        ...                    prior=UniformOverCodes())

    Source:
        Van den Oord et al. 2017, "Neural discrete representation learning", section 3.
    """

    is_discrete = True

    def __init__(self, event_shape=None, **kwargs):
        """Creates the prior."""
        super().__init__(event_shape, **kwargs)
        # A bound method, so that Keras does not save the quantizer a second time.
        self._lookup: Any = None

    def connect(self, model):
        """Keeps the posterior's codes."""
        posterior = model.posterior
        if not isinstance(posterior, Quantizer):
            raise ValueError(
                f"The posterior {type(posterior).__name__} lives on {posterior.support}, "
                f"but the prior {type(self).__name__} on the codes of a codebook: there is "
                "no divergence between them. Leave the prior out for the usual one, or use "
                "a posterior such as VectorQuantizer."
            )
        self._lookup = posterior.lookup

    def make_distribution(self, y=None):
        """The uniform distribution over the codes."""
        return CodesAtRandom(self.quantizer)

    @property
    def quantizer(self) -> Quantizer:
        """The posterior whose codes they are."""
        if self._lookup is None:
            raise ValueError(
                f"{type(self).__name__} is over a posterior's codes: make it part of a model."
            )
        return self._lookup.__self__

    @property
    def support(self) -> Support:
        """The codes."""
        return self.quantizer.support

    def kl_divergence(self, q, p):
        """N log K."""
        if not isinstance(q, ChosenCode):
            return super().kl_divergence(q, p)
        return tf.fill(q.batch_shape_tensor(), tf.constant(p.nats, p.dtype))

    def get_build_config(self):
        """Nothing: the model that it is part of builds it."""
        return None
