"""Sounds to write into files and to look at."""

import numpy as np


def sine(hertz, rate, seconds=0.25, loud=0.5):
    """A sine of a frequency, float32 [samples]."""
    time = np.arange(round(seconds * rate)) / rate
    return (loud * np.sin(2 * np.pi * hertz * time)).astype("f4")


def write(path, x, rate=8000, **options):
    """Writes a sound file, and its folder where there is none."""
    import soundfile

    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, x, rate, **options)
    return path


def strongest(x, rate):
    """The frequency with the most energy, in hertz."""
    spectrum = np.abs(np.fft.rfft(x * np.hanning(len(x))))
    return np.argmax(spectrum) * rate / len(x)
