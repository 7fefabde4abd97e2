"""A normalizing flow: a simple distribution behind an invertible network."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf
from tensorflow_probability import bijectors as tfb
from tensorflow_probability import distributions as tfd

from keras_vae.core.numbers import positive_int, sizes
from keras_vae.layers.base import DistributionLayer
from keras_vae.layers.normal import IndependentNormal


@keras.saving.register_keras_serializable("keras_vae")
class Flow(DistributionLayer):
    """An affine coupling flow (RealNVP) on independent normals.

    Each coupling layer shifts and scales one half of the vector by what a network reads
    off the other half; the halves take turns. The networks' weights are the layer's own.
    As a posterior it bends the encoder's normal, under `keras_vae.priors.Learned` it is a
    prior. Parameters: means and scales of the normal, then the context.

    Args:
        event_size: Length D of the vector, at least 2.
        convert_to_tensor_fn: What a call returns: "sample", or a registered function; a
            flow has neither mean nor mode.
        num_layers: Number of coupling layers.
        hidden_units: Widths of the hidden layers of each network.
        context_size: Numbers from the encoder that the networks read as well.
        floor: Smallest standard deviation of the normal.
        **kwargs: Arguments of `DistributionLayer`.

    Raises:
        ValueError: If the size is below 2, or another number out of its range.

    Example:
        >>> Flow(16).params_size, Flow(16, context_size=8).params_size
        (32, 40)

    Source:
        Dinh, Sohl-Dickstein and Bengio 2017, "Density estimation using Real NVP";
        Rezende and Mohamed 2015, "Variational inference with normalizing flows".
    """

    def __init__(
        self,
        event_size,
        convert_to_tensor_fn="sample",
        *,
        num_layers: int = 4,
        hidden_units: Sequence[int] = (64,),
        context_size: int = 0,
        floor: float = 1e-5,
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
        if self.event_size < 2:
            raise ValueError(
                "event_size must be at least 2, but is 1: a coupling layer moves one half "
                "of the vector by the other. Use IndependentNormal."
            )
        self.event_shape = (self.event_size,)
        self.num_layers = positive_int(num_layers, "num_layers")
        self.hidden_units = sizes(hidden_units, "hidden_units")
        self.context_size = positive_int(context_size + 1, "context_size + 1") - 1
        self.base = IndependentNormal(self.event_size, floor=floor, dtype=self.dtype)
        self.couplings = [self._coupling(i) for i in range(self.num_layers)]

    def _coupling(self, index):
        """Network of one coupling layer: kept half and context to shift and log-scale."""
        kept = self.event_size // 2
        inputs = keras.Input((kept + self.context_size,), dtype=self.dtype)
        x = inputs
        for units in self.hidden_units:
            x = keras.layers.Dense(units, "relu", dtype=self.dtype)(x)
        # The flow starts at the identity.
        moved = self.event_size - kept
        x = keras.layers.Dense(
            2 * moved, kernel_initializer="zeros", dtype=self.dtype, name="affine"
        )(x)
        return keras.Model(inputs, x, name=f"coupling_{index}")

    def compute_params_size(self) -> int:
        """Means and scales of the normal, and the context."""
        return 2 * self.event_size + self.context_size

    def initial_params(self, seed=0):
        """The standard normal's, and no context."""
        params = super().initial_params(seed)
        params[: self.base.params_size] = self.base.initial_params(seed)
        return params

    def make_distribution(self, params):
        """The normal behind all coupling layers."""
        size = self.base.params_size
        return tfd.TransformedDistribution(
            self.base.distribution(params[..., :size]),
            self._bijector(params[..., size:]),
            validate_args=self.validate_args,
        )

    def _bijector(self, context):
        """All layers, the last one first, as TFP chains them."""
        swap = tfb.Permute(list(range(self.event_size))[::-1])
        context = context if self.context_size else None
        chain = []
        for network in self.couplings:
            chain += [swap, AffineCoupling(network, context)]
        return tfb.Chain(chain[::-1])

    def get_config(self):
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "event_size": self.event_size,
            "num_layers": self.num_layers,
            "hidden_units": list(self.hidden_units),
            "context_size": self.context_size,
            "floor": self.base.floor,
        }


class AffineCoupling(tfb.Bijector):
    """Shifts and scales the second half of a vector by what a network says of the first.

    Unlike TFP's `RealNVP` it lets the batch axes of vector and context differ.

    Args:
        network: Keras model, first half and context -> shifts and log-scales.
        context: Tensor [..., context], or None.
        name: As in TFP.
    """

    def __init__(self, network, context=None, name="affine_coupling"):
        """Creates the bijector."""
        self.network, self.context = network, context
        super().__init__(
            forward_min_event_ndims=1, parameters={"context": context}, name=name
        )

    def _split(self, x):
        """The halves, and shift and log-scale of the second one."""
        moved = self.network.output_shape[-1] // 2
        kept = x[..., :-moved]
        inputs = [kept] if self.context is None else [kept, self.context]
        batch = tf.shape(kept)[:-1]
        for one in inputs:
            batch = tf.broadcast_dynamic_shape(batch, tf.shape(one)[:-1])
        inputs = [
            tf.broadcast_to(one, tf.concat([batch, tf.shape(one)[-1:]], axis=0))
            for one in inputs
        ]
        flat = tf.reshape(tf.concat(inputs, axis=-1), (-1, self.network.input_shape[-1]))
        affine = self.network(flat)
        affine = tf.reshape(affine, tf.concat([batch, [2 * moved]], axis=0))
        shift, log_scale = tf.split(affine, 2, axis=-1)
        # Within (1/e, e) for each layer: one step cannot throw the codes far away.
        return inputs[0], x[..., -moved:], shift, tf.tanh(log_scale)

    def _forward(self, x):
        kept, moved, shift, log_scale = self._split(x)
        return tf.concat([kept, moved * tf.exp(log_scale) + shift], axis=-1)

    def _inverse(self, y):
        kept, moved, shift, log_scale = self._split(y)
        return tf.concat([kept, (moved - shift) * tf.exp(-log_scale)], axis=-1)

    def _forward_log_det_jacobian(self, x):
        return tf.reduce_sum(self._split(x)[-1], axis=-1)
