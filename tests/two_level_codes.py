"""A small quantizer of two levels, for the laws that all quantizers keep."""

import keras

from keras_vae.layers import VectorQuantizer
from keras_vae.models.vector_quantized import TwoLevels


def two_levels(rows=1, size=2, num_codes=2, **more):
    """A grid of codes, and one twice as large that is told them."""
    upper, lower = (
        VectorQuantizer((n, n, size), num_codes=num_codes, **more) for n in (rows, 2 * rows)
    )
    up = keras.layers.Conv2DTranspose(size, 2, 2)
    return TwoLevels(upper, lower, keras.Sequential([keras.Input(upper.event_shape), up]))
