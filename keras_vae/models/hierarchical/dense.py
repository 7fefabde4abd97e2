"""The networks of a hierarchy of dense layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras

from keras_vae.core.dtypes import float_dtype
from keras_vae.core.numbers import positive_int
from keras_vae.models.hierarchical.bidirectional import Bidirectional
from keras_vae.models.hierarchical.blocks import batch_normalization
from keras_vae.models.hierarchical.posteriors import (
    Ladder,
    LevelledPosterior,
    TopDown,
)
from keras_vae.models.hierarchical.prior import TopDownPrior
from keras_vae.networks.inputs import scaled_features, with_condition


class DenseLevels:
    """Makes the networks of dense levels, each with its own width.

    Args:
        latent_dims: Numbers of each level, lowest first.
        hidden_units: Width of each level, lowest first.
        depth: Hidden layers of each level.
        activation: Name of the hidden layers' activation.
        normalize: Whether hidden layers are batch-normalized.
        skips: Whether blocks read the state above.
    """

    def __init__(
        self,
        latent_dims: Sequence[int],
        hidden_units: Sequence[int],
        depth: int,
        activation: str,
        normalize: bool,
        skips: bool,
    ):
        """Stores the common settings of all networks."""
        self.latent_dims, self.widths = latent_dims, hidden_units
        self.depth, self.activation = positive_int(depth, "depth"), activation
        self.normalize, self.skips = normalize, skips
        # Levels below the highest.
        self.lower = range(len(latent_dims) - 1)

    @property
    def inferences(self) -> dict[str, Callable[[], LevelledPosterior]]:
        """The functions that make each posterior, by name."""
        return {
            "ladder": lambda: Ladder(self.latent_dims),
            "top_down": self._top_down,
            "bidirectional": self._bidirectional,
        }

    def _hidden(self, x, units, name, depth=None):
        """Hidden layers: dense, normalization, activation."""
        for i in range(depth or self.depth):
            one = f"{name}_{i + 1}"
            x = keras.layers.Dense(units, use_bias=not self.normalize, name=one)(x)
            if self.normalize:
                x = batch_normalization(f"{one}_norm")(x)
            x = keras.layers.Activation(self.activation, name=f"{one}_active")(x)
        return x

    def _network(self, inputs: dict[str, int], name, units=None, outputs=None, depth=None):
        """A network of vectors by name and size: hidden layers, or parameters, or both."""
        reads = [keras.Input((size,), name=one) for one, size in inputs.items()]
        x = keras.layers.Concatenate(name="joined")(reads) if reads[1:] else reads[0]
        if units is not None:
            x = self._hidden(x, units, "hidden", depth)
        if outputs is not None:
            x = _params(outputs)(x)
        return keras.Model(reads if reads[1:] else reads[0], x, name=name)

    def encoder(
        self,
        event_shape: Sequence[int],
        feature_sizes: Sequence[int],
        condition_shape: Sequence[int] | None = None,
        rescale: float = 1.0,
        shift: float = 0.0,
        log_scale: bool = False,
        features: keras.layers.Layer | None = None,
    ) -> keras.Model:
        """Makes the network from x to the features of each level.

        Args:
            event_shape: Shape of one observation.
            feature_sizes: Number of features of each level.
            condition_shape: Shape of a condition, or None.
            rescale: Factor of the input; see `dense_encoder` for this and what follows.
            shift: Number added to the input after the rescaling.
            log_scale: Whether to take log(1 + x) of the input first.
            features: Layer that reads the scaled input first; None for none.

        Returns:
            A model x [B, *event_shape] -> [B, sum of feature_sizes], or of [x, y].
        """
        x = inputs = keras.Input(tuple(event_shape), name="x")
        x = scaled_features(x, rescale, shift, log_scale, features)
        x = keras.layers.Flatten(data_format="channels_last", name="flatten")(x)
        x, inputs = with_condition(x, inputs, condition_shape)
        said = []
        for i, (units, size) in enumerate(zip(self.widths, feature_sizes, strict=True)):
            x = self._hidden(x, units, f"level_{i + 1}")
            said.append(_params(size, f"params_{i + 1}")(x))
        outputs = keras.layers.Concatenate(name="params")(said) if said[1:] else said[0]
        return keras.Model(inputs, outputs, name="ladder_encoder")

    def decoder(
        self, output_size: int, condition_shape: Sequence[int] | None = None
    ) -> keras.Model:
        """Makes the network from the last state to the likelihood's parameters.

        Args:
            output_size: Number of outputs.
            condition_shape: Shape of a condition, which needs a hidden layer; or None.

        Returns:
            A model state [B, width] -> [B, output_size], or of [state, y].
        """
        state = keras.Input((self.widths[0],), name="state")
        x, inputs = with_condition(state, state, condition_shape)
        if condition_shape is not None:
            x = self._hidden(x, self.widths[0], "hidden", 1)
        return keras.Model(inputs, _params(output_size)(x), name="ladder_decoder")

    def prior(self, top: Any = None) -> TopDownPrior:
        """Makes the generative levels.

        Args:
            top: Prior of the highest level; None is the standard normal.

        Returns:
            The prior.
        """
        blocks, heads = [], []
        for i, (size, units) in enumerate(zip(self.latent_dims, self.widths, strict=True)):
            reads = {"z": size}
            if i in self.lower:
                above = {"state": self.widths[i + 1]}
                heads.append(self._network(above, f"head_{i + 1}", outputs=2 * size))
                reads |= above if self.skips else {}
            blocks.append(self._network(reads, f"block_{i + 1}", units))
        return TopDownPrior(self.latent_dims, blocks, heads, top)

    def _top_down(self):
        networks = [
            self._network(
                {"features": self.widths[i], "state": self.widths[i + 1]},
                f"posterior_{i + 1}",
                self.widths[i],
                2 * self.latent_dims[i],
                depth=1,
            )
            for i in self.lower
        ]
        return TopDown(self.latent_dims, networks)

    def _bidirectional(self):
        networks, below, ups = [], [], []
        for i, (size, units) in enumerate(zip(self.latent_dims, self.widths, strict=True)):
            reads = {"features": units}
            if i:
                reads["summary_below"] = self.widths[i - 1]
            outputs = size if i in self.lower else 2 * size
            below.append(self._network(reads, f"below_{i + 1}", units, outputs, depth=1))
            if i not in self.lower:
                continue
            of_first = {"z": size // 2, **reads}
            ups.append(self._network(of_first, f"up_{i + 1}", units, depth=1))
            of_second = {"features": units, "state": self.widths[i + 1], "summary": units}
            name = f"posterior_{i + 1}"
            networks.append(self._network(of_second, name, units, size, depth=1))
        return Bidirectional(self.latent_dims, networks, below, ups)


def _params(size, name="params"):
    # Exponentials follow, for which half precision is too coarse.
    return keras.layers.Dense(size, dtype=float_dtype(), name=name)
