"""A distribution layer around a user's function."""

from __future__ import annotations

import functools
from collections.abc import Callable

import keras
import tensorflow as tf

from keras_vae.core.measures import support_of
from keras_vae.core.numbers import positive_int
from keras_vae.core.support import REAL, Support
from keras_vae.layers.base import DistributionLayer, event_tuple, registered_name


@keras.saving.register_keras_serializable("keras_vae")
class DistributionLambda(DistributionLayer):
    """Turns parameters into a distribution with your own function.

    The function must be registered with Keras under a name: a model with it can then be
    saved and loaded without executing anything from the file.

    Args:
        make_distribution_fn: Registered function of a tensor [..., params_size] that
            returns a `tfd.Distribution`, or the name under which it is registered.
        params_size: Number of parameters; None accepts any number.
        event_shape: Shape of one observation, if it is known in advance; a `VAE` needs both
            sizes.
        convert_to_tensor_fn: Output of a call; see `DistributionLayer`.
        **kwargs: Arguments of `DistributionLayer`.

    Raises:
        ValueError: If the function is not registered; when it is called, if it reads
            trainable variables, which Keras would neither train nor save.

    Example:
        >>> @keras.saving.register_keras_serializable("mine")
        ... def gumbel(params):
        ...     return tfd.Independent(tfd.Gumbel(params, 1.0), 1)
        >>> layer = DistributionLambda(gumbel, params_size=3, event_shape=3)
    """

    def __init__(
        self,
        make_distribution_fn: Callable | str,
        params_size: int | None = None,
        event_shape=None,
        convert_to_tensor_fn="sample",
        **kwargs,
    ):
        """Creates the layer."""
        super().__init__(convert_to_tensor_fn=convert_to_tensor_fn, **kwargs)
        self.make_distribution_fn = registered_name(
            make_distribution_fn, "make_distribution_fn"
        )
        self._given_params_size = (
            None if params_size is None else positive_int(params_size, "params_size")
        )
        self.event_shape = None if event_shape is None else event_tuple(event_shape)

    def compute_params_size(self) -> int | None:
        """The number given, or None."""
        return self._given_params_size

    def make_distribution(self, params):
        """Calls the function."""
        function = keras.saving.get_registered_object(self.make_distribution_fn)
        with tf.GradientTape() as tape:
            distribution = function(params)
        held = getattr(distribution, "trainable_variables", ())
        names = [one.name for one in (*tape.watched_variables(), *held)]
        if names:
            raise ValueError(
                f"{self.make_distribution_fn} reads trainable variables "
                f"({', '.join(dict.fromkeys(names))}), which Keras would neither train nor "
                "save with this layer. Derive a layer from DistributionLayer and make them "
                "with its add_weight."
            )
        return distribution

    @functools.cached_property
    def _support(self) -> Support:
        if self.params_size is None:
            return REAL
        with tf.init_scope():
            return support_of(self.distribution(self.initial_params()[None]))

    @property
    def support(self) -> Support:
        """The support of the function's distributions, as far as their class tells."""
        return self._support

    @property
    def accepts(self) -> Support:
        """All numbers: the function decides which values have a score."""
        return REAL

    @property
    def is_discrete(self) -> bool:  # type: ignore[override]
        """Whether they give probabilities instead of densities."""
        return self.support.integer

    def get_config(self):
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "make_distribution_fn": self.make_distribution_fn,
            "params_size": self._given_params_size,
            "event_shape": None if self.event_shape is None else list(self.event_shape),
        }
