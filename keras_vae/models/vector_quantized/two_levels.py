"""Codes of two levels, packed into one latent variable."""

from __future__ import annotations

import math
from typing import Any

import keras
import tensorflow as tf

from keras_vae.layers.quantizers import ChosenCode, Quantizer

_NAMES = ("upper", "lower")


@keras.saving.register_keras_serializable("keras_vae")
class TwoLevels(Quantizer):
    """Two grids of codes: the vectors of the lower one depend on the upper codes.

    z has the codes of both grids, concatenated, the upper ones first, so that a prior in
    reading order consists of one of the upper codes and one of the lower codes given these.

    Args:
        upper: Quantizer of the upper level, of vectors (rows, columns, D).
        lower: Quantizer of the lower level, of vectors (rows, columns, D), with equally
            many codes and the same `gradient`.
        network: Functional model, upper codes [B, rows, columns, D] -> a term that is added
            to the lower vectors.
        convert_to_tensor_fn: Output of a call; see `DistributionLayer`.
        **kwargs: Arguments of `DistributionLayer`.

    Raises:
        ValueError: If the quantizers, or the network between them, do not fit together.

    Example:
        >>> vae = keras_vae.VQVAE.for_images((8, 8, 1), num_codes=16, filters=8, halvings=1,
        ...                                  levels=2)
        >>> vae.posterior.grids, vae.index_shape
        (((2, 2), (4, 4)), (20,))

    Source:
        Razavi et al. 2019, "Generating diverse high-fidelity images with VQ-VAE-2",
        section 3.1.
    """

    # A network has no name.
    part_name = None

    def __init__(
        self,
        upper: Quantizer,
        lower: Quantizer,
        network: keras.Model,
        convert_to_tensor_fn="sample",
        **kwargs,
    ):
        """Creates the layer."""
        _require_fit(upper, lower, network)
        count = math.prod(upper.index_shape) + math.prod(lower.index_shape)
        shape = (count, upper.event_shape[-1])
        super().__init__(shape, convert_to_tensor_fn, gradient=upper.gradient, **kwargs)
        self.upper, self.lower, self.network = upper, lower, network
        self.num_codes = upper.num_codes

    @property
    def grids(self):
        """Rows and columns of both levels, the upper one first."""
        return self.upper.index_shape, self.lower.index_shape

    def split(self, packed, axis: int = -2) -> list[tf.Tensor]:
        """Splits packed codes into levels.

        Args:
            packed: Vectors [..., N, D]; or code indices [..., N], with `axis=-1`.
            axis: The axis of the positions.

        Returns:
            The codes of each level, the upper one first, [..., rows, columns, D] or [...,
            rows, columns].
        """
        packed = tf.convert_to_tensor(packed)
        shape, front = keras.ops.shape(packed), packed.shape.rank + axis
        parts = tf.split(packed, [math.prod(grid) for grid in self.grids], axis=front)
        return [
            tf.reshape(part, (*shape[:front], *grid, *shape[front + 1 :]))
            for part, grid in zip(parts, self.grids, strict=True)
        ]

    def _packed(self, parts, axis=-2):
        """Packs the codes of both levels."""
        flat = []
        for part, grid in zip(parts, self.grids, strict=True):
            shape, front = keras.ops.shape(part), part.shape.rank + axis - 1
            last = shape[front + 2 :]
            flat.append(tf.reshape(part, (*shape[:front], math.prod(grid), *last)))
        return tf.concat(flat, axis=axis)

    def round_to_codes(self, inputs, training):
        """Rounds the upper vectors, then the lower ones."""
        above, below = self.split(inputs)
        rounded = [self.upper.round_to_codes(above, training)]
        point = self.upper.passed(*rounded[0][:2])
        flat = tf.reshape(point, (-1, *self.upper.event_shape))
        told = tf.cast(self.network(flat, training=training), below.dtype)
        below += tf.reshape(told, tf.shape(below))
        rounded.append(self.lower.round_to_codes(below, training))
        inputs, codes, indices = zip(*rounded, strict=True)
        return self._packed(inputs), self._packed(codes), self._packed(indices, -1)

    def indices(self, z):
        """Indices of the nearest codes; see `Quantizer`."""
        pairs = zip((self.upper, self.lower), self.split(z), strict=True)
        return self._packed([one.indices(part) for one, part in pairs], -1)

    def lookup(self, indices):
        """The codes of indices; see `Quantizer`."""
        pairs = zip((self.upper, self.lower), self.split(indices, axis=-1), strict=True)
        return self._packed([one.lookup(part) for one, part in pairs])

    def use(self):
        """The use of each level."""
        levels = zip(_NAMES, (self.upper, self.lower), strict=True)
        return {
            f"{key}_{name}": value
            for name, one in levels
            for key, value in one.use().items()
        }

    def cost(self, distribution):
        """The sum of the loss terms of both levels, [B]."""
        d = distribution
        points, inputs, codes = (self.split(one) for one in (d.point, d.inputs, d.codes))
        indices = self.split(d.indices, axis=-1)
        costs = [
            one.cost(ChosenCode(points[i], inputs[i], codes[i], indices[i], 3))
            for i, one in enumerate((self.upper, self.lower))
        ]
        known = [cost for cost in costs if cost is not None]
        return tf.add_n(known) if known else None

    def get_config(self):
        """Returns the constructor's arguments."""
        config = super().get_config()
        del config["event_shape"], config["gradient"]
        parts = {"upper": self.upper, "lower": self.lower, "network": self.network}
        serialize = keras.saving.serialize_keras_object
        return {**config, **{name: serialize(one) for name, one in parts.items()}}

    @classmethod
    def from_config(cls, config: dict[str, Any]):
        """Makes the layer from the result of `get_config`."""
        make = keras.saving.deserialize_keras_object
        parts = {name: make(config[name]) for name in ("upper", "lower", "network")}
        return cls(**{**config, **parts})


def _require_fit(upper, lower, network):
    for one in (upper, lower):
        is_grid = isinstance(one, Quantizer) and len(one.event_shape) == 3
        if not is_grid or one.inputs_shape != one.event_shape:
            raise ValueError(
                "Codes of two levels need a quantizer each with one code a position, such as "
                f"layers.VectorQuantizer((8, 8, 64)), but one is {one!r}."
            )
    (rows, columns, size), (rows_below, columns_below, size_below) = (
        one.event_shape for one in (upper, lower)
    )
    if size != size_below or upper.num_codes != lower.num_codes:
        raise ValueError(
            f"The upper level has {upper.num_codes} codes of length {size}, but the lower "
            f"one {lower.num_codes} of length {size_below}. Make them equal."
        )
    if upper.gradient != lower.gradient:
        raise ValueError(
            f"The upper level has the gradient {upper.gradient!r}, but the lower one "
            f"{lower.gradient!r}. Make them equal."
        )
    if rows_below % rows or columns_below % columns:
        raise ValueError(
            f"The lower level has a grid of {rows_below}x{columns_below}, which is not a "
            f"multiple of the upper one's, {rows}x{columns}. Let it be twice as large."
        )
    shapes = network.input_shape[1:], network.output_shape[1:]
    if shapes != (upper.event_shape, lower.event_shape):
        raise ValueError(
            f"The network between the levels makes {shapes[1]} of {shapes[0]}, but must make "
            f"{lower.event_shape} of {upper.event_shape}, the vectors of both levels."
        )
