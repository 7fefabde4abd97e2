"""KL terms for models that are built from layers, as in `tfp.layers`."""

from __future__ import annotations

import functools

import keras
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from keras_vae.core.divergence import exact_kl
from keras_vae.core.dtypes import float_dtype
from keras_vae.core.numbers import not_negative
from keras_vae.layers.base import distribution_of


@keras.saving.register_keras_serializable("keras_vae")
class KLDivergenceRegularizer(keras.regularizers.Regularizer):
    """Activity regularizer of a distribution layer: weight * KL(q, prior).

    It adds the mean over the batch, in nats, to the loss, whether or not the installed
    Keras divides what an activity regularizer returns by the batch size (the older
    versions of Keras 3 do not).

    Args:
        distribution_b: The prior: one of `keras_vae.priors`, without trainable weights,
            or a `tfd.Distribution` (a model with one cannot be saved).
        use_exact_kl: Whether to use the closed form instead of log q(z) - log p(z) at
            the tensor z that the layer returned, which must then be a draw from q.
        weight: Factor of the divergence: a number, or a variable that changes while the
            model trains (KL warm-up); None means 1.

    Raises:
        ValueError: If the prior is something else, or trainable, or the weight negative.

    Example:
        >>> prior = keras_vae.priors.StandardNormal(16)
        >>> IndependentNormal(16, activity_regularizer=KLDivergenceRegularizer(prior))
    """

    def __init__(self, distribution_b, use_exact_kl=False, weight=None):
        """Creates the regularizer."""
        # A prior gets its weights when it is built, which this does.
        self.distribution_b = _checked(distribution_b)
        if getattr(distribution_b, "trainable_weights", ()):
            raise ValueError(
                f"{distribution_b!r} has trainable weights, which a regularizer cannot "
                "train. Add a KLDivergenceAddLoss layer instead."
            )
        self.use_exact_kl = bool(use_exact_kl)
        self.weight = _checked_weight(weight)

    def __call__(self, tensor):
        """Returns the scalar that Keras makes the penalty from."""
        kl = _penalty(tensor, self.distribution_b, self.use_exact_kl, self.weight)
        if _keras_divides_by_batch_size():
            kl *= tf.cast(tf.shape(tensor)[0], kl.dtype)
        return kl

    def get_config(self):
        """Returns the constructor's arguments."""
        return {
            "distribution_b": _serialized(self.distribution_b),
            "use_exact_kl": self.use_exact_kl,
            "weight": float(self.weight),
        }

    @classmethod
    def from_config(cls, config):
        """Makes the regularizer from the result of `get_config`."""
        return cls(**_with_prior(config))


@keras.saving.register_keras_serializable("keras_vae")
class KLDivergenceAddLoss(keras.layers.Layer):
    """Layer behind a distribution layer that adds weight * KL(q, prior) to the loss.

    It passes its input on, with the distribution. The loss is the mean over the batch,
    in nats. A trainable prior is trained.

    Args:
        distribution_b: The prior: one of `keras_vae.priors` or a `tfd.Distribution` (a
            model with one cannot be saved).
        use_exact_kl: Whether to use the closed form instead of log q(z) - log p(z) at
            the tensor z that the layer returned, which must then be a draw from q.
        weight: Factor of the divergence: a number, or a variable that changes while the
            model trains (KL warm-up); None means 1.
        dtype: Dtype or policy; as in `DistributionLayer`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Raises:
        ValueError: If the prior is something else.

    Example:
        >>> keras.Sequential([
        ...     keras.layers.Dense(IndependentNormal.params_size(16)),
        ...     IndependentNormal(16),
        ...     KLDivergenceAddLoss(keras_vae.priors.StandardNormal(16)),
        ... ])
    """

    def __init__(
        self, distribution_b, use_exact_kl=False, weight=None, dtype=None, **kwargs
    ):
        """Creates the layer."""
        super().__init__(dtype=float_dtype(dtype), **kwargs)
        # A cast would make a new tensor that carries no distribution.
        self.autocast, self.supports_masking = False, True
        self.distribution_b = _checked(distribution_b)
        self.use_exact_kl = bool(use_exact_kl)
        self.weight = _checked_weight(weight)

    def build(self, input_shape):
        """Builds the prior: for its own events, or for those of the input's shape."""
        prior = self.distribution_b
        if isinstance(prior, keras.layers.Layer):
            prior.build(prior.event_shape or input_shape[1:])
        self.built = True

    def call(self, tensor, mask=None):
        """Adds the loss, the mean over what is not masked, and returns the input."""
        penalty = _penalty(
            tensor, self.distribution_b, self.use_exact_kl, self.weight, mask
        )
        self.add_loss(penalty)
        return tensor

    def compute_output_spec(self, tensor, mask=None):
        """The input's shape; a symbolic input carries no distribution to look at."""
        return keras.KerasTensor(tensor.shape, dtype=tensor.dtype)

    def get_config(self):
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "distribution_b": _serialized(self.distribution_b),
            "use_exact_kl": self.use_exact_kl,
            "weight": float(self.weight),
        }

    @classmethod
    def from_config(cls, config):
        """Makes the layer from the result of `get_config`."""
        return cls(**_with_prior(config))


@functools.cache
def _keras_divides_by_batch_size() -> bool:
    # Keras's documentation has always said so; since pull request 22021 it is true.
    with tf.init_scope():
        layer = keras.layers.Identity(
            activity_regularizer=lambda _: tf.constant(1.0), dtype="float32"
        )
        layer(tf.zeros([2]))
        return float(layer.losses[0]) < 1.0


def _checked(prior):
    if isinstance(prior, type) or not (
        isinstance(prior, tfd.Distribution) or hasattr(prior, "kl_divergence")
    ):
        raise ValueError(
            "distribution_b must be a prior of keras_vae.priors or a "
            f"tfd.Distribution, but is {prior!r}."
        )
    if isinstance(prior, tfd.Distribution) and prior.trainable_variables:
        raise ValueError(
            "distribution_b is a tfd.Distribution with trainable variables, which Keras "
            "would neither train nor save. Use keras_vae.priors.Learned, or "
            "MixtureOfNormals."
        )
    return prior


def _checked_weight(weight):
    if weight is None:
        return 1.0
    if isinstance(weight, tf.Variable | keras.Variable):
        return weight
    return not_negative(weight, "weight")


def _penalty(tensor, prior, use_exact_kl, weight, mask=None):
    q = distribution_of(tensor)
    p = prior if isinstance(prior, tfd.Distribution) else prior.distribution()
    if use_exact_kl:
        kl = exact_kl(q, p) if p is prior else prior.kl_divergence(q, p)
        if kl is None:
            raise ValueError(
                f"The divergence of {q} from {prior} has no closed form; use "
                "use_exact_kl=False."
            )
    else:
        z = tf.cast(tensor, q.dtype)
        kl = q.log_prob(z) - p.log_prob(z)
    weight = tf.cast(tf.convert_to_tensor(weight), kl.dtype)
    if mask is None:
        return weight * tf.reduce_mean(kl)
    mask = tf.cast(mask, kl.dtype)
    return weight * tf.math.divide_no_nan(tf.reduce_sum(kl * mask), tf.reduce_sum(mask))


def _serialized(prior):
    if isinstance(prior, tfd.Distribution):
        raise ValueError(
            f"Keras cannot save the TFP distribution {prior}. Pass a prior of "
            "keras_vae.priors instead, for example StandardNormal(16)."
        )
    return keras.saving.serialize_keras_object(prior)


def _with_prior(config):
    prior = keras.saving.deserialize_keras_object(config["distribution_b"])
    return {**config, "distribution_b": prior}
