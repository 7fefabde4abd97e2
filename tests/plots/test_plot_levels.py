"""Pictures of what each level of latent variables says."""

import numpy as np
import pytest

import keras_vae
from keras_vae import plots
from keras_vae.data import Preprocessor, Scaling, Spectrogram
from keras_vae.data.spectrogram import LEVELS
from keras_vae.plots.pixels import to_pixels

X = np.random.default_rng(0).random((3, 8, 8, 1)).astype(np.float32)


@pytest.fixture(scope="module")
def ladder():
    """Three levels."""
    return keras_vae.LadderVAE((8, 8, 1), (4, 3, 2), hidden_units=(6, 5, 4), seed=0)


def tiles(picture, rows, columns):
    """The images of a picture, [rows, columns, 8, 8, 3]."""
    size = (picture.shape[1] - 2 * (columns - 1)) // columns
    assert picture.shape[:2] == tuple(n * size + 2 * (n - 1) for n in (rows, columns))
    # Each pixel is a square of them.
    starts = [[(size + 2) * i for i in range(n)] for n in (rows, columns)]
    step = size // 8
    return np.stack(
        [
            [picture[i : i + size : step, j : j + size : step] for j in starts[1]]
            for i in starts[0]
        ]
    )


def test_rows_share_one_level_more_than_the_row_above(ladder):
    shown = tiles(plots.level_samples(ladder, 4, seed=3), rows=3, columns=4)
    samples = [ladder.sample(4, seed=3)]
    samples += [ladder.sample(4, seed=3, levels=k) for k in (1, 2)]
    for row, expected in zip(shown, samples, strict=True):
        np.testing.assert_array_equal(row, to_pixels(expected, (0, 1)))
        assert np.ptp(row, axis=0).any()


def test_rows_are_told_by_one_level_less_than_the_row_above(ladder):
    shown = tiles(plots.level_reconstructions(ladder, X), rows=4, columns=3)
    rows = [X, *(ladder.reconstruct(X, levels=k) for k in (3, 2, 1))]
    for row, expected in zip(shown, rows, strict=True):
        np.testing.assert_array_equal(row, to_pixels(expected, (0, 1)))


@pytest.mark.parametrize(
    "draw",
    [plots.level_samples, lambda model: plots.level_reconstructions(model, X[:, :4, :4])],
)
def test_one_level_and_vectors_are_refused(deep, draw):
    with pytest.raises(ValueError, match="has one level"):
        draw(deep)
    with pytest.raises(ValueError, match="height"):
        draw(keras_vae.LadderVAE(6, (2, 1), hidden_units=(3, 2)))


def test_levels_of_sounds_are_shown_as_spectrograms():
    x = np.random.default_rng(0).normal(size=(3, 512)).clip(-1, 1).astype("f4")
    spectrogram = Spectrogram.fit(x, 8000, frame_length=128, hop_length=32, num_mels=16)
    shape = spectrogram.event_shape
    likelihood = {"name": "discretized_logistic", "low": 0, "high": 255}
    vae = keras_vae.LadderVAE(shape, (3, 2), likelihood, (5, 4), seed=0)
    vae.preprocessor = Preprocessor(Scaling(shape), levels=LEVELS, spectrogram=spectrogram)
    picture = plots.level_reconstructions(vae, x)
    originals = to_pixels(vae.pictures(x), LEVELS)
    step = (picture.shape[1] - 4) // (3 * shape[1])
    top = picture[: step * shape[1] : step, : step * shape[0] : step]
    np.testing.assert_array_equal(top, originals[0])
    assert plots.level_samples(vae, 2).ndim == 3
