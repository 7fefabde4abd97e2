"""The networks of a hierarchy of images: convolutions and gated residual blocks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras

from keras_vae.core.dtypes import float_dtype
from keras_vae.core.names import unknown
from keras_vae.core.numbers import positive_int, sizes
from keras_vae.models.hierarchical.bidirectional import Bidirectional
from keras_vae.models.hierarchical.blocks import Blocks, conv, enlarged, image, kernel
from keras_vae.models.hierarchical.level_numbers import one_a_level
from keras_vae.models.hierarchical.posteriors import (
    Ladder,
    LevelledPosterior,
    TopDown,
)
from keras_vae.models.hierarchical.prior import TopDownPrior
from keras_vae.networks.conv import image_shape, outputs_per_pixel
from keras_vae.networks.inputs import scaled_features, with_condition_channels


class ConvLevels:
    """Makes the networks of levels that are images, each with a stride and a width.

    The state above a level has the level's own size: a block enlarges the image at its end,
    for the level below.

    Args:
        event_shape: Shape (height, width, channels) of one image.
        latent_channels: Channels of each level, lowest first.
        strides: Pixels of x, along each side, for one of each level, lowest first: powers
            of two; None takes 2, 4, 8, ...
        filters: Channels of the networks of each level, lowest first; None takes 64.
        blocks: Residual blocks of each level, up and down.
        activation: Name of the hidden layers' activation.
        normalization: "batch", or None.
        skips: Whether blocks add to the state above.

    Raises:
        ValueError: If the levels do not fit the image, or a number or word is refused.
    """

    def __init__(
        self,
        event_shape: Sequence[int],
        latent_channels: Sequence[int],
        strides: Sequence[int] | None,
        filters: Sequence[int] | None,
        blocks: int,
        activation: str,
        normalization: str | None,
        skips: bool,
    ):
        """Stores the common settings of all networks."""
        self.event_shape = image_shape(event_shape)
        channels = sizes(latent_channels, "latent_channels")
        count = len(channels)
        every = [2 ** (i + 1) for i in range(count)]
        self.strides = one_a_level(strides or every, "strides", channels, "latent_channels")
        every = [64] * count
        self.filters = one_a_level(filters or every, "filters", channels, "latent_channels")
        self._check_strides()
        if normalization not in (None, "batch"):
            raise unknown("normalization", normalization, ["batch"])
        blocks = positive_int(blocks, "blocks")
        self.make, self.skips = Blocks(blocks, activation, normalization == "batch"), skips
        grids = [self._grid(stride) for stride in self.strides]
        # The latent variables and the features of each level, as images.
        self.shapes = [(*g, c) for g, c in zip(grids, channels, strict=True)]
        self.widths = [(*g, n) for g, n in zip(grids, self.filters, strict=True)]
        self.sizes = [math.prod(shape) for shape in self.shapes]
        # Levels below the highest.
        self.lower = range(len(channels) - 1)

    def _check_strides(self):
        """Refuses strides that are not increasing powers of two, or too large."""
        known = all(stride & (stride - 1) == 0 for stride in self.strides)
        if not known or list(self.strides) != sorted(self.strides):
            raise ValueError(
                "strides must be powers of two that do not fall from the lowest level to "
                f"the highest, such as (2, 4, 8), but are {self.strides}."
            )
        largest = max(self.event_shape[:2])
        if self.strides[-1] >= 2 * largest:
            raise ValueError(
                f"An image of {self.event_shape[0]}x{self.event_shape[1]} pixels is a "
                f"single one at stride {2 ** (largest - 1).bit_length()} already, but the "
                f"strides of the levels are {self.strides}. Give smaller strides, or fewer "
                "levels."
            )

    def _grid(self, stride):
        height, width, _ = self.event_shape
        return -(-height // stride), -(-width // stride)

    def _width(self, stride):
        """Number of channels of images that are larger than those of the lowest level."""
        return max(self.filters[0] * stride // self.strides[0], 1)

    def posterior(self, inference: str) -> LevelledPosterior:
        """Makes the posterior.

        Args:
            inference: Its name.

        Returns:
            A posterior of this many levels.

        Raises:
            ValueError: If there is no such inference, or it does not fit the levels.
        """
        made = {
            "ladder": lambda: Ladder(self.sizes),
            "top_down": self._top_down,
            "bidirectional": self._bidirectional,
        }
        if inference not in made:
            raise unknown("inference", inference, made)
        return made[inference]()

    def _network(self, inputs: dict[str, tuple[int, ...]], name, level, channels=None):
        """A network that adds up images, then has residual blocks, or parameters.

        Latent variables and features are flat; states and summaries are images.
        """
        filters = self.filters[level]
        reads, images = [], []
        for one, shape in inputs.items():
            is_flat = one in ("z", "features")
            reads.append(keras.Input((math.prod(shape),) if is_flat else shape, name=one))
            x = image(reads[-1], shape, one) if is_flat else reads[-1]
            factor = 1
            if one == "summary_below":
                factor = self.strides[level] // self.strides[level - 1]
            images.append(conv(x, filters, factor, f"{one}_conv", strides=factor))
        x = keras.layers.Add(name="joined")(images) if images[1:] else images[0]
        x = self.make.residual(x, "residual")
        if channels is not None:
            x = self.make.params(x, channels)
        return keras.Model(reads if reads[1:] else reads[0], x, name=name)

    def encoder(
        self,
        feature_sizes: Sequence[int],
        condition_shape: Sequence[int] | None = None,
        rescale: float = 1.0,
        shift: float = 0.0,
        log_scale: bool = False,
        features: keras.layers.Layer | None = None,
    ) -> keras.Model:
        """Makes the network from x to the features of each level.

        Args:
            feature_sizes: Number of features of each level.
            condition_shape: Shape of a condition, or None.
            rescale: Factor of the input; see `conv_encoder` for this and what follows.
            shift: Number added to the input after the rescaling.
            log_scale: Whether to take log(1 + x) of the input first.
            features: Layer that reads the scaled input first; None for none.

        Returns:
            A model x [B, *event_shape] -> [B, sum of feature_sizes], or of [x, y].
        """
        x = inputs = keras.Input(self.event_shape, name="x")
        x = scaled_features(x, rescale, shift, log_scale, features)
        x, inputs = with_condition_channels(x, inputs, condition_shape)
        said, reached = [], 1
        for i, (stride, shape) in enumerate(zip(self.strides, self.widths, strict=True)):
            *grid, filters = shape
            while reached < stride:
                reached *= 2
                n = filters if i or reached == stride else self._width(reached)
                side = 4 if reached == 2 else 3
                x = conv(x, n, side, f"halved_{reached}", strides=2)
                if reached < stride:
                    x = self.make.residual(x, f"size_{reached}")
            if x.shape[-1] != filters:
                x = conv(x, filters, kernel(x.shape), f"level_{i + 1}_conv")
            x = self.make.residual(x, f"level_{i + 1}")
            channels = feature_sizes[i] // math.prod(grid)
            said.append(self.make.params(x, channels, f"params_{i + 1}"))
        outputs = keras.layers.Concatenate(dtype=float_dtype(), name="params")(said)
        return keras.Model(inputs, outputs, name="levels_encoder")

    def decoder(
        self, params_size: int, condition_shape: Sequence[int] | None = None
    ) -> keras.Model:
        """Makes the network from the last state to the likelihood's parameters.

        Args:
            params_size: Number of outputs, the likelihood's `params_size`.
            condition_shape: Shape of a condition, or None.

        Returns:
            A model state [B, height, width, filters] -> [B, height of x, width of x,
            outputs for each pixel], or of [state, y].

        Raises:
            ValueError: If the likelihood has other parameters for some pixels.
        """
        outputs, precise = outputs_per_pixel(self.event_shape, params_size), float_dtype()
        state = keras.Input(self.widths[0], name="state")
        x, inputs = with_condition_channels(state, state, condition_shape)
        if condition_shape is not None:
            x = conv(x, self.filters[0], 1, "joined")
        stride = self.strides[0]
        if stride == 1 or condition_shape is not None:
            x = self.make.residual(x, "size_of_state")
        while stride > 2:
            stride //= 2
            x = enlarged(x, self._width(stride), 2, self._grid(stride), f"size_{stride}")
            x = self.make.residual(x, f"size_{stride}")
        x = self.make.active(x, "params")
        if stride == 1:
            x = conv(x, outputs, 3, "params", dtype=precise)
        else:
            x = enlarged(x, outputs, 2, self._grid(1), "params", 4, precise)
        return keras.Model(inputs, x, name="levels_decoder")

    def prior(self, top: Any = None) -> TopDownPrior:
        """Makes the generative levels.

        Args:
            top: Prior of the highest level; None is the standard normal.

        Returns:
            The prior.
        """
        heads = [
            self._network(
                {"state": self.widths[i]}, f"head_{i + 1}", i, 2 * self.shapes[i][-1]
            )
            for i in self.lower
        ]
        blocks = [self._block(i) for i in range(len(self.strides))]
        return TopDownPrior(self.sizes, blocks, heads, top, shapes=self.shapes)

    def _block(self, level):
        """From a level's latent variables and the state above to the state below it."""
        reads = [keras.Input((self.sizes[level],), name="z")]
        x = image(reads[0], self.shapes[level], "z")
        x = conv(x, self.filters[level], 1, "z_conv")
        if self.skips and level in self.lower:
            reads.append(keras.Input(self.widths[level], name="state"))
            x = keras.layers.Add(name="joined")([x, reads[1]])
        x = self.make.residual(x, "residual")
        if level and self.widths[level] != self.widths[level - 1]:
            *grid, filters = self.widths[level - 1]
            factor = self.strides[level] // self.strides[level - 1]
            x = enlarged(x, filters, factor, grid, "enlarged")
        return keras.Model(reads if reads[1:] else reads[0], x, name=f"block_{level + 1}")

    def _top_down(self):
        networks = [
            self._network(
                {"features": self.widths[i], "state": self.widths[i]},
                f"posterior_{i + 1}",
                i,
                2 * self.shapes[i][-1],
            )
            for i in self.lower
        ]
        return TopDown(self.sizes, networks)

    def _bidirectional(self):
        networks, below, ups = [], [], []
        for i, (*grid, channels) in enumerate(self.shapes):
            features = self.widths[i]
            reads = {"features": features}
            if i:
                reads["summary_below"] = self.widths[i - 1]
            # Means and scales of half of the channels, or of all channels of the highest
            # level.
            outputs = channels if i in self.lower else 2 * channels
            below.append(self._network(reads, f"below_{i + 1}", i, outputs))
            if i not in self.lower:
                continue
            if channels % 2:
                raise ValueError(
                    "Bidirectional inference halves the channels of all levels but the "
                    f"highest, so they must be even, but level {i + 1} has {channels}."
                )
            of_first = {"z": (*grid, channels // 2), **reads}
            ups.append(self._network(of_first, f"up_{i + 1}", i))
            of_second = {"features": features, "state": features, "summary": features}
            networks.append(self._network(of_second, f"posterior_{i + 1}", i, channels))
        return Bidirectional(self.sizes, networks, below, ups)
