"""From raw observations to what a trained model reads, kept with the model."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_vae.core.support import Support
from keras_vae.core.support import levels as whole_levels
from keras_vae.data.binarize import binarize
from keras_vae.data.dataset import DataSet
from keras_vae.data.scaling import Scaling

_RAW = (
    "Those are the raw values of this model's data. If x is prepared already, give it to "
    "the model as it is; if it was resized or averaged, round it."
)


@dataclass(frozen=True)
class Preprocessor:
    """Scaling, and for 0/1 likelihoods of grey images one stored binarization.

    Attributes:
        scaling: Map from raw values to the likelihood's.
        binarize: Whether grey values are drawn as 0/1 pixels, once.
        seed: Seed of that draw, so that a score can be repeated.
        levels: Smallest and largest possible raw value of whole-number data, or None.
        value_range: Prepared values that a picture shows as black and white.

    Example:
        >>> prepare = Preprocessor.fit(data, vae.support, binarize=True)
        >>> x_test = prepare(data.x_test)
    """

    scaling: Scaling
    binarize: bool = False
    seed: int = 0
    levels: tuple[int, int] | None = None
    value_range: tuple[float, float] = (0.0, 1.0)

    @classmethod
    def fit(
        cls, data: DataSet, support: Support, binarize: bool = False, seed: int = 0
    ) -> Preprocessor:
        """Chooses the preprocessor that fits a likelihood, by the training data alone.

        Args:
            data: The data set.
            support: What the likelihood accepts.
            binarize: Whether grey values are drawn as 0/1 pixels.
            seed: Seed of that draw.

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
        """Prepares raw observations.

        Args:
            x: Raw values [N, *event].

        Returns:
            Float32 array of the same shape.

        Raises:
            ValueError: If values are not those of `levels`, such as those of observations
                that are prepared already. (Where they were binarized it cannot be told.)
        """
        if self.levels is not None:
            whole_levels(*self.levels).check(x, advice=_RAW)
        x = self.scaling(x)
        return binarize(x, self.seed).astype(np.float32) if self.binarize else x

    def to_config(self) -> dict[str, Any]:
        """Returns the preprocessor as plain values for JSON."""
        return {
            "scaling": self.scaling.to_config(),
            "binarize": self.binarize,
            "seed": self.seed,
            "levels": None if self.levels is None else list(self.levels),
            "value_range": list(self.value_range),
        }

    @classmethod
    def from_preset(cls, name_or_folder: str | os.PathLike) -> Preprocessor:
        """Reads what was done to the data of a model that `keras-vae train` made.

        Args:
            name_or_folder: The folder of a run, or the name of a preset.

        Returns:
            The preprocessor.

        Raises:
            FileNotFoundError: If there is no such preset.
            ValueError: If nothing is written there about data.

        Example:
            >>> prepare = Preprocessor.from_preset("runs/mnist_5k")
        """
        from keras_vae.presets.files import read_metadata
        from keras_vae.presets.lookup import find_preset

        folder = find_preset(name_or_folder)
        about = read_metadata(folder).get("data")
        if not isinstance(about, dict) or "preprocessor" not in about:
            raise ValueError(
                f"{folder} does not say how its data were prepared; `keras-vae train` "
                "writes that, save_to_preset alone does not."
            )
        return cls.from_config(about["preprocessor"])

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Preprocessor:
        """Makes the preprocessor that `to_config` described."""
        levels = config["levels"]
        return cls(
            scaling=Scaling.from_config(config["scaling"]),
            binarize=config["binarize"],
            seed=config["seed"],
            levels=None if levels is None else tuple(levels),
            value_range=tuple(config["value_range"]),
        )
