"""A product of different distributions, column by column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp
from tensorflow_probability import distributions as tfd

from keras_vae.core.centers import center_of, elements_of, expectation_of
from keras_vae.core.measures import WHOLE
from keras_vae.core.numbers import positive_int
from keras_vae.core.support import REAL, Columns, Support
from keras_vae.layers.base import DistributionLayer
from keras_vae.layers.room import layer_of


@keras.saving.register_keras_serializable("keras_vae")
class Blockwise(DistributionLayer):
    """The likelihood of a table: blocks of columns, each with its own distribution.

    Its parameters are those of the blocks, one after another.

    Args:
        blocks: Distribution layers over vectors with independent elements, or their names
            with `event_shape`.
        columns: Column numbers of each block; None takes them in order. Each column belongs
            to one block.
        convert_to_tensor_fn: Output of a call; see `DistributionLayer`. "mean" takes the
            mode for columns without a mean, such as classes.
        **kwargs: Arguments of `DistributionLayer`.

    Raises:
        ValueError: If a block is not a layer over a vector of independent elements, or a
            column is not in exactly one block.

    Example:
        >>> table = Blockwise([IndependentNormal(2), IndependentCategorical(1, num_classes=3)])
        >>> table.event_shape, table.params_size
        ((3,), 7)
    """

    def __init__(
        self,
        blocks: Sequence[Any],
        columns: Sequence[Sequence[int]] | None = None,
        convert_to_tensor_fn="sample",
        **kwargs,
    ):
        """Creates the layer."""
        super().__init__(convert_to_tensor_fn=convert_to_tensor_fn, **kwargs)
        if not isinstance(blocks, Sequence) or isinstance(blocks, str) or not blocks:
            raise ValueError(f"blocks must be a list of layers, but is {blocks!r}.")
        self.blocks = [_checked(layer_of(block, None, self.dtype)) for block in blocks]
        sizes = [block.event_shape[0] for block in self.blocks]
        in_order = np.split(np.arange(sum(sizes)), np.cumsum(sizes)[:-1])
        chosen = in_order if columns is None else columns
        self.columns = [[int(c) for c in of_block] for of_block in chosen]
        given = sorted(c for of_block in self.columns for c in of_block)
        if [len(one) for one in self.columns] != sizes or given != list(range(sum(sizes))):
            raise ValueError(
                f"columns must list the columns of each block, for blocks of {sizes} "
                f"columns, with each number below {sum(sizes)} once, but is {self.columns}."
            )
        self.event_shape = (sum(sizes),)

    @property
    def is_discrete(self) -> bool:  # type: ignore[override]
        """Whether all blocks are."""
        return all(block.is_discrete for block in self.blocks)

    @property
    def has_mean(self) -> np.ndarray:  # type: ignore[override]
        """Whether the mean of each column is meaningful."""
        answer = np.ones(self.event_shape, bool)
        for block, columns in zip(self.blocks, self.columns, strict=True):
            answer[columns] = block.has_mean
        return answer

    @property
    def support(self) -> Support:
        """The supports of the blocks, column by column."""
        return self._supports("support")

    @property
    def accepts(self) -> Support:
        """What the blocks accept, column by column."""
        return self._supports("accepts")

    def _supports(self, name):
        supports = [REAL] * self.event_shape[0]
        for block, columns in zip(self.blocks, self.columns, strict=True):
            for column in columns:
                supports[column] = getattr(block, name)
        return Columns(columns=tuple(supports))

    def compute_params_size(self) -> int:
        """The number of parameters of all blocks."""
        return sum(block.params_size for block in self.blocks)

    def make_distribution(self, params):
        """Splits the parameters into those of the blocks."""
        sizes = [block.params_size for block in self.blocks]
        parts = [
            elements_of(block.distribution(part))
            for block, part in zip(self.blocks, tf.split(params, sizes, -1), strict=True)
        ]
        discrete = [block.is_discrete for block in self.blocks]
        elements = ColumnDistributions(parts, self.columns, discrete, self.validate_args)
        return tfd.Independent(elements, 1)

    def initial_params(self, seed=0):
        """Those of the blocks."""
        return np.concatenate([block.initial_params(seed) for block in self.blocks])

    def marginal_params(self, x):
        """Those of the blocks, for their columns."""
        x = np.asarray(x)
        pairs = zip(self.blocks, self.columns, strict=True)
        return np.concatenate([one.marginal_params(x[:, c]) for one, c in pairs])

    def center(self, distribution):
        """The centre of each column: a mean, or a mode if it is discrete."""
        return distribution.distribution.each(center_of)

    def get_config(self):
        """Returns the constructor's arguments."""
        blocks = [keras.saving.serialize_keras_object(one) for one in self.blocks]
        return {**super().get_config(), "blocks": blocks, "columns": self.columns}


def _checked(block: DistributionLayer) -> DistributionLayer:
    if block.event_shape is not None and len(block.event_shape) == 1:
        positive_int(block.event_shape[0], "event_shape")
        d = block.distribution(block.initial_params()[np.newaxis])
        if elements_of(d) is not None:
            return block
    raise ValueError(
        f"A block must be a distribution over a vector of independent elements, such as "
        f"IndependentNormal(3), but is {type(block).__name__} with event shape "
        f"{block.event_shape}."
    )


class ColumnDistributions(tfd.Distribution):
    """Scalar distributions of different families, [*batch, D].

    Args:
        parts: Scalar distributions with batch shapes [*batch, d].
        columns: Column numbers of each part.
        is_discrete: Whether each part is discrete.
        validate_args: As in TFP.
    """

    def __init__(self, parts, columns, is_discrete, validate_args=False):
        """Creates the distribution."""
        parameters = dict(locals())
        self.parts, self.columns = list(parts), list(columns)
        self.is_discrete = list(is_discrete)
        # The place of each column after the parts are joined.
        self.order = np.argsort(np.concatenate(columns))
        super().__init__(
            dtype=self.parts[0].dtype,
            reparameterization_type=tfd.NOT_REPARAMETERIZED,
            validate_args=validate_args,
            allow_nan_stats=False,
            parameters=parameters,
            name="ColumnDistributions",
        )

    @property
    def measure(self) -> Support:
        """Whole or real numbers, for each column where they differ."""
        kinds = [WHOLE if one else REAL for one in self.is_discrete]
        if len(set(kinds)) == 1:
            return kinds[0]
        pairs = zip(kinds, self.columns, strict=True)
        whole = [one for one, columns in pairs for _ in columns]
        return Columns(columns=tuple(whole[i] for i in self.order))

    def each(self, function, *arguments) -> tf.Tensor:
        """Applies a function to all parts and brings the columns into their order.

        Args:
            function: Function of a part, whether it is discrete, and `arguments`.
            *arguments: A list for each argument, of values by part.

        Returns:
            Tensor [..., D].
        """
        by_part = zip(self.parts, self.is_discrete, *arguments, strict=True)
        joined = tf.concat([function(*one) for one in by_part], axis=-1)
        return tf.gather(joined, self.order, axis=-1)

    def _batch_shape(self):
        return self.parts[0].batch_shape[:-1].concatenate([len(self.order)])

    def _batch_shape_tensor(self):
        shape = self.parts[0].batch_shape_tensor()[:-1]
        return tf.concat([shape, [len(self.order)]], axis=0)

    def _event_shape(self):
        return tf.TensorShape([])

    def _event_shape_tensor(self):
        return tf.constant([], tf.int32)

    def _log_prob(self, x):
        parts = [tf.gather(x, columns, axis=-1) for columns in self.columns]
        return self.each(lambda part, _, x: part.log_prob(x), parts)

    def _sample_n(self, n, seed=None):
        seeds = tfp.random.split_seed(seed, n=len(self.parts), salt="columns")
        return self.each(lambda part, _, s: part.sample(n, seed=s), tf.unstack(seeds))

    def _mean(self):
        return self.each(expectation_of)

    def _mode(self):
        return self.each(lambda part, _: center_of(part, is_discrete=True))
