"""A normalizing flow: a simple distribution, transformed by an invertible function."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf
from tensorflow_probability import bijectors as tfb
from tensorflow_probability import distributions as tfd

from keras_vae.core.numbers import positive, positive_int, sizes
from keras_vae.layers import bijectors
from keras_vae.layers.base import DistributionLayer
from keras_vae.layers.normal import IndependentNormal


@keras.saving.register_keras_serializable("keras_vae")
class Flow(DistributionLayer):
    """Independent normals, transformed by layers of an invertible function.

    As a posterior it transforms the encoder's normal; in `keras_vae.priors.Learned` it is a
    prior. Parameters: means and scales of the normal, those of the layers, the context.

    Args:
        event_size: Length D of the vector.
        convert_to_tensor_fn: Output of a call: "sample", or a registered function; a
            flow has neither mean nor mode.
        bijector: The kind of the layers, by name. With networks that are weights of the
            flow: "affine_coupling" (RealNVP), "spline_coupling", "iaf" (for posteriors),
            "maf" (for priors). With parameters from an encoder: "planar", "radial",
            "householder", "sylvester:kind=orthogonal". Each layer of the former, and each
            triangular Sylvester one, reverses the order of the elements first.
        num_layers: Number of layers.
        hidden_units: Widths of the hidden layers of each network.
        context_size: Numbers from the encoder that the networks also read. None takes D for
            "iaf", which is designed for it, and otherwise 0.
        floor: Smallest standard deviation of the normal.
        params_scale: Factor of the layers' numbers that come from an encoder. They are many,
            and as noisy as the young encoder is: below 1, training begins near the normal.
        **kwargs: Arguments of `DistributionLayer`.

    Raises:
        ValueError: If the bijector is not known, has no network to read a context, or
            needs a longer vector, or a number is out of its range.

    Example:
        >>> Flow(16).params_size, Flow(16, bijector="iaf", context_size=8).params_size
        (32, 40)
        >>> Flow(16, bijector="planar", num_layers=10).params_size
        362

    Source:
        Rezende and Mohamed 2015, "Variational inference with normalizing flows"; each
        bijector names its own.
    """

    def __init__(
        self,
        event_size,
        convert_to_tensor_fn="sample",
        *,
        bijector: str | dict | bijectors.FlowBijector = "affine_coupling",
        num_layers: int = 4,
        hidden_units: Sequence[int] = (64,),
        context_size: int | None = None,
        floor: float = 1e-5,
        params_scale: float = 0.1,
        **kwargs,
    ):
        """Creates the layer."""
        super().__init__(convert_to_tensor_fn=convert_to_tensor_fn, **kwargs)
        if self.convert_to_tensor_fn in ("mean", "mode"):
            raise ValueError(
                f"A flow has no {self.convert_to_tensor_fn} in closed form. Use "
                "convert_to_tensor_fn='sample'."
            )
        self.event_size = positive_int(event_size, "event_size")
        self.event_shape = (self.event_size,)
        self.bijector = bijectors.get(bijector)
        self.num_layers = positive_int(num_layers, "num_layers")
        self.params_scale = positive(params_scale, "params_scale")
        self.hidden_units = sizes(hidden_units, "hidden_units")
        if context_size is None:
            context_size = self.bijector.usual_context(self.event_size)
        self.context_size = positive_int(context_size + 1, "context_size + 1") - 1
        self.base = IndependentNormal(self.event_size, floor=floor, dtype=self.dtype)
        made = [self._network(i) for i in range(self.num_layers)]
        self.networks = [one for one in made if one is not None]
        if self.context_size and not self.networks:
            raise ValueError(
                f"The bijector {type(self.bijector).__name__} has no network to read a "
                "context: its own numbers come from the encoder. Leave context_size out."
            )

    @property
    def is_reversed(self) -> bool:
        """Whether the layers together reverse the order of the elements."""
        return self.num_layers % 2 == 1 and not self.bijector.mixes

    @property
    def _has_usual_context(self) -> bool:
        return self.context_size == self.bijector.usual_context(self.event_size)

    def _network(self, index):
        return self.bijector.make_network(
            self.event_size,
            self.context_size,
            self.hidden_units,
            self.dtype,
            f"layer_{index}",
        )

    def compute_params_size(self) -> int:
        """Means and scales of the normal, the layers' numbers, and the context."""
        of_layers = self.num_layers * self.bijector.params_size(self.event_size)
        return 2 * self.event_size + of_layers + self.context_size

    def initial_params(self, seed=0):
        """The standard normal's, small numbers for the layers, and no context."""
        params = super().initial_params(seed)
        size = self.base.params_size
        params[:size] = self.base.initial_params(seed)
        # Zeros would be equal for all layers, and some have no gradient there.
        end = len(params) - self.context_size
        small = 0.1 * np.random.default_rng(seed).normal(size=end - size)
        params[size:end] = small / self.params_scale
        return params

    def marginal_params(self, x):
        """Means and scales of data for the normal, initial parameters for the layers."""
        params = self.initial_params()
        x = x[..., ::-1] if self.is_reversed else x
        params[: self.base.params_size] = self.base.marginal_params(x)
        return params

    def make_distribution(self, params):
        """The normal, transformed by all layers."""
        size = self.base.params_size
        return tfd.TransformedDistribution(
            self.base.distribution(params[..., :size]),
            self._bijector(params[..., size:]),
            validate_args=self.validate_args,
        )

    def _bijector(self, params):
        """The chain of all layers, the last one first, as in TFP."""
        each = self.bijector.params_size(self.event_size)
        ends = [*[each] * self.num_layers, self.context_size]
        *of_layers, context = tf.split(params, ends, axis=-1)
        swap = tfb.Permute(list(range(self.event_size))[::-1])
        context = context if self.context_size else None
        networks = self.networks or [None] * self.num_layers
        chain: list[tfb.Bijector] = []
        for mine, network in zip(of_layers, networks, strict=True):
            if not self.bijector.mixes:
                chain.append(swap)
            scaled = self.params_scale * mine
            chain.append(self.bijector.make(self.event_size, scaled, network, context))
        return tfb.Chain(chain[::-1])

    def get_config(self):
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "event_size": self.event_size,
            "bijector": keras.saving.serialize_keras_object(self.bijector),
            "num_layers": self.num_layers,
            "hidden_units": list(self.hidden_units),
            "context_size": None if self._has_usual_context else self.context_size,
            "floor": self.base.floor,
            "params_scale": self.params_scale,
        }
