"""From raw observations to what a trained model reads, and back: a part of the model."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_vae.core.support import Support
from keras_vae.core.support import levels as whole_levels
from keras_vae.data.binarize import binarize as drawn_once
from keras_vae.data.dataset import DataSet
from keras_vae.data.scaling import Scaling

_RAW = (
    "Those are the raw values of this model's data. If x is prepared already, give it to a "
    "model whose preprocessor is None; if it was resized or averaged, round it."
)


@keras.saving.register_keras_serializable("keras_vae")
class Preprocessor:
    """Scaling, and for 0/1 likelihoods of grey images a binarization.

    A model that has one takes and returns raw data (`VAE.preprocessor`).

    Args:
        scaling: Map from raw values to the likelihood's, or its config.
        binarize: Whether grey values stand for 0/1 pixels: scores draw them once, training
            at each visit; embeddings read them as probabilities.
        seed: Seed of the draw for scores, so that they can be repeated.
        levels: Smallest and largest possible raw value of whole-number data, or None.
        value_range: Values in the model's units that a picture shows as black and white.

    Example:
        >>> vae = keras_vae.DenseVAE(data.event_shape, latent_dim=16)
        >>> vae.preprocessor = Preprocessor.fit(data, vae.support, binarize=True)
        >>> vae.embed(data.x_test)
    """

    def __init__(
        self,
        scaling: Scaling | dict[str, Any],
        binarize: bool = False,
        seed: int = 0,
        levels: tuple[int, int] | None = None,
        value_range: tuple[float, float] = (0.0, 1.0),
    ):
        """Keeps the settings."""
        if isinstance(scaling, dict):
            scaling = Scaling.from_config(scaling)
        self.scaling = scaling
        self.binarize, self.seed = bool(binarize), int(seed)
        self.levels = None if levels is None else tuple(levels)
        self.value_range = tuple(value_range)

    @classmethod
    def fit(
        cls, data: DataSet, support: Support, binarize: bool = False, seed: int = 0
    ) -> Preprocessor:
        """Chooses the preprocessor that fits a likelihood, by the training data alone.

        Args:
            data: The data set.
            support: What the likelihood accepts.
            binarize: Whether grey values stand for 0/1 pixels.
            seed: Seed of the draw for scores.

        Returns:
            The preprocessor.

        Raises:
            ValueError: If the data cannot be brought into the support.
        """
        scaling = Scaling.fit(data.x_train, support, data.levels)
        value_range = support.low, support.high
        if len(data.event_shape) < 3:
            value_range = 0.0, 1.0
        elif None in value_range:
            black, white = data.levels or (data.x_train.min(), data.x_train.max())
            # Images of one grey need some white to be darker than.
            white = white if white > black else black + 1
            # Of images all channels have one offset and scale.
            value_range = tuple(
                float((raw - scaling.offset) / scaling.scale) for raw in (black, white)
            )
        return cls(scaling, binarize, seed, data.levels, value_range)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Brings raw observations to the model's units; grey values stay grey.

        Args:
            x: Raw values [N, *event].

        Returns:
            Float32 array of the same shape.

        Raises:
            ValueError: If values are not those of `levels`, such as those of observations
                that are prepared already.
        """
        x = np.asarray(x)
        if self.levels is not None:
            whole_levels(*self.levels).check(x, advice=_RAW)
        return self.scaling(x)

    def held_out(self, x: np.ndarray) -> np.ndarray:
        """Brings raw observations to what is scored: binarized, once, if anything is.

        Args:
            x: Raw values [N, *event].

        Returns:
            Float32 array of the same shape; the same draw for the same x.
        """
        x = self(x)
        return drawn_once(x, self.seed).astype(np.float32) if self.binarize else x

    def in_graph(self, x: tf.Tensor, seed: tf.Tensor | None) -> tf.Tensor:
        """Brings a batch of raw observations to the model's units, within a step.

        Args:
            x: Raw values [B, *event].
            seed: Seed of a binarization, int32 [2]; None leaves grey values grey.

        Returns:
            Float32 tensor of the same shape.
        """
        x = self.scaling(tf.convert_to_tensor(x))
        if not self.binarize or seed is None:
            return x
        draws = tf.random.stateless_uniform(tf.shape(x), seed)
        return tf.cast(draws < x, x.dtype)

    def inverse(self, x: np.ndarray) -> np.ndarray:
        """Brings what the model makes to raw values.

        Args:
            x: Values in the model's units, [..., *event].

        Returns:
            Raw values of the same shape: whole numbers within `levels`, as uint8 where that
            holds them and as float32 elsewhere; of 0/1 data probabilities.
        """
        raw = self.scaling.inverse(np.asarray(x))
        if self.levels is None:
            return raw
        low, high = self.levels
        if (low, high) == (0, 1):
            # Between the two there are probabilities to show.
            return raw
        raw = np.clip(np.round(raw), low, high)
        return raw.astype(np.uint8) if 0 <= low and high <= 255 else raw

    @property
    def raw_range(self) -> tuple[float, float]:
        """Raw values that a picture shows as black and white."""
        if self.levels is not None:
            return tuple(map(float, self.levels))
        offset, scale = self.scaling.offset, self.scaling.scale
        if isinstance(offset, tuple) or isinstance(scale, tuple):
            return 0.0, 1.0
        return tuple(value * scale + offset for value in self.value_range)

    @property
    def log_scale(self) -> float:
        """Log |d x_model / d x_raw| of one observation, nats."""
        return self.scaling.log_scale

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments, as plain values."""
        return {
            "scaling": self.scaling.to_config(),
            "binarize": self.binarize,
            "seed": self.seed,
            "levels": None if self.levels is None else list(self.levels),
            "value_range": list(self.value_range),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Preprocessor:
        """Makes the preprocessor from the result of `get_config`."""
        return cls(**config)

    def __eq__(self, other: object) -> bool:
        """Whether another one does the same."""
        same = isinstance(other, Preprocessor)
        return same and self.get_config() == other.get_config()

    def __hash__(self) -> int:
        """Equal preprocessors have equal hashes."""
        return hash((self.scaling, self.binarize, self.seed, self.levels, self.value_range))
