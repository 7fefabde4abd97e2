"""Objectives that compare the codes of a batch with draws from the prior."""

from __future__ import annotations

import keras
import tensorflow as tf

from keras_vae.core.names import unknown
from keras_vae.core.numbers import positive, share
from keras_vae.objectives.base import Number, Objective

# Factors of the bandwidth for the sum of inverse multiquadratics, as in the WAE's code.
_SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


def _rbf(square, bandwidth):
    """Gaussian: exp(-|a - b|^2 / (2 h))."""
    return tf.exp(-0.5 * square / bandwidth)


def _imq(square, bandwidth):
    """Inverse multiquadratics: the sum over c of c / (c + |a - b|^2)."""
    each = (scale * bandwidth / (scale * bandwidth + square) for scale in _SCALES)
    return tf.add_n(list(each))


KERNELS = {"imq": _imq, "rbf": _rbf}


def squared_mmd(
    a: tf.Tensor, b: tf.Tensor, kernel: str = "imq", bandwidth: float | None = None
) -> tf.Tensor:
    """Estimates the squared maximum mean discrepancy, without bias.

    Args:
        a: Points [N, D], at least 2.
        b: Other points, [N, D].
        kernel: "imq" (inverse multiquadratics) or "rbf" (Gaussian).
        bandwidth: Squared length scale of the kernel; None is 2 D, the squared distance of
            two draws from N(0, I).

    Returns:
        A scalar, which may be a little below zero.

    Example:
        >>> float(squared_mmd(tf.zeros([4, 2]), 3 * tf.ones([4, 2]))) > 1
        True

    Source:
        Gretton et al. 2012, "A kernel two-sample test", equation 3.
    """
    width = 2.0 * a.shape[-1] if bandwidth is None else bandwidth
    same = _mean_of_pairs(a, kernel, width) + _mean_of_pairs(b, kernel, width)
    size = tf.cast(tf.shape(a)[0], a.dtype)
    between = tf.reduce_sum(KERNELS[kernel](_squared_distances(a, b), width))
    return same - 2.0 * between / size**2


def _mean_of_pairs(a, kernel, width):
    """Mean of the kernel over all pairs of different points."""
    values = KERNELS[kernel](_squared_distances(a, a), width)
    size = tf.cast(tf.shape(a)[0], a.dtype)
    total = tf.reduce_sum(values) - tf.reduce_sum(tf.linalg.diag_part(values))
    return total / (size * (size - 1.0))


def _squared_distances(a, b):
    return tf.reduce_sum(tf.square(a[:, tf.newaxis] - b[tf.newaxis]), axis=-1)


class _OfDiscrepancy(Objective):
    """Base of objectives with the discrepancy between q(z) and p(z)."""

    per_example = False
    least_batch = 2
    terms: tuple[str, ...] = ("mmd",)

    def __init__(self, kernel, bandwidth, num_samples):
        super().__init__(num_samples)
        if kernel not in KERNELS:
            raise unknown("kernel", kernel, KERNELS)
        self.kernel = kernel
        self.bandwidth = None if bandwidth is None else positive(bandwidth, "bandwidth")

    def check(self, latent):
        """Refuses codes without a distance between them."""
        super().check(latent)
        if latent.is_discrete:
            raise ValueError(
                f"{type(self).__name__} measures distances between codes, but the posterior "
                f"{latent.name} is discrete. Use objectives.VIMCO(), or a posterior of "
                "numbers."
            )

    def _mmd(self, trace):
        """The MMD of the first draw of each example and equally many from the prior."""
        drawn, size = trace.z[0], tf.shape(trace.z)[1]
        of_each = len(trace.p.batch_shape) > 0
        from_prior = trace.p.sample(() if of_each else size, seed=trace.seed)
        flat = (size, drawn.shape[1:].num_elements())
        a, b = (tf.reshape(one, flat) for one in (drawn, from_prior))
        return squared_mmd(a, b, self.kernel, self.bandwidth)

    def get_config(self):
        """Returns the constructor's arguments."""
        config = {"kernel": self.kernel, "bandwidth": self.bandwidth}
        return {**super().get_config(), **config}


@keras.saving.register_keras_serializable("keras_vae")
class InfoVAE(_OfDiscrepancy):
    """Minimises distortion + (1 - alpha) * rate + (alpha + weight - 1) * MMD(q(z), p(z)).

    The codes of the batch together are compared with draws from the prior, instead of each
    posterior, so that codes keep their information about x. alpha = 1 is the MMD-VAE.

    Args:
        alpha: Share of the rate that is left out, from 0 (none) to 1 (all).
        weight: Lambda of the paper. Below 1 - alpha a large discrepancy is rewarded.
        kernel: "rbf" (Gaussian) or "imq" (inverse multiquadratics); see `squared_mmd`.
        bandwidth: Squared length on which codes count as near; None is 2 D.
        num_samples: Latent draws S for each example; the MMD uses the first.

    Raises:
        ValueError: If a number is out of its range, or the kernel not known.

    Example:
        >>> vae.compile("adam", objective=InfoVAE(alpha=0.5, weight=100.0))

    Source:
        Zhao, Song and Ermon 2019, "InfoVAE: balancing learning and inference in
        variational autoencoders", equation 6.
    """

    alpha = Number(share)
    weight = Number()

    def __init__(
        self,
        alpha: float = 0.0,
        weight: float = 1000.0,
        kernel: str = "rbf",
        bandwidth: float | None = None,
        num_samples: int = 1,
    ):
        """Creates the objective."""
        super().__init__(kernel, bandwidth, num_samples)
        self.alpha = alpha
        self.weight = weight

    def call(self, trace, step):
        """The loss, and the discrepancy as a term."""
        mmd = self._mmd(trace)
        alpha, weight = (tf.cast(one, mmd.dtype) for one in (self.alpha, self.weight))
        loss = tf.reduce_mean(trace.distortion, axis=0)
        loss += (1.0 - alpha) * tf.reduce_mean(trace.rate, axis=0)
        return loss + (alpha + weight - 1.0) * mmd, {"mmd": mmd}

    def get_config(self):
        """Returns the constructor's arguments."""
        return {**super().get_config(), "alpha": self.alpha, "weight": self.weight}


@keras.saving.register_keras_serializable("keras_vae")
class WAE(_OfDiscrepancy):
    """Minimises distortion + weight * MMD(q(z), p(z)): the Wasserstein autoencoder.

    Codes may be points ("deterministic"), since no density is needed.

    Args:
        weight: Lambda of the paper. It may be set while the model trains.
        kernel: "imq" (inverse multiquadratics) or "rbf" (Gaussian); see `squared_mmd`.
        bandwidth: Squared length on which codes count as near; None is 2 D.
        num_samples: Latent draws S for each example; the MMD uses the first.

    Raises:
        ValueError: If a number is out of its range, or the kernel not known.

    Example:
        >>> wae = keras_vae.DenseVAE(6, 2, posterior="deterministic")
        >>> wae.compile("adam", objective=WAE(weight=100.0))

    Source:
        Tolstikhin et al. 2018, "Wasserstein auto-encoders", Algorithm 2 (WAE-MMD).
    """

    needs_density = False
    weight = Number()

    def __init__(
        self,
        weight: float = 100.0,
        kernel: str = "imq",
        bandwidth: float | None = None,
        num_samples: int = 1,
    ):
        """Creates the objective."""
        super().__init__(kernel, bandwidth, num_samples)
        self.weight = weight

    def call(self, trace, step):
        """The loss, and the discrepancy as a term."""
        mmd = self._mmd(trace)
        distortion = tf.reduce_mean(trace.distortion, axis=0)
        return distortion + tf.cast(self.weight, mmd.dtype) * mmd, {"mmd": mmd}

    def get_config(self):
        """Returns the constructor's arguments."""
        return {**super().get_config(), "weight": self.weight}
