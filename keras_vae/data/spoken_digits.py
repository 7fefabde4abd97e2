"""The named set `spoken_digits`: the Free Spoken Digit Dataset."""

from __future__ import annotations

from typing import Any

import numpy as np

from keras_vae.data.dataset import DataSet
from keras_vae.data.sources import fetch
from keras_vae.data.tables import Column

_COUNT, _SAMPLES, _RATE = 3000, 10_498_424, 8000
_LAYOUT = {
    "samples": (_SAMPLES,),
    "lengths": (_COUNT,),
    "digit": (_COUNT,),
    "speaker": (_COUNT,),
    "take": (_COUNT,),
    "sample_rate": (),
}
_KINDS = {"samples": "i", "lengths": "i", "take": "i", "sample_rate": "i", "speaker": "U"}
# 17 of 3,000 recordings are longer; this gives 64 windows of a spectrogram.
_LENGTH = 8192
# Takes of each digit and speaker below these numbers are in the test split, which is the
# original one, and in our validation split.
_TEST, _VALIDATION = 5, 10


def spoken_digits_set() -> DataSet:
    """Reads the named set `spoken_digits`.

    Returns:
        Waveforms in three splits, with digit and speaker as labels.

    Raises:
        FileNotFoundError: If its file is missing.
        ValueError: If it is damaged.
    """
    where = "https://github.com/Jakobovski/free-spoken-digit-dataset"
    arrays, source, sha256 = fetch("spoken_digits", _LAYOUT, where, kinds=_KINDS)
    x = _waveforms(arrays["samples"], arrays["lengths"])
    speakers, speaker = np.unique(arrays["speaker"], return_inverse=True)
    y = np.stack([arrays["digit"], speaker], axis=1).astype(np.uint8)
    take = arrays["take"]
    rows = {
        "train": take >= _VALIDATION,
        "validation": (take >= _TEST) & (take < _VALIDATION),
        "test": take < _TEST,
    }
    splits: dict[str, Any] = {f"x_{name}": x[chosen] for name, chosen in rows.items()}
    splits |= {f"y_{name}": y[chosen] for name, chosen in rows.items()}
    return DataSet(
        name="spoken_digits",
        **splits,
        likelihood="discretized_logistic",
        label_names=("digit", "speaker"),
        labels=(
            Column("digit", "category", tuple(range(10))),
            Column("speaker", "category", tuple(speakers.tolist())),
        ),
        licence="CC BY-SA 4.0",
        description=(
            "3,000 recordings of the digits 0 to 9 by six speakers (Free Spoken Digit "
            "Dataset), cut or padded with silence to 1.024 s. Takes 0 to 4 of each are the "
            "test split, as in the original set; takes 5 to 9 are the validation split."
        ),
        source=source,
        sha256=sha256,
        sample_rate=_RATE,
    )


def _waveforms(samples: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Recordings of one length, [N, samples], from -1 to 1."""
    if (lengths < 1).any() or lengths.sum() != len(samples):
        raise ValueError(
            f"The lengths in spoken_digits.npz add up to {lengths.sum():,} samples, but it "
            f"holds {len(samples):,}. Replace the file."
        )
    x = np.zeros((len(lengths), _LENGTH), np.float32)
    ends = np.cumsum(lengths)
    for row, end, length in zip(x, ends, lengths, strict=True):
        recording = samples[end - length : end][:_LENGTH]
        row[: len(recording)] = recording / np.float32(1 << 15)
    return x
