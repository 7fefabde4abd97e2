"""Sprites: each factor does what its name says, and nothing else."""

import numpy as np
import pytest

from keras_vae.data import Sprites

SPRITES = Sprites()
RNG = np.random.default_rng(0)


def centres(images):
    """Mean column and row of the white pixels."""
    images = images[..., 0].astype(float)
    total, place = images.sum(axis=(1, 2)), np.arange(64)
    return images.sum(axis=1) @ place / total, images.sum(axis=2) @ place / total


def changed(factors, index, value):
    factors = factors.copy()
    factors[:, index] = value
    return factors


def test_there_are_as_many_as_in_dsprites():
    assert len(SPRITES) == 737_280
    factors = SPRITES.factors([0, 1, 32, len(SPRITES) - 1])
    assert factors.tolist() == [
        [0] * 5,
        [0, 0, 0, 0, 1],
        [0, 0, 0, 1, 0],
        [2, 5, 39, 31, 31],
    ]


def test_images_are_zeros_and_ones():
    images = SPRITES.draw(SPRITES.sample(50))
    assert images.shape == (50, 64, 64, 1) and images.dtype == np.uint8
    assert set(np.unique(images)) == {0, 1}
    assert (images.sum(axis=(1, 2, 3)) > 40).all()


def test_no_sprite_reaches_the_border():
    corners = [(x, y) for x in (0, 31) for y in (0, 31)]
    factors = [
        (s, 5, r, *corner) for s in range(3) for r in range(40) for corner in corners
    ]
    images = SPRITES.draw(np.array(factors))
    whole = SPRITES.draw(changed(changed(np.array(factors), 3, 16), 4, 16))
    np.testing.assert_array_equal(images.sum(axis=(1, 2, 3)), whole.sum(axis=(1, 2, 3)))
    border = np.ones((64, 64), bool)
    border[1:-1, 1:-1] = False
    assert images[:, border].sum() == 0


def test_x_goes_right_and_y_goes_up_by_pixels():
    factors = SPRITES.sample(30)
    column, row = centres(SPRITES.draw(changed(changed(factors, 3, 2), 4, 2)))
    moved = SPRITES.draw(changed(changed(factors, 3, 12), 4, 5))
    np.testing.assert_allclose(centres(moved)[0] - column, 10.0, atol=1e-9)
    np.testing.assert_allclose(centres(moved)[1] - row, -3.0, atol=1e-9)


def test_area_grows_with_the_square_of_the_scale():
    factors = SPRITES.sample(200)
    small, large = (SPRITES.draw(changed(factors, 1, s)).sum() for s in (0, 5))
    assert large / small == pytest.approx(4.0, rel=0.02)


def test_shapes_have_the_areas_of_their_formulas():
    for shape, area in enumerate((4 * 10.137**2, np.pi * 13.171**2 / 2)):
        factors = [(shape, 5, r, 16, 16) for r in range(40)]
        images = SPRITES.draw(np.array(factors))
        assert images.sum() / 40 == pytest.approx(area, rel=0.02)


def test_rotation_turns_against_the_clock():
    # An ellipse lies flat, then stands up; a heart's tip points down, then to the right.
    factors = np.array([(1, 5, r, 16, 16) for r in (0, 10, 20)])
    flat, upright, flat_again = SPRITES.draw(factors)[..., 0]
    np.testing.assert_array_equal(flat, flat_again)
    np.testing.assert_array_equal(np.rot90(flat), np.roll(upright, -1, axis=1))
    assert flat.any(axis=0).sum() > 1.8 * flat.any(axis=1).sum()
    down, right = SPRITES.draw(np.array([(2, 5, r, 16, 16) for r in (0, 10)]))[..., 0]
    np.testing.assert_array_equal(np.rot90(down), np.roll(right, -1, axis=1))
    widths = down.sum(axis=1)[down.any(axis=1)]
    assert widths[-1] < widths[len(widths) // 2]


def test_only_symmetries_make_images_equal():
    def distinct(shape):
        images = SPRITES.draw(np.array([(shape, 5, r, 16, 16) for r in range(40)]))
        return len(np.unique(images.reshape(40, -1), axis=0))

    assert [distinct(shape) for shape in range(3)] == [10, 20, 40]


def test_sampled_factors_are_uniform_and_seeded():
    factors = SPRITES.sample(20_000, seed=1)
    for column, size in zip(factors.T, SPRITES.sizes, strict=True):
        counts = np.bincount(column, minlength=size)
        expected = 20_000 / size
        assert np.abs(counts - expected).max() < 5 * np.sqrt(expected)
    np.testing.assert_array_equal(SPRITES.sample(9, seed=1), SPRITES.sample(9, seed=1))
    assert (SPRITES.sample(9, seed=1) != SPRITES.sample(9, seed=2)).any()
    rng = np.random.default_rng(1)
    first = SPRITES.sample(9, rng)
    np.testing.assert_array_equal(first, SPRITES.sample(9, seed=1))
    assert (SPRITES.sample(9, rng) != first).any()


@pytest.mark.parametrize(
    "factors, message",
    [
        ([[0, 0, 0, 0]], "shape"),
        ([[0.0, 0, 0, 0, 0]], "dtype float64"),
        ([[3, 0, 0, 0, 0]], "counted from 0"),
        ([[0, 0, 0, 0, -1]], "counted from 0"),
    ],
)
def test_refusals(factors, message):
    with pytest.raises(ValueError, match=message):
        SPRITES.draw(np.array(factors))
