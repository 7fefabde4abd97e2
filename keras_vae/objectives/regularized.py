"""Objectives of autoencoders that are regularized instead of random."""

from __future__ import annotations

import keras
import tensorflow as tf

from keras_vae.core.names import unknown
from keras_vae.core.numbers import fraction, not_negative
from keras_vae.core.seeds import fold
from keras_vae.objectives.base import Number, Objective

PENALTIES = ("l2", "gradient", "spectral")
CORRUPTIONS = ("mask", "normal")
# Rounds of power iteration for a spectral norm.
_ROUNDS = 20


def squared_jacobian(function, at: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Estimates the squared Frobenius norm of a Jacobian from one random direction.

    |J|^2 is the mean of |v J|^2 over vectors v of random signs (Hutchinson).

    Args:
        function: Tensor [B, ...] -> tensor [B, ...], each example by itself.
        at: Points at which to estimate it, [B, ...].
        seed: int32 tensor [2].

    Returns:
        Tensor [B].
    """
    with tf.GradientTape() as tape:
        tape.watch(at)
        values = function(at)
        signs = tf.random.stateless_uniform(tf.shape(values), seed, 0, 2, tf.int32)
        along = tf.reduce_sum(values * tf.cast(2 * signs - 1, values.dtype))
    slope = tape.gradient(along, at, unconnected_gradients="zero")
    return tf.reduce_sum(tf.square(slope), axis=list(range(1, slope.shape.rank)))


def squared_spectral_norm(kernel: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Estimates the square of a kernel's largest singular value by power iteration.

    Args:
        kernel: Weights [..., outputs], read as a matrix.
        seed: int32 tensor [2].

    Returns:
        A scalar, from below.
    """
    matrix = tf.reshape(kernel, (-1, kernel.shape[-1]))
    fixed = tf.stop_gradient(matrix)
    v = tf.random.stateless_normal((fixed.shape[-1], 1), seed, dtype=fixed.dtype)
    for _ in range(_ROUNDS):
        v = tf.math.l2_normalize(tf.matmul(fixed, fixed @ v, transpose_a=True))
    # At the singular vector v the derivative with respect to v is zero.
    return tf.reduce_sum(tf.square(matrix @ v))


@keras.saving.register_keras_serializable("keras_vae")
class RAE(Objective):
    """Minimises distortion + code / 2 * |z|^2 + weight * penalty of the decoder.

    A regularized autoencoder: with the posterior "deterministic" nothing is random, and a
    prior is fitted to the codes afterwards (`generation.fit_prior`).

    Args:
        penalty: "l2": the sum of squares of the decoder's kernels; "spectral": the sum of
            their squared spectral norms; "gradient": the squared norm of the derivative of
            its mean with respect to z, estimated from one random direction.
        code: Weight beta of the size of codes. It may be set while the model trains.
        weight: Weight lambda of the penalty. It may be set while the model trains.

    Raises:
        ValueError: If the penalty is not known, or a number negative or not finite.

    Example:
        >>> rae = keras_vae.DenseVAE(6, 2, "normal", posterior="deterministic")
        >>> rae.compile("adam", objective=RAE("gradient"))

    Source:
        Ghosh et al. 2020, "From variational to deterministic autoencoders", equations 9
        to 11; Yoshida and Miyato 2017, "Spectral norm regularization for improving the
        generalizability of deep learning", equation 3.
    """

    needs_density = False
    terms = ("code_size", "decoder_penalty")
    code = Number()
    weight = Number()

    def __init__(self, penalty: str = "l2", code: float = 1e-2, weight: float = 1e-3):
        """Creates the objective."""
        super().__init__(1)
        if penalty not in PENALTIES:
            raise unknown("penalty", penalty, PENALTIES)
        self.penalty = penalty
        self.needs = ("expected",) if penalty == "gradient" else ("decoder_kernels",)
        self.code = code
        self.weight = weight

    def call(self, trace, step):
        """The loss, and its two regularizers as terms."""
        z, extras = trace.z[0], trace.extras
        size = 0.5 * tf.reduce_sum(tf.square(z), axis=list(range(1, z.shape.rank)))
        if self.penalty == "gradient":
            penalty = squared_jacobian(extras.expected, z, fold(trace.seed, 1))
        else:
            norms = [self._norm(w, trace.seed) for w in extras.decoder_kernels()]
            # None are left of a frozen decoder.
            penalty = tf.cast(tf.add_n(norms), z.dtype) if norms else tf.zeros([], z.dtype)
        code, weight = (tf.cast(one, z.dtype) for one in (self.code, self.weight))
        loss = tf.reduce_mean(trace.distortion, axis=0) + code * size + weight * penalty
        return loss, {"code_size": size, "decoder_penalty": penalty}

    def _norm(self, kernel, seed):
        if self.penalty == "l2":
            return tf.reduce_sum(tf.square(kernel))
        return squared_spectral_norm(kernel, fold(seed, 1))

    def get_config(self):
        """Returns the constructor's arguments."""
        return {"penalty": self.penalty, "code": self.code, "weight": self.weight}


@keras.saving.register_keras_serializable("keras_vae")
class Sparse(Objective):
    """Minimises distortion + weight * sum of |z|: a code of which most numbers are near 0.

    With the posterior "deterministic" this is the sparse autoencoder.

    Args:
        weight: Weight of the sum. It may be set while the model trains.

    Raises:
        ValueError: If `weight` is negative or not finite.

    Example:
        >>> model = keras_vae.DenseVAE(6, 20, posterior="deterministic")
        >>> model.compile("adam", objective=Sparse(0.5))

    Source:
        Olshausen and Field 1996, "Emergence of simple-cell receptive field properties by
        learning a sparse code for natural images", equation 2 (S(z) = |z|), with an encoder.
    """

    needs_density = False
    terms = ("code_sum",)
    weight = Number()

    def __init__(self, weight: float = 0.1):
        """Creates the objective."""
        super().__init__(1)
        self.weight = weight

    def call(self, trace, step):
        """The loss, and the sum as a term."""
        z = trace.z[0]
        total = tf.reduce_sum(tf.abs(z), axis=list(range(1, z.shape.rank)))
        loss = tf.reduce_mean(trace.distortion, axis=0)
        return loss + tf.cast(self.weight, z.dtype) * total, {"code_sum": total}

    def get_config(self):
        """Returns the constructor's arguments."""
        return {"weight": self.weight}


@keras.saving.register_keras_serializable("keras_vae")
class Contractive(Objective):
    """Minimises -ELBO + weight * squared norm of the code's derivative with respect to x.

    The code is the posterior's centre; with the posterior "deterministic" this is the
    contractive autoencoder. The norm is estimated from one random direction.

    Args:
        weight: Weight of the norm. It may be set while the model trains.

    Raises:
        ValueError: If `weight` is negative or not finite.

    Example:
        >>> model = keras_vae.DenseVAE(6, 2, posterior="deterministic")
        >>> model.compile("adam", objective=Contractive())

    Source:
        Rifai et al. 2011, "Contractive auto-encoders: explicit invariance during feature
        extraction", equation 2.
    """

    needs_density = False
    needs = ("codes",)
    terms = ("contraction",)
    weight = Number()

    def __init__(self, weight: float = 0.1):
        """Creates the objective."""
        super().__init__(1)
        self.weight = weight

    def check(self, latent):
        """Refuses codes without a derivative."""
        super().check(latent)
        # Codes of a codebook pass a surrogate on.
        if latent.is_discrete and latent.support.vectors != "codes":
            raise ValueError(
                "Contractive() penalizes the derivative of codes with respect to x, but "
                f"{latent.name} has discrete codes. Use another objective, or the posterior "
                "normal or deterministic."
            )

    def call(self, trace, step):
        """The loss, and the norm as a term."""
        norm = squared_jacobian(trace.extras.codes, trace.x, fold(trace.seed, 1))
        return tf.cast(self.weight, norm.dtype) * norm - trace.elbo, {"contraction": norm}

    def get_config(self):
        """Returns the constructor's arguments."""
        return {"weight": self.weight}


@keras.saving.register_keras_serializable("keras_vae")
class Denoising(Objective):
    """Minimises -ELBO while the encoder reads a corrupted x in training.

    The model reconstructs the original x. With the posterior "deterministic" this is the
    denoising autoencoder, with other posteriors the denoising VAE.

    Args:
        corruption: "mask": a share of the numbers of x is set to 0; "normal": normal noise
            is added. Gaps stay gaps.
        amount: The share, or the noise's standard deviation.
        num_samples: Latent draws S for each example.

    Raises:
        ValueError: If the corruption is not known, or the amount out of its range.

    Example:
        >>> model = keras_vae.DenseVAE(6, 2, posterior="deterministic")
        >>> model.compile("adam", objective=Denoising("mask", 0.25))

    Source:
        Vincent et al. 2008, "Extracting and composing robust features with denoising
        autoencoders"; Im et al. 2017, "Denoising criterion for variational auto-encoding
        framework".
    """

    needs_density = False
    needs = ("encoder_input",)

    def __init__(
        self, corruption: str = "mask", amount: float = 0.25, num_samples: int = 1
    ):
        """Creates the objective."""
        super().__init__(num_samples)
        if corruption not in CORRUPTIONS:
            raise unknown("corruption", corruption, CORRUPTIONS)
        self.corruption = corruption
        check = fraction if corruption == "mask" else not_negative
        self.amount = check(amount, "amount")

    def encoder_input(self, x, seed, training):
        """The corrupted x, in training."""
        if not training:
            return x
        if self.corruption == "normal":
            noise = tf.random.stateless_normal(tf.shape(x), seed, dtype=x.dtype)
            return x + self.amount * noise
        kept = tf.random.stateless_uniform(tf.shape(x), seed) >= self.amount
        # An encoder that reads gaps would take zeros in their place for known values.
        return tf.where(kept | tf.math.is_nan(x), x, tf.zeros([], x.dtype))

    def call(self, trace, step):
        """The negative ELBO."""
        return -trace.elbo

    def get_config(self):
        """Returns the constructor's arguments."""
        config = {"corruption": self.corruption, "amount": self.amount}
        return {**super().get_config(), **config}
