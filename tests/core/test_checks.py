"""Checks in graphs agree with those of arrays."""

import numpy as np
import pytest
import tensorflow as tf

from keras_vae.core.checks import checked
from keras_vae.core.support import (
    BINARY,
    COUNTS,
    ONE_HOT,
    POSITIVE,
    REAL,
    SIMPLEX,
    SPHERE,
    UNIT_INTERVAL,
    Columns,
    Joined,
)

ROWS = np.array(
    [
        [0.0, 0.0, 1.0],
        [0.5, 3.0, 1.0],
        [0.5, -3.0, 1.0],
        [0.5, 3.0, 7.0],
        [0.2, 0.3, 0.5],
        # Longer than 1 by rounding.
        [0.0, 0.0, 1.0000001],
        [0.0, 0.0, np.inf],
        [np.nan, 1.0, 1.0],
    ],
    np.float32,
)
SUPPORTS = [
    REAL,
    POSITIVE,
    COUNTS,
    BINARY,
    UNIT_INTERVAL,
    ONE_HOT,
    SIMPLEX,
    SPHERE,
    Columns(columns=(REAL, COUNTS, BINARY)),
    Columns(columns=(REAL, REAL, BINARY)),
    Joined(blocks=((1, UNIT_INTERVAL), (2, COUNTS))),
]


@pytest.mark.parametrize("support", SUPPORTS, ids=str)
def test_a_graph_refuses_what_an_array_check_refuses(support):
    for row in ROWS:
        if support.contains(row[np.newaxis]).all():
            np.testing.assert_array_equal(
                checked(tf.constant(row[np.newaxis]), support)[0], row
            )
            continue
        with pytest.raises(tf.errors.InvalidArgumentError):
            checked(tf.constant(row[np.newaxis]), support)


def test_a_unit_vector_may_round_beyond_one():
    assert SPHERE.contains(ROWS[5:6]).all()


def test_gaps_of_columns_are_no_values():
    columns = Columns(columns=(REAL, COUNTS, BINARY))
    x = tf.constant([[0.5, np.nan, np.nan]])
    np.testing.assert_array_equal(checked(x, columns, gaps=True), x)
    with pytest.raises(tf.errors.InvalidArgumentError):
        checked(tf.constant([[0.5, np.nan, 2.0]]), columns, gaps=True)
