"""The beta-VAE and the FactorVAE score at their limits."""

import numpy as np
import pytest

from keras_vae.data import Sprites
from keras_vae.evaluation import beta_vae_score, factor_vae_score

SMALL = {"num_train": 300, "num_test": 200, "batch_size": 16}


class Levels:
    """Data whose images are their factors."""

    sizes = (4, 5, 6)

    def sample(self, n, rng):
        return rng.integers(0, self.sizes, size=(n, 3))

    def draw(self, factors):
        return factors.astype(float)


def perfect(x):
    # And a code that is collapsed, which must not be taken for one that stands still.
    return np.concatenate([x, 0 * x[:, :1]], axis=1)


def useless(x):
    return np.random.default_rng(len(x)).normal(size=(len(x), 4))


@pytest.fixture(params=[beta_vae_score, factor_vae_score])
def score(request):
    return request.param


def test_a_perfect_code_scores_one(score):
    assert score(perfect, Levels(), **SMALL) == {"mean": 1.0, "standard_error": 0.0}


def test_a_useless_code_scores_chance(score):
    # Codes that depend on the place in the batch alone.
    found = score(useless, Levels(), **SMALL)
    assert found["mean"] == pytest.approx(1 / 3, abs=4 * found["standard_error"])


def test_order_and_scale_of_codes_do_not_matter(score):
    def other(x):
        return perfect(x)[:, [2, 3, 0, 1]] * [-4.0, 1.0, 0.5, 2.0]

    assert score(other, Levels(), **SMALL)["mean"] == 1.0


def test_codes_may_have_several_axes(score):
    def noisy(x):
        return perfect(x) + 0.8 * np.sin(1e3 * x.sum(axis=1, keepdims=True) * [1, 2, 3, 0])

    flat = score(noisy, Levels(), **SMALL)
    assert score(lambda x: noisy(x).reshape(-1, 2, 2), Levels(), **SMALL) == flat


@pytest.mark.parametrize("factors", [[1.0, 1.0, 100.0], [0.1, 30.0, 1.0]])
def test_the_votes_do_not_see_the_scale_of_codes(factors):
    """Where the code is far from perfect, and its units would decide."""

    def noisy(x):
        return x + 4.0 * np.sin(1e3 * x.sum(axis=1, keepdims=True) * [1, 2, 3])

    found = factor_vae_score(noisy, Levels(), **SMALL)
    assert 0.4 < found["mean"] < 0.95
    assert factor_vae_score(lambda x: noisy(x) * factors, Levels(), **SMALL) == found


def test_a_code_that_knows_one_factor_tells_that_one():
    def one(x):
        return np.stack([x[:, 0], x[:, 0]], axis=1)

    found = beta_vae_score(one, Levels(), **SMALL)
    # It is still, or else it is a guess between the other two.
    assert found["mean"] == pytest.approx(2 / 3, abs=5 * found["standard_error"])


def test_two_factors_in_two_codes_alike_cannot_be_told_apart(score):
    class Equal(Levels):
        sizes = (5, 5, 5)

    def turned(x):
        a, b, c = x.T
        return np.stack([a + b, a - b, c], axis=1)

    found = score(turned, Equal(), **SMALL)
    # The third is always told, the others by chance.
    assert found["mean"] == pytest.approx(2 / 3, abs=5 * found["standard_error"])


def test_seeds(score):
    one, same, other = (score(useless, Levels(), **SMALL, seed=s) for s in (1, 1, 2))
    assert one == same != other


def test_all_codes_collapsed():
    def still(x):
        return np.zeros((len(x), 3))

    assert factor_vae_score(still, Levels(), **SMALL)["mean"] == 0.0


def test_chunks_change_nothing(score, monkeypatch):
    def noisy(x):
        return x + 0.8 * np.sin(1e3 * x.sum(axis=1, keepdims=True) * [1, 2, 3])

    whole = score(noisy, Levels(), **SMALL)
    monkeypatch.setattr(
        "keras_vae.evaluation.disentanglement.interventions._IMAGES_AT_A_TIME", 10**6
    )
    # Other draws, of the same law.
    other = score(noisy, Levels(), **SMALL)
    error = whole["standard_error"] + other["standard_error"]
    assert other["mean"] == pytest.approx(whole["mean"], abs=4 * error + 0.02)


def test_on_sprites():
    def centre_and_size(images):
        images = images[..., 0].astype(float)
        total = images.sum(axis=(1, 2))
        place = np.arange(64)
        across = (images.sum(axis=1) @ place) / total
        down = (images.sum(axis=2) @ place) / total
        return np.stack([across, down, np.sqrt(total)], axis=1)

    numbers = {"num_train": 60, "num_test": 60, "num_variance": 500, "batch_size": 32}
    found = factor_vae_score(centre_and_size, Sprites(), **numbers)
    # It sees scale, x and y, and never rotation.
    assert 0.4 < found["mean"] < 1.0


@pytest.mark.parametrize("name", ["num_train", "num_test", "batch_size"])
def test_refusals(score, name):
    with pytest.raises(ValueError, match=name):
        score(perfect, Levels(), **SMALL | {name: 0})
    with pytest.raises(ValueError, match="at least 2"):
        score(perfect, Levels(), **SMALL | {"batch_size": 1})


def test_codes_that_are_not_numbers_are_no_collapse(score):
    with pytest.raises(ValueError, match="NaN or infinite"):
        score(lambda x: perfect(x) * np.nan, Levels(), **SMALL)


def test_a_variance_needs_two_images():
    with pytest.raises(ValueError, match="num_variance must be at least 2"):
        factor_vae_score(perfect, Levels(), num_variance=1)
