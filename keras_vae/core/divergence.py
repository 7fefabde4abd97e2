"""The Kullback-Leibler divergence where it has a closed form."""

from __future__ import annotations

import tensorflow as tf
from tensorflow_probability import distributions as tfd


def exact_kl(q: tfd.Distribution, p: tfd.Distribution) -> tf.Tensor | None:
    """KL(q, p) in closed form.

    Args:
        q: A distribution.
        p: A distribution over the same events.

    Returns:
        Nats, a tensor of the batch shape; None where TFP has no closed form for the
        pair.
    """
    try:
        return tfd.kl_divergence(q, p)
    except NotImplementedError:
        return None
