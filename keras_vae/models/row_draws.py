"""Draws with one seed for all examples or one for each."""

from __future__ import annotations

import tensorflow as tf
from tensorflow_probability import distributions as tfd

from keras_vae.core.seeds import by_row, is_by_row
from keras_vae.layers import DistributionLayer


def draws(
    layer: DistributionLayer, q: tfd.Distribution, params: tf.Tensor, num_samples, seed
) -> tf.Tensor:
    """Draws latent variables of each example.

    Args:
        layer: The posterior.
        q: The distribution that the layer makes from `params`.
        params: Its parameters, [B, params_size].
        num_samples: Draws S for each example.
        seed: int32 tensor [2], or [B, 2]: then the draws of an example depend on its own
            seed and parameters alone.

    Returns:
        Tensor [S, B, *latent].

    Example:
        >>> layer = keras_vae.layers.IndependentNormal(2)
        >>> params, seeds = tf.zeros([3, 4]), tf.zeros([3, 2], tf.int32)
        >>> draws(layer, layer.distribution(params), params, 5, seeds).shape
        TensorShape([5, 3, 2])
    """
    if not is_by_row(seed):
        return q.sample(num_samples, seed=seed)

    def one(seed, params):
        drawn = layer.distribution(params[tf.newaxis]).sample(num_samples, seed=seed)
        return tf.cast(drawn[:, 0], q.dtype)

    drawn = by_row(one, q.dtype, seed, params)
    return tf.transpose(drawn, [1, 0, *range(2, drawn.shape.rank)])


def sample(distribution: tfd.Distribution, seed) -> tf.Tensor:
    """Draws once from each distribution of a batch.

    Args:
        distribution: Batch [..., B], of a class of TFP.
        seed: int32 tensor [2], or [B, 2]: then the draws of an example depend on its own
            seed and parameters alone.

    Returns:
        Tensor [..., B, *event].

    Example:
        >>> px = tfd.Normal(tf.zeros([5, 3]), 1.0)
        >>> sample(px, tf.zeros([3, 2], tf.int32)).shape
        TensorShape([5, 3])
    """
    if not is_by_row(seed):
        return distribution.sample(seed=seed)
    rows = tf.range(tf.shape(seed)[0])
    drawn = by_row(
        lambda seed, row: distribution[..., row].sample(seed=seed),
        distribution.dtype,
        seed,
        rows,
    )
    front = distribution.batch_shape.rank
    order = [*range(1, front), 0, *range(front, drawn.shape.rank)]
    return tf.transpose(drawn, order)
