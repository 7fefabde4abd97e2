"""Couplings: a network of one half of a vector transforms the other half."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf
from tensorflow_probability import bijectors as tfb

from keras_vae.core.numbers import positive, positive_int
from keras_vae.layers.bijectors.base import FlowBijector, OfNetwork, apply_network

# Least width, height and slope of a spline's bins, in shares of what is there.
_LEAST = 1e-3


def perceptron(
    inputs: int, outputs: int, hidden_units: Sequence[int], dtype, name: str
) -> keras.Model:
    """A multilayer perceptron whose outputs are zero at first.

    Args:
        inputs: Number of inputs.
        outputs: Number of outputs.
        hidden_units: Widths of the hidden layers.
        dtype: Dtype of the network.
        name: Its name.

    Returns:
        A model [N, inputs] -> [N, outputs].
    """
    x = first = keras.Input((inputs,), dtype=dtype)
    for units in hidden_units:
        x = keras.layers.Dense(units, "relu", dtype=dtype)(x)
    x = keras.layers.Dense(outputs, kernel_initializer="zeros", dtype=dtype, name="last")(x)
    return keras.Model(first, x, name=name)


class _Coupling(FlowBijector):
    """Base of couplings."""

    def _outputs(self, moved: int) -> int:
        raise NotImplementedError

    def _moving(self, outputs: tf.Tensor) -> tfb.Bijector:
        """The bijector of the moved half, of numbers one by one."""
        raise NotImplementedError

    def make_network(self, size, context_size, hidden_units, dtype, name):
        """From the kept half and the context."""
        if size < 2:
            raise ValueError(
                f"event_size must be at least 2, but is {size}: a coupling layer moves one "
                "half of the vector by the other. Use IndependentNormal."
            )
        kept = size // 2
        outputs = self._outputs(size - kept)
        return perceptron(kept + context_size, outputs, hidden_units, dtype, name)

    def make(self, size, params, network, context):
        """The coupling."""
        return _Halves(size // 2, network, context, self._moving)


class _Halves(OfNetwork):
    """Transforms the second half of a vector by a network of the first.

    Unlike TFP's `RealNVP` it lets the batch axes of vector and context differ.
    """

    def __init__(self, kept, network, context, moving):
        self.kept, self.moving = kept, moving
        super().__init__(network, context, name="coupling")

    def _parts(self, x):
        kept = x[..., : self.kept]
        outputs = apply_network(self.network, kept, self.context)
        kept = tf.broadcast_to(
            kept, tf.concat([tf.shape(outputs)[:-1], [self.kept]], axis=0)
        )
        return kept, x[..., self.kept :], self.moving(outputs)

    def _forward(self, x):
        kept, moved, bijector = self._parts(x)
        return tf.concat([kept, bijector.forward(moved)], axis=-1)

    def _inverse(self, y):
        kept, moved, bijector = self._parts(y)
        return tf.concat([kept, bijector.inverse(moved)], axis=-1)

    def _forward_log_det_jacobian(self, x):
        _, moved, bijector = self._parts(x)
        return bijector.forward_log_det_jacobian(moved, event_ndims=1)


@keras.saving.register_keras_serializable("keras_vae")
class AffineCoupling(_Coupling):
    """Shifts and scales one half by a network of the other (RealNVP).

    Example:
        >>> layers.Flow(16, bijector="affine_coupling").params_size
        32

    Source:
        Dinh, Sohl-Dickstein and Bengio 2017, "Density estimation using Real NVP",
        equations 7 and 8.
    """

    def _outputs(self, moved):
        return 2 * moved

    def _moving(self, outputs):
        shift, log_scale = tf.split(outputs, 2, axis=-1)
        return bounded_affine(shift, log_scale)


def bounded_affine(shift: tf.Tensor, log_scale: tf.Tensor) -> tfb.Bijector:
    """Scales and shifts numbers, each scale within (1/e, e).

    Args:
        shift: What is added last.
        log_scale: The scale's logarithm, before a tanh.

    Returns:
        The bijector: one step of a flow cannot throw the codes far away.
    """
    scale = tfb.Scale(log_scale=tf.tanh(log_scale))
    return tfb.Chain([tfb.Shift(shift), scale])


@keras.saving.register_keras_serializable("keras_vae")
class SplineCoupling(_Coupling):
    """Bends each number of one half by a spline that a network reads off the other.

    The spline is monotone and of quotients of parabolas, on [-bound, bound]; outside of it
    numbers stay.

    Args:
        num_bins: Bins of each spline.
        bound: End of the interval.

    Raises:
        ValueError: If a number is not positive.

    Example:
        >>> layers.Flow(16, bijector="spline_coupling:num_bins=8,bound=5").params_size
        32

    Source:
        Durkan, Bekasov, Murray and Papamakarios 2019, "Neural spline flows", section 3.1.
    """

    def __init__(self, num_bins: int = 8, bound: float = 5.0):
        """Creates the bijector."""
        self.num_bins = positive_int(num_bins, "num_bins")
        self.bound = positive(bound, "bound")

    def _outputs(self, moved):
        return moved * (3 * self.num_bins - 1)

    def _moving(self, outputs):
        k = self.num_bins
        shape = tf.concat([tf.shape(outputs)[:-1], [-1, 3 * k - 1]], axis=0)
        moved = outputs.shape[-1] // (3 * k - 1)
        outputs = tf.reshape(outputs, shape)
        outputs.set_shape((*outputs.shape[:-2], moved, 3 * k - 1))
        widths, heights, slopes = tf.split(outputs, [k, k, k - 1], axis=-1)
        return tfb.RationalQuadraticSpline(
            bin_widths=self._shares(widths),
            bin_heights=self._shares(heights),
            # 1 where the network says 0.
            knot_slopes=_LEAST + tf.nn.softplus(slopes + _UNIT_SLOPE),
            range_min=-self.bound,
        )

    def _shares(self, logits):
        """Lengths that fill the interval."""
        shares = _LEAST + (1.0 - _LEAST * self.num_bins) * tf.nn.softmax(logits)
        return 2.0 * self.bound * shares

    def get_config(self):
        """Returns the constructor's arguments."""
        return {"num_bins": self.num_bins, "bound": self.bound}


# What softplus maps to 1 - _LEAST.
_UNIT_SLOPE = 0.5397424172369548
