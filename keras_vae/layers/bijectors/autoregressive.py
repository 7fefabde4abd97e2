"""Autoregressive bijectors: each number is moved by those before it."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
from tensorflow_probability import bijectors as tfb

from keras_vae.layers.bijectors.base import FlowBijector, OfNetwork, apply_network
from keras_vae.layers.bijectors.coupling import bounded_affine


@keras.saving.register_keras_serializable("keras_vae")
class MaskedDense(keras.layers.Dense):
    """A dense layer that lets an output see some of its inputs only.

    Args:
        mask: Array [inputs, outputs] of zeros and ones.
        **kwargs: Arguments of `keras.layers.Dense`, without `units`.

    Example:
        >>> MaskedDense([[1, 0], [1, 1]])(tf.ones([3, 2])).shape
        TensorShape([3, 2])

    Source:
        Germain, Gregor, Murray and Larochelle 2015, "MADE: masked autoencoder for
        distribution estimation", equation 4.
    """

    def __init__(self, mask, **kwargs):
        """Creates the layer."""
        self.mask = np.asarray(mask, np.float32)
        kwargs.pop("units", None)
        super().__init__(self.mask.shape[1], **kwargs)

    def call(self, inputs, training=None):
        """Multiplies by what is left of the kernel."""
        kernel = keras.ops.multiply(self.kernel, keras.ops.cast(self.mask, inputs.dtype))
        outputs = keras.ops.matmul(inputs, kernel)
        outputs = outputs if self.bias is None else keras.ops.add(outputs, self.bias)
        return outputs if self.activation is None else self.activation(outputs)

    def get_config(self):
        """Returns the constructor's arguments."""
        return {**super().get_config(), "mask": self.mask.astype(int).tolist()}


class _Autoregressive(FlowBijector):
    """Base of bijectors that shift and scale each number by earlier ones."""

    def make_network(self, size, context_size, hidden_units, dtype, name):
        """Shifts and log-scales [2 D] by a masked perceptron; the context is seen by all."""
        if size < 2:
            raise ValueError(
                f"event_size must be at least 2, but is {size}: an autoregressive layer "
                "moves a number by those before it. Use IndependentNormal."
            )
        x = inputs = keras.Input((size + context_size,), dtype=dtype)
        degrees = np.concatenate([np.zeros(context_size), np.arange(1, size + 1)])
        degrees = np.roll(degrees, -context_size)
        for units in hidden_units:
            after = 1 + np.arange(units) % (size - 1)
            if context_size:
                # Some read the context alone: the first number has nothing else.
                after = np.where(np.arange(units) < units // size, 0, after)
            mask = degrees[:, np.newaxis] <= after
            x = MaskedDense(mask, activation="relu", dtype=dtype)(x)
            degrees = after
        last = np.tile(np.arange(1, size + 1), 2)
        mask = degrees[:, np.newaxis] < last
        outputs = MaskedDense(mask, kernel_initializer="zeros", dtype=dtype, name="last")(x)
        return keras.Model(inputs, outputs, name=name)


class _ByThoseBefore(OfNetwork):
    """y_i = x_i * scale(x_1, ..., x_{i-1}) + shift(x_1, ..., x_{i-1}).

    One pass of the network forwards, and D of them back.
    """

    def __init__(self, network, context):
        super().__init__(network, context, name="by_those")

    def _affine(self, x):
        outputs = apply_network(self.network, x, self.context)
        return bounded_affine(*tf.split(outputs, 2, axis=-1))

    def _forward(self, x):
        return self._affine(x).forward(x)

    def _inverse(self, y):
        # After i passes the first i numbers are right.
        start = tf.zeros_like(self._affine(y).forward(y))
        (x,) = tf.while_loop(
            lambda x: True,
            lambda x: (tf.ensure_shape(self._affine(x).inverse(y + start), start.shape),),
            (start,),
            maximum_iterations=y.shape[-1],
        )
        return x

    def _forward_log_det_jacobian(self, x):
        return self._affine(x).forward_log_det_jacobian(x, event_ndims=1)


@keras.saving.register_keras_serializable("keras_vae")
class IAF(_Autoregressive):
    """Inverse autoregressive flow: fast to draw from, and to score its own draws.

    The network reads the numbers before, and the context that the encoder gives. For
    posteriors; the density of other points takes D passes of the network.

    Example:
        >>> layers.Flow(16, bijector="iaf", context_size=32).params_size
        64

    Source:
        Kingma, Salimans, Jozefowicz, Chen, Sutskever and Welling 2016, "Improved
        variational inference with inverse autoregressive flow", equation 10. (Scales are
        exp(tanh(s)) and not sigmoids.)
    """

    def usual_context(self, size):
        """As many numbers as the vector has."""
        return size

    def make(self, size, params, network, context):
        """Draws in one pass."""
        return _ByThoseBefore(network, context)


@keras.saving.register_keras_serializable("keras_vae")
class MAF(_Autoregressive):
    """Masked autoregressive flow: quick to score any point, slow to draw from.

    The inverse of `IAF`, for priors; a draw takes D passes of the network.

    Example:
        >>> keras_vae.DenseVAE(6, 2, prior="learned:layer=(flow:bijector=maf)")

    Source:
        Papamakarios, Pavlakou and Murray 2017, "Masked autoregressive flow for density
        estimation", equations 3 to 5.
    """

    def make(self, size, params, network, context):
        """Scores in one pass."""
        return tfb.Invert(_ByThoseBefore(network, context))
