"""What is done to data, and undone, as a part of the model."""

import dataclasses
import json

import numpy as np
import pytest
from laws import near_in_standard_errors

from keras_vae.core.support import REAL, UNIT_INTERVAL
from keras_vae.core.support import levels as levels_of
from keras_vae.data import DataSet, Preprocessor, Scaling
from keras_vae.data.dataset import SPLITS
from keras_vae.plots.pixels import to_pixels

GREY = np.tile(np.array([0, 51, 128, 255], np.uint8), (2000, 1))
TO_UNIT = Scaling.fit(GREY, UNIT_INTERVAL, levels=(0, 255))


def made(x, levels=None):
    splits = {f"x_{split}": x for split in SPLITS}
    return DataSet(name="made", likelihood="normal:scale=shared", levels=levels, **splits)


def test_it_is_fitted_to_the_training_data_alone():
    x = np.random.default_rng(0).normal(5, 3, (20, 3))
    data = dataclasses.replace(made(x), x_test=100 * x, x_validation=-x)
    assert Preprocessor.fit(data, REAL, seed=3) == Preprocessor(
        Scaling.fit(x, REAL), seed=3
    )


def test_a_name_is_no_support():
    with pytest.raises(TypeError, match="such as vae.support, but is 'real'"):
        Preprocessor.fit(made(GREY), "real")


@pytest.mark.parametrize(
    "support, levels, value_range",
    [
        (UNIT_INTERVAL, (0, 255), (0, 1)),
        (levels_of(0, 255), (0, 255), (0, 255)),
        (REAL, (0, 255), (0, 1)),
    ],
)
def test_black_and_white_are_the_ends_of_the_levels(support, levels, value_range):
    data = made(GREY[:, 1:3].reshape(-1, 1, 2, 1), levels)
    preprocessor = Preprocessor.fit(data, support)
    assert preprocessor.levels == levels
    assert preprocessor.value_range == pytest.approx(value_range, abs=1e-6)
    ends = np.array(levels).reshape(1, 1, 2, 1)
    assert preprocessor(ends).ravel() == pytest.approx(value_range, abs=1e-6)


@pytest.mark.parametrize("low, high", [(-1, 1), (0, 1), (-300, 4000)])
def test_real_images_keep_their_order_of_greys_in_pictures(low, high):
    x = np.linspace(low, high, 64, dtype=np.float32).reshape(4, 4, 4, 1)
    preprocessor = Preprocessor.fit(made(x), REAL)
    pixels = to_pixels(preprocessor(x), value_range=preprocessor.value_range)
    greys = pixels[..., 0].ravel().astype(int)
    assert (greys[0], greys[-1]) == (0, 255) and (np.diff(greys) > 0).all()


@pytest.mark.parametrize("gap", [-3.0, np.nan])
def test_images_of_one_grey_can_be_shown(gap):
    x = np.full((4, 2, 2, 1), -3.0, np.float32)
    x[0, 0, 0] = gap
    low, high = Preprocessor.fit(made(x), REAL).value_range
    assert low < high


def test_times_stay_apart():
    times = 1.6e9 + np.arange(5000.0)[:, np.newaxis]
    x = Preprocessor.fit(made(times), REAL)(times)
    assert x.dtype == np.float32 and len(np.unique(x)) == 5000


def test_values_are_scaled():
    x = Preprocessor(TO_UNIT)(GREY[:2])
    assert x.dtype == np.float32
    np.testing.assert_allclose(x[1], [0, 0.2, 128 / 255, 1], rtol=1e-6)


def test_binarization_has_the_grey_value_as_mean():
    prepare = Preprocessor(TO_UNIT, binarize=True)
    np.testing.assert_array_equal(prepare(GREY), TO_UNIT(GREY))
    x = prepare.held_out(GREY)
    assert x.dtype == np.float32 and set(np.unique(x)) == {0.0, 1.0}
    near_in_standard_errors(x, np.array([0.0, 0.2, 128 / 255, 1.0]), slack=0)


def test_binarization_is_a_function_of_the_seed():
    first, again, other = (
        Preprocessor(TO_UNIT, binarize=True, seed=seed).held_out(GREY) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_the_raw_data_are_left_alone():
    raw = GREY.copy()
    Preprocessor(TO_UNIT, binarize=True).held_out(raw)
    np.testing.assert_array_equal(raw, GREY)


@pytest.mark.parametrize("binarize, seed", [(False, 0), (True, 7)])
@pytest.mark.parametrize("levels", [None, (0, 255)])
def test_a_config_survives_json(binarize, seed, levels):
    preprocessor = Preprocessor(TO_UNIT, binarize, seed, levels, (-0.5, 2.0))
    config = json.loads(json.dumps(preprocessor.get_config()))
    assert Preprocessor.from_config(config) == preprocessor


def test_the_config_of_columns_survives_json():
    table = np.random.default_rng(0).normal(3, 2, (50, 4)).astype("f4")
    preprocessor = Preprocessor(Scaling.fit(table, REAL))
    config = json.loads(json.dumps(preprocessor.get_config()))
    loaded = Preprocessor.from_config(config)
    np.testing.assert_array_equal(loaded(table), preprocessor(table))
    near_in_standard_errors(loaded(table), 0.0)


@pytest.mark.parametrize("seed", [None, (1, 2)])
def test_in_a_step_greys_are_drawn_anew_for_each_seed(seed):
    prepare = Preprocessor(TO_UNIT, binarize=True)
    x = np.asarray(prepare.in_graph(GREY, seed))
    if seed is None:
        np.testing.assert_allclose(x, TO_UNIT(GREY), rtol=1e-6)
        return
    assert set(np.unique(x)) == {0.0, 1.0}
    near_in_standard_errors(x, np.array([0.0, 0.2, 128 / 255, 1.0]), slack=0)
    np.testing.assert_array_equal(prepare.in_graph(GREY, seed), x)
    assert (np.asarray(prepare.in_graph(GREY, (1, 3))) != x).any()


@pytest.mark.parametrize(
    "levels, dtype", [((0, 255), np.uint8), ((0, 65535), np.float32), (None, np.float32)]
)
def test_what_goes_in_comes_out(levels, dtype):
    high = 255 if levels is None else levels[1]
    raw = np.array([[0, 3, high // 2, high]], np.float64)
    scaling = Scaling((4,), 0.0, float(high))
    back = Preprocessor(scaling, levels=levels).inverse(scaling(raw))
    assert back.dtype == dtype
    np.testing.assert_allclose(back, raw, rtol=1e-6)


def test_levels_are_rounded_and_cut_but_probabilities_are_kept():
    wide = np.array([[-1.0, 0.2512, 1.0, 2.0]], np.float32)
    prepare = Preprocessor(TO_UNIT, levels=(0, 255))
    np.testing.assert_array_equal(prepare.inverse(wide), [[0, 64, 255, 255]])
    binary = Preprocessor(Scaling((4,)), levels=(0, 1))
    np.testing.assert_array_equal(binary.inverse(wide), wide)


def test_events_of_another_shape_are_refused():
    with pytest.raises(ValueError, match="shape of one example"):
        Preprocessor(TO_UNIT)(GREY[:, :2])


@pytest.mark.parametrize(
    "value, words",
    [
        *((v, rf"outside .* \[0, 255\]; the first is {v:g} at") for v in (0.2, -1, 256)),
        (np.nan, "NaN or infinite; the first is at"),
    ],
)
def test_values_that_are_not_raw_are_refused(value, words):
    prepare = Preprocessor(TO_UNIT, levels=(0, 255))
    x = GREY[:3].astype("float32")
    x[2, 1] = value
    with pytest.raises(ValueError, match=rf"x has 1 of 12 values .*{words} \[2, 1\]"):
        prepare(x)
    with pytest.raises(ValueError, match="If x is prepared already"):
        prepare(prepare(GREY))


@pytest.mark.parametrize(
    "levels, scaling, low, high",
    [
        ((0, 255), TO_UNIT, 0, 255),
        ((0, 16), Scaling((4, 4, 1)), 0, 16),
        # Of real images, the greys of the training data.
        (None, Scaling((4, 4, 1), 5.0, 2.0), 4.0, 9.0),
        # Columns have no common scale to show.
        (None, Scaling((2,), (1.0, 2.0), (3.0, 4.0)), 0, 1),
    ],
)
def test_black_and_white_of_raw_pictures(levels, scaling, low, high):
    prepare = Preprocessor(scaling, levels=levels, value_range=(-0.5, 2.0))
    assert prepare.raw_range == (low, high)


def test_preprocessors_are_equal_that_do_the_same():
    one, same = (Preprocessor(TO_UNIT, True, 3, (0, 255), (0, 1)) for _ in range(2))
    assert one == same and hash(one) == hash(same) and one != TO_UNIT
    changes = [{"binarize": False}, {"seed": 4}, {"levels": None}, {"value_range": (0, 2)}]
    for change in changes:
        assert Preprocessor(**{**one.get_config(), **change}) != one
