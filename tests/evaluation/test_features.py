"""Feature extractors, and the Frechet distance against closed forms and SciPy."""

import numpy as np
import pytest
from scipy import linalg

from keras_vae.evaluation import FeatureExtractor, frechet_distance, pixels, random_conv

# Of the ramp below.
RAMP_FEATURES = [0.0118510, -0.0505740, 0.1514184]
RNG = np.random.default_rng(0)
IMAGES = RNG.uniform(size=(30, 12, 12, 3)).astype("float32")


def with_moments(n, mean, covariance):
    """Vectors whose sample mean and covariance are these, to rounding."""
    x = RNG.normal(size=(n, len(mean)))
    x -= x.mean(axis=0)
    x = x @ np.linalg.inv(np.linalg.cholesky(np.cov(x, rowvar=False))).T
    return x @ np.linalg.cholesky(covariance).T + mean


def covariance(size):
    a = RNG.normal(size=(size, size))
    return a @ a.T + 0.1 * np.eye(size)


def test_distance_is_that_of_scipys_square_root():
    means, covs = RNG.normal(size=(2, 5)), [covariance(5) for _ in range(2)]
    x, y = (with_moments(50 + 9 * i, means[i], covs[i]) for i in range(2))
    root = linalg.sqrtm(covs[0] @ covs[1]).real
    expected = np.sum((means[0] - means[1]) ** 2) + np.trace(covs[0] + covs[1] - 2 * root)
    assert frechet_distance(x, y)["mean"] == pytest.approx(expected, rel=1e-8)
    assert frechet_distance(y, x)["mean"] == pytest.approx(expected, rel=1e-8)


def test_distance_of_diagonal_normals_has_a_closed_form():
    a, b, shift = np.array([1.0, 4.0]), np.array([9.0, 0.25]), np.array([0.0, 3.0])
    x = with_moments(40, np.zeros(2), np.diag(a))
    y = with_moments(70, shift, np.diag(b))
    expected = 9.0 + np.sum((np.sqrt(a) - np.sqrt(b)) ** 2)
    assert frechet_distance(x, y)["mean"] == pytest.approx(expected, rel=1e-9)


def test_limits_and_symmetries():
    x = RNG.normal(size=(60, 4))
    assert frechet_distance(x, x[::-1])["mean"] == pytest.approx(0.0, abs=1e-9)
    assert frechet_distance(x, x + 2.0)["mean"] == pytest.approx(16.0)
    turn = np.linalg.qr(RNG.normal(size=(4, 4)))[0]
    y = RNG.normal(size=(50, 4)) * 2 + 1
    whole = frechet_distance(x, y)["mean"]
    assert frechet_distance(x @ turn, y @ turn)["mean"] == pytest.approx(whole)
    assert frechet_distance(3 * x, 3 * y)["mean"] == pytest.approx(9 * whole)
    one = frechet_distance(x[:, :1], y[:, :1])["mean"]
    expected = (x[:, 0].mean() - y[:, 0].mean()) ** 2
    expected += (x[:, 0].std(ddof=1) - y[:, 0].std(ddof=1)) ** 2
    assert one == pytest.approx(expected)


def test_features_that_do_not_vary_are_no_trouble():
    x, y = RNG.normal(size=(2, 40, 3)) * [1.0, 2.0, 0.0]
    found = frechet_distance(x, y + [0.0, 1.0, 2.0])
    without = frechet_distance(x[:, :2], y[:, :2] + [0.0, 1.0])
    assert found["mean"] == pytest.approx(without["mean"] + 4.0)
    assert np.isfinite(found["standard_error"])


def test_the_error_is_that_of_repetitions():
    scale = np.array([1.0, 2.0, 0.5])
    found = [
        frechet_distance(RNG.normal(size=(300, 3)), RNG.normal(0.7, scale, size=(400, 3)))
        for _ in range(600)
    ]
    spread = np.std([one["mean"] for one in found])
    errors = np.mean([one["standard_error"] for one in found])
    # 600 repetitions know their spread to about 3%.
    assert errors == pytest.approx(spread, rel=0.12)


@pytest.mark.parametrize("signs", [(1, 1), (1, -1), (-1, 1), (-1, -1)])
def test_the_error_is_that_of_repetitions_for_skewed_features(signs):
    """Skewness makes the mean and the covariance of a sample move together."""

    def features(sign, scales, n):
        return sign * (RNG.exponential(scales, size=(n, 2)) - scales)

    wide, narrow = np.array([2.0, 3.0]), np.array([0.8, 1.0])
    found = [
        frechet_distance(features(signs[0], wide, 400), features(signs[1], narrow, 100) + 2)
        for _ in range(800)
    ]
    spread = np.std([one["mean"] for one in found])
    errors = np.mean([one["standard_error"] for one in found])
    # 800 repetitions know their spread to about 3%.
    assert errors == pytest.approx(spread, rel=0.12)


@pytest.mark.parametrize(
    "x, y, message",
    [
        (np.zeros((5, 2)), np.zeros((5, 3)), "shapes"),
        (np.zeros(5), np.zeros(5), "shapes"),
        (np.zeros((1, 2)), np.zeros((5, 2)), "at least two"),
        (np.full((5, 2), np.nan), np.zeros((5, 2)), "NaN"),
    ],
)
def test_refusals(x, y, message):
    with pytest.raises(ValueError, match=message):
        frechet_distance(x, y)


def test_random_features_are_the_same_everywhere():
    extract = random_conv()
    features = extract(IMAGES)
    assert extract.name == "random_conv_v1" and features.shape == (30, 64)
    np.testing.assert_array_equal(random_conv()(IMAGES), features)
    np.testing.assert_allclose(extract(IMAGES, batch_size=7), features, atol=1e-5)
    np.testing.assert_allclose(random_conv((0, 255))(255 * IMAGES), features, atol=1e-4)
    grey, studio = np.round(255 * IMAGES).astype(np.uint8), random_conv((16, 235))
    np.testing.assert_allclose(studio(grey), studio(grey.astype(float)), atol=1e-4)
    # Written down, so that a change of the network gets another name.
    ramp = np.linspace(0, 1, 64).reshape(1, 8, 8, 1)
    np.testing.assert_allclose(extract(ramp)[0, :3], RAMP_FEATURES, rtol=1e-3)


def test_random_features_tell_pictures_from_others():
    extract = random_conv()
    ours = [RNG.uniform(size=(200, 12, 12, 1)) for _ in range(2)]
    blurred = (ours[1] + np.roll(ours[1], 1, axis=1) + np.roll(ours[1], 1, axis=2)) / 3
    same = frechet_distance(extract(ours[0]), extract(ours[1]))["mean"]
    assert frechet_distance(extract(ours[0]), extract(blurred))["mean"] > 2 * same


def test_pixels_and_own_extractors():
    np.testing.assert_allclose(pixels()(IMAGES), IMAGES.reshape(30, -1))
    own = FeatureExtractor("means", lambda x: x.mean(axis=(1, 2)))
    np.testing.assert_allclose(own(IMAGES), IMAGES.mean(axis=(1, 2)), rtol=1e-5)
    with pytest.raises(ValueError, match="'flat' must return vectors"):
        FeatureExtractor("flat", lambda x: x.mean(axis=(1, 2, 3)))(IMAGES)
    with pytest.raises(ValueError, match="'bad' returned NaN"):
        FeatureExtractor("bad", lambda x: x[:, 0, 0] * np.nan)(IMAGES)
    with pytest.raises(ValueError, match="8 x 8 pixels"):
        random_conv()(IMAGES[:, :7])
