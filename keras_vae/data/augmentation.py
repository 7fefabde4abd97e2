"""Images that are changed a little at each visit."""

from __future__ import annotations

import tensorflow as tf

from keras_vae.core.descriptions import parse
from keras_vae.core.names import unknown
from keras_vae.core.numbers import positive_int

_NAMES = ("flip", "shift")


class Augmentation:
    """Random changes of images, each of which is as good as the original.

    What is done to an image depends on the seed alone, so that an interrupted run goes on
    as if nothing had been. (Keras's layers keep a state of their own.)

    Args:
        text: "flip" mirrors every other image left to right; "shift=2" moves images by up
            to two pixels each way, with the pixels of the edge repeated; "flip,shift=2"
            does both.

    Raises:
        ValueError: If the text is none of that.

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
                    f"augment must be made of 'flip' and 'shift=PIXELS', but is {text!r}."
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
