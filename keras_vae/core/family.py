"""The common base of distribution layers and priors: a family of distributions."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from keras_vae.core.centers import center_of, expectation_of, has_moments
from keras_vae.core.dtypes import float_dtype
from keras_vae.core.support import REAL, Support


class Family(keras.layers.Layer):
    """A family of distributions, with their support and their centres.

    Args:
        dtype: Dtype or policy. Probabilities are float32, also in mixed precision.
        **kwargs: Arguments of `keras.layers.Layer`.
    """

    # Keras's own, which has no types.
    built: bool
    trainable: bool
    # Shape of one event, of any rank; None where it is not known yet. (Any instead of None
    # for type checkers: whoever builds a distribution knows it.)
    event_shape: tuple[int, ...] | Any = None
    # Whether `log_prob` is the logarithm of a probability, and not of a density.
    is_discrete = False
    # Whether there is a `log_prob`: a single point has none.
    has_density = True
    # Whether the mean of events is meaningful: that of class numbers is not.
    has_mean: bool | np.ndarray = True

    def __init__(self, dtype=None, **kwargs):
        """Creates the family."""
        super().__init__(dtype=float_dtype(dtype), **kwargs)

    def add_weight(self, *args, **kwargs):
        """Creates a weight; see `keras.layers.Layer.add_weight`.

        It keeps its precision also where a model in half precision asks the family for a
        distribution: Keras would cast it to the model's.
        """
        return super().add_weight(*args, **{"autocast": False, **kwargs})

    def freeze_parts(self) -> None:
        """Freezes the layers within, where the family was made with `trainable=False`.

        Keras does so when the value changes, and not for what is created afterwards.
        """
        if not self.trainable:
            # Only a change is passed on.
            self.trainable = True
            self.trainable = False

    @property
    def support(self) -> Support:
        """The set on which the distributions live."""
        return REAL

    @property
    def accepts(self) -> Support:
        """The observations that have a score, by default the support."""
        return self.support

    def center(self, distribution: tfd.Distribution) -> tf.Tensor:
        """Returns one point in the support: the usual code of an observation.

        Args:
            distribution: A member of the family.

        Returns:
            Tensor of batch and event shape; see `keras_vae.core.centers.center_of`.
        """
        return center_of(distribution, self.is_discrete)

    def expectation(self, distribution: tfd.Distribution) -> tf.Tensor:
        """Returns the mean, or the centre where no finite mean exists.

        Args:
            distribution: A member of the family.

        Returns:
            Tensor of batch and event shape. The mean of a discrete distribution lies
            between its events: it is shown, but not decoded.
        """
        return expectation_of(distribution, self.is_discrete)

    def summary(self, distribution: tfd.Distribution) -> dict[str, tf.Tensor]:
        """Returns the served values of a distribution.

        Args:
            distribution: A member of the family.

        Returns:
            Tensors by name: `mean` and `stddev`; of 0/1 and one-hot events `probs`; the
            `center` alone where these are not known in closed form.
        """
        if self.is_discrete and (self.support.low, self.support.high) == (0.0, 1.0):
            return {"probs": self.expectation(distribution)}
        if has_moments(distribution):
            return {"mean": distribution.mean(), "stddev": distribution.stddev()}
        return {"center": self.center(distribution)}
