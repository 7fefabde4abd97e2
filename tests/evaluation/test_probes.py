"""Probes at their limits."""

import numpy as np
import pytest

from keras_vae.evaluation import probe_accuracy

RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 3, 400)
CENTRES = np.array([[0.0, 5.0], [5.0, 0.0], [-5.0, -5.0]])
APART = CENTRES[LABELS] + 0.1 * RNG.normal(size=(400, 2))


def split(z, y):
    return z[:300], y[:300], z[300:], y[300:]


@pytest.mark.parametrize("method", ["linear", "knn"])
def test_what_is_apart_is_read_and_noise_is_not(method):
    found = probe_accuracy(*split(APART, LABELS), method=method)
    assert found == {"mean": 1.0, "standard_error": 0.0}
    noise = probe_accuracy(*split(RNG.normal(size=(400, 2)), LABELS), method=method)
    assert noise["mean"] == pytest.approx(1 / 3, abs=4 * noise["standard_error"])
    expected = np.sqrt(noise["mean"] * (1 - noise["mean"]) / 99)
    assert noise["standard_error"] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("neighbors", [1, 3, 9])
def test_the_nearest_neighbours_vote(neighbors):
    rng = np.random.default_rng(1)
    z, z_test = rng.normal(size=(60, 2)), rng.normal(size=(50, 2))
    # Noisy labels: each number of neighbours has its own answer.
    y, y_test = (
        rng.random(len(one)) < 0.5 + 0.3 * np.sign(one[:, 0]) for one in (z, z_test)
    )
    order = np.linalg.norm(z_test[:, np.newaxis] - z, axis=-1).argsort(axis=1)
    votes = y[order[:, :neighbors]].mean(axis=1) > 0.5
    found = probe_accuracy(z, y, z_test, y_test, "knn", neighbors)
    assert found["mean"] == pytest.approx(np.mean(votes == y_test))


def test_only_neighbours_see_an_exclusive_or():
    z = RNG.choice([-1.0, 1.0], size=(400, 2)) + 0.05 * RNG.normal(size=(400, 2))
    y = (z[:, 0] > 0) ^ (z[:, 1] > 0)
    assert probe_accuracy(*split(z, y), method="knn")["mean"] == 1.0
    assert probe_accuracy(*split(z, y), method="linear")["mean"] < 0.8


def test_columns_are_read_one_by_one():
    noise = RNG.integers(0, 2, 400)
    both = np.stack([LABELS, noise], axis=1)
    one, other, found = (probe_accuracy(*split(APART, y)) for y in (LABELS, noise, both))
    assert found["mean"] == pytest.approx((one["mean"] + other["mean"]) / 2)


def test_scale_does_not_matter_to_the_linear_probe():
    z = APART + RNG.normal(size=APART.shape) * 3.0
    stretched = z * [1e4, 1e-4] + 7.0
    assert probe_accuracy(*split(z, LABELS)) == probe_accuracy(*split(stretched, LABELS))


def test_refusals():
    z_train, y_train, z_test, y_test = split(APART, LABELS)
    with pytest.raises(ValueError, match="Unknown probe 'forest'"):
        probe_accuracy(z_train, y_train, z_test, y_test, method="forest")
    with pytest.raises(ValueError, match="got shapes"):
        probe_accuracy(z_train, y_train[:-1], z_test, y_test)
    with pytest.raises(ValueError, match="got shapes"):
        probe_accuracy(z_train, y_train, z_test[:, :1], y_test)
    with pytest.raises(ValueError, match="All labels"):
        probe_accuracy(z_train, np.ones(300), z_test, y_test)
    with pytest.raises(ValueError, match="y_test must be labels"):
        probe_accuracy(z_train, y_train, z_test, np.zeros((100, 1, 1)))
