"""A learned prior over codes: convolutions over those before."""

from __future__ import annotations

import math

import keras
import tensorflow as tf

from keras_vae.core.numbers import positive_int
from keras_vae.core.seeds import make_seed
from keras_vae.priors.in_order import PriorInOrder


@keras.saving.register_keras_serializable("keras_vae")
class PixelCNN(PriorInOrder):
    """Codes in reading order, each given those before it, by gated convolutions.

    One stack of convolutions sees the rows above, another one what is left of a position
    and the first, so that no code before it is out of sight but by distance. Codes in a
    row are a grid of one row; the R codes of each position of a residual quantizer stand
    next to each other. Train it with a model, or afterwards: `generation.fit_prior`. The
    rate is -log p of the codes, which needs no draws.

    Args:
        filters: Number of channels.
        layers: Number of gated layers; each sees one position further.
        event_shape: Shape of one latent variable; None takes it from the posterior.
        seed: Seed of the initial weights; None takes Keras's global seed.
        **kwargs: Arguments of `Prior`.

    Raises:
        ValueError: If the posterior of the model is no quantizer, or a number is not a
            positive integer.

    Example:
        >>> keras_vae.VQVAE.for_images((8, 8, 1), num_codes=16, filters=8,
        ...                            prior=PixelCNN(filters=8, layers=2))

    Source:
        Van den Oord et al. 2016, "Conditional image generation with PixelCNN decoders",
        section 2 and figure 2; as a prior of codes: van den Oord et al. 2017, section 3.3.
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
        """Creates a vector for each code and each position, and the network."""
        shape, codes = self.quantizer.index_shape, self.quantizer.num_codes
        width = math.prod(shape[1:]) if len(shape) > 1 else math.prod(shape)
        self._grid = (math.prod(shape) // width, width)
        seed = make_seed(self.seed)
        normal = keras.initializers.RandomNormal(stddev=0.5, seed=seed)
        self.of_codes = self.add_weight((codes, self.filters), normal, name="of_codes")
        self.of_positions = self.add_weight(
            (*self._grid, self.filters), "zeros", name="of_positions"
        )
        grid = (*self._grid, self.filters)
        self.network = _network(grid, self.num_layers, codes, seed, self.dtype)

    def logits_of(self, indices):
        """What comes next at each position; see `PriorInOrder`."""
        grid = tf.reshape(indices, (-1, *self._grid))
        codes = tf.gather(tf.convert_to_tensor(self.of_codes), grid)
        positions = tf.convert_to_tensor(self.of_positions)
        logits = self.network([codes, tf.zeros_like(codes) + positions])
        shape = (-1, math.prod(self._grid), self.quantizer.num_codes)
        return tf.reshape(logits, shape)

    def get_config(self):
        """Returns the constructor's arguments."""
        own = {"filters": self.filters, "layers": self.num_layers, "seed": self.seed}
        return {**super().get_config(), **own}


def _network(grid, num_layers, num_codes, seed, dtype):
    """From vectors of codes and of positions to logits; causal by where it pads."""
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
    # A position sees the row above, and what is left of it: after this, convolutions may
    # look at their own position, too.
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
