"""Distributions whose elements are independent given their parameters."""

from __future__ import annotations

import math

import keras
import numpy as np
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from keras_vae.core.numbers import not_negative
from keras_vae.core.support import (
    COUNTS,
    UNIT_INTERVAL,
    Support,
)
from keras_vae.layers.base import DistributionLayer, event_tuple


class IndependentLayer(DistributionLayer):
    """Base of layers with one scalar distribution for each element of an event.

    The parameters of an example are blocks of `prod(event_shape)` numbers, one block per
    parameter, in the order of the arguments of `make_elements` (the order of `tfp.layers`).

    Args:
        event_shape: Shape of one observation; an integer means a vector, () a scalar.
        convert_to_tensor_fn: Output of a call; see `DistributionLayer`.
        **kwargs: Arguments of `DistributionLayer`.

    Example:
        >>> class IndependentExponential(IndependentLayer):
        ...     def make_elements(self, log_rate):
        ...         return tfd.Exponential(tf.exp(log_rate))
        >>> IndependentExponential((28, 28, 1)).params_size
        784
    """

    num_blocks = 1
    # For counts, the block that is the logarithm of the mean, up to terms of other blocks.
    log_mean_block: int | None = None

    def __init__(self, event_shape=(), convert_to_tensor_fn="sample", **kwargs):
        """Creates the layer."""
        super().__init__(convert_to_tensor_fn=convert_to_tensor_fn, **kwargs)
        self.event_shape = event_tuple(event_shape)

    def compute_params_size(self) -> int:
        """`num_blocks` numbers for each element of the event."""
        return self.num_blocks * math.prod(self.event_shape)

    def make_elements(self, *blocks: tf.Tensor) -> tfd.Distribution:
        """Builds the scalar distributions from blocks of shape [..., *event_shape]."""
        raise NotImplementedError

    def make_distribution(self, params):
        """Splits the parameters into blocks and joins the elements into one event."""
        shape = (*keras.ops.shape(params)[:-1], self.num_blocks, *self.event_shape)
        blocks = tf.unstack(
            tf.reshape(params, shape), axis=len(shape) - 1 - len(self.event_shape)
        )
        return tfd.Independent(
            self.make_elements(*blocks),
            reinterpreted_batch_ndims=len(self.event_shape),
            validate_args=self.validate_args,
        )

    def params_shapes(self) -> list[tuple[int, ...]]:
        """Flat blocks, or the output of a convolution: [*event[:-1], blocks * channels]."""
        shapes = super().params_shapes()
        if self.event_shape:
            *sizes, channels = self.event_shape
            shapes.append((*sizes, self.num_blocks * channels))
        return list(dict.fromkeys(shapes))

    def flat_params(self, outputs):
        """Moves the blocks from the last axis of an event to the front."""
        if outputs.shape[1:] == (self.params_size,):
            return outputs
        *sizes, channels = self.event_shape
        shape = (-1, math.prod(sizes), self.num_blocks, channels)
        blocks = tf.transpose(tf.reshape(outputs, shape), (0, 2, 1, 3))
        return tf.reshape(blocks, (-1, self.params_size))

    def get_config(self):
        """Returns the constructor's arguments."""
        return {**super().get_config(), "event_shape": list(self.event_shape)}


class PositiveLayer(IndependentLayer):
    """Base of layers with a parameter that must be positive.

    Args:
        event_shape: Shape of one observation; an integer means a vector, () a scalar.
        convert_to_tensor_fn: Output of a call; see `DistributionLayer`.
        floor: Smallest value of a positive parameter, which is floor + softplus(u) of
            the network's output u. It keeps densities finite; 0 is that of `tfp.layers`.
        **kwargs: Arguments of `DistributionLayer`.

    Example:
        >>> class IndependentGumbel(PositiveLayer):
        ...     def make_elements(self, loc, scale):
        ...         return tfd.Gumbel(loc, self.positive(scale))
        >>> IndependentGumbel(3).params_size
        6
    """

    num_blocks = 2

    def __init__(
        self, event_shape=(), convert_to_tensor_fn="sample", *, floor=1e-5, **kwargs
    ):
        """Creates the layer."""
        super().__init__(event_shape, convert_to_tensor_fn, **kwargs)
        self.floor = not_negative(floor, "floor")

    def positive(self, u: tf.Tensor) -> tf.Tensor:
        """Maps the network's output to numbers above `floor`."""
        return self.floor + tf.nn.softplus(u)

    def initial_params(self, seed=0):
        """Zeros, and ones for the last block if it must be positive."""
        params = super().initial_params(seed).reshape(self.num_blocks, -1)
        params[1:] = np.log(np.expm1(1.0))
        return params.reshape(-1)

    def marginal_params(self, x):
        """Mean and standard deviation of each element, for locations and scales."""
        mean, std = element_moments(x)
        return np.concatenate([mean, inverse_softplus(std)])

    def get_config(self):
        """Returns the constructor's arguments."""
        return {**super().get_config(), "floor": self.floor}


def element_moments(x) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each element of data.

    Args:
        x: Observations [N, *event]; NaN is missing.

    Returns:
        Two arrays [elements], float32; 0 and 1 for elements that are never known. The
        standard deviation is at least a thousandth of the largest value.
    """
    x = np.asarray(x, np.float64).reshape(len(x), -1)
    known = ~np.isnan(x)
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, x, 0.0).sum(axis=0) / count
    std = np.sqrt((np.where(known, x - mean, 0.0) ** 2).sum(axis=0) / count)
    largest = np.where(known, np.abs(x), 0.0).max(axis=0, initial=0.0)
    std = np.where(known.any(axis=0), np.maximum(std, 1e-3 * largest + 1e-6), 1.0)
    return mean.astype(np.float32), std.astype(np.float32)


def inverse_softplus(value) -> np.ndarray:
    """The inverse of softplus.

    Args:
        value: Positive numbers.

    Returns:
        Array of their shape, float32.
    """
    value = np.asarray(value, np.float64)
    return (value + np.log(-np.expm1(-value))).astype(np.float32)


def raw_ones(size: int, floor: float) -> np.ndarray:
    """Outputs of a network for which floor + softplus is 1, or hardly above the floor.

    Args:
        size: How many.
        floor: The smallest value, which may be above 1.

    Returns:
        Array [size], float32.
    """
    return np.full(size, inverse_softplus(max(1.0 - floor, 1e-3)), np.float32)


def logit(p) -> np.ndarray:
    """The logarithm of the odds.

    Args:
        p: Probabilities.

    Returns:
        Array of their shape, float32.
    """
    p = np.asarray(p, np.float64)
    return (np.log(p) - np.log1p(-p)).astype(np.float32)


@keras.saving.register_keras_serializable("keras_vae")
class IndependentLogistic(PositiveLayer):
    """Independent logistic distributions; parameters: locations, scales.

    See `PositiveLayer` for the arguments.

    Example:
        >>> IndependentLogistic(3).distribution(tf.zeros([2, 6])).batch_shape
        TensorShape([2])
    """

    def make_elements(self, loc, scale):
        """Logistic with softplus scale."""
        return tfd.Logistic(loc, self.positive(scale), self.validate_args)


@keras.saving.register_keras_serializable("keras_vae")
class IndependentLaplace(PositiveLayer):
    """Independent Laplace distributions; parameters: locations, scales.

    The negative log-likelihood is |x - location| / scale + log(2 scale). See
    `PositiveLayer` for the arguments.

    Example:
        >>> IndependentLaplace(3).distribution(tf.zeros([2, 6])).event_shape
        TensorShape([3])
    """

    def make_elements(self, loc, scale):
        """Laplace with softplus scale."""
        return tfd.Laplace(loc, self.positive(scale), self.validate_args)


@keras.saving.register_keras_serializable("keras_vae")
class IndependentStudentT(PositiveLayer):
    """Independent Student's t; parameters: locations, scales, degrees of freedom.

    Args:
        event_shape: Shape of one observation; an integer means a vector, () a scalar.
        convert_to_tensor_fn: Output of a call; see `DistributionLayer`.
        min_df: Lower bound of the degrees of freedom, min_df + softplus(u). Above 1 the
            mean exists, above 2 the variance; the default keeps both finite.
        floor: Smallest scale; see `PositiveLayer`.
        **kwargs: Arguments of `DistributionLayer`.

    Example:
        >>> IndependentStudentT(3).params_size
        9

    Source:
        Takahashi et al. 2018, "Student-t variational autoencoder for robust density
        estimation".
    """

    num_blocks = 3

    def __init__(
        self,
        event_shape=(),
        convert_to_tensor_fn="sample",
        *,
        min_df=2.01,
        floor=1e-5,
        **kwargs,
    ):
        """Creates the layer."""
        super().__init__(event_shape, convert_to_tensor_fn, floor=floor, **kwargs)
        if not min_df > 0:
            raise ValueError(f"min_df must be positive, but is {min_df!r}.")
        self.min_df = float(min_df)

    def make_elements(self, loc, scale, df):
        """Student's t with softplus scale and degrees of freedom."""
        df = self.min_df + tf.nn.softplus(df)
        return tfd.StudentT(df, loc, self.positive(scale), self.validate_args)

    def marginal_params(self, x):
        """Mean, standard deviation, and tails of moderate weight."""
        df = np.full(math.prod(self.event_shape), 3.0, np.float32)
        return np.concatenate([super().marginal_params(x), df])

    def center(self, distribution):
        """The location, which is the mean where there is one."""
        return distribution.mode()

    def expectation(self, distribution):
        """The location."""
        return distribution.mode()

    def summary(self, distribution):
        """Mean and standard deviation where `min_df` keeps them finite."""
        if self.min_df > 2:
            moments = distribution.mean(), distribution.stddev()
            return dict(zip(("mean", "stddev"), moments, strict=True))
        return {"center": self.center(distribution)}

    def get_config(self):
        """Returns the constructor's arguments."""
        return {**super().get_config(), "min_df": self.min_df}


@keras.saving.register_keras_serializable("keras_vae")
class IndependentPoisson(IndependentLayer):
    """Independent Poisson counts; parameter: log-rates.

    Args:
        event_shape: Shape of one observation; an integer means a vector, () a scalar.
        convert_to_tensor_fn: Output of a call; see `DistributionLayer`.
        max_log_rate: Upper limit of log-rates: float32 does not hold larger counts exactly,
            and the squares of their gradients would overflow in optimizers. None sets no
            limit, as in `tfp.layers`.
        **kwargs: Arguments of `DistributionLayer`.

    Example:
        >>> IndependentPoisson(3).distribution(tf.zeros([2, 3])).mean().numpy()[0]
        array([1., 1., 1.], dtype=float32)
    """

    is_discrete = True
    log_mean_block = 0

    def __init__(
        self,
        event_shape=(),
        convert_to_tensor_fn="sample",
        *,
        max_log_rate: float | None = 17.0,
        **kwargs,
    ):
        """Creates the layer."""
        super().__init__(event_shape, convert_to_tensor_fn, **kwargs)
        if max_log_rate is not None and not np.isfinite(max_log_rate):
            raise ValueError(f"max_log_rate must be finite or None: {max_log_rate!r}.")
        self.max_log_rate = max_log_rate

    def make_elements(self, log_rate):
        """Poisson by log-rate."""
        if self.max_log_rate is not None:
            # The gradient passes through, so that a network that went too far comes back.
            excess = tf.nn.relu(log_rate - self.max_log_rate)
            log_rate -= tf.stop_gradient(excess)
        return tfd.Poisson(log_rate=log_rate, validate_args=self.validate_args)

    def marginal_params(self, x):
        """The logarithm of the mean count."""
        return np.log(np.maximum(element_moments(x)[0], 1e-3))

    @property
    def support(self) -> Support:
        """Whole numbers from zero."""
        return COUNTS

    def get_config(self):
        """Returns the constructor's arguments."""
        return {**super().get_config(), "max_log_rate": self.max_log_rate}


@keras.saving.register_keras_serializable("keras_vae")
class IndependentNegativeBinomial(PositiveLayer):
    """Independent negative binomial counts; parameters: total counts, logits.

    Overdispersed counts: mean = total_count * exp(logits), variance = mean + mean^2 /
    total_count. Draws do not compile under XLA (a limit of TensorFlow's gamma and
    Poisson samplers); densities do. See `PositiveLayer` for the arguments.

    Example:
        >>> IndependentNegativeBinomial(3).params_size
        6
    """

    is_discrete = True
    log_mean_block = 1

    def make_elements(self, total_count, logits):
        """Negative binomial with softplus total count."""
        return tfd.NegativeBinomial(
            self.positive(total_count),
            logits=logits,
            validate_args=self.validate_args,
            require_integer_total_count=False,
        )

    def marginal_params(self, x):
        """From mean and variance, if the variance is above the mean."""
        mean, std = element_moments(x)
        mean = np.maximum(mean, 1e-3)
        total = mean**2 / np.maximum(std**2 - mean, 0.01 * mean)
        return np.concatenate([inverse_softplus(total), np.log(mean / total)])

    @property
    def support(self) -> Support:
        """Whole numbers from zero."""
        return COUNTS


@keras.saving.register_keras_serializable("keras_vae")
class IndependentContinuousBernoulli(IndependentLayer):
    """Independent continuous Bernoulli on [0, 1]; parameter: logits.

    The Bernoulli's formula with the constant that makes it a density on grey values.
    See `IndependentLayer` for the arguments.

    Example:
        >>> IndependentContinuousBernoulli((28, 28, 1)).params_size
        784

    Source:
        Loaiza-Ganem and Cunningham 2019, "The continuous Bernoulli: fixing a pervasive
        error in variational autoencoders".
    """

    takes_logits = True

    def make_elements(self, logits):
        """Continuous Bernoulli by logits."""
        return tfd.ContinuousBernoulli(
            logits=logits, dtype=logits.dtype, validate_args=self.validate_args
        )

    def marginal_params(self, x):
        """Logits of the means, which are those of the Bernoulli."""
        return logit(np.clip(element_moments(x)[0], 1e-3, 1 - 1e-3))

    @property
    def support(self) -> Support:
        """From 0 to 1."""
        return UNIT_INTERVAL
