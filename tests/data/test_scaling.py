import json
import math

import numpy as np
import pytest
import tensorflow as tf

from keras_vae.core import support
from keras_vae.core.support import (
    BINARY,
    COUNTS,
    OPEN_UNIT_INTERVAL,
    REAL,
    UNIT_INTERVAL,
    Columns,
    Support,
)
from keras_vae.data import Scaling

RNG = np.random.default_rng(0)
GREY = np.arange(256, dtype=np.uint8).reshape(4, 8, 8, 1)
UNIT = RNG.random((20, 4, 4, 1)).astype(np.float32)
TABLE = (RNG.normal(size=(50, 3)) * [1, 10, 0.01] + [0, 1000, 5]).astype(np.float32)
LEVELS_255 = support.levels(0, 255)

# (what, data, support, levels)
CASES = {
    "grey to unit interval": (GREY, UNIT_INTERVAL, (0, 255)),
    "17 levels to unit interval": (GREY % 17, UNIT_INTERVAL, (0, 16)),
    "grey to open unit interval": (GREY, OPEN_UNIT_INTERVAL, (0, 255)),
    "16 bits to open unit interval": (
        np.array([[0, 65535]], np.uint16),
        OPEN_UNIT_INTERVAL,
        (0, 65535),
    ),
    "negative levels": (
        np.array([[-3, 0, 4]]),
        UNIT_INTERVAL,
        (-3, 4),
    ),
    "grey to [-1, 1]": (GREY, Support(-1.0, 1.0), (0, 255)),
    "grey to real": (GREY, REAL, (0, 255)),
    "grey to its levels": (GREY, LEVELS_255, (0, 255)),
    "whole floats to levels": (GREY.astype(np.float32), LEVELS_255, None),
    "grey to counts": (GREY, COUNTS, (0, 255)),
    "counts": (RNG.poisson(4.0, (30, 5)), COUNTS, None),
    "binary": (GREY % 2, BINARY, (0, 1)),
    "binary floats": ((GREY % 2).astype(np.float32), BINARY, None),
    "unit floats": (UNIT, UNIT_INTERVAL, None),
    "unit floats to open": (0.1 + 0.5 * UNIT, OPEN_UNIT_INTERVAL, None),
    "unit images to real": (UNIT, REAL, None),
    "images to real": (7 * UNIT - 3, REAL, None),
    "table to real": (TABLE, REAL, None),
    "positive": (UNIT + 1, Support(0.0), None),
}
IDENTITIES = {
    "grey to its levels",
    "whole floats to levels",
    "grey to counts",
    "counts",
    "binary",
    "binary floats",
    "unit floats",
    "unit floats to open",
    "unit images to real",
    "positive",
}


@pytest.fixture(params=CASES)
def case(request):
    x, target, levels = CASES[request.param]
    return request.param, x, target, Scaling.fit(x, target, levels)


def test_result_lies_in_the_support(case):
    _, x, target, scaling = case
    scaled = scaling(x)
    assert scaled.dtype == np.float32 and scaled.shape == x.shape
    target.check(scaled)


def test_inverse_gives_the_raw_values(case):
    _, x, _, scaling = case
    back = scaling.inverse(scaling(x))
    assert back.dtype == np.float32
    np.testing.assert_allclose(back, x, rtol=1e-5, atol=1e-4)


def test_identity_where_nothing_is_to_be_done(case):
    name, x, _, scaling = case
    assert (scaling == Scaling(x.shape[1:])) == (name in IDENTITIES)
    assert (scaling.log_scale == 0.0) == (name in IDENTITIES)


def test_tensors_get_the_same_numbers(case):
    _, x, _, scaling = case
    batches = tf.data.Dataset.from_tensor_slices(x).batch(len(x)).map(scaling)
    (mapped,) = list(batches)
    assert mapped.dtype == tf.float32
    np.testing.assert_allclose(mapped, scaling(x), rtol=1e-6)
    back = tf.function(scaling.inverse)(mapped)
    np.testing.assert_allclose(back, scaling.inverse(scaling(x)), rtol=1e-6)


def test_config_survives_json(case):
    _, x, _, scaling = case
    text = json.dumps(scaling.to_config(), allow_nan=False)
    again = Scaling.from_config(json.loads(text))
    assert again == scaling and hash(again) == hash(scaling)
    np.testing.assert_array_equal(again(x), scaling(x))


def test_log_scale_is_the_log_determinant(case):
    _, x, _, scaling = case
    steps = np.zeros((2, *x.shape[1:]), np.float64)
    steps[1] = 1.0
    low, high = scaling(steps).astype(np.float64)
    expected = np.log(high - low).sum()
    np.testing.assert_allclose(scaling.log_scale, expected, rtol=1e-3, atol=1e-6)


def test_densities_change_by_log_scale():
    scaling = Scaling.fit(TABLE, REAL)
    # A standard normal of the scaled table is a normal of the raw one.
    x = TABLE[0].astype(np.float64)
    mean, std = TABLE.mean(0, np.float64), TABLE.std(0, dtype=np.float64)
    z = (x - mean) / std
    log_model = (-0.5 * z**2 - 0.5 * math.log(2 * math.pi)).sum()
    log_raw = log_model - np.log(std).sum()
    np.testing.assert_allclose(log_model + scaling.log_scale, log_raw, rtol=1e-6)


@pytest.mark.parametrize(
    "target, expected",
    [
        (UNIT_INTERVAL, [0.0, 1.0]),
        (OPEN_UNIT_INTERVAL, [0.5 / 256, 255.5 / 256]),
        (REAL, [0.0, 1.0]),
        (Support(-1.0, 1.0), [-1.0, 1.0]),
        (LEVELS_255, [0.0, 255.0]),
    ],
)
def test_ends_of_the_levels(target, expected):
    scaling = Scaling.fit(np.array([[7, 9]]), target, (0, 255))
    np.testing.assert_allclose(scaling(np.array([[0, 255]]))[0], expected, atol=1e-6)


def test_tables_are_standardised_by_column():
    scaled = Scaling.fit(TABLE, REAL)(TABLE)
    np.testing.assert_allclose(scaled.mean(axis=0), 0.0, atol=1e-3)
    np.testing.assert_allclose(scaled.std(axis=0), 1.0, rtol=1e-3)


@pytest.mark.parametrize("dtype", [np.int64, np.uint64, np.float64])
def test_wide_numbers_keep_their_digits(dtype):
    times = (1_600_000_000 + np.arange(4096)).astype(dtype)[:, np.newaxis]
    scaled = Scaling.fit(times, REAL)(times)
    assert scaled.dtype == np.float32 and (np.diff(scaled[:, 0]) > 0).all()
    np.testing.assert_allclose(scaled[[0, -1], 0], [-1.7318, 1.7318], rtol=1e-3)


@pytest.mark.parametrize("support", [REAL, Columns(columns=(REAL, REAL))])
@pytest.mark.parametrize("rows", [3, 50])
def test_constant_column_is_only_centred(support, rows):
    x = np.column_stack([TABLE[:rows, 0], np.full(rows, 0.1)])
    scaling = Scaling.fit(x, support)
    assert scaling.scale[1] == 1.0
    held_out = scaling(np.array([[0.0, 0.6]]))
    np.testing.assert_allclose(held_out[0, 1], 0.5, rtol=1e-6)


@pytest.mark.parametrize(
    "low, high, stays",
    [
        (0.0, 1.0, True),
        (0.1, 1.0, True),
        (0.0, 0.9, True),
        (-0.01, 1.0, False),
        (0.0, 1.01, False),
    ],
)
def test_real_images_stay_where_both_ends_are_within_the_unit_interval(low, high, stays):
    x = np.linspace(low, high, 48).reshape(3, 4, 4, 1)
    scaling = Scaling.fit(x, REAL)
    assert ((scaling.offset, scaling.scale) == (0.0, 1.0)) == stays


def test_real_images_get_one_mean_and_deviation():
    x = 7 * UNIT - 3
    scaling = Scaling.fit(x, REAL)
    np.testing.assert_allclose(scaling.offset, x.mean(), rtol=1e-5)
    np.testing.assert_allclose(scaling.scale, x.std(), rtol=1e-5)
    assert Scaling.fit(np.full((3, 2, 2, 1), 5.0), REAL).scale == 1.0


@pytest.mark.parametrize(
    "x, target, levels, message",
    [
        (TABLE, UNIT_INTERVAL, None, r"accepts \[0, 1\].*held-out values"),
        (GREY, UNIT_INTERVAL, None, r"from 0 to 255.*levels="),
        (GREY, OPEN_UNIT_INTERVAL, None, "levels="),
        (np.array([[0.0, 1.0]]), OPEN_UNIT_INTERVAL, None, r"accepts \(0, 1\)"),
        (TABLE, LEVELS_255, None, "values outside whole numbers in"),
        (UNIT, LEVELS_255, None, "values outside whole numbers in"),
        (UNIT, BINARY, None, "values outside whole numbers in"),
        (UNIT, COUNTS, None, "values outside whole numbers in"),
        (np.array([[-1]]), COUNTS, None, "values outside whole numbers in"),
        (GREY, BINARY, (0, 255), "binarize"),
        (GREY % 17, LEVELS_255, (0, 16), "levels 0 to 16, but the likelihood"),
        (GREY, UNIT_INTERVAL, (0, 16), "values outside whole numbers in"),
        (UNIT, UNIT_INTERVAL, (0, 255), "values outside whole numbers in"),
        (-UNIT, Support(0.0), None, "held-out values"),
        (np.array([[np.nan]]), REAL, None, "NaN or infinite"),
        (np.array([[np.inf]]), UNIT_INTERVAL, None, "NaN or infinite"),
        (GREY, UNIT_INTERVAL, (255, 0), "smallest < largest"),
        (GREY, UNIT_INTERVAL, (0, 255, 1), "smallest, largest"),
        (np.zeros((0, 3)), REAL, None, "N >= 1"),
        (np.zeros(3), REAL, None, "N >= 1"),
        (np.array([["a"]]), REAL, None, "array of numbers"),
    ],
)
def test_data_that_fit_no_map_are_refused(x, target, levels, message):
    with pytest.raises(ValueError, match=message):
        Scaling.fit(x, target, levels)


@pytest.mark.parametrize(
    "parts, message",
    [
        ({"scale": 0.0}, "scale of a Scaling must be positive"),
        ({"scale": [1.0, -1.0]}, "scale of a Scaling must be positive"),
        ({"scale": math.inf}, "must be finite"),
        ({"offset": math.nan}, "must be finite"),
        ({"offset": [1.0, 2.0, 3.0]}, r"got shape \(3,\)"),
        ({"offset": [[1.0, 2.0]]}, r"got shape \(1, 2\)"),
    ],
)
def test_broken_configs_are_refused(parts, message):
    with pytest.raises(ValueError, match=message):
        Scaling.from_config({"event_shape": [2]} | parts)


@pytest.mark.parametrize("convert", [np.asarray, tf.constant])
def test_another_event_shape_is_refused(convert):
    scaling = Scaling.fit(TABLE, REAL)
    with pytest.raises(ValueError, match=r"one example, \(3,\); got \(5, 4\)"):
        scaling(convert(np.zeros((5, 4))))
    with pytest.raises(ValueError, match=r"one example, \(3,\); got \(5, 1\)"):
        scaling.inverse(convert(np.zeros((5, 1))))


@pytest.mark.parametrize(
    "x, support, levels",
    [
        (np.random.default_rng(0).normal(5.0, [1.0, 9.0, 0.1], (50, 3)), REAL, None),
        (np.random.default_rng(0).normal(5.0, 3.0, (10, 4, 4, 1)), REAL, None),
        (np.random.default_rng(0).uniform(size=(10, 4, 4, 1)), REAL, None),
        (np.random.default_rng(0).integers(0, 256, (40, 3)), REAL, (0, 255)),
        (np.random.default_rng(0).integers(0, 256, (40, 3)), UNIT_INTERVAL, (0, 255)),
    ],
    ids=["table", "images", "unit images", "levels", "unit levels"],
)
def test_gaps_count_nowhere(x, support, levels):
    """Rows in which all is missing change nothing, and nor do gaps between values."""
    expected = Scaling.fit(x, support, levels)
    padded = np.concatenate([x.astype(float), np.full((7, *x.shape[1:]), np.nan)])
    # Every element goes another way.
    shuffled = np.random.default_rng(1).permuted(padded, axis=0)
    for one in (padded, shuffled):
        found = Scaling.fit(one, support, levels)
        np.testing.assert_allclose(found.offset, expected.offset, rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(found.scale, expected.scale, rtol=1e-6)
