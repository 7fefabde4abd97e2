"""A learned prior over codes: attention to earlier codes."""

from __future__ import annotations

import math

import keras
import numpy as np
import tensorflow as tf

from keras_vae.core.numbers import positive_int
from keras_vae.core.seeds import make_seed
from keras_vae.priors.in_order import PriorInOrder


@keras.saving.register_keras_serializable("keras_vae")
class CodeTransformer(PriorInOrder):
    """Codes in reading order, each given all earlier ones, by a small causal transformer.

    `PixelCNN` sees only nearby codes; attention sees all earlier codes, at a cost that
    grows with the square of their number. Train it with a model, or afterwards:
    `generation.fit_prior`.

    Args:
        units: Width of the vectors; the layers between are four times as wide.
        layers: Number of blocks of attention and dense layers.
        heads: Number of attention heads, of which `units` is a multiple.
        event_shape: Shape of one latent variable; None takes it from the posterior.
        seed: Seed of the initial weights; None takes Keras's global seed.
        **kwargs: Arguments of `Prior`.

    Raises:
        ValueError: If the model's posterior is not a quantizer, a number is not a positive
            integer, or `units` is not a multiple of `heads`.

    Example:
        >>> keras_vae.VQVAE.for_images((8, 8, 1), num_codes=16, filters=8,
        ...                            prior=CodeTransformer(units=8, layers=2, heads=2))

    Source:
        Vaswani et al. 2017, "Attention is all you need", as in Radford et al. 2019
        (normalized before each layer); as a prior of codes: Esser, Rombach and Ommer 2021,
        "Taming transformers for high-resolution image synthesis", section 3.2.
    """

    def __init__(
        self,
        units: int = 64,
        layers: int = 4,
        heads: int = 4,
        event_shape=None,
        seed: int | None = None,
        **kwargs,
    ):
        """Creates the prior."""
        super().__init__(event_shape, **kwargs)
        self.units = positive_int(units, "units")
        self.num_layers = positive_int(layers, "layers")
        self.heads = positive_int(heads, "heads")
        if self.units % self.heads:
            raise ValueError(
                f"units must be a multiple of heads, but is {units}, with {heads} heads."
            )
        self.seed = seed

    def make_weights(self):
        """Creates a vector for each code, each position and the beginning, and the blocks."""
        length, codes = math.prod(self.quantizer.index_shape), self.quantizer.num_codes
        seed = make_seed(self.seed)
        normal = keras.initializers.RandomNormal(stddev=0.1, seed=seed)
        # The last one stands before the first code.
        self.of_codes = self.add_weight((codes + 1, self.units), normal, name="of_codes")
        self.of_positions = self.add_weight(
            (length, self.units), "zeros", name="of_positions"
        )
        self.network = _network(
            length, self.units, self.num_layers, self.heads, codes, seed, self.dtype
        )

    def logits_of(self, indices):
        """Logits of the next code at each position; see `PriorInOrder`."""
        first = tf.fill([tf.shape(indices)[0], 1], self.quantizer.num_codes)
        before = tf.concat([tf.cast(first, indices.dtype), indices[:, :-1]], axis=1)
        codes = tf.gather(tf.convert_to_tensor(self.of_codes), before)
        return self.network(codes + tf.convert_to_tensor(self.of_positions))

    def get_config(self):
        """Returns the constructor's arguments."""
        own = {"units": self.units, "layers": self.num_layers, "heads": self.heads}
        return {**super().get_config(), **own, "seed": self.seed}


def _network(length, units, num_layers, heads, num_codes, seed, dtype):
    """From vectors [B, N, units] to logits [B, N, K]; a position sees no later one."""
    seeds = iter(range(seed + 1, seed + 2 + 4 * num_layers))
    make, ops = keras.layers, keras.ops
    hidden = np.triu(np.full((length, length), -1e9, "float32"), 1)

    def dense(x, size, activation=None):
        kernel = keras.initializers.GlorotUniform(next(seeds))
        return make.Dense(size, activation, kernel_initializer=kernel, dtype=dtype)(x)

    def normalized(x):
        return make.LayerNormalization(dtype=dtype)(x)

    def attention(x):
        # [B, N, 3 * units] as queries, keys and values [B, heads, N, units / heads].
        parts = ops.split(dense(x, 3 * units), 3, axis=-1)
        shape = (-1, length, heads, units // heads)
        q, k, v = (ops.transpose(ops.reshape(one, shape), (0, 2, 1, 3)) for one in parts)
        scores = ops.matmul(q, ops.transpose(k, (0, 1, 3, 2)))
        scores = scores / math.sqrt(units // heads) + ops.cast(hidden, dtype)
        seen = ops.matmul(ops.softmax(scores, axis=-1), v)
        seen = ops.reshape(ops.transpose(seen, (0, 2, 1, 3)), (-1, length, units))
        return dense(seen, units)

    x = inputs = keras.Input((length, units), dtype=dtype, name="vectors")
    for _ in range(num_layers):
        x = make.Add(dtype=dtype)([x, attention(normalized(x))])
        x = make.Add(dtype=dtype)(
            [x, dense(dense(normalized(x), 4 * units, "gelu"), units)]
        )
    return keras.Model(inputs, dense(normalized(x), num_codes), name="code_transformer")
