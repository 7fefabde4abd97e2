"""How well attributes of faces survive reconstruction, judged by a classifier."""

from __future__ import annotations

import keras
import numpy as np

from keras_vae.evaluation.images.features import FeatureExtractor
from keras_vae.networks import classifier, perceptual_network


def attribute_reader(
    x, attributes, epochs: int = 10, seed: int = 0, verbose: int = 0
) -> keras.Model:
    """Trains a convolutional network that predicts attributes from images.

    Args:
        x: Training images [N, height, width, channels] with values in [0, 1].
        attributes: 0/1 array [N, A].
        epochs: Passes through the training images.
        seed: Seed of weights and order; Keras's global seed is set to it.
        verbose: As in `keras.Model.fit`.

    Returns:
        A model [B, height, width, channels] -> probabilities [B, A].

    Raises:
        ValueError: If images and attributes do not fit together.

    Example:
        >>> reader = attribute_reader(x_train, y_train)
        >>> attribute_similarity(reader.predict(vae.reconstruct(x_test)), y_test).mean()
    """
    attributes = np.asarray(attributes)
    if attributes.ndim != 2 or len(attributes) != len(x) or np.ndim(x) != 4:
        raise ValueError(
            "An attribute reader needs images [N, height, width, channels] and attributes "
            f"[N, A], but got shapes {np.shape(x)} and {attributes.shape}."
        )
    keras.utils.set_random_seed(seed)
    body = perceptual_network(np.shape(x)[1:])
    reader = classifier(body, attributes.shape[1], "sigmoid")
    steps = -(-len(x) // 64) * epochs
    schedule = keras.optimizers.schedules.CosineDecay(1e-3, steps)
    reader.compile(keras.optimizers.Adam(schedule), "binary_crossentropy")
    reader.fit(x, attributes, batch_size=64, epochs=epochs, verbose=verbose)
    return reader


def attribute_features(reader: keras.Model) -> FeatureExtractor:
    """The features of an attribute reader: the extractor named "attribute_reader".

    Args:
        reader: The result of `attribute_reader`.

    Returns:
        The extractor: for each image, the means over positions of the last convolution's
        128 features. Distances with the features of different readers cannot be compared.

    Example:
        >>> see = attribute_features(attribute_reader(x_train, y_train))
        >>> frechet_distance(see(x_test), see(vae.sample(len(x_test))))
    """
    flatten = next(x for x in reader.layers if isinstance(x, keras.layers.Flatten))
    body = keras.Model(reader.inputs[0], flatten.input)
    return FeatureExtractor(
        "attribute_reader", lambda x: body.predict_on_batch(x).mean(axis=(1, 2))
    )


def attribute_similarity(probabilities, attributes) -> np.ndarray:
    """Returns the cosine between predicted and true attributes, each from -1 to 1.

    Args:
        probabilities: A reader's output for images, [N, A], from 0 to 1.
        attributes: The true attributes, 0/1, [N, A].

    Returns:
        Array [N]; 1 if all attributes are predicted with certainty.

    Raises:
        ValueError: If the shapes differ.

    Example:
        >>> attribute_similarity([[0.9, 0.2]], [[1, 0]]).round(2)
        array([0.99])

    Source:
        Larsen et al. 2016, section 4.3, here with reconstructions.
    """
    read = 2.0 * np.asarray(probabilities, np.float64) - 1.0
    true = 2.0 * np.asarray(attributes, np.float64) - 1.0
    if read.shape != true.shape:
        raise ValueError(f"Read attributes have shape {read.shape}, true {true.shape}.")
    norms = np.linalg.norm(read, axis=1) * np.linalg.norm(true, axis=1)
    return (read * true).sum(axis=1) / np.maximum(norms, 1e-12)
