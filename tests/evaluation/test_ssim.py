"""Structural similarity against the formula written out with SciPy's filters."""

import numpy as np
import pytest
from scipy import ndimage

from keras_vae.evaluation import structural_similarity

RNG = np.random.default_rng(0)
X = RNG.uniform(size=(4, 17, 21, 2))
OTHER = np.clip(X + 0.2 * RNG.normal(size=X.shape), 0, 1)


def by_scipy(x, y, span):
    """Mean over the inside of one channel."""

    def blur(a):
        return ndimage.gaussian_filter(a, 1.5, radius=5)[5:-5, 5:-5]

    mx, my = blur(x), blur(y)
    vx, vy, cov = blur(x * x) - mx**2, blur(y * y) - my**2, blur(x * y) - mx * my
    c1, c2 = (0.01 * span) ** 2, (0.03 * span) ** 2
    above = (2 * mx * my + c1) * (2 * cov + c2)
    return (above / ((mx**2 + my**2 + c1) * (vx + vy + c2))).mean()


def test_it_is_scipys():
    expected = [
        np.mean([by_scipy(a[..., c], b[..., c], 1.0) for c in range(2)])
        for a, b in zip(X, OTHER, strict=True)
    ]
    np.testing.assert_allclose(structural_similarity(X, OTHER), expected, rtol=1e-4)


def test_limits():
    np.testing.assert_allclose(structural_similarity(X, X), 1.0, rtol=1e-6)
    assert (structural_similarity(X, 1.0 - X) < 0.0).all()
    independent = structural_similarity(X, RNG.uniform(size=X.shape))
    assert (np.abs(independent) < 0.2).all()
    nearer = structural_similarity(X, 0.5 * (X + OTHER))
    assert (nearer > structural_similarity(X, OTHER)).all()


def test_flat_images_differ_in_luminance_alone():
    # So dark that the rounding of squares is small beside the constants of the formula.
    a, b = 0.03, 0.05
    found = structural_similarity(np.full((1, 11, 11, 1), a), np.full((1, 11, 11, 1), b))
    assert found[0] == pytest.approx((2 * a * b + 1e-4) / (a**2 + b**2 + 1e-4), rel=1e-5)


def test_it_knows_the_range_and_the_order():
    scaled = structural_similarity(255 * X, 255 * OTHER, (0, 255))
    expected = structural_similarity(X, OTHER)
    np.testing.assert_allclose(scaled, expected, rtol=1e-4)
    np.testing.assert_allclose(structural_similarity(OTHER, X), expected, rtol=1e-5)


def test_chunks_change_nothing(monkeypatch):
    whole = structural_similarity(X, OTHER)
    monkeypatch.setattr("keras_vae.evaluation.images.scores._AT_A_TIME", 3)
    np.testing.assert_allclose(structural_similarity(X, OTHER), whole, rtol=1e-6)


@pytest.mark.parametrize("x, other", [(X, X[:2]), (X[:, :10], X[:, :10]), (X[0], X[0])])
def test_refusals(x, other):
    with pytest.raises(ValueError, match="11 x 11|have shapes"):
        structural_similarity(x, other)
