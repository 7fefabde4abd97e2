"""From raw observations to a model's inputs, and back: a part of the model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_vae.core.support import Support
from keras_vae.core.support import levels as whole_levels
from keras_vae.data.binarize import binarize as drawn_once
from keras_vae.data.conditions import Conditions
from keras_vae.data.dataset import DataSet
from keras_vae.data.scaling import Scaling
from keras_vae.data.spectrogram import LEVELS, Spectrogram
from keras_vae.data.streaming import Streamed
from keras_vae.data.tables import Column, to_codes, to_frame

_RAW = (
    "These are the raw values of this model's data. If x is prepared already, give it to a "
    "model whose preprocessor is None; if it was resized or averaged, round it."
)


@keras.saving.register_keras_serializable("keras_vae")
class Preprocessor:
    """Scaling; for 0/1 likelihoods of grey images binarization; for sounds spectrograms.

    A model with a preprocessor takes and returns raw data (`VAE.preprocessor`).

    Args:
        scaling: Map from raw values to the likelihood's, or its config.
        binarize: Whether grey values stand for 0/1 pixels: scores draw them once, training
            in each epoch; embeddings read them as probabilities.
        seed: Seed of the draw for scores, so that they can be repeated.
        levels: Smallest and largest possible raw value of whole-number data, or None.
        value_range: Values in the model's units that a picture shows as black and white.
        columns: The columns of a table with names, or their configs: then tables
            (`pandas.DataFrame`) are raw data.
        conditions: The labels of the model's condition, if it has one, or their config:
            then names of classes and tables of labels are raw conditions.
        spectrogram: The spectrogram of sounds, or its config: then waveforms are raw data,
            and the model's events are the levels of their spectrograms.

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
        columns: Sequence[Column | dict[str, Any]] | None = None,
        conditions: Conditions | dict[str, Any] | None = None,
        spectrogram: Spectrogram | dict[str, Any] | None = None,
    ):
        """Keeps the settings."""
        if isinstance(scaling, dict):
            scaling = Scaling.from_config(scaling)
        self.scaling = scaling
        self.binarize, self.seed = bool(binarize), int(seed)
        self.levels = None if levels is None else tuple(levels)
        self.value_range = tuple(value_range)
        self.columns: tuple[Column, ...] | None = None
        if columns is not None:
            self.columns = tuple(
                Column.from_config(one) if isinstance(one, dict) else one for one in columns
            )
        if isinstance(conditions, dict):
            conditions = Conditions(**conditions)
        self.conditions: Conditions | None = conditions
        if isinstance(spectrogram, dict):
            spectrogram = Spectrogram(**spectrogram)
        self.spectrogram: Spectrogram | None = spectrogram
        shape = self.scaling.event_shape
        if spectrogram is not None and (spectrogram.event_shape, self.levels) != (
            shape,
            LEVELS,
        ):
            raise ValueError(
                f"Spectrograms have the shape {spectrogram.event_shape} and the levels "
                f"{LEVELS}, but scaling and levels are for shape {shape} and {self.levels}."
            )

    @classmethod
    def fit(
        cls,
        data: DataSet,
        support: Support,
        binarize: bool = False,
        seed: int = 0,
        conditions: Conditions | None = None,
        spectrogram: Spectrogram | None = None,
    ) -> Preprocessor:
        """Chooses the preprocessor that fits a likelihood, from the training data alone.

        Args:
            data: The data set; with a spectrogram, that of the spectrograms
                (`Spectrogram.data`).
            support: The support of the likelihood.
            binarize: Whether grey values stand for 0/1 pixels.
            seed: Seed of the draw for scores.
            conditions: The labels of the model's condition, if it has one.
            spectrogram: The spectrogram of sounds.

        Returns:
            The preprocessor.

        Raises:
            ValueError: If the data cannot be brought into the support.
            TypeError: If `support` is something else.
        """
        if not isinstance(support, Support):
            raise TypeError(
                f"support must be the support of a model's likelihood, such as vae.support, "
                f"but is {support!r}."
            )
        x = data.x_train
        if isinstance(x, Streamed):
            # Only the two ends of the levels count.
            x = np.zeros((2, *data.event_shape), x.dtype)
            x[1] = np.iinfo(x.dtype).max
        scaling = Scaling.fit(x, support, data.levels)
        black, white = support.low, support.high
        if len(data.event_shape) < 3:
            black, white = 0.0, 1.0
        elif black is None or white is None:
            black, white = data.levels or (np.nanmin(x), np.nanmax(x))
            # For images of a single grey value, white must differ from it.
            white = white if white > black else black + 1
            # All channels of images have the same offset and scale.
            black, white = (
                float((raw - scaling.offset) / scaling.scale)  # type: ignore[operator]
                for raw in (black, white)
            )
        shown = (black, white)
        about = data.levels, shown, data.columns, conditions, spectrogram
        return cls(scaling, binarize, seed, *about)

    @property
    def raw_shape(self) -> tuple[int, ...]:
        """Shape of one raw observation: that of events, or (samples,) for sounds."""
        if self.spectrogram is None:
            return self.scaling.event_shape
        return (self.spectrogram.num_samples,)

    def events(self, x: np.ndarray) -> np.ndarray:
        """Converts raw observations to the form of the model's events, not yet scaled.

        Args:
            x: Raw values [N, *raw].

        Returns:
            The levels of spectrograms [N, *event] for waveforms; other data unchanged.
        """
        return x if self.spectrogram is None else self.spectrogram(x)

    def pictures(self, x: np.ndarray) -> np.ndarray:
        """Converts raw observations to images.

        Args:
            x: Raw values [N, *raw].

        Returns:
            The spectrograms of waveforms [N, bands, windows, 1], time to the right and high
            pitches at the top; other data unchanged.
        """
        if self.spectrogram is None:
            return x
        return np.swapaxes(self.events(x), 1, 2)[:, ::-1]

    def codes(self, x: Any) -> Any:
        """Converts a table to numbers; leaves other data unchanged.

        Args:
            x: A `pandas.DataFrame` with the columns of the training data in any order, or
                an array.

        Returns:
            Array [N, D].

        Raises:
            ValueError: If the columns or values of a table are not those of the training
                data.
        """
        if self.columns is None or not hasattr(x, "columns"):
            return x
        return to_codes(x, self.columns)

    def as_table(self, x: np.ndarray) -> Any:
        """Converts raw values to a table, if the training data were one.

        Args:
            x: Raw values [N, *event].

        Returns:
            A `pandas.DataFrame`, or x.
        """
        return x if self.columns is None else to_frame(x, self.columns)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Converts raw observations to the model's units; grey values stay grey.

        Args:
            x: Raw values [N, *raw].

        Returns:
            Float32 array [N, *event]; only for waveforms the shape changes.

        Raises:
            ValueError: If values are not in `levels`, for example because they are prepared
                already.
        """
        x = self.events(np.asarray(x))
        if self.levels is not None:
            whole_levels(*self.levels).check(x, advice=_RAW)
        return self.scaling(x)

    def held_out(self, x: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
        """Converts raw observations for scores: binarized once, if the model's data are.

        Args:
            x: Raw values [N, *raw].
            rows: Numbers of the rows in a larger array; None for a whole array.

        Returns:
            Float32 array [N, *event]; the same draw for the same x.
        """
        x = self(x)
        return drawn_once(x, self.seed, rows).astype(np.float32) if self.binarize else x

    def in_graph(self, x: tf.Tensor, seed: tf.Tensor | None) -> tf.Tensor:
        """Converts a batch of raw observations to the model's units, within a step.

        Args:
            x: Raw values [B, *raw].
            seed: Seed of a binarization, int32 [2]; None leaves grey values grey.

        Returns:
            Float32 tensor [B, *event].
        """
        x = tf.convert_to_tensor(x)
        if self.spectrogram is not None:
            x = tf.round(self.spectrogram.levels(x))
        x = self.scaling(x)
        if not self.binarize or seed is None:
            return x
        draws = tf.random.stateless_uniform(tf.shape(x), seed)
        return tf.cast(draws < x, x.dtype)

    def inverse(self, x: np.ndarray) -> np.ndarray:
        """Converts the model's outputs to raw values.

        Args:
            x: Values in the model's units, [..., *event].

        Returns:
            Raw values of the same shape: whole numbers within `levels`, as uint8 if this
            holds them and otherwise as float32; probabilities for 0/1 data; similar
            waveforms [..., samples] for spectrograms.
        """
        levels = self._levels(x)
        return levels if self.spectrogram is None else self.spectrogram.inverse(levels)

    def _levels(self, x):
        """Raw values, or the levels of spectrograms for sounds."""
        raw = self.scaling.inverse(np.asarray(x))
        if self.levels is None:
            return raw
        low, high = self.levels
        if (low, high) == (0, 1):
            # Values between the two are probabilities.
            return raw
        raw = np.clip(np.round(raw), low, high)
        return raw.astype(np.uint8) if 0 <= low and high <= 255 else raw

    @property
    def raw_range(self) -> tuple[float, float]:
        """Raw values that a picture (`pictures`) shows as black and white."""
        if self.levels is not None:
            low, high = self.levels
            return float(low), float(high)
        offset, scale = self.scaling.offset, self.scaling.scale
        if isinstance(offset, tuple) or isinstance(scale, tuple):
            return 0.0, 1.0
        black, white = self.value_range
        return black * scale + offset, white * scale + offset

    def log_scale_of(self, x: np.ndarray) -> float | np.ndarray:
        """Log |d x_model / d x_raw| over the known values of observations.

        Args:
            x: Observations [N, *event]; NaN is missing.

        Returns:
            Nats; an array [N] if values are missing.
        """
        # Image files have no gaps.
        missing = np.zeros(0, bool) if isinstance(x, Streamed) else np.isnan(x)
        if not missing.any():
            return self.scaling.log_scale
        by_element = np.where(missing, 0.0, self.scaling.log_scale_by_element())
        return by_element.sum(axis=tuple(range(1, x.ndim)))

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments, as plain values."""
        return {
            "scaling": self.scaling.to_config(),
            "binarize": self.binarize,
            "seed": self.seed,
            "levels": None if self.levels is None else list(self.levels),
            "value_range": list(self.value_range),
            "columns": self.columns and [one.to_config() for one in self.columns],
            "conditions": self.conditions and self.conditions.get_config(),
            **self._of_sounds(),
        }

    def _of_sounds(self):
        # Configs of other data have no such entry.
        if self.spectrogram is None:
            return {}
        return {"spectrogram": self.spectrogram.get_config()}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Preprocessor:
        """Makes the preprocessor from the result of `get_config`."""
        return cls(**config)

    def __eq__(self, other: object) -> bool:
        """Whether another one does the same."""
        return isinstance(other, Preprocessor) and self.get_config() == other.get_config()

    def __hash__(self) -> int:
        """Equal preprocessors have equal hashes."""
        return hash((self.scaling, self.binarize, self.seed, self.levels, self.value_range))
