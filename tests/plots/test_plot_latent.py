from statistics import NormalDist
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import keras_vae
from keras_vae import plots
from keras_vae.data import Preprocessor, Scaling
from keras_vae.data.conditions import Conditions
from keras_vae.data.tables import Column

X = np.random.default_rng(0).random((20, 4, 4, 1)).astype(np.float32)


def decoded(model, z):
    """What a model decodes one latent vector to, as bytes."""
    mean = model.decode_codes(np.float32([z]))[0]
    return np.round(mean * 255).astype(np.uint8).repeat(3, axis=-1)


def close(actual, expected):
    """Equal but for rounding: batches of another size add up in another order."""
    assert actual.shape == expected.shape
    assert np.abs(actual.astype(int) - expected).max() <= 1


def test_the_manifold_lies_in_the_plane_as_a_chart_does(plane):
    size = 5
    picture = plots.latent_manifold(plane, size)
    assert picture.dtype == np.uint8 and picture.shape == (600, 600, 3)
    low, high = (NormalDist().inv_cdf(p) for p in (0.1, 0.9))
    small = picture[::15, ::15]
    corners = {
        (0, 0): (low, high),
        (0, 4): (high, high),
        (4, 0): (low, low),
        (4, 4): (high, low),
        (2, 2): (0.0, 0.0),
    }
    for (row, column), z in corners.items():
        image = small[8 * row : 8 * row + 8, 8 * column : 8 * column + 8]
        close(image, decoded(plane, z))
    close(small[:8, :8], decoded(plane, (low, high)))
    assert not np.array_equal(small[:8, :8], small[-8:, -8:])


def test_manifolds_larger_than_a_batch(plane):
    picture = plots.latent_manifold(plane, 20)
    assert picture.shape == (640, 640, 3)
    high = NormalDist().inv_cdf(19.5 / 20)
    close(picture[-32::4, -32::4], decoded(plane, (high, -high)))


def test_the_range_can_be_chosen(plane):
    dark = plots.latent_manifold(plane, 3, value_range=(0, 100))
    assert dark.max() <= 3 < plots.latent_manifold(plane, 3).max()


@pytest.mark.parametrize(
    "model, message",
    [
        (dict(event_shape=(4, 4, 1), latent_dim=3), "has 3 latent dimensions"),
        (dict(event_shape=(30,), latent_dim=2), "vectors of 30 numbers"),
        (dict(event_shape=(4, 4, 2), latent_dim=2), "2 channels"),
    ],
)
def test_models_without_a_manifold_are_refused(model, message):
    with pytest.raises(ValueError, match=message):
        plots.latent_manifold(keras_vae.DenseVAE(hidden_units=(4,), **model))


def test_sizes_must_be_positive(plane):
    with pytest.raises(ValueError, match="size must be a positive integer"):
        plots.latent_manifold(plane, 0)


@pytest.fixture(scope="module")
def walk(deep):
    """Two rows of five images, without enlarging them."""
    picture = plots.traversals(deep, X, dimensions=[3, 7], steps=5, extent=2.0)
    scale = (picture.shape[1] - 8) // 20
    assert picture.shape == (2 * 4 * scale + 2, 5 * 4 * scale + 8, 3)
    step = 4 * scale + 2
    return np.array(
        [
            [
                picture[r * step :, c * step :][: 4 * scale : scale, : 4 * scale : scale]
                for c in range(5)
            ]
            for r in range(2)
        ]
    )


def test_the_middle_of_a_traversal_is_the_reconstruction(deep, walk):
    mean = deep.embed(X)[0]
    for row in walk:
        close(row[2], decoded(deep, mean))


def test_traversals_move_one_dimension(deep, walk):
    mean = deep.embed(X)[0]
    for row, dimension in zip(walk, [3, 7], strict=True):
        for image, offset in zip(row, [-2, -1, 0, 1, 2], strict=True):
            z = mean.copy()
            z[dimension] += offset
            close(image, decoded(deep, z))
        assert not np.array_equal(row[0], row[-1])


class Recorder:
    """A model whose posterior means are known and which keeps what it decodes."""

    event_shape = (2, 2, 1)
    latent_dim = 12
    latent = keras_vae.DenseVAE(3, 12, hidden_units=()).latent

    def __init__(self, means, prior, shows=0, shown_range=(0.0, 1.0)):
        self.means, self.prior, self.z, self.shows = means, prior, [], shows
        self.shown_range = shown_range

    def to_units(self, x):
        """As they are."""
        return x

    def pictures(self, x):
        """As they are."""
        return x

    def check_condition(self, y, n):
        """There is none."""

    def trace(self, x, y=None):
        """Only the prior of it."""
        return SimpleNamespace(p=self.prior.distribution())

    def embed(self, x, y=None):
        """The known means, whatever is observed."""
        return self.means

    def decode_codes(self, z, y=None):
        """Keeps z."""
        self.z.append(z)
        return np.full((len(z), 2, 2, 1), self.shows)


def moved(model, **options):
    """Which dimension each row moves, and by how much at its end."""
    plots.traversals(model, model.means, steps=3, **options)
    z = np.concatenate(model.z).reshape(-1, 3, model.latent_dim)
    change = z[:, 2] - z[:, 1]
    np.testing.assert_allclose(z[:, 0] + z[:, 2], 2 * z[:, 1], atol=1e-5)
    assert (np.count_nonzero(change, axis=1) == 1).all()
    rows = np.argmax(np.abs(change), axis=1)
    return rows.tolist(), change[np.arange(len(rows)), rows]


@pytest.mark.parametrize("n", [1, 50])
def test_the_dimensions_that_are_used_most_come_first(n):
    use = np.array([0, 0.1, 0.9, 0.3, 2, 0.01, 1.5, 0.2, 0.4, 0.5, 0.6, 0.7])
    signs = np.where(np.arange(n)[:, None] % 2, -1, 1)
    model = Recorder((signs * use).astype(np.float32), keras_vae.priors.StandardNormal(12))
    rows, change = moved(model)
    assert rows == [4, 6, 2, 11, 10, 9, 8, 3, 7, 1]
    np.testing.assert_allclose(change, 2.5, rtol=1e-6)


class WithoutMoments:
    """A prior that can only be drawn from; its scale is 0.5."""

    def distribution(self):
        """The prior itself."""
        return self

    def mean(self):
        """Not known in closed form."""
        raise NotImplementedError

    def sample(self, n, seed):
        """Draws."""
        return np.random.default_rng(0).normal(size=(n, 12)) * 0.5


@pytest.mark.parametrize(
    "prior",
    [WithoutMoments(), keras_vae.priors.MixtureOfNormals(3, event_shape=12)],
    ids=["drawn from", "mixture"],
)
def test_steps_are_in_standard_deviations_of_the_prior(prior):
    model = Recorder(np.zeros((4, 12), np.float32), prior)
    rows, change = moved(model, dimensions=(5, 0), extent=2)
    assert rows == [5, 0]
    if isinstance(prior, WithoutMoments):
        scale = [0.5, 0.5]
    else:
        scale = np.asarray(prior.distribution().stddev())[[5, 0]]
    np.testing.assert_allclose(change, 2 * np.array(scale), rtol=0.03)


@pytest.mark.parametrize(
    "shown_range, shows, expected",
    [((0, 255), 51, 51), ((0.0, 1.0), 0.2, 51), ((0.0, 1.0), 7.0, 255)],
)
def test_the_model_says_what_is_black_and_white(shown_range, shows, expected):
    prior = keras_vae.priors.StandardNormal(12)
    model = Recorder(np.zeros((1, 12), np.float32), prior, shows, shown_range)
    picture = plots.traversals(model, model.means, [0], steps=2)
    assert set(np.unique(picture)) == {expected, 255}


@pytest.mark.parametrize(
    "options, message",
    [
        ({"dimensions": [0, 12]}, r"0 to 11, but dimensions has \[12\]"),
        ({"dimensions": [-1]}, r"has \[-1\]"),
        ({"dimensions": []}, "dimensions is empty"),
        ({"steps": 1}, "steps must be at least 2"),
        ({"extent": 0}, "extent must be positive"),
    ],
)
def test_bad_options_are_refused(deep, options, message):
    with pytest.raises(ValueError, match=message):
        plots.traversals(deep, X, **options)


def test_bad_observations_are_refused(deep):
    with pytest.raises(ValueError, match="x is empty"):
        plots.traversals(deep, X[:0])
    with pytest.raises(ValueError, match="x has shape"):
        plots.traversals(deep, X[..., 0])


def test_models_of_vectors_have_no_pictures():
    model = keras_vae.DenseVAE((5,), latent_dim=3, hidden_units=(4,))
    with pytest.raises(ValueError, match="vectors of 5 numbers"):
        plots.traversals(model, np.zeros((2, 5)))


@pytest.mark.parametrize(
    "likelihood, expected",
    [
        ("bernoulli", (0.0, 1.0)),
        ("beta", (0.0, 1.0)),
        ("discretized_logistic:low=0,high=16", (0.0, 16.0)),
        ("normal", (0.0, 1.0)),
        ("poisson", (0.0, 1.0)),
    ],
)
def test_a_model_shows_what_its_likelihood_reaches(likelihood, expected):
    model = keras_vae.DenseVAE((4, 4, 1), 2, likelihood, hidden_units=(4,))
    assert model.shown_range == expected


def test_traversals_keep_a_condition_of_several_labels():
    model = keras_vae.DenseVAE((4, 4, 1), 2, hidden_units=(4,), condition=(4,), seed=0)
    labels = [Column("kind", "category", ("a", "b")), Column("age", "real", low=0, high=9)]
    model.preprocessor = Preprocessor(Scaling((4, 4, 1)), conditions=Conditions(labels))
    y = pd.DataFrame({"kind": ["b"] * 20, "age": [3.0] * 20})
    picture = plots.traversals(model, X, [0], steps=3, y=y)
    # The middle is the reconstruction.
    middle = model.reconstruct(X[:1], y[:1])[0]
    expected = np.round(middle * 255).astype(np.uint8).repeat(3, axis=-1)
    close(picture[::50, 202:402:50], expected)
