"""A class and a code, packed into one latent variable."""

from __future__ import annotations

import tensorflow as tf
from tensorflow_probability import distributions as tfd

from keras_vae.core.seeds import fold


class ClassAndCode(tfd.Distribution):
    """The joint of a class y and a code z: y from its probabilities, z given y.

    Events are vectors [D + K]: the D numbers of z, then y one-hot.

    Args:
        log_probs: log p(y), [B, K] or [K], -inf for impossible classes.
        code: The distribution of z for each class, batch [K, B] and event [D]; or one for
            all classes, batch [].
        size: Size D of a code.

    Example:
        >>> code = tfd.MultivariateNormalDiag(tf.zeros(2))
        >>> p = ClassAndCode(tf.math.log([0.5, 0.5]), code, 2)
        >>> p.sample(3, seed=[0, 0]).shape
        TensorShape([3, 4])
    """

    def __init__(self, log_probs: tf.Tensor, code: tfd.Distribution, size: int):
        """Creates the distribution."""
        parameters = {"log_probs": log_probs, "code": code, "size": size}
        self.log_probs, self.code, self.size = log_probs, code, size
        super().__init__(
            dtype=log_probs.dtype,
            reparameterization_type=tfd.NOT_REPARAMETERIZED,
            validate_args=False,
            allow_nan_stats=True,
            parameters=parameters,
            name="ClassAndCode",
        )

    def _batch_shape(self):
        return self.log_probs.shape[:-1]

    def _batch_shape_tensor(self, **_):
        return tf.shape(self.log_probs)[:-1]

    def _event_shape(self):
        return tf.TensorShape([self.size + self.log_probs.shape[-1]])

    def _event_shape_tensor(self, **_):
        return tf.constant([self.size + self.log_probs.shape[-1]])

    def _sample_n(self, n, seed=None):
        seed = fold(seed)
        y = tfd.OneHotCategorical(logits=self.log_probs, dtype=self.dtype)
        y = y.sample(n, seed=fold(seed, 0))
        if self.code.batch_shape.rank:
            z = select(y, self.code.sample(n, seed=fold(seed, 1)))
        else:
            z = self.code.sample(tf.shape(y)[:-1], seed=fold(seed, 1))
        return tf.concat([z, y], axis=-1)

    def _log_prob(self, value):
        z, y = value[..., : self.size], value[..., self.size :]
        if self.code.batch_shape.rank:
            # [..., B, D] beside the classes: [..., K, B].
            log_z = self.code.log_prob(z[..., tf.newaxis, :, :])
            log_z = select(y, log_z[..., tf.newaxis])[..., 0]
        else:
            log_z = self.code.log_prob(z)
        return log_z + tf.reduce_sum(tf.math.multiply_no_nan(self.log_probs, y), axis=-1)


def select(y: tf.Tensor, of_classes: tf.Tensor) -> tf.Tensor:
    """Selects the values of the class of each example.

    Args:
        y: Classes, one-hot, [..., B, K].
        of_classes: Values for each class, [..., K, B, D].

    Returns:
        Tensor [..., B, D].
    """
    y = tf.linalg.matrix_transpose(y)[..., tf.newaxis]
    # The values of other classes may be infinite.
    return tf.reduce_sum(tf.math.multiply_no_nan(of_classes, y), axis=-3)
