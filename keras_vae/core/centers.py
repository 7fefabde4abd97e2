"""One point that stands for a distribution."""

from __future__ import annotations

import tensorflow as tf
from tensorflow_probability import distributions as tfd

from keras_vae.core.seeds import fold


def center_of(distribution: tfd.Distribution, is_discrete: bool = False) -> tf.Tensor:
    """Returns one point in the support of a distribution.

    Args:
        distribution: Any distribution.
        is_discrete: Whether its events are discrete, so that a mean would lie between
            them.

    Returns:
        Tensor of batch and event shape: the mean where it is finite, else the mode, else
        the image of the base's centre; of a mixture without either the centre of its
        likeliest component. Of discrete distributions the mode comes first.

    Raises:
        NotImplementedError: If the distribution has none of them.

    Example:
        >>> float(center_of(tfd.Cauchy(3.0, 1.0)))
        3.0
    """
    if is_independent(distribution):
        return center_of(distribution.distribution, is_discrete)
    if is_discrete:
        mode = _moment(distribution, "mode")
        return _without_moments(distribution, True) if mode is None else mode
    mean = _moment(distribution, "mean")
    if mean is None:
        return _without_moments(distribution, False)
    if not _may_lack_a_mean(distribution):
        return mean
    return tf.where(tf.math.is_finite(mean), mean, _without_moments(distribution, False))


def expectation_of(distribution: tfd.Distribution, is_discrete: bool = False) -> tf.Tensor:
    """Returns the mean of a distribution, or its centre where it has no finite mean.

    Args:
        distribution: Any distribution.
        is_discrete: Whether its events are discrete.

    Returns:
        Tensor of batch and event shape.
    """
    mean = _moment(distribution, "mean")
    if mean is None or _may_lack_a_mean(distribution):
        return center_of(distribution, is_discrete)
    return mean


def has_moments(distribution: tfd.Distribution) -> bool:
    """Tells whether mean and standard deviation are known and finite.

    Args:
        distribution: Any distribution.

    Returns:
        False where TFP lacks one of them, or the family has heavy tails.
    """
    moments = (_moment(distribution, name) for name in ("mean", "stddev"))
    return not _may_lack_a_mean(distribution) and all(one is not None for one in moments)


def moments_of(
    distribution: tfd.Distribution, num_draws: int
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns mean and standard deviation.

    Args:
        distribution: Any distribution.
        num_draws: Draws that they are estimated from where TFP does not know them.

    Returns:
        Two tensors of batch and event shape.
    """
    if has_moments(distribution):
        return distribution.mean(), distribution.stddev()
    draws = distribution.sample(num_draws, seed=fold(0))
    return tf.reduce_mean(draws, axis=0), tf.math.reduce_std(draws, axis=0)


def is_independent(distribution: tfd.Distribution) -> bool:
    """Tells whether a distribution is `tfd.Independent` of another.

    Args:
        distribution: Any distribution.

    Returns:
        Whether it is, of whichever of TFP's classes of that name.
    """
    return hasattr(distribution, "reinterpreted_batch_ndims")


def elements_of(distribution: tfd.Distribution) -> tfd.Distribution | None:
    """Returns the distribution of each element by itself.

    Args:
        distribution: Any distribution.

    Returns:
        Scalar distributions with batch shape [*batch, *event]; None where the elements
        are not independent.
    """
    if not is_independent(distribution):
        return None
    elements = distribution.distribution
    return elements if elements.event_shape.rank == 0 else None


def _without_moments(distribution, is_discrete):
    mode = _moment(distribution, "mode")
    if mode is not None:
        return mode
    if hasattr(distribution, "bijector"):
        base = center_of(distribution.distribution, is_discrete)
        return distribution.bijector.forward(base)
    if isinstance(distribution, tfd.QuantizedDistribution):
        return tf.math.ceil(center_of(distribution.distribution, is_discrete=False))
    if hasattr(distribution, "components_distribution"):
        centers = center_of(distribution.components_distribution, is_discrete)
        weights = distribution.mixture_distribution.logits_parameter()
        rank = len(distribution.event_shape)
        likeliest = tf.one_hot(tf.argmax(weights, axis=-1), weights.shape[-1])
        axes = (..., *[tf.newaxis] * rank)
        likeliest = likeliest[axes]
        # A sum would turn one infinite centre into NaN for all.
        chosen = tf.where(likeliest > 0, centers, tf.zeros([], centers.dtype))
        return tf.reduce_sum(chosen, axis=-1 - rank)
    raise NotImplementedError(
        f"{type(distribution).__name__} has neither a mean nor a mode, and no base "
        "distribution with a centre. Override `center` in your own layer."
    )


def _moment(distribution, name):
    try:
        return getattr(distribution, name)()
    # TFP raises ValueError for a moment that does not exist, as of a Cauchy distribution.
    except (NotImplementedError, ValueError):
        return None


def _may_lack_a_mean(distribution):
    """Whether the mean may be infinite or undefined for some parameters."""
    inner = distribution
    while not isinstance(inner, _HEAVY):
        for name in ("components_distribution", "distribution"):
            if hasattr(inner, name):
                inner = getattr(inner, name)
                break
        else:
            return False
    return True


_HEAVY = (
    tfd.StudentT,
    tfd.Cauchy,
    tfd.HalfCauchy,
    tfd.HalfStudentT,
    tfd.MultivariateStudentTLinearOperator,
    tfd.InverseGamma,
    tfd.Pareto,
    tfd.GeneralizedPareto,
    tfd.GeneralizedExtremeValue,
)
