"""A learned prior over codes: convolutions over earlier codes."""

from __future__ import annotations

import itertools
import math

import keras
import tensorflow as tf

from keras_vae.core.numbers import positive_int
from keras_vae.core.seeds import make_seed
from keras_vae.priors.in_order import PriorInOrder

_SEEDS_OF_A_LEVEL = 1_000


@keras.saving.register_keras_serializable("keras_vae")
class PixelCNN(PriorInOrder):
    """Codes in reading order, each given earlier ones, by gated convolutions.

    One stack of convolutions sees the rows above. The other sees the codes to the left of a
    position and the first stack, so that only distance hides an earlier code. A sequence of
    codes is a grid of one row; the R codes of each position of a residual quantizer stand
    next to each other. Codes of two levels have a network each: the upper codes come first,
    and the network of the lower ones reads all of them. Train it with a model, or
    afterwards: `generation.fit_prior`. The rate is -log p of the codes, which needs no
    draws.

    Args:
        filters: Number of channels.
        layers: Number of gated layers; each widens the view by one position.
        event_shape: Shape of one latent variable; None takes it from the posterior.
        seed: Seed of the initial weights; None takes Keras's global seed.
        **kwargs: Arguments of `Prior`.

    Raises:
        ValueError: If the model's posterior is not a quantizer, or a number is not a
            positive integer.

    Example:
        >>> keras_vae.VQVAE.for_images((8, 8, 1), num_codes=16, filters=8,
        ...                            prior=PixelCNN(filters=8, layers=2))

    Source:
        Van den Oord et al. 2016, "Conditional image generation with PixelCNN decoders",
        section 2 and figure 2; as a prior of codes: van den Oord et al. 2017, section 3.3;
        of two levels: Razavi et al. 2019, section 3.2.
    """

    def __init__(
        self,
        filters: int = 64,
        layers: int = 6,
        event_shape=None,
        seed: int | None = None,
        **kwargs,
    ):
        """Creates the prior."""
        super().__init__(event_shape, **kwargs)
        self.filters = positive_int(filters, "filters")
        self.num_layers = positive_int(layers, "layers")
        self.seed = seed

    def make_weights(self):
        """Creates a vector for each code and each position, and the network; by level."""
        grids, codes = self.quantizer.grids, self.quantizer.num_codes
        seed = make_seed(self.seed)
        self.of_codes, self.of_positions, self.networks = [], [], []
        for level, (rows, columns) in enumerate(grids):
            grid, first = (rows, columns, self.filters), seed + _SEEDS_OF_A_LEVEL * level
            normal = keras.initializers.RandomNormal(stddev=0.5, seed=first)
            self.of_codes.append(
                self.add_weight((codes, self.filters), normal, name="of_codes")
            )
            self.of_positions.append(self.add_weight(grid, "zeros", name="of_positions"))
            self.networks.append(_network(grid, self.num_layers, codes, first, self.dtype))
        self.from_above = [
            _from_above(*pair, self.filters, seed - 1 - 3 * level, self.dtype)
            for level, pair in enumerate(itertools.pairwise(grids))
        ]

    def logits_of(self, indices):
        """Logits of the next code at each position; see `PriorInOrder`."""
        grids = self.quantizer.grids
        parts = tf.split(indices, [math.prod(grid) for grid in grids], axis=-1)
        logits, above = [], None
        for level, (grid, part) in enumerate(zip(grids, parts, strict=True)):
            vectors = tf.convert_to_tensor(self.of_codes[level])
            codes = tf.gather(vectors, tf.reshape(part, (-1, *grid)))
            seen = tf.zeros_like(codes) + tf.convert_to_tensor(self.of_positions[level])
            if above is not None:
                seen += self.from_above[level - 1](above)
            shape = (-1, math.prod(grid), self.quantizer.num_codes)
            logits.append(tf.reshape(self.networks[level]([codes, seen]), shape))
            above = codes
        return tf.concat(logits, axis=1)

    def get_config(self):
        """Returns the constructor's arguments."""
        own = {"filters": self.filters, "layers": self.num_layers, "seed": self.seed}
        return {**super().get_config(), **own}


def _network(grid, num_layers, num_codes, seed, dtype):
    """From vectors of codes and of positions to logits; the padding makes it causal."""
    seeds = iter(range(seed + 1, seed + 2 + 4 * num_layers))
    make = keras.layers

    def conv(x, filters, size=(1, 1), pad=((0, 0), (0, 0))):
        x = make.ZeroPadding2D(pad, dtype=dtype)(x)
        kernel = keras.initializers.GlorotUniform(next(seeds))
        return make.Conv2D(filters, size, kernel_initializer=kernel, dtype=dtype)(x)

    def gate(x):
        value = make.Activation("tanh", dtype=dtype)(x[..., :filters])
        how_much = make.Activation("sigmoid", dtype=dtype)(x[..., filters:])
        return make.Multiply(dtype=dtype)([value, how_much])

    def add(*terms):
        return make.Add(dtype=dtype)(list(terms))

    def shifted(x, pad):
        crop = tuple((after, before) for before, after in pad)
        x = make.ZeroPadding2D(pad, dtype=dtype)(x)
        return make.Cropping2D(crop, dtype=dtype)(x)

    filters = grid[-1]
    codes = keras.Input(grid, dtype=dtype, name="codes")
    positions = keras.Input(grid, dtype=dtype, name="positions")
    # A position sees the row above and the codes to its left. After this, convolutions may
    # also look at their own position.
    above = add(shifted(codes, ((1, 0), (0, 0))), positions)
    left = add(shifted(codes, ((0, 0), (1, 0))), positions)
    for _ in range(num_layers):
        above = conv(above, 2 * filters, (2, 3), ((1, 0), (1, 1)))
        moved = add(
            conv(left, 2 * filters, (1, 2), ((0, 0), (1, 0))), conv(above, 2 * filters)
        )
        left = add(left, conv(gate(moved), filters))
        above = gate(above)
    outputs = make.Activation("relu", dtype=dtype)(left)
    outputs = conv(outputs, num_codes)
    return keras.Model([codes, positions], outputs, name="pixel_cnn")


def _from_above(above, grid, filters, seed, dtype):
    """From vectors of the codes of one level to the input of the level below."""
    seeds = iter(range(seed, seed - 3, -1))
    make = keras.layers

    def conv(x, activation=None):
        kernel = keras.initializers.GlorotUniform(next(seeds))
        return make.Conv2D(
            filters, 3, 1, "same", "channels_last", activation=activation,
            kernel_initializer=kernel, dtype=dtype,
        )(x)  # fmt: skip

    inputs = keras.Input((*above, filters), dtype=dtype, name="above")
    x = conv(conv(inputs, "relu"), "relu")
    times = (grid[0] // above[0], grid[1] // above[1])
    x = make.UpSampling2D(times, "channels_last", dtype=dtype)(x)
    return keras.Model(inputs, conv(x), name="from_above")
