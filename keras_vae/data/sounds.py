"""Folders of sound files."""

from __future__ import annotations

import math
import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from keras_vae.core.files import write_atomically
from keras_vae.core.memory import machine_memory
from keras_vae.core.numbers import positive_int
from keras_vae.data.images import Decoded, Found, damaged, find_files
from keras_vae.data.streaming.files import or_error, with_progress
from keras_vae.data.streaming.image_file import SUFFIXES as IMAGES

SUFFIXES = (".wav", ".flac", ".ogg", ".oga", ".opus", ".aif", ".aiff", ".mp3")
# With these seconds and hertz, spectrograms are about as large as the images for which the
# networks here are made.
_MOST_SECONDS, _MOST_HERTZ = 2.0, 16_000
# If lengths differ, the usual length is that which this share of the clips does not exceed;
# clips that are so many times longer do not count.
_LONG_ENOUGH, _FAR_LONGER = 98, 1.5
# Louder samples have another scale than -1 to 1.
_LOUDEST = 2.0
# Resampling filters extend over a few samples.
_MARGIN = 1024


class _Look(NamedTuple):
    sample_rate: int
    frames: int
    channels: int


class _Sound(NamedTuple):
    waveform: np.ndarray
    is_silent: bool


def is_sound(path: Path) -> bool:
    """Whether a file is a sound, by its suffix.

    Args:
        path: The file.

    Example:
        >>> is_sound(Path("clip.WAV"))
        True
    """
    return path.suffix.lower() in SUFFIXES


def holds_sounds(folder: Path) -> bool:
    """Whether a folder holds more sounds than images.

    Args:
        folder: The folder.

    Raises:
        NotADirectoryError: If `folder` is no folder.
    """
    sounds = find_sounds(folder)
    return len(sounds.paths) > sum(sounds.others[one] for one in IMAGES)


def find_sounds(folder: Path) -> Found:
    """Lists the sound files below a folder, as `find_images` does images.

    Args:
        folder: The folder.

    Returns:
        Paths, and the number of other files by suffix.

    Raises:
        NotADirectoryError: If `folder` is no folder.
    """
    return find_files(folder, is_sound)


def decode_sounds(
    paths: list[Path],
    sample_rate: int | None = None,
    seconds: float | None = None,
    skip_damaged: bool = False,
) -> Decoded:
    """Reads sound files at one sample rate and of one length.

    Channels are mixed to one, other sample rates resampled (`scipy.signal.resample_poly`),
    longer sounds cut at their end, and shorter ones followed by silence.

    Args:
        paths: Sound files.
        sample_rate: Samples per second; None takes the rate of most files, 16,000 at most.
        seconds: Length; None takes that of the longest, two seconds at most; a few far
            longer sounds do not count.
        skip_damaged: Whether to leave out files that cannot be read.

    Returns:
        Waveforms from -1 to 1, float32, the indices of their files, and notes for the user.

    Raises:
        ImportError: If the package soundfile is missing.
        ValueError: If files cannot be read (all are named), an argument is wrong, or there
            is too little memory.

    Example:
        >>> decode_sounds([Path("clip.wav")], sample_rate=8000).x.shape
        (1, 8000)
    """
    _check_arguments(sample_rate, seconds)
    soundfile = _soundfile()
    with ThreadPoolExecutor() as pool:
        looks = list(pool.map(or_error(lambda path: _look_at(path, soundfile)), paths))
        good = [one for one in looks if isinstance(one, _Look)]
        if not good:
            raise damaged([one for one in looks if isinstance(one, ValueError)], "sounds")
        rate = sample_rate or _usual_rate(good)
        length = max(
            1, round(rate * (_usual_seconds(good) if seconds is None else seconds))
        )

        def read(path):
            return _decode_one(path, rate, length, soundfile)

        _check_memory(len(paths), length)
        x = np.zeros((len(paths), length), np.float32)
        kept: list[int] = []
        errors: list[ValueError] = []
        silent = 0
        found = pool.map(or_error(read), paths)
        for i, sound in enumerate(with_progress(found, len(paths), "sound")):
            if isinstance(sound, ValueError):
                errors.append(sound)
                continue
            x[len(kept), : len(sound.waveform)] = sound.waveform
            silent += sound.is_silent
            kept.append(i)
    if errors and (not skip_damaged or not kept):
        raise damaged(errors, "sounds")
    read_looks = [one for i in kept if isinstance(one := looks[i], _Look)]
    notes = [f"left out, damaged: {error}" for error in errors]
    notes += _notes(read_looks, rate, length)
    if silent:
        notes.append(f"{silent} of {len(kept)} sounds are silent")
    return Decoded(x[: len(kept)], np.array(kept), notes, rate)


def write_sounds(x: np.ndarray, sample_rate: int, path: str | os.PathLike) -> None:
    """Writes sounds into one WAV file of 16 bits, one after another.

    The file is replaced in one step.

    Args:
        x: Waveforms [N, samples] from -1 to 1; louder samples are clipped.
        sample_rate: Samples in a second.
        path: Where to write; must end in `.wav`.

    Raises:
        ValueError: If the path does not end so.

    Example:
        >>> write_sounds(np.zeros((2, 8000)), 8000, "silence.wav")
    """
    from scipy.io import wavfile

    if Path(path).suffix.lower() != ".wav":
        raise ValueError(f"Sounds are written as .wav, but the path is {str(path)!r}.")
    levels = np.round(np.clip(x, -1.0, 1.0) * 32767.0).astype(np.int16)
    write_atomically(path, lambda file: wavfile.write(file, sample_rate, levels.ravel()))


def _check_arguments(sample_rate: Any, seconds: Any) -> None:
    if sample_rate is not None:
        positive_int(sample_rate, "sample_rate")
    if seconds is not None and not (isinstance(seconds, int | float) and seconds > 0):
        raise ValueError(f"seconds must be a positive number, but is {seconds!r}.")


def _check_memory(count: int, length: int) -> None:
    """Refuses sounds that cannot fit into memory."""
    size, memory = 4 * count * length, machine_memory()
    if size > memory:
        raise ValueError(
            f"{count:,} sounds of {length:,} samples take {size / 1e9:,.1f} GB, and this "
            f"machine has {memory / 1e9:,.1f} GB of memory. Take fewer or shorter sounds "
            "(seconds, --seconds) or fewer samples per second (sample_rate, --sample-rate)."
        )


def _soundfile() -> ModuleType:
    try:
        import soundfile
    except ImportError as error:
        raise ImportError(
            "Sound files are read by the package soundfile, which is not installed. "
            'Install it in the clone of keras_vae: pip install -e ".[sound]"'
        ) from error
    return soundfile


def _usual_rate(looks: list[_Look]) -> int:
    ((rate, _),) = Counter(one.sample_rate for one in looks).most_common(1)
    return min(rate, _MOST_HERTZ)


def _usual_seconds(looks: list[_Look]) -> float:
    lengths = np.array([one.frames / one.sample_rate for one in looks])
    usual = float(np.percentile(lengths, _LONG_ENOUGH, method="higher"))
    longest = float(lengths[lengths <= _FAR_LONGER * usual].max())
    return min(longest, _MOST_SECONDS)


def _look_at(path: Path, soundfile: ModuleType) -> _Look:
    def look(file):
        return _Look(file.samplerate, file.frames, file.channels)

    return _open(path, look, soundfile)


def _decode_one(path: Path, rate: int, length: int, soundfile: ModuleType) -> _Sound:
    """One sound, at most `length` samples."""
    from scipy.signal import resample_poly

    def read(file):
        needed = math.ceil(length * file.samplerate / rate) + _MARGIN
        x = file.read(min(needed, file.frames), dtype="float32", always_2d=True)
        if len(x) < min(needed, file.frames):
            raise ValueError(f"it ends after {len(x):,} of {file.frames:,} samples")
        x = x.mean(axis=1)
        if not np.isfinite(x).all():
            raise ValueError("it has samples that are NaN or infinite")
        loudest = float(np.abs(x).max())
        if loudest > _LOUDEST:
            raise ValueError(
                f"it has samples of up to {loudest:g}, but samples must be from -1 to 1"
            )
        if file.samplerate != rate:
            common = math.gcd(file.samplerate, rate)
            x = resample_poly(x, rate // common, file.samplerate // common)
        return _Sound(x[:length].astype(np.float32, copy=False), loudest == 0.0)

    return _open(path, read, soundfile)


def _open(path: Path, action, soundfile: ModuleType) -> Any:
    kind = path.suffix[1:].upper()
    if kind == "MP3" and kind not in soundfile.available_formats():
        raise ValueError(
            f"Cannot read the sound {path}: this libsndfile cannot decode MP3. Convert it "
            "to WAV or FLAC, or update the package soundfile."
        )
    try:
        # libsndfile does not distinguish a missing permission from damage.
        with open(path, "rb"), soundfile.SoundFile(path) as file:
            if not file.frames:
                raise ValueError("it holds no samples")
            return action(file)
    # LibsndfileError is a RuntimeError; the name is in its text, too.
    except (RuntimeError, ValueError, TypeError) as error:
        reason = getattr(error, "error_string", str(error)).rstrip(".")
        raise ValueError(
            f"Cannot read the sound {path}: {reason}. Repair or remove it."
        ) from error


def _notes(looks: list[_Look], rate: int, length: int) -> list[str]:
    """Notes about unexpected changes of sounds."""
    notes = [f"sounds have {length / rate:.3g} s, at {rate:,} samples per second"]
    others = Counter(one.sample_rate for one in looks if one.sample_rate != rate)
    for other, count in sorted(others.items()):
        notes.append(f"{count} of {len(looks)} sounds are resampled from {other:,}")
    if mixed := sum(one.channels > 1 for one in looks):
        notes.append(f"{mixed} of {len(looks)} sounds have several channels, mixed to one")
    lengths = np.array([one.frames * rate / one.sample_rate for one in looks])
    if cut := int((lengths > length + 1).sum()):
        notes.append(
            f"{cut} of {len(looks)} sounds are longer, up to {lengths.max() / rate:.3g} s, "
            "and cut at their end (see --seconds)"
        )
    if padded := int((lengths < length - 1).sum()):
        notes.append(
            f"{padded} of {len(looks)} sounds are shorter and filled up with silence"
        )
    return notes
