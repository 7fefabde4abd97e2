"""The named set of spoken digits: its splits and labels, on a stand-in and on real data."""

import os
from pathlib import Path

import numpy as np
import pytest

from keras_vae.data import Conditions, load, spoken_digits
from keras_vae.data.sources import FOLDER_VARIABLE

SPEAKERS = ("ann", "bob", "cem", "dan", "eve", "fay")
REAL = Path(os.environ.get(FOLDER_VARIABLE, ""), "spoken_digits.npz")


def stand_in():
    """Recordings of 3,000 lengths, which begin with their number."""
    rows = np.arange(3000)
    lengths = np.full(3000, 10, np.int32)
    lengths[0] = 9000
    samples = np.zeros(lengths.sum(), np.int16)
    samples[np.cumsum(lengths) - lengths] = rows
    return {
        "samples": samples,
        "lengths": lengths,
        "digit": (rows // 300).astype(np.uint8),
        "speaker": np.array(SPEAKERS)[rows // 50 % 6],
        "take": (rows % 50).astype(np.int16),
        "sample_rate": np.int32(8000),
    }


@pytest.fixture(params=["stand-in", "real"])
def arrays(request, tmp_path, monkeypatch):
    if request.param == "real":
        if not REAL.is_file():
            pytest.skip(f"${FOLDER_VARIABLE} does not hold {REAL.name}")
        return dict(np.load(REAL))
    arrays = stand_in()
    layout = {**spoken_digits._LAYOUT, "samples": arrays["samples"].shape}
    monkeypatch.setattr(spoken_digits, "_LAYOUT", layout)
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    np.savez(tmp_path / "spoken_digits.npz", **arrays)
    return arrays


def test_takes_are_splits_and_recordings_are_whole(arrays):
    data = load("spoken_digits")
    sizes = {"train": (2400, 10, 50), "validation": (300, 5, 10), "test": (300, 0, 5)}
    ends = np.cumsum(arrays["lengths"])
    speakers = data.labels[1].categories
    for split, (size, first, last) in sizes.items():
        x, y = data.split(split)
        rows = np.flatnonzero((arrays["take"] >= first) & (arrays["take"] < last))
        assert x.shape == (size, 8192) and x.dtype == np.float32 and len(rows) == size
        np.testing.assert_array_equal(y[:, 0], arrays["digit"][rows])
        assert [speakers[i] for i in y[:, 1]] == arrays["speaker"][rows].tolist()
        for i in (0, size // 2, size - 1):
            length = arrays["lengths"][rows[i]]
            start = ends[rows[i]] - length
            whole = arrays["samples"][start : start + min(length, 8192)]
            np.testing.assert_array_equal(np.round(x[i, : len(whole)] * 2**15), whole)
            assert not x[i, length:].any()
    assert data.sample_rate == 8000 and data.licence == "CC BY-SA 4.0"
    assert Conditions.of(data, "digit").shape == 10
    assert Conditions.of(data, "labels").shape == (16,)


def test_a_file_whose_lengths_do_not_fit_is_refused(tmp_path, monkeypatch):
    arrays = stand_in()
    arrays["lengths"][5] += 1
    layout = {**spoken_digits._LAYOUT, "samples": arrays["samples"].shape}
    monkeypatch.setattr(spoken_digits, "_LAYOUT", layout)
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    np.savez(tmp_path / "spoken_digits.npz", **arrays)
    with pytest.raises(ValueError, match="Replace the file"):
        load("spoken_digits")
