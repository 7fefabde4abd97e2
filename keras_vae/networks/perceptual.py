"""A network for perceptual distances, trained on labels."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from keras_vae.networks.conv import image_shape


def perceptual_network(
    event_shape: Sequence[int], filters: Sequence[int] = (32, 64, 128)
) -> keras.Model:
    """Strided convolutions with batch normalization, the body of a classifier.

    Args:
        event_shape: Shape (height, width, channels) of one image with values in [0, 1].
        filters: Filters of each convolution, one halving each.

    Returns:
        A model x [B, height, width, channels] -> list of features [B, h, w, F], one for
        each convolution.

    Raises:
        ValueError: If `event_shape` is not that of an image.

    Example:
        >>> [one.shape for one in perceptual_network((64, 64, 3)).outputs]
        [(None, 32, 32, 32), (None, 16, 16, 64), (None, 8, 8, 128)]
    """
    x = inputs = keras.Input(image_shape(event_shape), name="x")
    x = keras.layers.Rescaling(2.0, -1.0, name="rescaling")(x)
    outputs = []
    for i, n in enumerate(filters, start=1):
        conv = keras.layers.Conv2D(
            n, 3, 2, "same", use_bias=False, data_format="channels_last", name=f"conv_{i}"
        )
        x = keras.layers.BatchNormalization(name=f"norm_{i}")(conv(x))
        x = keras.layers.ReLU(name=f"relu_{i}")(x)
        outputs.append(x)
    return keras.Model(inputs, outputs, name="perceptual_network")


def classifier(body: keras.Model, num_labels: int, activation: str) -> keras.Model:
    """Puts a head on a perceptual network, to train it.

    Args:
        body: The network.
        num_labels: Number of outputs.
        activation: "sigmoid" for attributes, "softmax" for classes.

    Returns:
        A model [B, height, width, channels] -> probabilities [B, num_labels].

    Example:
        >>> classifier(perceptual_network((64, 64, 3)), 40, "sigmoid").output_shape
        (None, 40)
    """
    inputs = keras.Input(body.input_shape[1:])
    x = keras.layers.RandomFlip("horizontal", data_format="channels_last")(inputs)
    x = keras.layers.Flatten(data_format="channels_last")(body(x)[-1])
    x = keras.layers.Dropout(0.5)(x)
    x = keras.layers.Dense(num_labels, activation)(x)
    return keras.Model(inputs, x, name="classifier")
