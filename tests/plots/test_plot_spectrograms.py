"""Pictures of sounds: axes in seconds and hertz."""

import numpy as np
import pytest
from PIL import Image

from keras_vae.data import Spectrogram
from keras_vae.plots import save_spectrograms, spectrogram_rows

RATE, SAMPLES = 4000, 2000
SPECTROGRAM = Spectrogram(RATE, SAMPLES, 256, 64, 32)
TIME = np.arange(SAMPLES) / RATE
# 500 hertz, in the second half.
X = np.stack([np.sin(2 * np.pi * 500 * TIME) * (TIME > 0.25)] * 3).astype("f4")


def test_time_and_pitch_are_where_the_axes_say():
    figure = spectrogram_rows({"original": X, "reconstruction": 0 * X}, SPECTROGRAM, "abc")
    figure.draw_without_rendering()
    assert len(figure.axes) == 6
    first = figure.axes[0]
    image = first.images[0]
    left, right, bottom, top = image.get_extent()
    assert (left, right) == (0.0, 0.5) and first.get_title() == "a"
    levels = image.get_array()
    row, column = np.unravel_index(levels.argmax(), levels.shape)
    # A window reaches 0.032 seconds to each side.
    assert left + (column + 0.5) / levels.shape[1] * (right - left) > 0.25 - 0.032
    # The mark "500" is at the band that is loudest.
    names = [one.get_text() for one in first.get_yticklabels()]
    marks = dict(zip(names, first.get_yticks(), strict=True))
    assert marks["500"] == pytest.approx(bottom + row + 0.5, abs=1)
    assert first.get_ylabel() == "original\nHz"
    assert figure.axes[-1].get_xlabel() == "seconds"


def test_a_grid_is_a_picture_of_any_number(tmp_path):
    save_spectrograms(X, SPECTROGRAM, tmp_path / "a.png", 2, names=["one", "two"])
    with pytest.raises(ValueError, match="1 names for 2 rows"):
        save_spectrograms(X, SPECTROGRAM, tmp_path / "a.png", 2, names=["one"])
    with pytest.raises(ValueError, match="no sounds"):
        save_spectrograms(X[:0], SPECTROGRAM, tmp_path / "a.png")
    with pytest.raises(ValueError, match="columns must be a positive"):
        save_spectrograms(X, SPECTROGRAM, tmp_path / "a.png", 0)
    with Image.open(tmp_path / "a.png") as image:
        assert image.width > 300 and image.height > 300


@pytest.mark.parametrize(
    "rows, columns, words",
    [
        ({}, None, "one shape"),
        ({"a": X[:0]}, None, "one shape"),
        ({"a": X, "b": X[:2]}, None, "one shape"),
        ({"a": X}, "ab", "2 names for 3 columns"),
    ],
)
def test_rows_that_do_not_fit_are_refused(rows, columns, words):
    with pytest.raises(ValueError, match=words):
        spectrogram_rows(rows, SPECTROGRAM, columns)
