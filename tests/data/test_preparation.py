"""What is done to held-out data, kept with the model."""

import json

import numpy as np
import pytest
from laws import near_in_standard_errors

from keras_vae.core.support import REAL, UNIT_INTERVAL
from keras_vae.data import Preparation, Scaling

GREY = np.tile(np.array([0, 51, 128, 255], np.uint8), (2000, 1))
TO_UNIT = Scaling.fit(GREY, UNIT_INTERVAL, levels=(0, 255))


def test_values_are_scaled():
    x = Preparation(TO_UNIT)(GREY[:2])
    assert x.dtype == np.float32
    np.testing.assert_allclose(x[1], [0, 0.2, 128 / 255, 1], rtol=1e-6)


def test_binarization_has_the_grey_value_as_mean():
    x = Preparation(TO_UNIT, binarize=True)(GREY)
    assert x.dtype == np.float32 and set(np.unique(x)) == {0.0, 1.0}
    near_in_standard_errors(x, np.array([0.0, 0.2, 128 / 255, 1.0]), slack=0)


def test_binarization_is_a_function_of_the_seed():
    first, again, other = (
        Preparation(TO_UNIT, binarize=True, seed=seed)(GREY) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_the_raw_data_are_left_alone():
    raw = GREY.copy()
    Preparation(TO_UNIT, binarize=True)(raw)
    np.testing.assert_array_equal(raw, GREY)


@pytest.mark.parametrize("binarize, seed", [(False, 0), (True, 7)])
def test_a_config_survives_json(binarize, seed):
    preparation = Preparation(TO_UNIT, binarize, seed)
    config = json.loads(json.dumps(preparation.to_config()))
    assert Preparation.from_config(config) == preparation


def test_the_config_of_columns_survives_json():
    table = np.random.default_rng(0).normal(3, 2, (50, 4)).astype("f4")
    preparation = Preparation(Scaling.fit(table, REAL))
    config = json.loads(json.dumps(preparation.to_config()))
    loaded = Preparation.from_config(config)
    np.testing.assert_array_equal(loaded(table), preparation(table))
    near_in_standard_errors(loaded(table), 0.0)


def test_events_of_another_shape_are_refused():
    with pytest.raises(ValueError, match="shape of one example"):
        Preparation(TO_UNIT)(GREY[:, :2])
