"""Feature extractors, with names, for distances between sets of images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from keras_vae.core.batches import in_batches

_FILTERS, _FEATURES, _SEED = (32, 64, 64), 64, 20040601


@dataclass(frozen=True)
class FeatureExtractor:
    """A function from images to vectors, and the name that is recorded in its scores.

    Distances with the features of different extractors cannot be compared. No extractor
    here is Inception's, so none of the scores is an FID.

    Attributes:
        name: Recorded in each score.
        function: Called with images [B, height, width, channels], returns [B, F].

    Example:
        >>> FeatureExtractor("vae_mnist_means", vae.embed)(x).shape
    """

    name: str
    function: Callable

    def __call__(self, images, batch_size: int = 256) -> np.ndarray:
        """Extracts features.

        Args:
            images: Array [N, height, width, channels].
            batch_size: Images at a time.

        Returns:
            Array [N, F], float64.

        Raises:
            ValueError: If the function does not return a finite vector for each image.
        """
        features = in_batches(
            lambda x, _: self.function(x.numpy()), np.asarray(images), batch_size
        ).astype(np.float64)
        if features.ndim != 2 or len(features) != len(images):
            raise ValueError(
                f"The feature extractor {self.name!r} must return vectors [N, F], but of "
                f"{len(images)} images it returned shape {features.shape}."
            )
        if not np.isfinite(features).all():
            raise ValueError(
                f"The feature extractor {self.name!r} returned NaN or infinite values."
            )
        return features


def pixels() -> FeatureExtractor:
    """The values themselves, flattened: the extractor named "pixels".

    Example:
        >>> pixels()(np.zeros((2, 8, 8, 1))).shape
        (2, 64)
    """
    return FeatureExtractor("pixels", lambda x: x.reshape(len(x), -1))


def random_conv(value_range: tuple[float, float] = (0.0, 1.0)) -> FeatureExtractor:
    """An untrained convolutional network: the extractor "random_conv_v1".

    Three convolutions (4 x 4, stride 2; 32, 64 and 64 filters; leaky ReLU) and a
    projection to 64 numbers, all with weights from one fixed seed: the same
    everywhere, with nothing to download. It responds to small patterns and their places. It
    knows nothing about the content of images, so its distances only order models on the
    same data and image size, and do not measure what people see.

    Args:
        value_range: Values of black and white.

    Returns:
        The extractor; images need at least 8 x 8 pixels.

    Example:
        >>> frechet_distance(random_conv()(x), random_conv()(vae.sample(len(x))))

    Source:
        Random embeddings for such scores: Naeem et al. 2020, "Reliable fidelity and
        diversity metrics for generative models", section 4.
    """
    low, high = value_range

    def function(images):
        if images.ndim != 4 or min(images.shape[1:3]) < 8:
            raise ValueError(
                "random_conv_v1 takes images [N, height, width, channels] of at least 8 x "
                f"8 pixels, but got shape {images.shape}."
            )
        # NumPy guarantees that the numbers of this generator never change.
        rng = np.random.RandomState(_SEED)
        # Bytes would wrap around below black.
        shares = (np.asarray(images, np.float32) - low) / (high - low)
        x = tf.constant(2.0 * shares - 1.0, tf.float32)
        for filters in _FILTERS:
            # The kernel keeps the variance, and the bias makes units differ.
            kernel = rng.normal(size=(4, 4, x.shape[-1], filters))
            kernel *= np.sqrt(2.0 / np.prod(kernel.shape[:3]))
            bias = 0.1 * rng.normal(size=filters)
            x = tf.nn.conv2d(x, kernel.astype("f4"), 2, "SAME") + bias.astype("f4")
            x = tf.nn.leaky_relu(x, 0.2)
        x = tf.reshape(x, (len(images), -1))
        projection = rng.normal(size=(x.shape[1], _FEATURES)) / np.sqrt(x.shape[1])
        return (x @ projection.astype("f4")).numpy()

    return FeatureExtractor("random_conv_v1", function)
