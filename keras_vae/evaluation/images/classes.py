"""Whether a classifier of real images recognises the class of samples."""

from __future__ import annotations

import keras
import numpy as np

from keras_vae.evaluation.errors import mean_and_error

_LARGEST = 40


def class_reader(
    x,
    y,
    num_classes: int,
    value_range: tuple[float, float] = (0.0, 1.0),
    epochs: int = 3,
    seed: int = 0,
    verbose: int = 0,
) -> keras.Model:
    """Trains a convolutional network that predicts classes from images.

    Large images are first averaged down to at most 40 pixels on each side.

    Args:
        x: Training images [N, height, width, channels].
        y: Their class numbers [N].
        num_classes: Number of classes.
        value_range: Values of black and white.
        epochs: Passes through the training images.
        seed: Seed of weights and order; Keras's global seed is set to it.
        verbose: As in `keras.Model.fit`.

    Returns:
        A model [B, height, width, channels] -> probabilities [B, num_classes].

    Raises:
        ValueError: If images and classes do not fit together.

    Example:
        >>> reader = class_reader(x_train, y_train, 10, value_range=(0, 255))
        >>> reader.predict(x_test).argmax(axis=-1)
    """
    if np.ndim(x) != 4 or np.shape(y) != (len(x),):
        raise ValueError(
            "A class reader needs images [N, height, width, channels] and class numbers "
            f"[N], but got shapes {np.shape(x)} and {np.shape(y)}."
        )
    keras.utils.set_random_seed(seed)
    low, high = value_range
    scale = 1.0 / (high - low)
    layers = [keras.Input(np.shape(x)[1:]), keras.layers.Rescaling(scale, -low * scale)]
    if (factor := -(-max(np.shape(x)[1:3]) // _LARGEST)) > 1:
        layers.append(keras.layers.AveragePooling2D(factor, padding="same"))
    for filters in (32, 64):
        layers += [
            keras.layers.Conv2D(filters, 3, 1, "same", use_bias=False),
            keras.layers.MaxPooling2D(2, padding="same"),
            keras.layers.BatchNormalization(momentum=0.9),
            keras.layers.ReLU(),
        ]
    layers += [
        keras.layers.Flatten(),
        keras.layers.Dropout(0.5),
        keras.layers.Dense(num_classes, "softmax"),
    ]
    reader = keras.Sequential(layers, name="class_reader")
    schedule = keras.optimizers.schedules.CosineDecay(2e-3, -(-len(x) // 64) * epochs)
    reader.compile(keras.optimizers.Adam(schedule), "sparse_categorical_crossentropy")
    reader.fit(x, y, batch_size=64, epochs=epochs, verbose=verbose)
    return reader


def condition_accuracy(model, reader, count: int = 100, seed: int = 0) -> dict:
    """Draws samples of each class from a conditional model, and classifies them.

    Args:
        model: Model with classes as condition.
        reader: Model whose `predict` returns probabilities [B, classes] for images, such as
            the result of `class_reader`.
        count: Samples of each class.
        seed: Same seed, same samples.

    Returns:
        `mean`, the share of samples that are classified as the requested class, and its
        `standard_error` over samples.

    Raises:
        ValueError: If the model's condition is not a class.

    Example:
        >>> vae = keras_vae.ConvVAE(x_train.shape[1:], 8, condition=10)
        >>> condition_accuracy(vae, class_reader(x_train, y_train, 10), 1000)["mean"]
    """
    if model.num_classes is None:
        raise ValueError(
            "Only a model whose condition is a class can be asked for samples of each, but "
            f"this one's has shape {model.condition_shape}."
        )
    asked = np.repeat(np.arange(model.num_classes), count)
    samples = model.pictures(model.sample(len(asked), asked, seed=seed))
    read = reader.predict(np.asarray(samples, np.float32), verbose=0).argmax(axis=-1)
    return mean_and_error(read == asked)
