"""Sounds as images of 256 greys, and back: log-mel spectrograms, and Griffin-Lim."""

from __future__ import annotations

import functools
import math
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import tensorflow as tf

from keras_vae.core.batches import in_batches
from keras_vae.core.numbers import positive_int
from keras_vae.core.support import REAL
from keras_vae.data.dataset import SPLITS, DataSet

LEVELS = (0, 255)
# Seconds of a window; a new window begins after each quarter of a window.
_WINDOW, _OVERLAP = 0.064, 4
_BANDS, _LOWEST_HERTZ = 64, 20.0
# Number of clips at a time, so that memory does not grow with their number.
_AT_A_TIME = 128
_UNMIXINGS, _ITERATIONS, _MOMENTUM = 50, 32, 0.99
_TINY = 1e-10


@dataclass(frozen=True)
class Spectrogram:
    """The loudness of a sound at each time and pitch, in levels from 0 to 255.

    A sound is cut into overlapping Hann windows, each is Fourier transformed, and the
    magnitudes are summed in bands that match those of the ear (mel). Level 255 is `top`
    decibels, 0 is `span` below that or less. Phases are lost; `inverse` finds phases that
    fit, so it returns another waveform that sounds similar.

    Attributes:
        sample_rate: Samples in a second.
        num_samples: Number of samples of a sound.
        frame_length: Number of samples of a window.
        hop_length: Number of samples from one window to the next.
        num_mels: Number of mel bands; None keeps the frequencies of the Fourier transform,
            `frame_length / 2` of them (without 0 hertz).
        top: The loudest level, in decibels; 0 is a sine of amplitude 1.
        span: Range in decibels from the lowest level to the highest.

    Raises:
        ValueError: If a size is not positive, windows do not overlap, or a mel band holds no
            frequency.

    Example:
        >>> spectrogram = Spectrogram(8000, 8192, 512, 128)
        >>> spectrogram.event_shape
        (64, 64, 1)
        >>> spectrogram(np.zeros((2, 8192), np.float32)).shape
        (2, 64, 64, 1)

    Source:
        Griffin and Lim 1984; Perraudin et al. 2013, "A fast Griffin-Lim algorithm".
    """

    sample_rate: int
    num_samples: int
    frame_length: int
    hop_length: int
    num_mels: int | None = 64
    top: float = 0.0
    span: float = 80.0

    def __post_init__(self):
        """Checks the sizes."""
        for name in ("sample_rate", "num_samples", "frame_length", "hop_length"):
            positive_int(getattr(self, name), name)
        if not self.hop_length <= self.frame_length // 2:
            raise ValueError(
                f"hop_length must be at most half of frame_length, {self.frame_length}, or "
                f"no waveform can be made from the spectrogram, but is {self.hop_length}."
            )
        if not self.span > 0 or not math.isfinite(self.top):
            raise ValueError(
                f"span must be positive, and top a number; got {self.span!r} and "
                f"{self.top!r}."
            )
        if self.num_mels is None:
            return
        positive_int(self.num_mels, "num_mels")
        if not _all_hear(self._bands()):
            raise ValueError(
                f"{self.num_mels} mel bands are too narrow for windows of "
                f"{self.frame_length} samples: some hold no frequency. Take fewer bands or "
                "longer windows."
            )

    @classmethod
    def fit(cls, x_train: np.ndarray, sample_rate: int, **settings: Any) -> Spectrogram:
        """Chooses windows from the sample rate, and the loudest level from training data.

        Args:
            x_train: Waveforms [N, samples] from -1 to 1.
            sample_rate: Samples in a second.
            **settings: Attributes to set, such as `num_mels=None`.

        Returns:
            The spectrogram.

        Raises:
            ValueError: If all sounds are silent.

        Example:
            >>> Spectrogram.fit(np.random.default_rng(0).normal(size=(4, 8192)), 8000)
        """
        size = 2 ** max(4, round(math.log2(_WINDOW * sample_rate)))
        usual = {"frame_length": size, "hop_length": size // _OVERLAP, "num_mels": _BANDS}
        # Sounds with few samples per second have no room for so many.
        while not _all_hear(_mel_bands(usual["num_mels"], size, sample_rate)):
            usual["num_mels"] //= 2
        self = cls(sample_rate, np.shape(x_train)[1], **{**usual, **settings})
        loudest = in_batches(
            lambda x, _: tf.reduce_max(self._decibels(x), axis=(1, 2)), x_train, _AT_A_TIME
        ).max()
        if loudest <= _to_decibels(0.0) + 1.0:
            raise ValueError(
                "All sounds for training are silent. Give sounds that are not."
            )
        # A tenth of a decibel is inaudible, and short in a file.
        return replace(self, top=math.ceil(10 * float(loudest)) / 10)

    def data(self, of_sounds: DataSet) -> DataSet:
        """Makes a data set of spectrograms from a data set of sounds.

        Args:
            of_sounds: The data set.

        Returns:
            The same data with images of 256 levels instead of waveforms.
        """
        splits = {f"x_{name}": self(of_sounds.split(name)[0]) for name in SPLITS}
        return replace(of_sounds, **splits, levels=LEVELS, sample_rate=None)  # type: ignore[arg-type]

    @property
    def num_frames(self) -> int:
        """Number of windows."""
        return -(-self.num_samples // self.hop_length)

    @property
    def event_shape(self) -> tuple[int, int, int]:
        """Shape of a spectrogram: windows, bands and 1."""
        return self.num_frames, self.num_mels or self.frame_length // 2, 1

    @property
    def hertz(self) -> np.ndarray:
        """The middle of each band in hertz, [bands]."""
        if self.num_mels is None:
            return np.arange(1, self.frame_length // 2 + 1) * (
                self.sample_rate / self.frame_length
            )
        low, high = _mel(np.array([_LOWEST_HERTZ, self.sample_rate / 2]))
        middles = np.linspace(low, high, self.num_mels + 2)[1:-1]
        return 700.0 * (np.exp(middles / 1127.0) - 1.0)

    def __call__(self, x: Any) -> np.ndarray:
        """Makes spectrograms of waveforms.

        Args:
            x: Waveforms [N, num_samples] from -1 to 1.

        Returns:
            Levels [N, *event_shape], uint8.

        Raises:
            ValueError: If waveforms have another length, are whole numbers, or have samples
                that are NaN or infinite.
        """
        x = np.asarray(x)
        if x.dtype.kind != "f":
            raise ValueError(
                f"Waveforms are numbers from -1 to 1, but x holds {x.dtype}. Divide samples "
                "of 16 bits by 32768."
            )
        REAL.check(x, "x")
        if not len(x):
            return np.zeros((0, *self.event_shape), np.uint8)
        levels = in_batches(lambda x, _: self.levels(x), x, _AT_A_TIME)
        return np.round(levels).astype(np.uint8)

    def levels(self, x: tf.Tensor) -> tf.Tensor:
        """Makes spectrograms within a graph; levels are not rounded.

        Args:
            x: Waveforms [B, num_samples].

        Returns:
            Float32 tensor [B, *event_shape].
        """
        height = (self._decibels(x) - self.top) / self.span + 1.0
        return tf.clip_by_value(height, 0.0, 1.0)[..., tf.newaxis] * LEVELS[1]

    def inverse(self, levels: Any) -> np.ndarray:
        """Finds waveforms whose spectrograms are as close as possible to given ones.

        Args:
            levels: Levels [..., *event_shape].

        Returns:
            Float32 array [..., num_samples] from -1 to 1; a function of the levels.
        """
        levels = np.asarray(levels, np.float32)
        flat = levels.reshape(-1, *self.event_shape)
        x = in_batches(lambda one, _: self._waveforms(one), flat, _AT_A_TIME)
        return x.reshape(*levels.shape[:-3], self.num_samples)

    def magnitudes(self, x: Any) -> tf.Tensor:
        """Fourier magnitudes of the windows of waveforms.

        Args:
            x: Waveforms [B, num_samples].

        Returns:
            Float32 tensor [B, num_frames, frame_length / 2 + 1]; 1 is a sine of amplitude 1.
        """
        return tf.abs(self._transform(self._padded(x))) * self._unit

    @property
    def _unit(self):
        return 2.0 / float(np.sum(self._window))

    @functools.cached_property
    def _window(self):
        turns = np.arange(self.frame_length) / self.frame_length
        return (0.5 - 0.5 * np.cos(2.0 * np.pi * turns)).astype(np.float32)

    @functools.cached_property
    def _weights(self):
        """The sum of the squared windows over each sample; at the very ends some of them."""
        squares = np.broadcast_to(
            np.square(self._window), (self.num_frames, self.frame_length)
        )
        sums = np.zeros((self.num_frames - 1) * self.hop_length + self.frame_length, "f4")
        for i, one in enumerate(squares):
            sums[i * self.hop_length :][: self.frame_length] += one
        return np.maximum(sums, 1e-3)

    def _bands(self):
        """Weights of frequencies in each band, [frame_length / 2 + 1, bands]."""
        return _mel_bands(self.num_mels, self.frame_length, self.sample_rate)

    def _decibels(self, x):
        """Loudness [B, frames, bands]."""
        magnitudes = self.magnitudes(x)
        mixed = magnitudes[..., 1:] if self.num_mels is None else magnitudes @ self._bands()
        return _to_decibels(mixed)

    @property
    def _around(self):
        """Pads the sound at both ends, so that windows reach beyond them."""
        before = (self.frame_length - self.hop_length) // 2
        size = self.num_frames * self.hop_length + self.frame_length - self.hop_length
        return before, size - before - self.num_samples

    def _padded(self, x):
        x = tf.ensure_shape(tf.cast(x, tf.float32), [None, self.num_samples])
        return tf.pad(x, [[0, 0], self._around])

    def _transform(self, padded):
        frames = tf.signal.frame(padded, self.frame_length, self.hop_length)
        return tf.signal.rfft(frames * self._window)

    def _transform_back(self, spectrum):
        """The waveform, with its surroundings, whose transform is nearest to a spectrum."""
        frames = tf.signal.irfft(spectrum, [self.frame_length]) * self._window
        return tf.signal.overlap_and_add(frames, self.hop_length) / self._weights

    @functools.cached_property
    def _waveforms(self):
        shape = tf.TensorSpec([None, *self.event_shape], tf.float32)
        # TensorFlow counts the traces of a method over all objects, and would warn about them;
        # a partial has its own count.
        return tf.function(functools.partial(self._search), [shape], autograph=False)

    def _search(self, levels):
        """Griffin and Lim's iteration, with Perraudin's momentum."""
        height = tf.cast(levels[..., 0], tf.float32) / LEVELS[1]
        mixed = 10.0 ** ((self.top + self.span * (height - 1.0)) / 20.0)
        # The lowest level means silence.
        mixed = tf.where(height * LEVELS[1] < 0.5, 0.0, mixed)
        magnitudes = self._unmixed(mixed) / self._unit
        # The same start for all, so that no sound depends on others.
        turns = np.random.RandomState(0).uniform(
            size=(self.num_frames, self.frame_length // 2 + 1)
        )
        directions = tf.constant(np.exp(2j * np.pi * turns), tf.complex64)
        directions = tf.broadcast_to(directions, tf.shape(magnitudes))

        def step(directions, before):
            rebuilt = self._transform(self._transform_back(_with(magnitudes, directions)))
            directions = rebuilt - (_MOMENTUM / (1.0 + _MOMENTUM)) * before
            directions /= tf.cast(tf.abs(directions) + _TINY, tf.complex64)
            return directions, rebuilt

        directions, _ = _repeat(step, (directions, tf.zeros_like(directions)), _ITERATIONS)
        first, _ = self._around
        x = self._transform_back(_with(magnitudes, directions))
        return tf.clip_by_value(x[:, first : first + self.num_samples], -1.0, 1.0)

    def _unmixed(self, mixed):
        """Non-negative magnitudes at all frequencies that are closest to given bands.

        It uses the multiplicative updates of Lee and Seung 2001.
        """
        if self.num_mels is None:
            return tf.pad(mixed, [[0, 0], [0, 0], [1, 0]])
        bands = tf.constant(self._bands())
        back = tf.transpose(bands)
        wanted = mixed @ back

        def step(found):
            return (found * wanted / (found @ bands @ back + _TINY),)

        return _repeat(step, (wanted,), _UNMIXINGS)[0]

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return asdict(self)


def _all_hear(bands) -> bool:
    """Whether each mel band has a frequency with a positive weight."""
    return bool(bands.any(axis=0).all())


def _mel(hertz):
    return 1127.0 * np.log1p(hertz / 700.0)


@functools.lru_cache(maxsize=8)
def _mel_bands(num_mels, frame_length, sample_rate):
    # Numbers, also while a graph is traced.
    with tf.init_scope():
        return tf.signal.linear_to_mel_weight_matrix(
            num_mels, frame_length // 2 + 1, sample_rate, _LOWEST_HERTZ, sample_rate / 2
        ).numpy()


def _with(magnitudes, directions):
    return tf.cast(magnitudes, tf.complex64) * directions


def _repeat(step, values: tuple, times: int) -> tuple:
    """Applies a step to tensors repeatedly, as a loop of the graph."""
    return tf.while_loop(lambda *_: True, step, values, maximum_iterations=times)


def _to_decibels(magnitudes):
    return (20.0 / math.log(10.0)) * tf.math.log(tf.maximum(magnitudes, _TINY))
