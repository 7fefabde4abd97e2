"""Distances in a frozen network, and the training of that network."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from keras_vae.networks import classifier


def perceptual_distance(features, others) -> tf.Tensor:
    """Returns the distance of two sets of features: LPIPS without its weights.

    Args:
        features: List of features [B, h, w, F], one for each layer.
        others: The features of other images.

    Returns:
        Sum over layers of the mean over positions of the squared distance between vectors
        of F features, scaled to length 1, [B]; between 0 and 4 for each layer.

    Source:
        Zhang et al. 2018, "The unreasonable effectiveness of deep features as a perceptual
        metric", equation 1.
    """
    total = tf.zeros(())
    for one, other in zip(features, others, strict=True):
        difference = _unit(one) - _unit(other)
        squares = tf.reduce_sum(tf.square(difference), axis=-1)
        total += tf.reduce_mean(squares, axis=[1, 2])
    return total


def _unit(features):
    features = tf.cast(features, tf.float32)
    # Not the norm itself, which has no gradient at zero.
    return features * tf.math.rsqrt(tf.reduce_sum(features**2, -1, keepdims=True) + 1e-6)


def is_untrained(network: keras.Model) -> bool:
    """Tells whether a network still has the statistics it was made with.

    Args:
        network: Model x -> list of features.

    Returns:
        Whether none of its batch normalizations has seen a batch; without any, False.
    """
    norms = [
        layer
        for layer in network.layers
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    return bool(norms) and not any(np.any(layer.moving_mean) for layer in norms)


def train_perceptual(network: keras.Model, x, y, epochs: int, seed: int) -> float:
    """Trains a perceptual network to predict labels, and freezes it.

    Args:
        network: Model x -> list of features.
        x: Images [N, height, width, channels] with values in [0, 1].
        y: Attributes, 0 or 1, [N, A]; or class numbers [N].
        epochs: Passes through the images.
        seed: Seed of the head's weights and the order; Keras's global seed is set to it.

    Returns:
        The last epoch's mean loss, nats.

    Raises:
        ValueError: If there are no labels, or they have another form.
    """
    if y is None:
        raise ValueError(
            "A perceptual network learns from labels, and these data have none. Give "
            "labelled data (sub-folders of images; y beside x in an .npz file), or leave "
            "perceptual out."
        )
    y = np.asarray(y)
    is_binary = y.ndim == 2 and bool(np.isin(y, (0, 1)).all())
    is_class = y.ndim == 1 and y.dtype.kind in "bui" and bool((y >= 0).all())
    if len(y) != len(x) or not (is_binary or is_class):
        raise ValueError(
            "A perceptual network learns from class numbers [N] or attributes 0/1 [N, A] "
            f"of its {len(x)} images, but the labels have shape {y.shape} and dtype "
            f"{y.dtype}."
        )
    keras.utils.set_random_seed(seed)
    activation, loss = "sigmoid", "binary_crossentropy"
    if is_class:
        activation, loss = "softmax", "sparse_categorical_crossentropy"
    size = y.shape[1] if is_binary else int(y.max()) + 1
    network.trainable = True
    reader = classifier(network, size, activation)
    schedule = keras.optimizers.schedules.CosineDecay(1e-3, -(-len(x) // 64) * epochs)
    reader.compile(keras.optimizers.Adam(schedule), loss)
    history = reader.fit(x, y, batch_size=64, epochs=epochs, verbose=0)
    network.trainable = False
    return float(history.history["loss"][-1])
