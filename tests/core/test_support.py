"""Supports: what belongs to them, and the words for what does not."""

import numpy as np
import pytest

from keras_vae.core.names import unknown
from keras_vae.core.numbers import positive_int
from keras_vae.core.support import (
    BINARY,
    COUNTS,
    ONE_HOT,
    OPEN_UNIT_INTERVAL,
    REAL,
    SIMPLEX,
    SPHERE,
    UNIT_INTERVAL,
    Joined,
    Support,
    levels,
)

VALUES = np.array([-np.inf, -1.0, 0.0, 0.5, 1.0, 2.0, 255.0, 256.0, np.inf, np.nan])
MEMBERS = {
    REAL: [-1, 0, 0.5, 1, 2, 255, 256],
    UNIT_INTERVAL: [0, 0.5, 1],
    OPEN_UNIT_INTERVAL: [0.5],
    COUNTS: [0, 1, 2, 255, 256],
    BINARY: [0, 1],
    levels(0, 255): [0, 1, 2, 255],
    levels(-1, 1): [-1, 0, 1],
    Support(None, 1.0): [-1, 0, 0.5, 1],
    Support(0.0, None, is_open=True): [0.5, 1, 2, 255, 256],
}
any_support = pytest.mark.parametrize("support", MEMBERS, ids=str)


@any_support
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_members(support, dtype):
    inside = VALUES[support.contains(VALUES.astype(dtype))]
    np.testing.assert_array_equal(inside, MEMBERS[support])


@any_support
@pytest.mark.parametrize("dtype", ["uint8", "int64", "bool"])
def test_members_among_integers(support, dtype):
    values = np.array([0, 1]) if dtype == "bool" else np.array([0, 1, 2, 255])
    inside = values[support.contains(values.astype(dtype))]
    expected = [v for v in values if v in MEMBERS[support]]
    np.testing.assert_array_equal(inside, expected)


@any_support
def test_check_agrees_with_contains(support):
    for value in VALUES:
        if support.contains(value[np.newaxis])[0]:
            support.check(value)
        else:
            with pytest.raises(ValueError):
                support.check(value)


INTERVALS = [
    Support(low, high, is_open=is_open, integer=integer)
    for low in (None, 0.0, 1.0)
    for high in (None, 2.0, 3.0)
    for is_open in (False, True)
    for integer in (False, True)
    if not (is_open and integer)
]


@pytest.mark.parametrize("support", INTERVALS, ids=str)
def test_a_support_includes_those_whose_members_are_its_own(support):
    values = np.arange(-4.0, 8.0, 0.25)
    for other in INTERVALS:
        members = values[other.contains(values)]
        alike = support.integer == other.integer
        inside = bool(support.contains(members).all())
        assert support.includes(other) == (alike and inside), str(other)


@pytest.mark.parametrize("support", [SPHERE, SIMPLEX, ONE_HOT], ids=str)
def test_vectors_are_included_by_their_own_kind_alone(support):
    for other in (SPHERE, SIMPLEX, ONE_HOT, REAL, UNIT_INTERVAL, BINARY):
        assert support.includes(other) == (support == other)
    # One-hot vectors have probabilities among bits, too.
    assert BINARY.includes(support) == (support == ONE_HOT)
    assert not REAL.includes(support) and not UNIT_INTERVAL.includes(support)


def test_check_says_what_where_and_what_to_do():
    x = np.array([[0.0, 1.0], [7.0, -1.0]])
    with pytest.raises(ValueError) as error:
        UNIT_INTERVAL.check(x, "validation_data")
    message = str(error.value)
    assert "validation_data has 2 of 4 values outside [0, 1]" in message
    assert "the first is 7 at [1, 0]" in message
    assert "keras_vae.data.Scaling" in message


@any_support
def test_scaling_is_advised_where_it_can_help(support):
    bad = np.full((2, 3), -7.5)
    if support.contains(bad).all():
        return
    with pytest.raises(ValueError) as error:
        support.check(bad)
    bounded = not support.integer and None not in (support.low, support.high)
    helps = bounded and support.vectors is None
    assert ("keras_vae.data.Scaling" in str(error.value)) == helps
    assert "hoose a likelihood that fits" in str(error.value)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@any_support
def test_check_names_values_that_are_no_numbers(support, bad):
    with pytest.raises(ValueError, match=r"1 of 3 .*NaN or infinite.*at \[2\]"):
        support.check(np.array([0.5, 0.5, bad]))


@pytest.mark.parametrize(
    "support, words",
    [
        (REAL, "the real numbers"),
        (Support(integer=True), "whole numbers"),
        (UNIT_INTERVAL, "[0, 1]"),
        (OPEN_UNIT_INTERVAL, "(0, 1)"),
        (COUNTS, "whole numbers in [0, infinity)"),
        (levels(0, 255), "whole numbers in [0, 255]"),
        (Support(0.5, 2.25), "[0.5, 2.25]"),
        (Support(None, 1.0), "(-infinity, 1]"),
        (Support(None, 1.0, is_open=True), "(-infinity, 1)"),
    ],
)
def test_words(support, words):
    assert str(support) == words


def test_unknown_names():
    near = str(unknown("objective", "ELBOW", ["iwae", "elbo"]))
    assert near == "Unknown objective 'ELBOW'. Did you mean 'elbo'? Known: elbo, iwae."
    far = str(unknown("objective", "zzzz", ["iwae", "elbo"]))
    assert far == "Unknown objective 'zzzz'. Known: elbo, iwae."
    assert "Unknown objective 3." in str(unknown("objective", 3, ["elbo"]))


@pytest.mark.parametrize("n", [1, np.int64(3), np.uint8(7)])
def test_positive_integers(n):
    assert positive_int(n, "n") == n and type(positive_int(n, "n")) is int


@pytest.mark.parametrize("n", [0, -1, 1.0, True, None, "1", np.float32(2)])
def test_what_is_no_positive_integer(n):
    with pytest.raises(ValueError, match="n must be a positive integer"):
        positive_int(n, "n")


JOINED = Joined(blocks=((2, REAL), (3, ONE_HOT)))


def test_joined_vectors_are_checked_block_by_block():
    x = np.array([[5.0, -1.0, 0, 1, 0], [5.0, -1.0, 0.5, 0.5, 0], [np.nan, 0, 1, 0, 0]])
    inside = JOINED.contains(x)
    np.testing.assert_array_equal(inside[0], True)
    np.testing.assert_array_equal(inside[1], [True, True, False, False, True])
    np.testing.assert_array_equal(inside[2], [False, True, True, True, True])
    assert JOINED.contains(JOINED.some_value()[np.newaxis]).all()
    assert "2 numbers in the real numbers, then 3 numbers in one-hot" in str(JOINED)


@pytest.mark.parametrize(
    "other, included",
    [
        (JOINED, True),
        (Joined(blocks=((2, UNIT_INTERVAL), (3, ONE_HOT))), True),
        (Joined(blocks=((3, REAL), (2, ONE_HOT))), False),
        (Joined(blocks=((2, REAL), (3, SIMPLEX))), False),
        (REAL, False),
    ],
)
def test_joined_vectors_include_what_their_blocks_include(other, included):
    assert JOINED.includes(other) is included


def test_a_path_of_joined_vectors_keeps_each_block_in_its_set():
    start = np.array([[0.0, 0.0, 1, 0, 0]], np.float32)
    end = np.array([[4.0, -4.0, 0, 0, 1]], np.float32)
    path = JOINED.path(start, end, 5)
    JOINED.check(path, "path")
    np.testing.assert_allclose(path[0, :, 0], [0, 1, 2, 3, 4])
    np.testing.assert_array_equal(path[0, [0, -1]], np.concatenate([start, end]))
