"""KL terms for models that are built from layers, as in `tfp.layers`."""

from __future__ import annotations

import functools

import keras
import tensorflow as tf
from keras.src.backend.common.masking import get_keras_mask
from tensorflow_probability import distributions as tfd

from keras_vae.core.divergence import exact_kl
from keras_vae.core.dtypes import float_dtype
from keras_vae.core.measures import support_of
from keras_vae.core.numbers import not_negative
from keras_vae.layers.base import distribution_of, registered_name


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
        test_points_fn: Registered function of q that returns the points of the estimate,
            [..., B, *event_shape], such as several draws; None takes the tensor z.
        weight: Factor of the divergence: a number, or a variable that is assigned to while
            the model trains (KL warm-up), and not trained itself; None means 1. A model
            that is loaded has the number that it was saved with.

    Raises:
        ValueError: If the prior is something else, or trainable, or the weight negative.

    Example:
        >>> prior = keras_vae.priors.StandardNormal(16)
        >>> IndependentNormal(16, activity_regularizer=KLDivergenceRegularizer(prior))
    """

    def __init__(
        self, distribution_b, use_exact_kl=False, *, test_points_fn=None, weight=None
    ):
        """Creates the regularizer."""
        # A prior gets its weights when it is built, which this does.
        self.distribution_b = _checked(distribution_b)
        if getattr(distribution_b, "trainable_weights", ()):
            raise ValueError(
                f"{distribution_b!r} has trainable weights, which a regularizer cannot "
                "train. Add a KLDivergenceAddLoss layer instead."
            )
        self.use_exact_kl = bool(use_exact_kl)
        self.test_points_fn = _name_of_points(test_points_fn, use_exact_kl)
        self.weight = _checked_weight(weight)

    def __call__(self, tensor):
        """Returns the scalar that Keras makes the penalty from."""
        kl = _penalty(self, tensor, get_keras_mask(tensor))
        if _keras_divides_by_batch_size():
            kl *= tf.cast(tf.shape(tensor)[0], kl.dtype)
        return kl

    def get_config(self):
        """Returns the constructor's arguments."""
        return {
            "distribution_b": _serialized(self.distribution_b),
            "use_exact_kl": self.use_exact_kl,
            "test_points_fn": self.test_points_fn,
            "weight": _number(self.weight),
        }

    @classmethod
    def from_config(cls, config):
        """Makes the regularizer from the result of `get_config`."""
        return cls(**_with_prior(config))


@keras.saving.register_keras_serializable("keras_vae")
class KLDivergenceAddLoss(keras.layers.Layer):
    """Layer after a distribution layer that adds weight * KL(q, prior) to the loss.

    It passes its input on, with the distribution. The loss is the mean over the batch,
    in nats. A trainable prior is trained.

    Args:
        distribution_b: The prior: one of `keras_vae.priors` or a `tfd.Distribution` (a
            model with one cannot be saved).
        use_exact_kl: Whether to use the closed form instead of log q(z) - log p(z) at
            the tensor z that the layer returned, which must then be a draw from q.
        test_points_fn: Registered function of q that returns the points of the estimate,
            [..., B, *event_shape], such as several draws; None takes the tensor z.
        weight: Factor of the divergence: a number, or a variable that is assigned to while
            the model trains (KL warm-up), and not trained itself; None means 1. A model
            that is loaded has the number that it was saved with.
        dtype: Dtype or policy; as in `DistributionLayer`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Raises:
        ValueError: If the prior is something else, or the weight negative.

    Example:
        >>> keras.Sequential([
        ...     keras.layers.Dense(IndependentNormal.params_size(16)),
        ...     IndependentNormal(16),
        ...     KLDivergenceAddLoss(keras_vae.priors.StandardNormal(16)),
        ... ])
    """

    def __init__(
        self,
        distribution_b,
        use_exact_kl=False,
        *,
        test_points_fn=None,
        weight=None,
        dtype=None,
        **kwargs,
    ):
        """Creates the layer."""
        super().__init__(dtype=float_dtype(dtype), **kwargs)
        # A cast would make a new tensor that carries no distribution.
        self.autocast, self.supports_masking = False, True
        self.distribution_b = _checked(distribution_b)
        self.use_exact_kl = bool(use_exact_kl)
        self.test_points_fn = _name_of_points(test_points_fn, use_exact_kl)
        self.weight = _checked_weight(weight)

    def build(self, input_shape):
        """Builds the prior: for its own events, or for those of the input's shape."""
        prior = self.distribution_b
        if isinstance(prior, keras.layers.Layer):
            shape = prior.event_shape
            prior.build(input_shape[1:] if shape is None else shape)
        self.built = True

    def call(self, tensor, mask=None):
        """Adds the loss, the mean over what is not masked, and returns the input."""
        self.add_loss(_penalty(self, tensor, mask))
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
            "test_points_fn": self.test_points_fn,
            "weight": _number(self.weight),
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
    if not isinstance(weight, tf.Variable | keras.Variable):
        return not_negative(weight, "weight")
    if tuple(weight.shape) or not keras.backend.is_float_dtype(weight.dtype):
        raise ValueError(
            "weight must be a number, or a variable that holds one float, but is a variable "
            f"of shape {tuple(weight.shape)} and dtype {weight.dtype}."
        )
    not_negative(_number(weight), "weight")
    # Keras would train its own variables, and make the divergence negative.
    return weight.value if isinstance(weight, keras.Variable) else weight


def _number(weight):
    # Of a number, or of a variable, which a strategy may have mirrored.
    return float(tf.convert_to_tensor(weight))


def _name_of_points(function, use_exact_kl):
    if function is None:
        return None
    if use_exact_kl:
        raise ValueError(
            "test_points_fn gives the points for an estimate, but the exact divergence "
            "needs none. Leave it out, or take use_exact_kl=False."
        )
    return registered_name(function, "test_points_fn")


def _penalty(term, tensor, mask):
    """The mean over what is not masked, in nats, of a regularizer's or layer's input."""
    q, prior = distribution_of(tensor), term.distribution_b
    p = prior if isinstance(prior, tfd.Distribution) else prior.distribution()
    if not support_of(p).includes(support_of(q)):
        raise ValueError(
            f"{q} lives on {support_of(q)}, but {prior} on {support_of(p)}: there is no "
            "divergence between them. Take a prior of the same kind."
        )
    if p.event_shape != q.event_shape:
        raise ValueError(
            f"The events of {q} have shape {tuple(q.event_shape)}, but those of {prior} "
            f"{tuple(p.event_shape)}. Give the prior the shape of one event."
        )
    if term.use_exact_kl:
        kl = exact_kl(q, p) if p is prior else prior.kl_divergence(q, p)
        if kl is None:
            raise ValueError(
                f"The divergence of {q} from {prior} has no closed form; use "
                "use_exact_kl=False."
            )
    else:
        kl = _estimate(q, p, tensor, term.test_points_fn)
    mask = tf.ones_like(kl) if mask is None else tf.cast(mask, kl.dtype)
    # A replica may get no example of the last batch.
    mean = tf.math.divide_no_nan(tf.reduce_sum(kl * mask), tf.reduce_sum(mask))
    penalty = tf.cast(tf.convert_to_tensor(term.weight), kl.dtype) * mean
    # Keras adds it to losses of its own float type.
    return tf.cast(penalty, keras.config.floatx())


def _estimate(q, p, tensor, test_points_fn):
    z = tensor
    if test_points_fn is not None:
        z = keras.saving.get_registered_object(test_points_fn)(q)
    z = tf.cast(z, q.dtype)
    kl = q.log_prob(z) - p.log_prob(z)
    return tf.reduce_mean(kl, axis=list(range(kl.shape.rank - q.batch_shape.rank)))


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
