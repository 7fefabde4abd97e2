"""Precision, recall, density and coverage at their limits."""

import numpy as np
import pytest
from scipy.spatial import distance

from keras_vae.evaluation import density_coverage, precision_recall

RNG = np.random.default_rng(0)
REAL, NEW = RNG.normal(size=(2, 500, 3))


def means(scores):
    return {name: score["mean"] for name, score in scores.items()}


def all_of(real, sampled):
    return means(precision_recall(real, sampled)) | means(density_coverage(real, sampled))


def test_the_same_set_scores_one():
    found = all_of(REAL, REAL)
    # A point on the edge of a ball may fall to either side by rounding.
    assert found.pop("density") == pytest.approx(1.0, abs=0.21)
    assert found == {"precision": 1.0, "recall": 1.0, "coverage": 1.0}


def test_far_apart_sets_score_zero():
    assert set(all_of(REAL, REAL + 100.0).values()) == {0.0}


def test_new_samples_of_the_same_distribution_score_nearly_one():
    found = all_of(REAL, NEW)
    assert found["precision"] > 0.8 and found["recall"] > 0.8
    assert found["density"] == pytest.approx(1.0, abs=0.15)
    # Of new samples 1 - C(N - 1, k) / C(2 N - 1, k), near 1 - 1 / 2^k.
    assert found["coverage"] == pytest.approx(1 - 0.5**5, abs=0.03)


def test_dropped_modes_cost_recall_and_coverage_alone():
    modes = np.array([[0.0, 0, 0], [50.0, 0, 0], [0.0, 50, 0], [0.0, 0, 50]])
    real = REAL + modes[np.arange(500) % 4]
    whole, one = NEW + modes[np.arange(500) % 4], NEW + modes[0]
    found, dropped = all_of(real, whole), all_of(real, one)
    assert dropped["precision"] > 0.75 and dropped["density"] > 0.8
    for name in ("recall", "coverage"):
        assert found[name] > 0.75 and dropped[name] == pytest.approx(0.25, abs=0.03)


def test_strange_samples_cost_precision_and_density_alone():
    strange = np.where(np.arange(500)[:, np.newaxis] % 2, NEW, NEW + 100.0)
    found = all_of(REAL, strange)
    assert found["precision"] == pytest.approx(0.5, abs=0.1)
    assert found["density"] == pytest.approx(0.5, abs=0.1)
    assert found["coverage"] > 0.7


def test_an_outlier_fools_precision_more_than_density():
    real = np.concatenate([REAL, [[60.0, 0, 0]]])
    samples = np.concatenate([NEW[:250], NEW[250:] + [40.0, 0, 0]])
    assert means(precision_recall(real, samples))["precision"] > 0.9
    assert means(density_coverage(real, samples))["density"] < 0.75


def test_they_are_the_formulas_written_out(monkeypatch):
    real, sampled, k = REAL[:40], NEW[:30] + 0.5, 4
    radii = np.sort(distance.cdist(real, real), axis=1)[:, k]
    sampled_radii = np.sort(distance.cdist(sampled, sampled), axis=1)[:, k]
    between = distance.cdist(real, sampled)
    expected = {
        "precision": (between <= radii[:, None]).any(axis=0).mean(),
        "recall": (between <= sampled_radii).any(axis=1).mean(),
        "density": (between < radii[:, None]).sum() / (k * 30),
        "coverage": (between.min(axis=1) < radii).mean(),
    }

    def found():
        return precision_recall(real, sampled, k) | density_coverage(real, sampled, k)

    assert means(found()) == pytest.approx(expected)
    # Both sets are random, and only one of them would be in a simple error.
    assert {score["standard_error"] for score in found().values()} == {None}
    monkeypatch.setattr("keras_vae.evaluation.images.manifolds._DISTANCES_AT_A_TIME", 100)
    assert means(found()) == pytest.approx(expected)


@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("axes", [1, 2])
def test_points_on_the_edge_of_a_ball(axes, k):
    """On a lattice many are, and squares of distances are whole numbers."""
    rng = np.random.default_rng(axes)
    real, sampled = rng.integers(0, 7, (2, 14, axes))

    def squares(points, others):
        return np.square(points[:, np.newaxis] - others).sum(axis=-1)

    def radii(points):
        # The first is the point itself.
        return np.sort(squares(points, points), axis=1)[:, k]

    between, real_radii = squares(real, sampled), radii(real)[:, np.newaxis]
    assert (between == real_radii).any() and (between == radii(sampled)).any()
    assert means(precision_recall(real, sampled, k)) == {
        "precision": (between <= real_radii).any(axis=0).mean(),
        "recall": (between <= radii(sampled)).any(axis=1).mean(),
    }
    assert means(density_coverage(real, sampled, k)) == pytest.approx(
        {
            "density": (between < real_radii).sum() / (k * len(sampled)),
            "coverage": (between < real_radii).any(axis=1).mean(),
        }
    )


@pytest.mark.parametrize("function", [precision_recall, density_coverage])
def test_refusals(function):
    with pytest.raises(ValueError, match="more than 7 points"):
        function(REAL[:7], NEW, k=7)
    with pytest.raises(ValueError, match="k must be"):
        function(REAL, NEW, k=0)
    with pytest.raises(ValueError, match="shapes"):
        function(REAL, NEW[:, :2])
