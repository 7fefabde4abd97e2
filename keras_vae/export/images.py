"""Signatures that take image files, as clients have them."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from keras_vae.export.signatures import Signature

# Requests in JSON have bytes as {"b64": "..."} where an input's name ends so.
INPUT = "image_bytes"
_MOST_PIXELS = 1 << 24
_PNG = b"\x89PNG\r\n\x1a\n"


def image_signatures(
    signatures: dict[str, Signature], event_shape: tuple[int, ...]
) -> dict[str, Signature]:
    """Makes signatures of image files of those of uint8 images.

    `encode_image`, `reconstruct_image` and `predict_label_image` take `image_bytes`, the
    contents of a JPEG or PNG file for each example, in place of x. Each image is cut at the
    centre to the model's aspect ratio and resized with antialiasing, as `load_images` does, but
    by TensorFlow: some levels are rounded in another way. An orientation in EXIF is not
    followed, and transparency is left out.

    Args:
        signatures: What `signatures_of` returned.
        event_shape: Shape of the model's observations.

    Returns:
        The further signatures.

    Raises:
        ValueError: If the model's observations are no 8-bit images, grey or of three
            colours.

    Example:
        >>> from keras_vae.export.signatures import signatures_of
        >>> vae = keras_vae.DenseVAE((28, 28, 1), 2, "bernoulli", hidden_units=(8,))
        >>> vae.preprocessor = Preprocessor(scaling, levels=(0, 255))
        >>> found = image_signatures(signatures_of(vae), vae.event_shape)
        >>> list(found)
        ['reconstruct_image', 'encode_image']
    """
    found = {
        name.replace("_uint8", "_image"): Signature(
            _of_files(one.function, event_shape),
            [tf.TensorSpec([None], tf.string, INPUT), *one.inputs[1:]],
        )
        for name, one in signatures.items()
        if name.endswith("_uint8")
    }
    if not found or len(event_shape) != 3 or event_shape[-1] not in (1, 3):
        raise ValueError(
            "images=True (--images) is for models of 8-bit images, grey or of three "
            f"colours, but this one's observations have shape {tuple(event_shape)}"
            + ("." if found else " and are not levels from 0 to 255.")
        )
    return found


def _of_files(function: Callable, event_shape: tuple[int, ...]) -> Callable:
    def answer(image_bytes, *y):
        return function(decoded_images(image_bytes, event_shape), *y)

    return answer


def decoded_images(files: tf.Tensor, event_shape: tuple[int, ...]) -> tf.Tensor:
    """Decodes image files and brings them to one size, within a graph.

    Args:
        files: Strings [B], the contents of JPEG or PNG files.
        event_shape: Height, width, and 1 or 3 channels.

    Returns:
        Tensor [B, *event_shape], uint8.

    Example:
        >>> png = tf.io.encode_png(np.zeros((20, 30, 3), np.uint8))
        >>> decoded_images(tf.stack([png]), (8, 8, 1)).shape
        TensorShape([1, 8, 8, 1])
    """
    spec = tf.TensorSpec(event_shape, tf.uint8)
    # One at a time, so that one large image is in memory and not ten.
    return tf.map_fn(
        lambda one: _decoded(one, event_shape),
        files,
        parallel_iterations=1,
        fn_output_signature=spec,
    )


def _decoded(file, event_shape):
    height, width, channels = event_shape
    is_jpeg = tf.io.is_jpeg(file)
    is_png = tf.equal(tf.strings.substr(file, 0, len(_PNG)), _PNG)
    known = _assert(is_jpeg | is_png, f"{INPUT} must be the contents of JPEG or PNG files.")
    with tf.control_dependencies(known):
        size = tf.cond(is_jpeg, lambda: _size_of_jpeg(file), lambda: _size_of_png(file))
    # A small file can say that it unpacks to any size.
    few = tf.reduce_prod(tf.cast(size, tf.int64)) <= _MOST_PIXELS
    with tf.control_dependencies(
        _assert(few, f"An image may have up to {_MOST_PIXELS:,} pixels.")
    ):
        image = tf.cond(
            is_jpeg,
            # As other decoders do, and not faster.
            lambda: tf.io.decode_jpeg(file, channels, dct_method="INTEGER_ACCURATE"),
            lambda: tf.io.decode_png(file, channels),
        )
    # The largest part in the middle that has the wanted aspect ratio, in parts of pixels.
    whole = tf.cast(tf.shape(image)[:2], tf.float32)
    scale = tf.reduce_max([height, width] / whole)
    start = 0.5 * (whole - [height, width] / scale)
    (image,) = tf.unstack(
        tf.raw_ops.ScaleAndTranslate(
            images=tf.cast(image, tf.float32)[tf.newaxis],
            size=[height, width],
            scale=tf.fill([2], scale),
            translation=-start * scale,
            kernel_type="lanczos3",
            antialias=True,
        )
    )
    return tf.cast(tf.clip_by_value(tf.round(image), 0.0, 255.0), tf.uint8)


def _size_of_jpeg(file):
    return tf.io.extract_jpeg_shape(file)[:2]


def _size_of_png(file):
    """Two numbers of four bytes, behind the names of the format and its first chunk."""
    digits = tf.cast(tf.io.decode_raw(tf.strings.substr(file, 16, 8), tf.uint8), tf.int32)
    # None of four bytes that are too many pixels fits a sum of 32 bits.
    digits = tf.minimum(tf.reshape(digits, [2, 4]), [127, 255, 255, 255])
    return tf.reduce_sum(digits * [1 << 24, 1 << 16, 1 << 8, 1], axis=1)


def _assert(condition, message):
    check = tf.debugging.Assert(condition, [message])
    return [] if check is None else [check]
