"""Seeds are functions of numbers, and tell different numbers apart."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_vae.core.seeds import (
    by_row,
    fold,
    fold_replica,
    make_seed,
    next_seed,
    row_seeds,
)


def numbers(seed):
    return tuple(np.asarray(seed).tolist())


def test_fold_is_a_function():
    assert numbers(fold(3, 1, 2)) == numbers(fold(3, 1, 2))
    assert fold(3, 1).shape == (2,) and fold(3, 1).dtype == tf.int32


@pytest.mark.parametrize("seed", [2**31, 2**32 - 1, np.uint32(2**32 - 1), 2**40])
def test_large_integers_are_seeds(seed):
    assert numbers(fold(seed)) == numbers(fold(make_seed(seed)))


def test_different_numbers_give_different_seeds():
    grid = itertools.product(range(4), range(6), range(6))
    seeds = {numbers(fold(*three)) for three in grid}
    assert len(seeds) == 4 * 6 * 6


def test_order_and_count_of_numbers_matter():
    seeds = [fold(0), fold(0, 0), fold(0, 0, 0), fold(0, 1, 2), fold(0, 2, 1)]
    assert len({numbers(seed) for seed in seeds}) == len(seeds)


def test_folding_at_once_or_one_after_another_is_the_same():
    assert numbers(fold(fold(5, 1), 2)) == numbers(fold(5, 1, 2))


def test_fold_is_the_same_in_a_graph():
    compiled = tf.function(lambda step: fold(7, step, 3))
    assert numbers(compiled(tf.constant(9, tf.int64))) == numbers(fold(7, 9, 3))


def test_fold_is_a_function_under_xla_too():
    # Its values differ from the eager ones: XLA has a generator of its own.
    compiled = tf.function(lambda step: fold(7, step, 3), jit_compile=True)
    seeds = [numbers(compiled(tf.constant(step))) for step in [0, 1, 2, 0, 1, 2]]
    assert seeds[:3] == seeds[3:] and len(set(seeds)) == 3


@pytest.mark.parametrize("kind", [int, np.int32, np.int64, tf.constant, float])
def test_fold_takes_every_kind_of_number(kind):
    assert numbers(fold(4, kind(6))) == numbers(fold(4, 6))


@pytest.mark.parametrize("kind", [np.int32, np.int64, np.uint8])
def test_fold_takes_seeds_of_numpy(kind):
    assert numbers(fold(kind(4), 6)) == numbers(fold(4, 6))


def test_seed_of_the_first_replica_without_a_strategy():
    assert numbers(fold_replica(5)) == numbers(fold(5, 0))


def test_replicas_get_different_seeds():
    cpu = tf.config.list_logical_devices("CPU")[0].name
    strategy = tf.distribute.MirroredStrategy([cpu])
    seed = strategy.run(lambda: fold_replica(5))
    assert numbers(strategy.experimental_local_results(seed)[0]) == numbers(fold(5, 0))


def test_make_seed_keeps_a_number():
    assert make_seed(0) == 0 and make_seed(np.int64(17)) == 17
    assert type(make_seed(np.int64(17))) is int


def test_make_seed_of_large_numbers_fits_int32():
    assert 0 <= make_seed(2**40 + 5) < 2**31
    assert fold(make_seed(2**40 + 5), 1).shape == (2,)


def test_make_seed_of_none_follows_keras():
    keras.utils.set_random_seed(42)
    first = [make_seed(None), make_seed(None)]
    keras.utils.set_random_seed(42)
    assert [make_seed(None), make_seed(None)] == first
    keras.utils.set_random_seed(43)
    assert make_seed(None) != first[0] != first[1]
    assert all(0 <= seed < 2**31 for seed in first)


@pytest.mark.parametrize("seed", [-1, 1.5, True, "3", float("nan"), float("inf"), [1]])
def test_make_seed_refuses(seed):
    with pytest.raises(ValueError, match="non-negative integer or None"):
        make_seed(seed)


def test_next_seed_advances_and_repeats():
    first, second = keras.random.SeedGenerator(3), keras.random.SeedGenerator(3)
    seeds = [numbers(next_seed(first)) for _ in range(5)]
    assert len(set(seeds)) == 5
    assert seeds == [numbers(next_seed(second)) for _ in range(5)]
    assert next_seed(first).dtype == tf.int32


def test_next_seed_advances_in_a_graph():
    generator = keras.random.SeedGenerator(3)
    compiled = tf.function(lambda: next_seed(generator))
    assert numbers(compiled()) != numbers(compiled())


@pytest.mark.parametrize("in_graph", [False, True])
def test_an_error_in_a_row_is_plain_and_leaves_nothing_behind(in_graph):
    def refuse(seed):
        raise ValueError("not this row")

    def rows():
        return by_row(refuse, "float32", row_seeds(0, 3))

    rows = tf.function(rows, autograph=False) if in_graph else rows
    with pytest.raises(ValueError, match="^not this row$"):
        rows()
    # A strategy would not run with what TensorFlow's map leaves.
    assert tf.compat.v1.get_variable_scope().caching_device is None
