import numpy as np
import pytest

from keras_vae.data import binarize


def test_same_seed_same_draw():
    x = np.random.default_rng(0).random((50, 4, 4, 1))
    first = binarize(x, seed=3)
    assert first.dtype == np.uint8 and first.shape == x.shape
    np.testing.assert_array_equal(first, binarize(x, seed=np.int64(3)))
    assert (first != binarize(x, seed=4)).any()


def test_ends_are_certain_and_the_rest_is_drawn_with_its_probability():
    x = np.repeat(np.float32([0.0, 0.2, 0.5, 1.0]), 100_000).reshape(4, -1)
    drawn = binarize(x, seed=0)
    assert np.unique(drawn).tolist() == [0, 1]
    assert drawn[0].max() == 0 and drawn[3].min() == 1
    # Five standard errors of a mean of 100,000 draws.
    np.testing.assert_allclose(drawn[1].mean(), 0.2, atol=5 * 0.4 / 316)
    np.testing.assert_allclose(drawn[2].mean(), 0.5, atol=5 * 0.5 / 316)


@pytest.mark.parametrize("seed", [None, 0.5, "0"])
def test_seed_must_be_a_number(seed):
    with pytest.raises(TypeError, match="seed must be a whole number"):
        binarize(np.zeros(3), seed=seed)


@pytest.mark.parametrize("value", [255, -0.1, np.nan])
def test_grey_values_must_be_probabilities(value):
    with pytest.raises(ValueError, match="1 of 2 values"):
        binarize(np.array([0.0, value]), seed=0)
