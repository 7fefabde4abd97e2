"""The stream of batches: complete passes, as a function of seed and step."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from laws import near_in_standard_errors

from keras_vae.core.support import REAL, UNIT_INTERVAL
from keras_vae.data import Scaling, pipeline, steps_per_epoch
from keras_vae.data.pipeline import array_batches


def batches(x, count, *arguments, **options):
    stream = pipeline(x, *arguments, **options).take(count)
    return np.stack([batch.numpy() for batch in stream])


def numbered(n):
    return np.arange(n, dtype=np.uint8)[:, np.newaxis]


GREY = np.tile(np.array([0, 51, 128, 255], np.uint8), (20, 1))
TO_UNIT = Scaling.fit(GREY, UNIT_INTERVAL, levels=(0, 255))


@pytest.mark.parametrize("n, batch_size", [(1, 3), (2, 1), (3, 8), (10, 5), (50, 7)])
def test_each_pass_holds_every_example_once_in_full_batches(n, batch_size):
    passes = 4
    stream = batches(numbered(n), -(-passes * n // batch_size), batch_size)
    assert stream.shape[1:] == (batch_size, 1)
    for one in stream.reshape(-1)[: passes * n].reshape(passes, n):
        np.testing.assert_array_equal(np.sort(one), np.arange(n))


def test_each_pass_has_an_order_of_its_own():
    passes = batches(numbered(60), 5, 60)[..., 0]
    assert len({one.tobytes() for one in [*passes, np.arange(60, dtype="f4")]}) == 6


def test_places_in_a_pass_are_shared_fairly():
    first = batches(numbered(4), 500, 4)[:, 0, 0]
    near_in_standard_errors(first[:, None] == np.arange(4), 0.25)


@pytest.mark.parametrize("y", [np.arange(17), np.arange(51.0).reshape(17, 3)])
def test_what_goes_with_an_observation_stays_with_it(y):
    options = {"seed": 3, "start_step": 2}
    pairs = list(pipeline(numbered(17), 4, y=y, **options).take(9))
    for (x, beside), alone in zip(
        pairs, batches(numbered(17), 9, 4, **options), strict=True
    ):
        np.testing.assert_array_equal(x, alone)
        np.testing.assert_array_equal(beside, y[x.numpy()[:, 0].astype(int)])
        assert beside.dtype == y.dtype


@pytest.mark.parametrize("binarize", [None, "dynamic"])
@pytest.mark.parametrize("start", [1, 5, 23])
def test_a_stream_that_starts_later_goes_on_exactly(start, binarize):
    x = np.random.default_rng(0).random((17, 3)).astype("f4")
    options = {"binarize": binarize, "seed": 3}
    whole = batches(x, start + 6, 4, **options)
    rest = batches(x, 6, 4, **options, start_step=start)
    np.testing.assert_array_equal(rest, whole[start:])


def test_the_seed_decides_order_and_pixels():
    x = np.random.default_rng(0).random((64, 3)).astype("f4")
    for binarize in (None, "dynamic"):
        one, same, other = (
            batches(x, 3, 16, seed=seed, binarize=binarize) for seed in (1, 1, 2)
        )
        np.testing.assert_array_equal(one, same)
        assert (one != other).any()


def test_values_are_scaled_and_otherwise_left():
    stream = batches(GREY, 2, 10, scaling=TO_UNIT)
    np.testing.assert_allclose(stream[1, 3], [0, 0.2, 128 / 255, 1], rtol=1e-6)
    np.testing.assert_array_equal(batches(GREY, 2, 10)[1, 3], [0, 51, 128, 255])


def test_binarized_pixels_are_zero_or_one_with_the_grey_value_as_mean():
    draws = batches(GREY, 100, 20, scaling=TO_UNIT, binarize="dynamic").reshape(-1, 4)
    assert set(np.unique(draws)) == {0.0, 1.0}
    near_in_standard_errors(draws, np.array([0.0, 0.2, 128 / 255, 1.0]), slack=0)


def test_pixels_are_drawn_afresh_everywhere():
    x = np.full((1, 64), 0.5, np.float32)
    draws = batches(x, 30, 2, binarize="dynamic").reshape(60, 64)
    assert len({draw.tobytes() for draw in draws}) == 60
    # 1,770 pairs of 64 fair coins each: they agree on half, up to the noise.
    agree = (draws[:, None] == draws)[np.triu_indices(60, 1)].mean()
    assert abs(agree - 0.5) < 5 * 0.5 / np.sqrt(1770 * 64)


def test_tables_of_many_digits_are_scaled_with_all_of_them():
    times = 1.6e9 + np.arange(50.0)[:, np.newaxis]
    scaling = Scaling.fit(times, REAL)
    stream = batches(times, 1, 50, scaling=scaling)[0]
    np.testing.assert_array_equal(np.sort(stream, axis=0), scaling(times))
    assert len(np.unique(stream)) == 50 and stream.dtype == np.float32


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_data_stay_in_memory_as_they_are(dtype):
    x = np.ones((30, 4, 4, 1), dtype)
    dataset = pipeline(x, 8)
    assert dataset.element_spec == tf.TensorSpec((8, 4, 4, 1), tf.float32)
    while not hasattr(dataset, "_map_func"):
        (dataset,) = dataset._inputs()
    held = [t.dtype for t in dataset._map_func.function.captured_inputs if t.shape.rank]
    assert held == [tf.as_dtype(dtype)]


def test_a_strategy_gets_the_same_batches():
    strategy = tf.distribute.MirroredStrategy(["/cpu:0"])
    x = np.random.default_rng(0).random((17, 3)).astype("f4")
    dataset = pipeline(x, 4, binarize="dynamic", seed=2)
    distributed = iter(strategy.experimental_distribute_dataset(dataset))
    for batch in batches(x, 6, 4, binarize="dynamic", seed=2):
        np.testing.assert_array_equal(next(distributed).numpy(), batch)


@pytest.mark.parametrize(
    "x, options, words",
    [
        (np.zeros((0, 3), "f4"), {}, "no examples"),
        (numbered(3), {"batch_size": 0}, "at least 1"),
        (numbered(3), {"binarize": "static"}, "'dynamic' or None"),
        (numbered(3), {"y": np.arange(4)}, "3 observations x, but 4 rows of y"),
    ],
)
def test_errors(x, options, words):
    with pytest.raises(ValueError, match=words):
        pipeline(x, **options)


def test_an_event_that_does_not_fit_the_scaling_is_refused():
    with pytest.raises(ValueError, match="shape of one example"):
        pipeline(numbered(3), scaling=TO_UNIT)


@pytest.mark.parametrize("n, batch_size", [(1, 1), (1, 9), (9, 3), (10, 3), (8, 9)])
def test_an_epoch_is_the_fewest_steps_that_reach_every_example(n, batch_size):
    steps = steps_per_epoch(n, batch_size)
    assert (steps - 1) * batch_size < n <= steps * batch_size


def passes(arrays, batch_size, shuffle, count=1):
    """Batches of some passes through one stream of arrays."""
    stream = array_batches(arrays, batch_size, shuffle)
    return [[batch for (batch,) in stream] for _ in range(count)]


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("n, sizes", [(1, [1]), (7, [3, 3, 1]), (9, [3, 3, 3])])
def test_a_pass_through_an_array_holds_every_example_once(n, sizes, shuffle):
    (batches,) = passes(numbered(n), 3, shuffle)
    assert [len(batch) for batch in batches] == sizes
    found = np.concatenate(batches)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(np.sort(found, axis=0), numbered(n))


@pytest.mark.parametrize(
    "stream",
    [
        lambda: pipeline(numbered(9), 3),
        lambda: array_batches(numbered(9), 3, True),
        lambda: array_batches(numbered(9), 3, False),
    ],
)
def test_nobody_waits_for_the_tuning_of_a_stream(stream):
    assert stream().options().autotune.enabled is False


def test_orders_of_passes_through_an_array():
    kept, again = passes(numbered(60), 60, False, 2)
    np.testing.assert_array_equal(kept[0], numbered(60))
    np.testing.assert_array_equal(again[0], numbered(60))
    orders = []
    for _ in range(2):
        keras.utils.set_random_seed(5)
        orders.append(
            [one[0].numpy().tobytes() for one in passes(numbered(60), 60, True, 3)]
        )
    assert orders[0] == orders[1]
    assert len({*orders[0], numbered(60).tobytes()}) == 4


def test_weights_of_an_array_stay_with_their_examples():
    x = np.arange(10.0)[:, np.newaxis]
    (batches,) = passes((x, x[:, 0] ** 2), 4, True)
    for rows, weights in batches:
        assert rows.dtype == weights.dtype == tf.float32
        np.testing.assert_array_equal(rows[:, 0] ** 2, weights)
