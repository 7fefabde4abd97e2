"""An objective that measures the structural similarity of pictures."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from keras_vae.objectives.base import Number, Objective

# Wang, Simoncelli and Bovik 2003, section 3.2: the weights of the scales, fine to coarse.
_WEIGHTS = np.array([0.0448, 0.2856, 0.3001, 0.2363, 0.1333])
_WINDOW, _SIGMA, _K1, _K2 = 11, 1.5, 0.01, 0.03
# Powers of smaller numbers, and of negative ones, have no useful gradient.
_LEAST = 1e-4


def multi_scale_similarity(x: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
    """The multi-scale structural similarity of pictures, which is never NaN.

    As `tf.image.ssim_multiscale`, whose gradient is NaN where structures are opposed; here
    it is zero if the mean over a picture is opposed at some scale. It
    uses those of the five scales into which the window of 11 x 11 pixels fits (two for a
    picture of 28 x 28 pixels, three for 44 x 44); smaller pictures have a smaller window.
    The mean over a picture's channels is taken at each scale, not of the results.

    Args:
        x: Pictures [B, height, width, channels], values from 0 to 1.
        other: Other pictures of the same shape.

    Returns:
        Tensor [B], at most 1, the value of equal pictures.

    Example:
        >>> bool(tf.reduce_all(multi_scale_similarity(x, x) > 0.999))
        True

    Source:
        Wang, Simoncelli and Bovik 2003, "Multi-scale structural similarity for image
        quality assessment", equation 7.
    """
    side = min(x.shape[1:3])
    window = min(_WINDOW, side)
    count = 1
    while count < len(_WEIGHTS) and side // 2**count >= _WINDOW:
        count += 1
    weights = _WEIGHTS[:count] / _WEIGHTS[:count].sum()
    similarity = tf.ones_like(x[:, 0, 0, 0])
    for i, weight in enumerate(weights):
        luminance, structure = _compared(x, other, window)
        factor = luminance * structure if i == count - 1 else structure
        factor = tf.reduce_mean(factor, axis=(1, 2, 3))
        similarity *= tf.maximum(factor, _LEAST) ** float(weight)
        x, other = (tf.nn.avg_pool2d(one, 2, 2, "VALID") for one in (x, other))
    return similarity


def _compared(x, other, window: int):
    """Luminance and structure at each place of a Gaussian window."""
    at = np.arange(window) - (window - 1) / 2
    row = np.exp(-(at**2) / (2 * _SIGMA**2))
    kernel = np.outer(row, row) / row.sum() ** 2
    channels = x.shape[-1]
    kernel = tf.constant(np.tile(kernel[..., None, None], (1, 1, channels, 1)), x.dtype)

    def mean(values):
        return tf.nn.depthwise_conv2d(values, kernel, [1, 1, 1, 1], "VALID")

    one, two = mean(x), mean(other)
    product, squares = mean(x * other), mean(x * x + other * other)
    luminance = (2 * one * two + _K1**2) / (one * one + two * two + _K1**2)
    spread = squares - one * one - two * two
    return luminance, (2 * (product - one * two) + _K2**2) / (spread + _K2**2)


@keras.saving.register_keras_serializable("keras_vae")
class MSSSIM(Objective):
    """Minimises weight * (1 - MS-SSIM of x and E[x|z]) + beta * KL(q, p).

    It asks for structural similarity instead of similar pixels. It is not a likelihood: the
    loss bounds nothing, and parameters of the likelihood other than its mean (a learned
    scale) are not trained. The logged `elbo` is still that of the likelihood.

    Args:
        weight: Weight of the similarity, nats. It may be set while the model trains.
        beta: Weight of the rate: a number, which may be set while the model trains, or a
            schedule.

    Raises:
        ValueError: If a number is negative or not finite.

    Example:
        >>> vae = keras_vae.ConvVAE((28, 28, 1), 16)
        >>> vae.compile("adam", objective=MSSSIM(weight=300.0))

    Source:
        Snell et al. 2017, "Learning to generate images with perceptual similarity metrics".
    """

    part_name = "ms_ssim"
    needs_density = False
    needs = ("pictures", "expected")
    terms = ("similarity",)
    weight = Number()
    beta = Number(scheduled=True)

    def __init__(self, weight: float = 100.0, beta=1.0):
        """Creates the objective."""
        super().__init__(1)
        self.weight = weight
        self.beta = beta

    def call(self, trace, step):
        """The loss, and the similarity as a term."""
        pictures = trace.extras.pictures
        mean = pictures(trace.extras.expected(trace.z[0]))
        similarity = multi_scale_similarity(pictures(trace.x), mean)
        rate = tf.cast(tf.reduce_mean(trace.rate, axis=0), similarity.dtype)
        weight = tf.cast(self.weight, similarity.dtype)
        beta = tf.cast(self.number_at("beta", step), similarity.dtype)
        loss = weight * (1.0 - similarity) + beta * rate
        return loss, {"similarity": similarity}

    def get_config(self):
        """Returns the constructor's arguments."""
        return {"weight": self.weight, "beta": self.number_config("beta")}
