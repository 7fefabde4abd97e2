"""The VAE whose latent variables are codes of a codebook."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_vae import layers
from keras_vae.core.batches import in_batches
from keras_vae.core.numbers import positive_int
from keras_vae.layers import DistributionLayer
from keras_vae.layers.quantizers import Quantizer
from keras_vae.models.checks import as_array
from keras_vae.models.prebuilt import policy, reading
from keras_vae.models.vae import VAE
from keras_vae.models.vector_quantized.networks import (
    Sizes,
    two_level_networks,
    vq_networks,
)
from keras_vae.models.vector_quantized.two_levels import TwoLevels
from keras_vae.networks.conv import image_shape


@keras.saving.register_keras_serializable("keras_vae")
class VQVAE(VAE):
    """A VAE whose posterior is a quantizer: each observation becomes a few code indices.

    `VQVAE(encoder, decoder, posterior, likelihood)` takes any encoder and decoder, with the
    arguments of `VAE`; `VQVAE.for_images` (`vq_vae` on the command line) makes
    convolutional ones. Under the uniform prior over codes the rate is N log K.

    Raises:
        ValueError: If the posterior is not a quantizer, or two parts do not fit.

    Example:
        >>> vae = VQVAE.for_images((8, 8, 1), num_codes=16, filters=8)
        >>> vae.decode_indices(np.zeros((3, 2, 2), int)).shape
        (3, 8, 8, 1)

    Source:
        Van den Oord et al. 2017, "Neural discrete representation learning"; of two levels:
        Razavi et al. 2019, "Generating diverse high-fidelity images with VQ-VAE-2".
    """

    part_name = "vq_vae"

    def __init__(self, encoder, decoder, posterior, likelihood, prior=None, **kwargs):
        """Creates and builds the model."""
        if not isinstance(posterior, Quantizer):
            raise ValueError(
                f"The posterior of a VQVAE must be a quantizer, such as "
                f"layers.VectorQuantizer((8, 8, 64)), but is {posterior!r}. Use VAE for "
                "other posteriors."
            )
        super().__init__(encoder, decoder, posterior, likelihood, prior, **kwargs)

    @classmethod
    def for_images(
        cls,
        event_shape: Sequence[int],
        code_size: int = 64,
        num_codes: int = 512,
        likelihood: str | dict | DistributionLayer = "bernoulli",
        filters: int = 128,
        halvings: int = 2,
        blocks: int = 2,
        levels: int = 1,
        posterior: str | dict = "vector_quantizer",
        prior: Any = None,
        seed: int | None = None,
        dtype=None,
        **kwargs,
    ) -> VQVAE:
        """Makes a model with convolutional networks.

        Args:
            event_shape: Shape (height, width, channels) of one image.
            code_size: Length D of a code.
            num_codes: Number of codes, for quantizers with a codebook.
            likelihood: Distribution layer, or its name.
            filters: Channels of the networks.
            halvings: Number of halvings of the image; each pixel of the small image has a
                code.
            blocks: Number of residual blocks of each network.
            levels: 1; or 2 for two grids of codes, where the upper one is half as large,
                and the lower one depends on its codes (VQ-VAE-2).
            posterior: Name of the quantizer of each level, with arguments.
            prior: Prior over codes, or its name; None for the uniform one.
            seed: See `VAE`.
            dtype: Dtype or policy of the networks; None takes Keras's global one.
            **kwargs: Further arguments of `VAE`, such as `preprocessor`.

        Returns:
            The model, not compiled.

        Raises:
            ValueError: If the sides of the image cannot be halved this often, or the parts
                do not fit.
        """
        if levels not in (1, 2):
            raise ValueError(f"levels must be 1 or 2, but is {levels!r}.")
        with policy(dtype):
            px = layers.get(likelihood, event_shape)
            params, rest = divmod(px.params_size, math.prod(px.event_shape))
            if rest:
                raise ValueError(
                    f"The likelihood {type(px).__name__} has no equal number of parameters for "
                    "each pixel. Give an encoder and a decoder: VQVAE(...)."
                )
            sizes = Sizes(
                image_shape(event_shape),
                positive_int(filters, "filters"),
                positive_int(halvings, "halvings"),
                positive_int(blocks, "blocks"),
                reading(px, None),
            )
            size = positive_int(code_size, "code_size")

            def quantizer(grid):
                return layers.get(posterior, (*grid, size), num_codes=num_codes)

            if levels == 2:
                encoder, told, decoder = two_level_networks(sizes, size, params)
                q: Any = TwoLevels(quantizer(sizes.grid(1)), quantizer(sizes.grid()), told)
            else:
                q = quantizer(sizes.grid())
                vectors = q.params_size // math.prod(q.event_shape[:-1])
                encoder, decoder = vq_networks(sizes, vectors, q.event_shape[-1], params)
        return cls(encoder, decoder, q, px, prior, seed=seed, dtype=dtype, **kwargs)

    @property
    def terms(self) -> tuple[str, ...]:  # type: ignore[override]
        """Logged statistics of the codebook's use."""
        return tuple(self.posterior.use())

    def _trace(self, x, *arguments):
        """A pass, with logged statistics of the codebook's use."""
        trace = super()._trace(x, *arguments)
        ones = tf.ones(tf.shape(trace.x)[:1], trace.x.dtype)
        use = {name: (ones * one, ones) for name, one in self.posterior.use().items()}
        return trace._replace(terms=use)

    def log_weights(self, x, num_samples, seed, y=None) -> tf.Tensor:
        """Estimates log p(x), [S, B]; equal draws are scored once."""
        if self.explains_gaps:
            # Draws of missing values differ.
            return super().log_weights(x, num_samples, seed, y)
        once = super().log_weights(x, 1, seed, y)
        return tf.repeat(once, num_samples, axis=0)

    @property
    def index_shape(self) -> tuple[int, ...]:  # type: ignore[override]
        """Shape of one observation's code indices."""
        return self.posterior.index_shape

    def codes_of(self, indices) -> tf.Tensor:
        """Returns the codes of indices, also in graphs.

        Args:
            indices: int32 tensor [B, *index_shape].

        Returns:
            Latent variables [B, *latent].

        Raises:
            ValueError: If they are not integers, or have another shape.
            tf.errors.InvalidArgumentError: If an index is out of range.
        """
        indices = tf.convert_to_tensor(indices)
        self._check_indices(indices.dtype, indices.shape)
        last = self.posterior.num_codes - 1
        inside = tf.reduce_all((indices >= 0) & (indices <= last))
        message = f"indices must be whole numbers from 0 to {last}."
        with tf.control_dependencies([tf.debugging.Assert(inside, [message])]):
            return self.posterior.lookup(tf.identity(indices))

    def encode_indices(self, x, y=None, batch_size: int = 256) -> np.ndarray:
        """Returns the code indices of observations.

        Args:
            x: Observations [N, *event]; see `embed`.
            y: The condition of each observation, for a model that has one.
            batch_size: Observations at a time.

        Returns:
            int32 array [N, *positions], or [N, *positions, R] for residual quantizers.

        Raises:
            ValueError: As `embed`.
        """
        x, y = self.to_units(x), self.check_condition(y, len(x))

        def indices(rows, _):
            return self.encode(*rows).indices

        return in_batches(indices, (x, y), batch_size).astype(np.int32)

    def decode_indices(self, indices: Any, y=None, batch_size: int = 256) -> np.ndarray:
        """Returns the mean of p(x|z) for code indices.

        Args:
            indices: Whole numbers [N, *positions] from 0 to K - 1.
            y: The condition, one for all or one for each observation.
            batch_size: Observations at a time.

        Returns:
            Array [N, *event].

        Raises:
            ValueError: If they are not integers, have another shape, or are out of range.
        """
        indices, q = as_array(indices, "indices"), self.posterior
        self._check_indices(tf.as_dtype(indices.dtype), indices.shape)
        if not len(indices):
            raise ValueError(f"indices are empty: they have shape {indices.shape}.")
        wrong = (indices < 0) | (indices >= q.num_codes)
        if wrong.any():
            raise ValueError(
                f"indices has the code {indices[wrong][0]}, but the model has the codes 0 to "
                f"{q.num_codes - 1}."
            )
        z = self.codes_of(tf.constant(indices, tf.int32)).numpy()
        return self.decode_codes(z, y, batch_size)

    def _check_indices(self, dtype, shape):
        """Refuses values that are not code indices of this model, as far as types tell."""
        if not dtype.is_integer:
            raise ValueError(
                f"indices must be integers, but have dtype {dtype.name}. Give what "
                "encode_indices returns (codes as vectors: decode_codes)."
            )
        if not tf.TensorShape(shape).is_compatible_with((None, *self.index_shape)):
            raise ValueError(
                f"indices have shape {tuple(shape)}, but this model's have shape "
                f"{('N', *self.index_shape)}."
            )
