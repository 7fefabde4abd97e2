"""Scores of predicted labels."""

import numpy as np
import pytest
from kind_cases import kind

from keras_vae.evaluation import HeldOut, evaluate_metrics, label_scores


def test_known_labels_are_compared_and_unknown_ones_left_out():
    model, x, _ = kind("classes to learn")
    label, probabilities = model.predict_label(x)
    y = np.where(np.arange(len(x)) % 2, label, (label + 1) % model.num_classes)
    y[:2] = -1
    found, rows = label_scores(model, x, y), np.arange(2, len(x))
    assert found["num_labels"] == len(x) - 2
    assert found["label_accuracy"]["mean"] == pytest.approx((label == y)[2:].mean())
    expected = -np.log(probabilities[rows, y[2:]]).mean()
    assert found["label_log_loss"]["mean"] == pytest.approx(expected, rel=1e-5)


def test_a_probe_leaves_out_unknown_classes():
    model, x, y = kind("classes to learn")
    unknown = np.arange(len(x)) < 3
    some = np.where(unknown, -1, y)
    found = evaluate_metrics("probe", HeldOut(model, x, some, lambda: (x, some)))
    known = x[~unknown], y[~unknown]
    assert found == evaluate_metrics("probe", HeldOut(model, *known, lambda: known))
    with pytest.raises(ValueError, match="No label is known"):
        evaluate_metrics(
            "probe", HeldOut(model, x, y, lambda: (x, np.full(len(x), np.nan)))
        )


@pytest.mark.parametrize("name", ["normal", "classes to learn"])
def test_without_labels_on_either_side_there_is_no_score(name):
    model, x, _ = kind(name)
    with pytest.raises(ValueError, match="learns? (no|them)|No label is known|no labels"):
        label_scores(model, x, np.full(len(x), -1))
