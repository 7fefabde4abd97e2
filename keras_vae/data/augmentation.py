"""Images that are changed a little in each epoch."""

from __future__ import annotations

import tensorflow as tf

from keras_vae.core.descriptions import parse
from keras_vae.core.names import unknown
from keras_vae.core.numbers import positive_int
from keras_vae.core.seeds import fold

_NAMES = ("flip", "shift")


class Augmentation:
    """Random changes of images, each of which is as plausible as the original.

    The change of an image depends only on the seed, so that an interrupted run continues
    exactly. (Keras's layers keep their own state.)

    Args:
        text: "flip" mirrors every other image left to right; "shift=2" moves images by up
            to two pixels each way, with the pixels of the edge repeated; "flip,shift=2"
            does both.

    Raises:
        ValueError: If the text has another form.

    Example:
        >>> Augmentation("flip,shift=2").shift
        2
    """

    def __init__(self, text: str):
        """Reads the text."""
        self.text, self.flip, self.shift = text, False, 0
        for part in text.split(","):
            name, _, value = part.strip().partition("=")
            if name not in _NAMES:
                raise unknown("augmentation", name, _NAMES)
            if (name == "flip") == bool(value):
                raise ValueError(
                    "augment must be 'flip', 'shift=PIXELS' or both, such as "
                    f"'flip,shift=2', but is {text!r}."
                )
            if name == "flip":
                self.flip = True
            else:
                number = parse(f"augment:{name}={value}")[1][name]
                self.shift = positive_int(number, "shift of augment")

    def __call__(self, images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Changes images.

        Args:
            images: Tensor [B, height, width, channels].
            seed: int32 tensor [2].

        Returns:
            Tensor of that shape.
        """
        count = tf.shape(images)[0]
        if self.flip:
            coins = tf.random.stateless_uniform([count, 1, 1, 1], seed)
            images = tf.where(coins < 0.5, tf.reverse(images, [2]), images)
        if self.shift:
            low, high = -self.shift, self.shift + 1
            seed = tf.random.experimental.stateless_fold_in(seed, 1)
            by = tf.random.stateless_uniform([2, count, 1], seed, low, high, tf.int32)
            for axis, offset in ((1, by[0]), (2, by[1])):
                size = images.shape[axis]
                places = tf.clip_by_value(tf.range(size) + offset, 0, size - 1)
                images = tf.gather(images, places, axis=axis, batch_dims=1)
        return images


def diff_augment(images: tf.Tensor, seed, copies: int = 1) -> tf.Tensor:
    """Changes colour and place of images, and cuts a part out, differentiably.

    A discriminator that sees all images only with these changes cannot memorize the few
    real ones, and the changes do not leak into generated images. Brightness is moved by up
    to 0.5, saturation multiplied by up to 2, contrast by 0.5 to 1.5; the image is moved by
    up to an eighth of its sides, with zeros behind it; a rectangle of half its sides
    becomes zero.

    Args:
        images: Tensor [copies * B, height, width, channels].
        seed: int32 tensor [2]; the same seed makes the same changes.
        copies: Number of sets of B images; the n-th images of all sets get the same change.

    Returns:
        Tensor of the same shape. Values may leave their original range.

    Example:
        >>> diff_augment(tf.random.uniform((8, 64, 64, 3)), (0, 1)).shape
        TensorShape([8, 64, 64, 3])

    Source:
        Zhao et al. 2020, "Differentiable augmentation for data-efficient GAN training".
    """
    size = tf.shape(images)[0] // copies

    def uniform(index, low, high, dtype=None):
        drawn = tf.random.stateless_uniform(
            [size], fold(seed, index), low, high, dtype or images.dtype
        )
        return tf.tile(drawn, [copies])

    def column(numbers):
        return numbers[:, tf.newaxis, tf.newaxis, tf.newaxis]

    x = images + column(uniform(0, -0.5, 0.5))
    grey = tf.reduce_mean(x, axis=-1, keepdims=True)
    x = grey + column(uniform(1, 0.0, 2.0)) * (x - grey)
    mean = tf.reduce_mean(x, axis=[1, 2, 3], keepdims=True)
    x = mean + column(uniform(2, 0.5, 1.5)) * (x - mean)
    inside = []
    for axis in (1, 2):
        side = images.shape[axis]
        most, index = side // 8, 10 * axis
        by = uniform(index, -most, most + 1, tf.int32)
        places = tf.range(side) + by[:, tf.newaxis]
        x = tf.gather(x, tf.clip_by_value(places, 0, side - 1), axis=axis, batch_dims=1)
        there = (places >= 0) & (places < side)
        centre = uniform(index + 1, 0, side, tf.int32)[:, tf.newaxis]
        far = tf.abs(tf.range(side) - centre) > side // 4
        inside.append((there, far))
    (rows, far_rows), (columns, far_columns) = inside
    there = rows[:, :, tf.newaxis] & columns[:, tf.newaxis]
    kept = there & (far_rows[:, :, tf.newaxis] | far_columns[:, tf.newaxis])
    return x * tf.cast(kept, x.dtype)[..., tf.newaxis]
