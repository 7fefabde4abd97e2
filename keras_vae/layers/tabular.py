"""Distributions of single columns of tables: positive amounts, many zeros, ranks."""

from __future__ import annotations

import math

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp
from tensorflow_probability import distributions as tfd

from keras_vae.core.measures import WHOLE
from keras_vae.core.numbers import positive_int
from keras_vae.core.support import POSITIVE, Support, levels
from keras_vae.layers.independent import (
    IndependentLayer,
    PositiveLayer,
    element_moments,
    inverse_softplus,
    logit,
    raw_ones,
)
from keras_vae.layers.room import layer_of

# Smallest distance of two cut points.
_LEAST_WIDTH = 1e-6


@keras.saving.register_keras_serializable("keras_vae")
class IndependentLogNormal(PositiveLayer):
    """Independent log-normal variables; parameters: means and scales of the logarithms.

    For positive amounts such as incomes and durations. See `PositiveLayer` for the
    arguments.

    Example:
        >>> IndependentLogNormal(3).params_size
        6
    """

    def make_elements(self, loc, scale):
        """Log-normal with softplus scale."""
        return tfd.LogNormal(loc, self.positive(scale), self.validate_args)

    def marginal_params(self, x):
        """Means and standard deviations of the logarithms."""
        return super().marginal_params(np.log(np.asarray(x, np.float64)))

    @property
    def support(self) -> Support:
        """Above zero."""
        return POSITIVE


@keras.saving.register_keras_serializable("keras_vae")
class IndependentGamma(PositiveLayer):
    """Independent gamma variables; parameters: concentrations, rates.

    For positive amounts; draws have gradients (implicit ones). See `PositiveLayer` for the
    arguments; `floor` is that of the rates.

    Example:
        >>> IndependentGamma(3).params_size
        6

    Source:
        Figurnov et al. 2018, "Implicit reparameterization gradients".
    """

    # Below it draws are zero in single precision.
    _LEAST_CONCENTRATION = 0.1

    def make_elements(self, concentration, rate):
        """Gamma with softplus concentration and rate."""
        concentration = self._LEAST_CONCENTRATION + tf.nn.softplus(concentration)
        rate = self.positive(rate)
        return tfd.Gamma(concentration, rate, validate_args=self.validate_args)

    def initial_params(self, seed=0):
        """The exponential distribution's, with mean 1."""
        size = self.params_size // 2
        floors = self._LEAST_CONCENTRATION, self.floor
        return np.concatenate([raw_ones(size, floor) for floor in floors])

    def marginal_params(self, x):
        """By mean and variance."""
        mean, std = element_moments(x)
        mean = np.maximum(mean, 1e-3)
        concentration = np.maximum(mean**2 / std**2, self._LEAST_CONCENTRATION + 1e-2)
        return np.concatenate(
            [
                inverse_softplus(concentration - self._LEAST_CONCENTRATION),
                inverse_softplus(concentration / mean),
            ]
        )

    @property
    def support(self) -> Support:
        """Above zero."""
        return POSITIVE


@keras.saving.register_keras_serializable("keras_vae")
class ZeroInflated(IndependentLayer):
    """Independent counts with more zeros than another distribution has.

    P(0) = s + (1 - s) p(0) and P(x) = (1 - s) p(x) for the share s = sigmoid(u).
    Parameters: first a logit u for each element, then the parameters of the counts.

    Args:
        event_shape: Shape of one observation; an integer means a vector, () a scalar.
        counts: The distribution of counts: a layer over single numbers, or its name, such as
            "negative_binomial".
        convert_to_tensor_fn: Output of a call; see `DistributionLayer`.
        **kwargs: Arguments of `DistributionLayer`.

    Raises:
        ValueError: If `counts` is not a distribution of counts.

    Example:
        >>> ZeroInflated(3, "poisson").params_size
        6

    Source:
        Lambert 1992, "Zero-inflated Poisson regression".
    """

    is_discrete = True

    def __init__(
        self,
        event_shape=(),
        counts="poisson",
        convert_to_tensor_fn="sample",
        **kwargs,
    ):
        """Creates the layer."""
        super().__init__(event_shape, convert_to_tensor_fn, **kwargs)
        self.counts = layer_of(counts, self.event_shape, self.dtype)
        if not isinstance(self.counts, IndependentLayer) or not self.counts.is_discrete:
            raise ValueError(
                "counts must be a distribution of counts, such as 'poisson' or "
                f"'negative_binomial', but is {type(self.counts).__name__}."
            )

    @property
    def num_blocks(self) -> int:  # type: ignore[override]
        """The logit of the share of zeros, and the counts' own."""
        return 1 + self.counts.num_blocks

    @property
    def log_mean_block(self) -> int | None:  # type: ignore[override]
        """That of the counts."""
        inner = self.counts.log_mean_block
        return None if inner is None else 1 + inner

    def make_elements(self, logits, *blocks):
        """The counts, with more zeros."""
        counts = self.counts.make_elements(*blocks)
        return ZeroInflatedDistribution(logits, counts, self.validate_args)

    def initial_params(self, seed=0):
        """Half of the numbers are additional zeros."""
        logits = np.zeros(int(np.prod(self.event_shape)), np.float32)
        return np.concatenate([logits, self.counts.initial_params(seed)])

    def marginal_params(self, x):
        """Half of the zeros count as additional."""
        x = np.asarray(x, np.float64).reshape(len(x), -1)
        known = np.maximum((~np.isnan(x)).sum(axis=0), 1)
        share = np.clip(0.5 * (x == 0).sum(axis=0) / known, 1e-3, 1 - 1e-3)
        others = np.where(x == 0, np.nan, x)
        return np.concatenate([logit(share), self.counts.marginal_params(others)])

    @property
    def support(self) -> Support:
        """That of the counts."""
        return self.counts.support

    def get_config(self):
        """Returns the constructor's arguments."""
        counts = keras.saving.serialize_keras_object(self.counts)
        return {**super().get_config(), "counts": counts}


class ZeroInflatedDistribution(tfd.Distribution):
    """Zeros beside another distribution of whole numbers.

    Args:
        logits: Logits of the share of zeros, a tensor.
        counts: Scalar distributions with the same batch shape.
        validate_args: As in TFP.
    """

    measure = WHOLE

    def __init__(self, logits, counts, validate_args=False):
        """Creates the distribution."""
        parameters = dict(locals())
        self.logits, self.counts = tf.convert_to_tensor(logits), counts
        super().__init__(
            dtype=self.logits.dtype,
            reparameterization_type=tfd.NOT_REPARAMETERIZED,
            validate_args=validate_args,
            allow_nan_stats=False,
            parameters=parameters,
            name="ZeroInflated",
        )

    def _batch_shape(self):
        return tf.broadcast_static_shape(self.logits.shape, self.counts.batch_shape)

    def _batch_shape_tensor(self):
        return tf.broadcast_dynamic_shape(
            tf.shape(self.logits), self.counts.batch_shape_tensor()
        )

    def _event_shape(self):
        return tf.TensorShape([])

    def _event_shape_tensor(self):
        return tf.constant([], tf.int32)

    def _log_prob(self, x):
        x = tf.cast(x, self.dtype)
        counted = tf.math.log_sigmoid(-self.logits) + self.counts.log_prob(x)
        more = tf.reduce_logsumexp(
            tf.stack([counted, tf.math.log_sigmoid(self.logits) + tf.zeros_like(x)]), axis=0
        )
        return tf.where(x == 0, more, counted)

    def _sample_n(self, n, seed=None):
        first, second = tfp.random.split_seed(seed, n=2, salt="zero_inflated")
        counts = self.counts.sample(n, seed=first)
        uniform = tfd.Uniform(tf.zeros([], self.dtype), 1.0)
        noise = uniform.sample(tf.shape(counts), seed=second)
        return tf.where(noise < tf.sigmoid(self.logits), tf.zeros_like(counts), counts)

    def _mean(self):
        return tf.sigmoid(-self.logits) * self.counts.mean()

    def _mode(self):
        counted = self.counts.mode()
        zero = tf.zeros_like(counted)
        return tf.where(self.log_prob(zero) >= self.log_prob(counted), zero, counted)


@keras.saving.register_keras_serializable("keras_vae")
class IndependentOrdinal(IndependentLayer):
    """Independent ranks 0 ... K-1; parameter: locations.

    The cumulative logit model: P(x <= k) = sigmoid(c_k - location), with cut points c that
    are weights of the layer, K-1 for each element, in order. Observations and draws are
    ranks, as floats.

    Args:
        event_shape: Shape of one observation; an integer means a vector, () a scalar.
        num_classes: Number of ranks K.
        convert_to_tensor_fn: Output of a call; "mean" is refused, since distances
            between ranks have no meaning.
        **kwargs: Arguments of `DistributionLayer`.

    Example:
        >>> IndependentOrdinal(3, num_classes=5).params_size
        3

    Source:
        McCullagh 1980, "Regression models for ordinal data"; Nazabal et al. 2020,
        "Handling incomplete heterogeneous data using VAEs".
    """

    is_discrete = True
    has_mean = False

    def __init__(
        self, event_shape=(), num_classes=2, convert_to_tensor_fn="sample", **kwargs
    ):
        """Creates the layer."""
        super().__init__(event_shape, convert_to_tensor_fn, **kwargs)
        self.num_classes = positive_int(num_classes, "num_classes")
        if self.num_classes < 2:
            raise ValueError(f"num_classes must be at least 2, but is {num_classes!r}.")
        if self.convert_to_tensor_fn == "mean":
            raise ValueError(
                "IndependentOrdinal has no mean: distances between ranks have no meaning. "
                "Use convert_to_tensor_fn='mode' or 'sample'."
            )
        # Equal probabilities for a location of zero.
        even = logit(np.arange(1, self.num_classes) / self.num_classes)
        steps = np.concatenate([even[:1], np.log(np.diff(even))])
        self.cuts = self.add_weight(
            (*self.event_shape, self.num_classes - 1),
            lambda shape, dtype=None: keras.ops.broadcast_to(
                keras.ops.cast(steps, dtype), shape
            ),
            name="cuts",
        )

    def make_elements(self, loc):
        """Ordered logistic by location and the layer's cut points."""
        first, rest = tf.split(
            tf.convert_to_tensor(self.cuts), [1, self.num_classes - 2], axis=-1
        )
        cuts = tf.concat([first, first + tf.cumsum(tf.exp(rest), axis=-1)], axis=-1)
        return OrdinalDistribution(cuts, loc, self.validate_args)

    def marginal_params(self, x):
        """Locations from the mean rank, for the layer's initial cut points."""
        share = element_moments(x)[0] / (self.num_classes - 1)
        return 2.0 * logit(np.clip(share, 0.01, 0.99))

    @property
    def support(self) -> Support:
        """The ranks."""
        return levels(0, self.num_classes - 1)

    def summary(self, distribution):
        """The probabilities of the ranks, [..., *event_shape, num_classes]."""
        return {"probs": tf.exp(distribution.distribution.log_probs())}

    def get_config(self):
        """Returns the constructor's arguments."""
        return {**super().get_config(), "num_classes": self.num_classes}


class OrdinalDistribution(tfd.Distribution):
    """Ranks by a logistic variable that is compared with cut points.

    TFP's OrderedLogistic takes integers, and has no gradient at far locations.

    Args:
        cuts: Cut points in order, [..., K-1].
        loc: Locations, of the shape of `cuts` without its last axis, or more.
        validate_args: As in TFP.
    """

    measure = WHOLE

    def __init__(self, cuts, loc, validate_args=False):
        """Creates the distribution."""
        parameters = dict(locals())
        self.cuts, self.loc = tf.convert_to_tensor(cuts), tf.convert_to_tensor(loc)
        super().__init__(
            dtype=self.loc.dtype,
            reparameterization_type=tfd.NOT_REPARAMETERIZED,
            validate_args=validate_args,
            allow_nan_stats=False,
            parameters=parameters,
            name="Ordinal",
        )

    def log_probs(self) -> tf.Tensor:
        """Returns log P(k) for every rank k, [..., K]."""
        distance = self.cuts - self.loc[..., tf.newaxis]
        below = tf.math.log_sigmoid(distance)
        above = tf.math.log_sigmoid(-distance)
        # sigmoid(b) - sigmoid(a) = sigmoid(b) sigmoid(-a) (1 - exp(a - b)), and finite.
        # A rank that the data lack may narrow until its cut points are equal.
        width = tf.maximum(self.cuts[..., 1:] - self.cuts[..., :-1], _LEAST_WIDTH)
        gap = tf.math.log(-tf.math.expm1(-width))
        inner = below[..., 1:] + above[..., :-1] + gap
        return tf.concat([below[..., :1], inner, above[..., -1:]], axis=-1)

    def _batch_shape(self):
        return tf.broadcast_static_shape(self.loc.shape, self.cuts.shape[:-1])

    def _batch_shape_tensor(self):
        return tf.broadcast_dynamic_shape(tf.shape(self.loc), tf.shape(self.cuts)[:-1])

    def _event_shape(self):
        return tf.TensorShape([])

    def _event_shape_tensor(self):
        return tf.constant([], tf.int32)

    def _log_prob(self, x):
        log_probs = self.log_probs()
        ranks = tf.range(log_probs.shape[-1], dtype=self.dtype)
        chosen = tf.equal(tf.cast(x, self.dtype)[..., tf.newaxis], ranks)
        log_prob = tf.reduce_sum(
            tf.where(chosen, log_probs, tf.zeros([], self.dtype)), axis=-1
        )
        never = tf.constant(-math.inf, self.dtype)
        return tf.where(tf.reduce_any(chosen, axis=-1), log_prob, never)

    def _sample_n(self, n, seed=None):
        draws = tfd.Categorical(logits=self.log_probs(), dtype=self.dtype)
        return draws.sample(n, seed=seed)

    def _mode(self):
        return tf.cast(tf.argmax(self.log_probs(), axis=-1), self.dtype)
