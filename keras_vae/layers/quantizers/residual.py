"""Residual quantization: each code approximates the residual of earlier codes."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from keras_vae.core.numbers import positive_int
from keras_vae.layers.base import event_tuple
from keras_vae.layers.quantizers.base import Quantizer
from keras_vae.layers.quantizers.vector import VectorQuantizer


@keras.saving.register_keras_serializable("keras_vae")
class ResidualQuantizer(Quantizer):
    """Each vector becomes a sum of R codes, each the nearest to the current residual.

    The R codes of a position are concatenated along the last axis, so that z determines
    them; `total` adds them up.

    Args:
        event_shape: Shape (*positions, R * D) of the codes of one observation.
        convert_to_tensor_fn: Output of a call; see `DistributionLayer`.
        num_quantizers: Number R of codes of a position.
        num_codes: Number of codes of each of the R codebooks.
        learning: See `VectorQuantizer`, also for the next four arguments.
        decay: Decay of the moving averages.
        commitment: Weight of the commitment.
        kmeans: Whether to start at the k-means of the first batch.
        restart: Share of the mean use below which a code is moved.
        gradient: See `Quantizer`.
        **kwargs: Arguments of `DistributionLayer`.

    Raises:
        ValueError: If the last axis is not a multiple of R.

    Example:
        >>> q = ResidualQuantizer((4, 4, 24), num_quantizers=3, num_codes=16)
        >>> q.params_size, q.index_shape
        (128, (4, 4, 3))

    Source:
        Lee et al. 2022, "Autoregressive image generation using residual quantization",
        section 3.1.
    """

    def __init__(
        self,
        event_shape,
        convert_to_tensor_fn="sample",
        *,
        num_quantizers: int = 4,
        num_codes: int = 512,
        learning: str = "ema",
        decay: float = 0.99,
        commitment: float = 0.25,
        kmeans: bool = True,
        restart: float = 0.05,
        gradient: str = "straight_through",
        **kwargs,
    ):
        """Creates the layer and its codebooks."""
        super().__init__(event_shape, convert_to_tensor_fn, gradient=gradient, **kwargs)
        self.num_quantizers = positive_int(num_quantizers, "num_quantizers")
        size, rest = divmod(self.event_shape[-1], self.num_quantizers)
        if rest or not size:
            raise ValueError(
                f"event_shape is {self.event_shape}, but its last axis holds the codes of "
                f"{self.num_quantizers} quantizers: give a multiple of that."
            )
        self._inputs_shape = event_tuple((*self.event_shape[:-1], size))
        self._options: dict[str, Any] = {
            "num_codes": num_codes,
            "learning": learning,
            "decay": decay,
            "commitment": commitment,
            "kmeans": bool(kmeans),
            "restart": restart,
        }
        self.quantizers = [
            VectorQuantizer(
                self._inputs_shape, seed=self.seed + i, dtype=self.dtype, **self._options
            )
            for i in range(self.num_quantizers)
        ]
        self.num_codes = self.quantizers[0].num_codes
        self.share = 1.0 / self.num_quantizers

    @property
    def inputs_shape(self):
        """Shape of the vectors that are rounded."""
        return self._inputs_shape

    @property
    def index_shape(self):
        """R indices for each position."""
        return (*self.event_shape[:-1], self.num_quantizers)

    def total(self, z) -> tf.Tensor:
        """Adds up the codes of each position, [..., *positions, D]."""
        return tf.add_n(tf.split(z, self.num_quantizers, axis=-1))

    def round_to_codes(self, inputs, training):
        """Rounds vectors, then their residuals, and so on."""
        rounded = []
        for one in self.quantizers:
            rounded.append(one.round_to_codes(inputs, training))
            inputs = inputs - tf.stop_gradient(rounded[-1][1])
        targets, codes, indices = zip(*rounded, strict=True)
        return tf.concat(targets, -1), tf.concat(codes, -1), tf.stack(indices, -1)

    def indices(self, z):
        """Indices of the nearest codes; see `Quantizer`."""
        parts = tf.split(z, self.num_quantizers, axis=-1)
        pairs = zip(self.quantizers, parts, strict=True)
        return tf.stack([one.indices(part) for one, part in pairs], axis=-1)

    def lookup(self, indices):
        """The codes of indices; see `Quantizer`."""
        pairs = zip(self.quantizers, tf.unstack(indices, axis=-1), strict=True)
        return tf.concat([one.lookup(part) for one, part in pairs], axis=-1)

    def use(self):
        """Means over the codebooks."""
        each = [one.use() for one in self.quantizers]
        return {name: tf.reduce_mean([one[name] for one in each]) for name in each[0]}

    def cost(self, distribution):
        """The sum of the codebooks' loss terms, [B]."""
        # Squared distances add up over the codes, as over the elements.
        return self.quantizers[0].cost(distribution)

    def get_config(self):
        """Returns the constructor's arguments."""
        own = {"num_quantizers": self.num_quantizers, **self._options}
        return {**super().get_config(), **own}
