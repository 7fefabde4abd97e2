"""From raw observations to what a trained model reads, kept with the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_vae.data.binarize import binarize
from keras_vae.data.scaling import Scaling


@dataclass(frozen=True)
class Preparation:
    """Scaling, and for 0/1 likelihoods of grey images one stored binarization.

    Attributes:
        scaling: Map from raw values to the likelihood's.
        binarize: Whether grey values are drawn as 0/1 pixels, once.
        seed: Seed of that draw, so that a score can be repeated.

    Example:
        >>> x_test = Preparation(scaling, binarize=True)(data.x_test)
    """

    scaling: Scaling
    binarize: bool = False
    seed: int = 0

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Prepares raw observations.

        Args:
            x: Raw values [N, *event].

        Returns:
            Float32 array of the same shape.
        """
        x = self.scaling(x)
        return binarize(x, self.seed).astype(np.float32) if self.binarize else x

    def to_config(self) -> dict[str, Any]:
        """Returns the preparation as plain values for JSON."""
        return {
            "scaling": self.scaling.to_config(),
            "binarize": self.binarize,
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Preparation:
        """Makes the preparation that `to_config` described."""
        return cls(**{**config, "scaling": Scaling.from_config(config["scaling"])})
