"""Few labels are kept of many, and labelled rows come in every batch."""

import numpy as np
import pytest

from keras_vae.data import keep_labels, rows_with_more_labels

Y = np.random.default_rng(0).integers(0, 4, 500)


@pytest.mark.parametrize("count", [4, 10, 41, 200])
def test_as_many_of_each_class_are_kept_and_the_others_forgotten(count):
    kept = keep_labels(Y, count, seed=1)
    known = kept >= 0
    assert known.sum() == count and kept.dtype == np.int32
    np.testing.assert_array_equal(kept[known], Y[known])
    assert np.ptp(np.bincount(kept[known], minlength=4)) <= 1
    np.testing.assert_array_equal(keep_labels(Y, count, seed=1), kept)
    assert (keep_labels(Y, count, seed=2) != kept).any()


def test_what_is_unknown_already_stays_so():
    some = np.where(np.arange(len(Y)) % 2, Y, -1)
    kept = keep_labels(some, 40)
    assert (kept[some < 0] == -1).all() and (kept >= 0).sum() == 40


@pytest.mark.parametrize(
    "y, count, words",
    [
        (Y, 3, "too few for 4 classes"),
        (Y, 0, "count"),
        (Y, 499, "labels, fewer than .* for each class"),
        (np.eye(3, dtype=int), 3, "one class number"),
        (Y / 2, 8, "one class number"),
    ],
)
def test_what_cannot_be_kept_is_refused(y, count, words):
    with pytest.raises(ValueError, match=words):
        keep_labels(y, count)


@pytest.mark.parametrize("count, share", [(4, 0.1), (4, 0.5), (200, 0.3), (200, 0.6)])
def test_labelled_rows_are_repeated_alike_up_to_their_share(count, share):
    y = keep_labels(Y, count)
    rows = rows_with_more_labels(y, share)
    times = np.bincount(rows, minlength=len(y))
    assert (times[y < 0] == 1).all() and times[y >= 0].min() >= 1
    assert np.ptp(times[y >= 0]) <= 1
    found = (y[rows] >= 0).mean()
    assert found == pytest.approx(max(share, count / len(y)), abs=2 / len(rows))


@pytest.mark.parametrize("y, share", [(np.full(5, -1), 0.1), (Y, 0.0), (Y, 1.0)])
def test_shares_that_cannot_be_are_refused(y, share):
    with pytest.raises(ValueError, match="share must be|No label"):
        rows_with_more_labels(y, share)
