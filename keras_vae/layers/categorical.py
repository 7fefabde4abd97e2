"""Categorical distributions."""

from __future__ import annotations

import math

import keras
import numpy as np
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from keras_vae.core.numbers import positive_int
from keras_vae.core.support import ONE_HOT, Support, levels
from keras_vae.layers.adjacent import AdjacentLayer
from keras_vae.layers.base import DistributionLayer, event_tuple


class _Categorical(tfd.Categorical):
    """TFP's categorical, whose checks refuse class numbers that are floats."""

    def _sample_control_dependencies(self, x):
        if not self.validate_args:
            return []
        last = tf.cast(self._num_categories() - 1, x.dtype)
        return [
            tf.debugging.assert_equal(x, tf.round(x), "Class numbers must be whole."),
            tf.debugging.assert_non_negative(x, "Class numbers start at 0."),
            tf.debugging.assert_less_equal(x, last, "There are fewer classes."),
        ]

    def _mean(self):
        raise NotImplementedError("Class numbers are names, and have no mean.")

    def _log_prob(self, k):
        return super()._log_prob(tf.cast(k, tf.int32) if self.validate_args else k)


class StableOneHotCategorical(tfd.OneHotCategorical):
    """TFP's, whose log-probability is NaN beside categories with logits of -inf."""

    def _log_prob(self, x):
        log_probs = tf.math.log_softmax(self.logits)
        x = tf.cast(x, log_probs.dtype)
        return tf.reduce_sum(tf.math.multiply_no_nan(log_probs, x), axis=-1)


class ChoiceLayer(DistributionLayer):
    """Base of layers of choices among classes, as vectors along the last axis.

    The logits of a choice are adjacent: parameters are read as `event_shape`.

    Args:
        event_shape: Shape (*groups, K) of independent choices among K classes, such as (20,
            10) for 20 choices among 10; an integer K means one choice.
        convert_to_tensor_fn: Output of a call; see `DistributionLayer`.
        **kwargs: Arguments of `DistributionLayer`.

    Raises:
        ValueError: If the shape has no axis.

    Example:
        >>> class Choice(ChoiceLayer):
        ...     def make_distribution(self, params):
        ...         choices = tfd.OneHotCategorical(self.logits_of(params))
        ...         return tfd.Independent(choices, len(self.event_shape) - 1)
        >>> Choice((20, 10)).params_size
        200
    """

    takes_logits = True

    def __init__(self, event_shape, convert_to_tensor_fn="sample", **kwargs):
        """Creates the layer."""
        super().__init__(convert_to_tensor_fn=convert_to_tensor_fn, **kwargs)
        self.event_shape = event_tuple(event_shape)
        if not self.event_shape:
            raise ValueError(
                f"{type(self).__name__} needs the number of classes: event_shape=10, or (20, "
                "10) for 20 choices among 10, but event_shape is ()."
            )

    def compute_params_size(self) -> int:
        """One logit for each class of each choice."""
        return math.prod(self.event_shape)

    def logits_of(self, params) -> tf.Tensor:
        """The parameters as logits [..., *groups, K]."""
        return tf.reshape(params, (*keras.ops.shape(params)[:-1], *self.event_shape))

    def params_shapes(self) -> list[tuple[int, ...]]:
        """Flat, or with the shape of an event."""
        return list(dict.fromkeys([*super().params_shapes(), self.event_shape]))

    def flat_params(self, outputs):
        """The logits of a choice are adjacent already."""
        return tf.reshape(outputs, (-1, self.params_size))

    def get_config(self):
        """Returns the constructor's arguments."""
        return {**super().get_config(), "event_shape": list(self.event_shape)}


@keras.saving.register_keras_serializable("keras_vae")
class OneHotCategorical(ChoiceLayer):
    """Choices among classes, as one-hot vectors; parameters: logits.

    See `ChoiceLayer` for the arguments.

    Example:
        >>> OneHotCategorical(10).params_size
        10
        >>> OneHotCategorical((20, 10)).distribution(tf.zeros([4, 200])).sample().shape
        TensorShape([4, 20, 10])
    """

    is_discrete = True

    def make_choices(self, logits: tf.Tensor) -> tfd.Distribution:
        """One-hot categoricals by logits [..., *groups, K], with float draws."""
        return StableOneHotCategorical(
            logits=logits, dtype=logits.dtype, validate_args=self.validate_args
        )

    def make_distribution(self, params):
        """One choice by its logits, or independent ones joined into one event."""
        choices = self.make_choices(self.logits_of(params))
        if len(self.event_shape) == 1:
            return choices
        return tfd.Independent(
            choices,
            reinterpreted_batch_ndims=len(self.event_shape) - 1,
            validate_args=self.validate_args,
        )

    @property
    def support(self) -> Support:
        """One-hot vectors."""
        return ONE_HOT


@keras.saving.register_keras_serializable("keras_vae")
class IndependentCategorical(AdjacentLayer):
    """Independent choices among `num_classes` for each element; parameters: logits.

    The logits of an element are adjacent: parameters are read as [*event_shape,
    num_classes]. Observations and draws are class numbers, as floats. The mean of class
    numbers has no meaning, so "mean" is refused; "mode" is the most probable class.

    Args:
        event_shape: Shape of one observation; an integer means a vector, () a scalar.
        num_classes: Number of classes of an element.
        convert_to_tensor_fn: Output of a call; see `DistributionLayer`.
        **kwargs: Arguments of `DistributionLayer`.

    Example:
        >>> IndependentCategorical((28, 28, 1), num_classes=4).params_size
        3136
    """

    is_discrete = True
    takes_logits = True
    has_mean = False

    def __init__(self, event_shape, num_classes, convert_to_tensor_fn="sample", **kwargs):
        """Creates the layer."""
        super().__init__(convert_to_tensor_fn=convert_to_tensor_fn, **kwargs)
        self.event_shape = event_tuple(event_shape)
        self.num_classes = positive_int(num_classes, "num_classes")
        if self.convert_to_tensor_fn == "mean":
            raise ValueError(
                "IndependentCategorical has no mean: class numbers are names. Use "
                "convert_to_tensor_fn='mode' or 'sample'."
            )

    def compute_params_size(self) -> int:
        """`num_classes` logits for each element."""
        return self.num_classes * math.prod(self.event_shape)

    def make_distribution(self, params):
        """Categorical variables by logits, joined into one event."""
        shape = (*keras.ops.shape(params)[:-1], *self.event_shape, self.num_classes)
        return tfd.Independent(
            _Categorical(
                logits=tf.reshape(params, shape),
                dtype=params.dtype,
                validate_args=self.validate_args,
            ),
            reinterpreted_batch_ndims=len(self.event_shape),
            validate_args=self.validate_args,
        )

    def marginal_params(self, x):
        """Logarithms of the classes' shares, with half an example added to each."""
        x = np.asarray(x, np.float64).reshape(len(x), -1)
        counts = [(x == k).sum(axis=0) + 0.5 for k in range(self.num_classes)]
        shares = np.stack(counts, axis=-1) / np.sum(counts, axis=0)[:, np.newaxis]
        return np.log(shares).astype(np.float32).reshape(-1)

    @property
    def support(self) -> Support:
        """The class numbers."""
        return levels(0, self.num_classes - 1)

    def params_shapes(self) -> list[tuple[int, ...]]:
        """Flat, the output of a convolution, or [*event, num_classes]."""
        shapes = [*super().params_shapes(), (*self.event_shape, self.num_classes)]
        return list(dict.fromkeys(shapes))

    def summary(self, distribution):
        """The probabilities of the classes, [..., *event_shape, num_classes]."""
        return {"probs": distribution.distribution.probs_parameter()}

    def get_config(self):
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "event_shape": list(self.event_shape),
            "num_classes": self.num_classes,
        }
