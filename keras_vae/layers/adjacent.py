"""Parameters of which those of an element stand side by side."""

from __future__ import annotations

import math

import tensorflow as tf

from keras_vae.layers.base import DistributionLayer


class AdjacentLayer(DistributionLayer):
    """Base of layers over independent elements, each with its parameters side by side.

    A convolution may give the parameters: its output at a pixel holds those of the first
    channel, then those of the second one.
    """

    def params_shapes(self) -> list[tuple[int, ...]]:
        """Flat, or the output of a convolution: [*event[:-1], channels * numbers of each]."""
        shapes = super().params_shapes()
        if self.event_shape:
            *sizes, _ = self.event_shape
            shapes.append((*sizes, self.params_size // math.prod(sizes)))
        return list(dict.fromkeys(shapes))

    def flat_params(self, outputs):
        """Flattens them, which keeps their order."""
        return tf.reshape(outputs, (-1, self.params_size))
