import numpy as np
import pytest
from PIL import Image

from keras_vae import plots

WHITE = (255, 255, 255)


def grey(*values, shape=(4, 5, 1), dtype=np.uint8):
    """One constant image for each value."""
    return np.stack([np.full(shape, value, dtype) for value in values])


def test_every_pixel_is_where_it_should_be():
    images = np.arange(6 * 2 * 3, dtype=np.uint8).reshape(6, 2, 3, 1) * 7
    picture = plots.image_grid(images, columns=3, padding=1, scale=2)
    assert picture.shape == (2 * 4 + 1, 3 * 6 + 2, 3)
    for y, x in np.ndindex(picture.shape[:2]):
        row, down = divmod(y, 5)
        column, right = divmod(x, 7)
        if down == 4 or right == 6:
            expected = WHITE
        else:
            expected = [images[3 * row + column, down // 2, right // 2, 0]] * 3
        assert tuple(picture[y, x]) == tuple(expected), (y, x)


def test_colours_stay_as_they_are():
    red, green, blue = (10, 0, 0), (0, 20, 0), (0, 0, 30)
    images = np.array([[[red, green]], [[blue, red]]], np.uint8)
    picture = plots.image_grid(images, columns=2, padding=0, scale=1)
    np.testing.assert_array_equal(picture, [[red, green, blue, red]])


def test_places_left_over_are_background():
    picture = plots.image_grid(grey(0, 0, 0), columns=2, padding=0, scale=1)
    assert picture.shape == (8, 10, 3)
    assert (picture[4:, 5:] == 255).all()
    picture[4:, 5:] = 0
    assert not picture.any()


@pytest.mark.parametrize(
    "n, shape", [(1, (1, 1)), (2, (1, 2)), (10, (2, 5)), (7, (3, 3)), (64, (8, 8))]
)
def test_columns_by_default(n, shape):
    picture = plots.image_grid(grey(*range(10, 10 + n)), padding=0, scale=1)
    assert picture.shape == (4 * shape[0], 5 * shape[1], 3)


@pytest.mark.parametrize("n, size", [(1, 8), (64, 28), (12, 64), (400, 28), (3, 700)])
def test_pictures_are_wide_enough_and_not_wider_than_needed(n, size):
    picture = plots.image_grid(np.zeros((n, size, size, 1)))
    columns = plots.image_grid(np.zeros((n, 1, 1, 1)), padding=0, scale=1).shape[1]
    width = picture.shape[1]
    assert width >= 600
    assert width < 600 + columns * size


def test_tall_pictures_are_not_enlarged_without_end():
    assert plots.image_grid(grey(*range(100)), columns=1, scale=None).shape[0] <= 1800
    assert plots.image_grid(np.zeros((1, 3000, 2, 1))).shape == (3000, 2, 3)


@pytest.mark.parametrize(
    "values, dtype, value_range, expected",
    [
        ((0, 128, 255), np.uint8, None, (0, 128, 255)),
        ((0.0, 0.5, 1.0), np.float32, None, (0, 128, 255)),
        ((0.0, 0.25, 0.5), np.float16, None, (0, 64, 128)),
        ((False, True), bool, None, (0, 255)),
        ((0, 8, 16), np.uint8, None, (0, 128, 255)),
        ((0, 8, 17), np.uint8, None, (0, 8, 17)),
        ((0, 1), np.uint8, (0, 1), (0, 255)),
        ((0, 8, 16), np.int64, (0, 16), (0, 128, 255)),
        ((-1.0, 0.0, 1.0), np.float64, (-1, 1), (0, 128, 255)),
        ((-0.5, 0.2, 1.5), np.float32, (0, 1), (0, 51, 255)),
        ((100, 100), np.uint8, (0, 200), (128, 128)),
    ],
)
def test_values_are_mapped_to_bytes(values, dtype, value_range, expected):
    images = grey(*values, shape=(1, 1, 1), dtype=dtype)
    picture = plots.image_grid(images, len(values), value_range, padding=0, scale=1)
    np.testing.assert_array_equal(picture[0], [[one] * 3 for one in expected])


@pytest.mark.parametrize(
    "images",
    [
        grey(-0.1, 0.5, dtype=float),
        grey(0.0, 255.0, dtype=float),
        grey(0, 255, dtype=np.int32),
        grey(0, 1, dtype=np.uint8),
        grey(0, 1, dtype=np.int64),
    ],
)
def test_unclear_ranges_must_be_given(images):
    with pytest.raises(ValueError, match=r"Give value_range=\(low, high\)"):
        plots.image_grid(images)


@pytest.mark.parametrize(
    "images, message",
    [
        (np.zeros((5, 30)), "vectors of 30 numbers"),
        (np.zeros((5, 28, 28)), r"images\[..., np.newaxis\]"),
        (np.zeros((5, 8, 8, 2)), "2 channels"),
        (np.zeros((5, 8, 8, 4)), "4 channels"),
        (np.zeros((5, 0, 8, 1)), "no pixels"),
        (np.zeros((0, 8, 8, 1)), "is empty"),
        (grey(0.0, np.nan, dtype=float), "20 of 40 values that are NaN"),
        (np.full((1, 2, 2, 1), "a"), "must hold numbers"),
        (np.float32(1), "images have"),
    ],
)
def test_what_cannot_be_shown_is_refused(images, message):
    with pytest.raises(ValueError, match=message):
        plots.image_grid(images)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"columns": 0}, "columns must"),
        ({"columns": 1.5}, "columns must"),
        ({"padding": -1}, "padding must"),
        ({"scale": 0}, "scale must"),
        ({"scale": 1.5}, "scale must"),
        ({"value_range": (1, 1)}, "low < high"),
        ({"value_range": (0, np.inf)}, "low < high"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        plots.image_grid(grey(0, 5), **options)


def test_reconstructions_stand_below_their_originals():
    originals, reconstructions = grey(10, 20, 30), grey(110, 120, 130)
    picture = plots.reconstruction_pairs(
        originals, reconstructions, columns=2, padding=1, scale=1
    )
    # 4 + 1 + 4 pixels a pair, 5 between pairs.
    assert picture.shape == (9 + 5 + 9, 5 + 1 + 5, 3)
    tops, lefts = (0, 5, 14, 19), (0, 6)
    values = [[10, 20], [110, 120], [30, 255], [130, 255]]
    for top, row in zip(tops, values, strict=True):
        for left, value in zip(lefts, row, strict=True):
            assert (picture[top : top + 4, left : left + 5] == value).all()
    assert (picture[9:14] == 255).all() and (picture[:, 5] == 255).all()


def test_originals_and_reconstructions_each_have_their_range():
    picture = plots.reconstruction_pairs(
        grey(0, 255), grey(0.0, 1.0, dtype=np.float32), padding=0, scale=1
    )
    np.testing.assert_array_equal(picture[:4], picture[4:])


@pytest.mark.parametrize("n, columns", [(1, 1), (5, 5), (10, 10), (16, 8), (20, 10)])
def test_pairs_in_a_row_by_default(n, columns):
    images = grey(*range(n))
    picture = plots.reconstruction_pairs(images, images, padding=0, scale=1)
    assert picture.shape == (8 * n // columns, 5 * columns, 3)


def test_pairs_must_match():
    with pytest.raises(ValueError, match=r"\(2, 4, 5, 1\) and \(3, 4, 5, 1\)"):
        plots.reconstruction_pairs(grey(0, 2), grey(0, 2, 3))
    with pytest.raises(ValueError, match=r"reconstructions \(float64\) hold"):
        plots.reconstruction_pairs(grey(0, 2), grey(0.0, 2.0, dtype=float))
    with pytest.raises(ValueError, match="originals are vectors"):
        plots.reconstruction_pairs(np.zeros((2, 3)), np.zeros((2, 3)))


def test_saved_pictures_are_the_pictures(tmp_path):
    images, others = grey(0, 70, 255), grey(9, 80, 200)
    plots.save_image_grid(images, tmp_path / "new" / "grid.png", columns=3, padding=4)
    plots.save_reconstruction_pairs(images, others, str(tmp_path / "pairs.png"), scale=3)
    np.testing.assert_array_equal(
        Image.open(tmp_path / "new" / "grid.png"),
        plots.image_grid(images, columns=3, padding=4),
    )
    np.testing.assert_array_equal(
        Image.open(tmp_path / "pairs.png"),
        plots.reconstruction_pairs(images, others, scale=3),
    )
