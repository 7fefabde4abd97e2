import os
import stat
from pathlib import Path

import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from keras_vae import plots
from keras_vae.data import Spectrogram

BLACK = np.zeros((4, 6, 3), np.uint8)


class Unwritable(Figure):
    """A figure that fails after some bytes are written."""

    def savefig(self, file, **_):
        """Writes half a file."""
        Path(file).write_bytes(b"half")
        raise RuntimeError("out of paint")


def save_figure_that_fails(path):
    with pytest.raises(RuntimeError, match="out of paint"):
        plots.save_figure(Unwritable(), path)


def save_with_failing_replace(path):
    def fail(*_):
        raise OSError("no replacing today")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "replace", fail)
        with pytest.raises(OSError, match="no replacing"):
            plots.save_image(BLACK, path)


def save_no_image(path):
    with pytest.raises(ValueError, match="uint8"):
        plots.save_image(BLACK / 2, path)


@pytest.mark.parametrize(
    "fail", [save_figure_that_fails, save_with_failing_replace, save_no_image]
)
def test_a_failure_leaves_the_old_file_and_no_other(tmp_path, fail):
    path = tmp_path / "picture.png"
    path.write_bytes(b"the old picture")
    fail(path)
    assert path.read_bytes() == b"the old picture"
    assert list(tmp_path.iterdir()) == [path]


def test_files_are_replaced_and_parents_made(tmp_path):
    path = tmp_path / "a" / "b" / "picture.PNG"
    plots.save_image(BLACK + 1, path)
    plots.save_image(BLACK, path)
    image = Image.open(path)
    assert image.format == "PNG"
    np.testing.assert_array_equal(image, BLACK)
    assert list(path.parent.iterdir()) == [path]


def test_others_may_read_the_file_as_far_as_the_umask_lets_them(tmp_path):
    (tmp_path / "plain").touch()
    plots.save_image(BLACK, tmp_path / "picture.png")
    modes = {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert len(modes) == 1


@pytest.mark.parametrize("name", ["picture.jpg", "picture.JPEG"])
def test_pictures_may_be_jpeg(tmp_path, name):
    plots.save_image(BLACK, tmp_path / name)
    with Image.open(tmp_path / name) as image:
        assert image.format == "JPEG" and not np.asarray(image).any()
    plots.save_figure(Figure(), tmp_path / name)
    with Image.open(tmp_path / name) as image:
        assert image.format == "JPEG"


@pytest.mark.parametrize("name", ["picture", "picture.gif"])
def test_other_formats_are_refused(tmp_path, name):
    with pytest.raises(ValueError, match="does not end in '.png' or '.jpg'"):
        plots.save_image(BLACK, tmp_path / name)
    with pytest.raises(ValueError, match="does not end in '.png' or '.jpg'"):
        plots.save_figure(Figure(), tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_batches_are_not_one_image(tmp_path):
    with pytest.raises(ValueError, match="use save_image_grid"):
        plots.save_image(BLACK[np.newaxis], tmp_path / "picture.png")


def test_figures_are_written_and_closed(tmp_path):
    figure = pyplot.figure(figsize=(2, 1))
    plots.save_figure(figure, tmp_path / "figure.png")
    assert Image.open(tmp_path / "figure.png").size == (300, 150)
    assert not pyplot.fignum_exists(figure.number)


PICTURES, SOUNDS = np.zeros((3, 4, 5, 1), np.uint8), np.zeros((3, 512), "f4")
SPECTROGRAM = Spectrogram(2000, 512, 128, 32, 16)
NAMES = ["$x_{$", r"a\b$", "_c_"]


@pytest.mark.parametrize(
    "draw",
    [
        lambda: plots.image_rows({n: PICTURES for n in NAMES}, NAMES),
        lambda: plots.spectrogram_rows({n: SOUNDS for n in NAMES}, SPECTROGRAM, NAMES),
        lambda: plots.latent_scatter(np.eye(3)[:, :2], [0, 1, 2], NAMES),
    ],
)
def test_names_are_shown_as_they_are(draw, tmp_path):
    figure = draw()
    plots.save_figure(figure, tmp_path / "a.png")
    shown = [t.get_text().removesuffix("\nHz") for t in figure.findobj(Text)]
    assert set(NAMES) <= set(shown)
