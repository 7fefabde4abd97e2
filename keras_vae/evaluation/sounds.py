"""Distances between sounds, by their spectra."""

from __future__ import annotations

import numpy as np

from keras_vae.core.batches import in_batches
from keras_vae.data import Spectrogram

_AT_A_TIME = 128


def spectral_convergence(spectrogram: Spectrogram, x, other) -> np.ndarray:
    """Returns how much the Fourier magnitudes of sounds differ.

    Args:
        spectrogram: Defines how sounds are cut into windows.
        x: Waveforms [N, samples].
        other: As many others.

    Returns:
        Array [N]: |M(other) - M(x)| / |M(x)|, with Euclidean norms over windows and
        frequencies; 0 for equal magnitudes, whatever the phases, 1 if `other` is silent.

    Raises:
        ValueError: If the shapes differ, or a sound of `x` is silent.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(2, 8192)).clip(-1, 1)
        >>> spectral_convergence(Spectrogram(8000, 8192, 512, 128), x, -x)
        array([0., 0.])

    Source:
        Sturmel and Daudet 2011, "Signal reconstruction from STFT magnitude: a state of the
        art", equation 7.
    """
    _check(x, other)

    def magnitudes(rows):
        return np.asarray(spectrogram.magnitudes(rows), np.float64)

    def ratio(rows, _):
        mine, theirs = (magnitudes(one) for one in rows)
        size = np.sqrt(np.square(mine).sum(axis=(1, 2)))
        apart = np.sqrt(np.square(theirs - mine).sum(axis=(1, 2)))
        if not size.all():
            raise ValueError(
                "The difference from a sound is measured by how loud that is, but x holds "
                "silent sounds. Leave them out."
            )
        return apart / size

    return in_batches(ratio, (np.asarray(x), np.asarray(other)), _AT_A_TIME)


def log_spectral_distance(spectrogram: Spectrogram, x, other) -> np.ndarray:
    """Returns the distance between spectrograms of sounds, in decibels.

    Args:
        spectrogram: The spectrogram.
        x: Waveforms [N, samples].
        other: As many others.

    Returns:
        Array [N]: the root of the mean squared difference over windows and bands, in
        decibels; values below the lowest level count as the lowest.

    Raises:
        ValueError: If the shapes differ.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(2, 8192)).clip(-1, 1)
        >>> log_spectral_distance(Spectrogram(8000, 8192, 512, 128), x, -x)
        array([0., 0.])

    Source:
        Gray and Markel 1976, "Distance measures for speech processing", equation 9.
    """
    _check(x, other)

    def distance(rows, _):
        mine, theirs = (np.asarray(spectrogram.levels(one), np.float64) for one in rows)
        apart = np.square(theirs - mine).mean(axis=(1, 2, 3))
        return np.sqrt(apart) * spectrogram.span / 255.0

    return in_batches(distance, (np.asarray(x), np.asarray(other)), _AT_A_TIME)


def _check(x, other) -> None:
    if np.shape(x) != np.shape(other) or np.ndim(x) != 2:
        raise ValueError(
            "Sounds are compared as two arrays of waveforms [N, samples], but got shapes "
            f"{np.shape(x)} and {np.shape(other)}."
        )
