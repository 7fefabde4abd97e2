"""Filled-in values against closed forms and integrals, and what is refused."""

import keras
import numpy as np
import pytest
from imputation_cases import LIKELIHOODS, by_integral, one_latent

import keras_vae
from keras_vae import layers
from keras_vae.generation import impute
from keras_vae.models import latent_variable_model as queries

METHODS = ("importance", "gibbs")
ROWS = 400
SIGMA = 0.7


def linear_gaussian():
    """x = W z + b + noise, whose posterior is nearly, but not, the model's; W and b."""
    rng = np.random.default_rng(4)
    w = np.linalg.qr(rng.normal(size=(6, 2)))[0] * np.array([2.0, 0.8])
    b = rng.normal(size=6)
    covariance = np.linalg.inv(np.eye(2) + w.T @ w / SIGMA**2)
    kernel = w @ covariance / SIGMA**2
    # Standard deviations too large by a third, means that are off.
    raw = np.log(np.expm1(1.3 * np.sqrt(np.diag(covariance)) - 1e-5))
    encoder, decoder = keras.layers.Dense(4), keras.layers.Dense(6)
    model = keras_vae.VAE(
        keras.Sequential([keras.Input((6,)), encoder]),
        keras.Sequential([keras.Input((2,)), decoder]),
        layers.IndependentNormal(2),
        layers.IndependentNormal(6, scale=SIGMA),
        seed=0,
    )
    encoder.set_weights(
        [
            np.concatenate([kernel, np.zeros((6, 2))], axis=1),
            np.concatenate([0.1 - b @ kernel, raw]),
        ]
    )
    decoder.set_weights([w.T, b])
    return model, w, b


def conditional(w, b, x, observed):
    """Mean and covariance of the missing entries of x given the observed ones."""
    covariance = w @ w.T + SIGMA**2 * np.eye(len(b))
    o, m = np.flatnonzero(observed), np.flatnonzero(~observed)
    gain = np.linalg.solve(covariance[np.ix_(o, o)], covariance[np.ix_(o, m)]).T
    mean = b[m] + gain @ (x - b)[o]
    return mean, covariance[np.ix_(m, m)] - gain @ covariance[np.ix_(o, m)]


@pytest.mark.parametrize("method, missing", [("importance", [1]), ("gibbs", [0, 3, 4])])
def test_of_a_linear_gaussian_model_mean_and_variance_are_the_closed_form(method, missing):
    model, w, b = linear_gaussian()
    x = np.random.default_rng(1).normal(b, 1.5).astype("f4")
    observed = np.ones(6, bool)
    observed[missing] = False
    mean, covariance = conditional(w, b, x, observed)
    # Many copies, each with noise of its own: their spread is the standard error.
    tiled, mask = np.tile(x, (ROWS, 1)), np.tile(observed, (ROWS, 1))
    filled = impute(model, tiled, mask, method, num_samples=400, batch_size=ROWS)
    estimate = filled.mean[:, missing]
    error = estimate.std(axis=0) / np.sqrt(ROWS)
    assert (np.abs(estimate.mean(axis=0) - mean) < 5 * error).all()
    # Draws have the whole distribution, covariances as well.
    draws = filled.draws[0][:, missing] - mean
    products = draws[:, :, None] * draws[:, None]
    error = products.std(axis=0) / np.sqrt(ROWS)
    assert (np.abs(products.mean(axis=0) - covariance) < 5 * error).all()
    np.testing.assert_array_equal(filled.mean[mask], tiled[mask])
    np.testing.assert_array_equal(filled.draws[0][mask], tiled[mask])
    if method == "gibbs":
        # The effective sample size says how much the means of copies vary.
        size = 400 * filled.efficiency.mean()
        predicted = (np.diag(covariance) - SIGMA**2) / size
        error = 5 * np.sqrt(2 / ROWS)
        assert (np.abs(estimate.var(axis=0) / predicted - 1) < error).all()


def test_draws_of_one_observation_have_the_conditional_variance():
    model, w, b = linear_gaussian()
    x = np.random.default_rng(1).normal(b, 1.5).astype("f4")[None]
    observed = np.array([[True, True, True, False, True, True]])
    mean, covariance = conditional(w, b, x[0], observed[0])
    draws = impute(model, x, observed, num_samples=4000, num_draws=4000).draws[:, 0, 3]
    # Resampled draws share codes, so somewhat fewer are independent than there are.
    assert abs(draws.mean() - mean[0]) < 5 * np.sqrt(2 * covariance[0, 0] / 4000)
    assert abs(draws.var() / covariance[0, 0] - 1) < 5 * np.sqrt(2 * 2 / 4000)


GIBBS = ("Student t", "Bernoulli", "discretized logistic")


@pytest.mark.thinned
@pytest.mark.parametrize(
    "name, method",
    [(name, "gibbs" if name in GIBBS else "importance") for name in LIKELIHOODS],
)
def test_of_every_likelihood_the_mean_is_that_of_an_integral(name, method):
    model, x, observed = one_latent(name)
    expected = by_integral(model, x, observed)
    tiled, mask = np.tile(x, (100, 1)), np.tile(observed, (100, 1))
    filled = impute(model, tiled, mask, method, num_samples=300)
    error = filled.mean.std(axis=0) / np.sqrt(100) + 1e-4
    assert (np.abs(filled.mean.mean(axis=0) - expected) < 5 * error).all()
    model.support.check(filled.draws)


@pytest.mark.parametrize("method", METHODS)
def test_nothing_is_filled_in_where_all_is_observed(method):
    model, _, b = linear_gaussian()
    x = np.random.default_rng(1).normal(b, size=(3, 6)).astype("f4")
    filled = impute(model, x, np.ones((3, 6), bool), method, num_samples=8, num_draws=2)
    np.testing.assert_array_equal(filled.mean, x)
    np.testing.assert_array_equal(filled.draws, np.stack([x, x]))


@pytest.mark.parametrize("method", METHODS)
def test_where_nothing_is_observed_the_answer_is_the_model_s_mean(method):
    model, _, b = linear_gaussian()
    x, nothing = np.full((ROWS, 6), np.nan), np.zeros((ROWS, 6), bool)
    filled = impute(model, x, nothing, method, num_samples=400, batch_size=ROWS)
    error = filled.mean.std(axis=0) / np.sqrt(ROWS)
    assert (np.abs(filled.mean.mean(axis=0) - b) < 5 * error).all()


def test_what_stands_in_the_gaps_does_not_matter():
    model, _, _ = linear_gaussian()
    x = np.random.default_rng(1).normal(size=(5, 6)).astype("f4")
    observed = np.random.default_rng(2).random((5, 6)) < 0.5
    answers = [
        impute(model, np.where(observed, x, gap), observed, num_samples=20).mean
        for gap in (1e30, np.nan)
    ]
    np.testing.assert_array_equal(*answers)


@pytest.mark.parametrize("method", METHODS)
def test_the_answer_repeats_for_a_seed_and_batches_have_noise_of_their_own(method):
    model, _, _ = linear_gaussian()
    x = np.tile(np.random.default_rng(1).normal(size=(1, 6)), (8, 1))
    observed = np.zeros_like(x, bool)
    observed[:, :3] = True
    settings = {"num_samples": 12, "num_draws": 3, "batch_size": 2}
    one = impute(model, x, observed, method, **settings)
    again = impute(model, x, observed, method, **settings)
    other = impute(model, x, observed, method, **settings, seed=1)
    for a, b in zip(one, again, strict=True):
        np.testing.assert_array_equal(a, b)
    assert (one.mean != other.mean)[:, 3:].any()
    assert len(np.unique(one.mean[:, 5])) == 8 and len(np.unique(one.draws[..., 5])) == 24
    assert one.draws.shape == (3, 8, 6) and one.efficiency.shape == (8,)
    assert ((one.efficiency >= 0) & (one.efficiency <= 1)).all()


def test_the_size_of_chunks_does_not_change_the_answer(monkeypatch):
    model, w, b = linear_gaussian()
    x = np.random.default_rng(1).normal(b, 1.5).astype("f4")
    observed = np.array([True, True, True, False, False, True])
    mean, covariance = conditional(w, b, x, observed)
    monkeypatch.setattr(queries, "_EVENTS_AT_A_TIME", 70)
    tiled, mask = np.tile(x, (5, 1)), np.tile(observed, (5, 1))
    filled = impute(model, tiled, mask, num_samples=101, num_draws=7)
    error = np.sqrt(np.diag(covariance) / (100 * filled.efficiency.min()))
    assert (np.abs(filled.mean[:, 3:5] - mean) < 5 * error).all()
    assert len(np.unique(filled.draws[:, :, 3])) == 35


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_is_known_stays_to_the_last_bit(dtype):
    model, _, _ = linear_gaussian()
    x = np.random.default_rng(1).normal(size=(2, 6)).astype(dtype)
    x[:, 2] = np.nan
    for found in impute(model, x, num_samples=4)[:2]:
        assert found.dtype == dtype and np.isfinite(found).all()
        np.testing.assert_array_equal(
            np.delete(found, 2, axis=-1).reshape(2, 5), np.delete(x, 2, axis=1)
        )


def test_a_better_fill_makes_importance_sampling_more_efficient():
    model, w, b = linear_gaussian()
    x = (b + w @ [2.0, -2.0]).astype("f4")[None]
    observed = np.array([[True, False, False, True, True, False]])
    poor = impute(model, x, observed, num_samples=200, fill=20.0)
    good = impute(model, x, observed, num_samples=200, fill=x)
    assert good.efficiency[0] > 2 * poor.efficiency[0]


def test_images_are_filled_in_with_a_prior_that_is_learned():
    model = keras_vae.DenseVAE(
        (4, 4, 1),
        2,
        "bernoulli",
        hidden_units=(5,),
        prior=keras_vae.priors.MixtureOfNormals(3, seed=0),
        seed=0,
    )
    x = np.zeros((3, 4, 4, 1))
    observed = np.ones(x.shape, bool)
    observed[:, 2:] = False
    for method in METHODS:
        filled = impute(model, x, observed, method, num_samples=10, num_draws=2)
        assert filled.draws.shape == (2, 3, 4, 4, 1)
        assert (filled.mean[:, 2:] > 0).all() and (filled.mean[:, :2] == 0).all()
        assert set(np.unique(filled.draws)) <= {0.0, 1.0}


def test_tails_without_a_mean_have_finite_answers():
    likelihood = layers.IndependentStudentT(6, min_df=0.1)
    model = keras_vae.VAE(
        keras.Sequential([keras.layers.Dense(4)]),
        keras.Sequential([keras.layers.Dense(likelihood.params_size)]),
        layers.IndependentNormal(2),
        likelihood,
        seed=0,
    )
    # Fewer degrees of freedom than 1: as of a Cauchy distribution, and less.
    model.decoder.layers[-1].bias.assign([0.0] * 12 + [-9.0] * 6)
    x = np.ones((3, 6), "f4")
    x[:, 2] = np.nan
    assert np.isfinite(impute(model, x, num_samples=20).mean).all()


def refusals():
    x, all_of = np.zeros((2, 6)), np.ones((2, 6), bool)
    one_nan = x.copy()
    one_nan[1, 2] = np.nan
    return {
        "method": ((x, all_of, "guess"), {}, "method of imputation"),
        "mask of floats": ((x, x), {}, "observed must be booleans"),
        "shape of mask": ((x, all_of[:1]), {}, "each entry of x is known or not"),
        "shape of x": ((x[:, :3], all_of), {}, "takes batches of events of shape"),
        "empty": ((x[:0], all_of[:0]), {}, "x is empty"),
        "NaN that is observed": ((one_nan, all_of), {}, r"the first is at \[1, 2\]"),
        "no samples": ((x, all_of), {"num_samples": 0}, "num_samples must be a positive"),
        "no draws": ((x, all_of), {"num_draws": 0}, "num_draws must be a positive"),
        "no batch": ((x, all_of), {"batch_size": 0}, "batch_size must be a positive"),
        "draws": ((x, all_of), {"num_samples": 2, "num_draws": 3}, "only 2 samples"),
        "shape of fill": ((x, all_of), {"fill": np.zeros(5)}, "fill must be a number"),
        "NaN as fill": ((x, all_of), {"fill": np.nan}, "fill has values that are NaN"),
    }


@pytest.mark.parametrize("case", refusals())
def test_wrong_arguments_are_refused(case):
    arguments, options, match = refusals()[case]
    with pytest.raises(ValueError, match=match):
        impute(linear_gaussian()[0], *arguments, **options)


@pytest.mark.parametrize(
    "likelihood",
    [
        layers.MultivariateNormalTriL(6),
        layers.MixtureNormal(2, 6),
        layers.OneHotCategorical(6),
    ],
)
def test_likelihoods_without_independent_elements_are_refused(likelihood):
    model = keras_vae.VAE(
        keras.Sequential([keras.layers.Dense(4)]),
        keras.Sequential([keras.layers.Dense(likelihood.params_size)]),
        layers.IndependentNormal(2),
        likelihood,
    )
    x = np.eye(6)[:2]
    with pytest.raises(ValueError, match="elements are independent given z"):
        impute(model, x, np.ones(x.shape, bool))


def test_ranks_in_a_mixture_are_filled_with_ranks():
    ranks = layers.IndependentMixture(3, 2, layers.IndependentOrdinal((), num_classes=4))
    model = keras_vae.VAE(
        keras.Sequential([keras.layers.Dense(2)]),
        keras.Sequential([keras.layers.Dense(ranks.params_size)]),
        layers.IndependentNormal(1),
        ranks,
        seed=0,
    )
    x = np.array([[0, 1, np.nan], [np.nan, np.nan, 3]], "float32")
    mean = impute(model, x, num_samples=20).mean
    np.testing.assert_array_equal(mean, np.round(mean))
