"""Normal distributions: independent ones and one with full covariance."""

from __future__ import annotations

import math

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp
from tensorflow_probability import bijectors as tfb
from tensorflow_probability import distributions as tfd

from keras_vae.core.numbers import not_negative, positive, positive_int
from keras_vae.layers.base import DistributionLayer
from keras_vae.layers.independent import PositiveLayer, raw_ones


@keras.saving.register_keras_serializable("keras_vae")
class IndependentNormal(PositiveLayer):
    """Independent normal distributions; parameters: means and, if learned, scales.

    Args:
        event_shape: Shape of one observation; an integer means a vector, () a scalar.
        convert_to_tensor_fn: Output of a call; see `DistributionLayer`.
        scale: The standard deviation. "learned" takes one for each element from the
            network; "shared" is one trainable number for all elements and examples (the
            sigma-VAE); a number is fixed.
        floor: Smallest standard deviation that is learned or shared.
        **kwargs: Arguments of `DistributionLayer`.

    Raises:
        ValueError: If `scale` is neither "learned", "shared" nor a positive number.

    Example:
        >>> IndependentNormal(16).params_size, IndependentNormal(16, scale=0.1).params_size
        (32, 16)

    Source:
        Kingma and Welling 2014, "Auto-encoding variational Bayes", appendix C.2;
        Rybkin et al. 2021, "Simple and effective VAE training with calibrated decoders"
        (shared scale).
    """

    def __init__(
        self,
        event_shape=(),
        convert_to_tensor_fn="sample",
        *,
        scale: str | float = "learned",
        floor=1e-5,
        **kwargs,
    ):
        """Creates the layer."""
        super().__init__(event_shape, convert_to_tensor_fn, floor=floor, **kwargs)
        if isinstance(scale, str):
            if scale not in ("learned", "shared"):
                raise ValueError(
                    "scale must be 'learned', 'shared' or a positive number, but is "
                    f"{scale!r}."
                )
        elif isinstance(scale, bool) or not 0 < scale < math.inf:
            raise ValueError(f"scale must be positive and finite, but is {scale!r}.")
        self.scale = scale if isinstance(scale, str) else float(scale)
        self.raw_scale = None
        if scale == "shared":
            start = keras.initializers.Constant(float(np.log(np.expm1(1.0))))
            self.raw_scale = self.add_weight((), start, name="raw_scale")

    @property
    def num_blocks(self) -> int:  # type: ignore[override]
        """Means, and scales when the network gives them."""
        return 2 if self.scale == "learned" else 1

    def make_elements(self, loc, scale=None):
        """Normal with learned, shared or fixed standard deviation."""
        if self.scale == "shared":
            scale = self.positive(tf.convert_to_tensor(self.raw_scale))
        elif self.scale == "learned":
            scale = self.positive(scale)
        else:
            scale = tf.constant(self.scale, loc.dtype)
        return tfd.Normal(loc, scale, self.validate_args)

    def marginal_params(self, x):
        """Means, and standard deviations where the network gives them."""
        params = super().marginal_params(x)
        return params if self.num_blocks == 2 else np.split(params, 2)[0]

    def get_config(self):
        """Returns the constructor's arguments."""
        return {**super().get_config(), "scale": self.scale}


@keras.saving.register_keras_serializable("keras_vae")
class MultivariateNormalTriL(DistributionLayer):
    """A normal distribution with full covariance; parameters: mean, Cholesky factor.

    Args:
        event_size: Length D of the vector.
        convert_to_tensor_fn: Output of a call; see `DistributionLayer`.
        floor: Smallest entry of the triangle's diagonal, which is floor + softplus(u).
        off_diagonal_scale: Factor of the entries beside the diagonal. Their number grows
            with D^2, and so does the noise that they bring to draws: as the posterior of a
            young encoder, 1/D trains far better than 1, which is that of `tfp.layers`.
        **kwargs: Arguments of `DistributionLayer`.

    Raises:
        ValueError: If `off_diagonal_scale` is not positive.

    Example:
        >>> MultivariateNormalTriL(16, off_diagonal_scale=1 / 16).params_size
        152
    """

    part_name = "full_normal"

    def __init__(
        self,
        event_size,
        convert_to_tensor_fn="sample",
        *,
        floor: float = 1e-5,
        off_diagonal_scale: float = 1.0,
        **kwargs,
    ):
        """Creates the layer."""
        super().__init__(convert_to_tensor_fn=convert_to_tensor_fn, **kwargs)
        self.event_size = positive_int(event_size, "event_size")
        self.floor = not_negative(floor, "floor")
        self.off_diagonal_scale = positive(off_diagonal_scale, "off_diagonal_scale")
        self.event_shape = (self.event_size,)

    def compute_params_size(self) -> int:
        """D means and D(D+1)/2 entries of the lower triangle."""
        return self.event_size + self.event_size * (self.event_size + 1) // 2

    def make_distribution(self, params):
        """The triangle's diagonal is floor + softplus; 1e-5 is that of `tfp.layers`."""
        # As tfb.FillScaleTriL, whose gradient XLA cannot compile for batches of any size.
        triangle = tfp.math.fill_triangular(params[..., self.event_size :])
        diagonal = self.floor + tf.nn.softplus(tf.linalg.diag_part(triangle))
        on_diagonal = tf.eye(self.event_size, dtype=params.dtype) > 0
        scale = tf.where(
            on_diagonal, diagonal[..., tf.newaxis], self.off_diagonal_scale * triangle
        )
        return tfd.MultivariateNormalTriL(
            loc=params[..., : self.event_size],
            scale_tril=scale,
            validate_args=self.validate_args,
        )

    def initial_params(self, seed=0):
        """The standard normal's."""
        unit = tfb.FillTriangular().inverse(np.diag(raw_ones(self.event_size, self.floor)))
        return np.concatenate([np.zeros(self.event_size, np.float32), unit])

    def get_config(self):
        """Returns the constructor's arguments."""
        config = {
            "event_size": self.event_size,
            "floor": self.floor,
            "off_diagonal_scale": self.off_diagonal_scale,
        }
        return {**super().get_config(), **config}


@keras.saving.register_keras_serializable("keras_vae")
class MultivariateNormalLowRank(DistributionLayer):
    """A normal distribution with covariance diag(d) + U U^T; parameters: mean, d, U.

    It is between independent normals and full covariance: elements are correlated along R
    directions, and an encoder gives D (2 + R) numbers instead of D (D + 3) / 2.

    Args:
        event_size: Length D of the vector.
        rank: Number R of directions.
        convert_to_tensor_fn: Output of a call; see `DistributionLayer`.
        floor: Smallest entry of d, which is floor + softplus(u).
        **kwargs: Arguments of `DistributionLayer`.

    Raises:
        ValueError: If the rank is above the size.

    Example:
        >>> MultivariateNormalLowRank(16, rank=2).params_size
        64

    Source:
        Rezende, Mohamed and Wierstra 2014, "Stochastic backpropagation", section 4.3.
    """

    part_name = "low_rank_normal"

    def __init__(
        self,
        event_size,
        rank: int = 1,
        convert_to_tensor_fn="sample",
        *,
        floor: float = 1e-4,
        **kwargs,
    ):
        """Creates the layer."""
        super().__init__(convert_to_tensor_fn=convert_to_tensor_fn, **kwargs)
        self.event_size = positive_int(event_size, "event_size")
        self.rank = positive_int(rank, "rank")
        if self.rank > self.event_size:
            raise ValueError(
                f"rank must be at most the event size {self.event_size}, but is {self.rank}. "
                "Take a smaller rank, or 'full_normal'."
            )
        self.floor = not_negative(floor, "floor")
        self.event_shape = (self.event_size,)

    def compute_params_size(self) -> int:
        """D means, D entries of d, D * R of U."""
        return self.event_size * (2 + self.rank)

    def make_distribution(self, params):
        """Normal with softplus d."""
        loc, diagonal, factor = tf.split(
            params, [self.event_size, self.event_size, -1], axis=-1
        )
        shape = (*keras.ops.shape(params)[:-1], self.event_size, self.rank)
        factor = tf.reshape(factor, shape)
        diagonal = tf.linalg.diag(self.floor + tf.nn.softplus(diagonal))
        covariance = diagonal + tf.matmul(factor, factor, transpose_b=True)
        # XLA compiles this for batches of any size, but not TFP's low-rank update.
        return tfd.MultivariateNormalTriL(
            loc, tf.linalg.cholesky(covariance), validate_args=self.validate_args
        )

    def initial_params(self, seed=0):
        """Nearly the standard normal's; U must not be zero, where it has no gradient."""
        factor = 0.1 * np.random.default_rng(seed).normal(size=self.event_size * self.rank)
        ones = raw_ones(self.event_size, self.floor)
        return np.concatenate([np.zeros(self.event_size), ones, factor]).astype(np.float32)

    def get_config(self):
        """Returns the constructor's arguments."""
        config = {"event_size": self.event_size, "rank": self.rank, "floor": self.floor}
        return {**super().get_config(), **config}
