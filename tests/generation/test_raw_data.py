"""With a preprocessor, raw data go in and come out; all else is as in the model's units."""

import keras
import numpy as np
import pandas as pd
import pytest

import keras_vae
from keras_vae.core.support import REAL
from keras_vae.data import Preprocessor, Scaling
from keras_vae.data.tables import infer_columns, likelihood_of, to_codes
from keras_vae.generation import (
    attribute_vectors,
    edit_attribute,
    fit_prior,
    impute,
    swap,
)

RNG = np.random.default_rng(6)
SPREAD = np.array([4.0, 300.0, 0.01])
CENTRE = np.array([20.0, -1000.0, 3.0])
TABLE = CENTRE + SPREAD * RNG.normal(size=(200, 3))
FLAGS = (TABLE[:, 0] > CENTRE[0]).astype(int)


def model(raw):
    """A model of standardised columns that takes them raw, or in its own units."""
    keras.utils.set_random_seed(0)
    made = keras_vae.DenseVAE((3,), 2, "normal:scale=shared", (4,), "tanh", seed=0)
    made.preprocessor = Preprocessor(Scaling.fit(TABLE, REAL)) if raw else None
    return made


@pytest.fixture(scope="module")
def pair():
    """Both models, and the way from raw values to units."""
    raw = model(raw=True)
    return raw, model(raw=False), raw.preprocessor


@pytest.mark.parametrize("method", ["importance", "gibbs"])
def test_gaps_of_raw_tables_are_filled_with_raw_values(pair, method):
    raw, units, prepare = pair
    x = TABLE[:6].copy()
    x[::2, 1] = x[1::2, 0] = np.nan
    known = ~np.isnan(x)
    found = impute(raw, x, method=method, num_samples=50, num_draws=2)
    expected = impute(
        units, prepare(np.where(known, x, 0.0)), known, method, 50, num_draws=2
    )
    for ours, theirs in zip(found[:2], expected[:2], strict=True):
        np.testing.assert_allclose(
            ours, np.where(known, x, prepare.inverse(theirs)), rtol=1e-4
        )
    # As raw values are: within some standard deviations of their columns' means.
    assert (np.abs(found.mean - CENTRE) < 5 * SPREAD).all()


def test_a_fill_is_raw(pair):
    raw, units, prepare = pair
    x, known = TABLE[:4], np.array([[True, False, True]] * 4)
    found = impute(raw, x, known, num_samples=5, fill=CENTRE + SPREAD)
    expected = impute(
        units, prepare(x), known, num_samples=5, fill=prepare((CENTRE + SPREAD)[None])
    )
    np.testing.assert_allclose(
        found.mean[:, 1], prepare.inverse(expected.mean)[:, 1], rtol=1e-4
    )


def test_a_filled_table_is_a_fill():
    table = pd.DataFrame({"word": ["a", "b"] * 9, "number": np.arange(18) / 7})
    columns = infer_columns(table)
    likelihood = likelihood_of(columns, to_codes(table, columns))
    vae = keras_vae.DenseVAE(2, 2, likelihood, (4,), seed=0)
    vae.preprocessor = Preprocessor(Scaling((2,)), columns=columns)
    gaps = table.copy()
    gaps.loc[0, "word"] = gaps.loc[1, "number"] = None
    first = impute(vae, gaps, num_samples=5).mean
    again = impute(vae, gaps, num_samples=5, fill=first[["number", "word"]]).mean
    assert list(again) == list(table) and again.notna().all(axis=None)


def test_bytes_are_filled_with_bytes():
    images = RNG.integers(0, 256, (3, 4, 4, 1)).astype("uint8")
    vae = keras_vae.DenseVAE((4, 4, 1), 2, "discretized_logistic:high=255", (4,), seed=0)
    vae.preprocessor = Preprocessor(Scaling((4, 4, 1)), levels=(0, 255))
    known = np.ones(images.shape, bool)
    known[:, 2:] = False
    for found in impute(vae, images, known, num_samples=9, num_draws=2)[:2]:
        assert found.dtype == np.uint8
        np.testing.assert_array_equal(
            found[..., :2, :, :], np.broadcast_to(images[:, :2], found[..., :2, :, :].shape)
        )


def test_edits_and_swaps_of_raw_data_are_raw(pair):
    raw, units, prepare = pair
    x = TABLE[:9]
    directions = [
        attribute_vectors(one, rows, {"large": FLAGS})["large"]
        for one, rows in ((raw, TABLE), (units, prepare(TABLE)))
    ]
    np.testing.assert_allclose(*directions, rtol=1e-4)
    found = edit_attribute(raw, x, directions[0])
    expected = edit_attribute(units, prepare(x), directions[0])
    np.testing.assert_allclose(found, prepare.inverse(expected), rtol=1e-4)
    np.testing.assert_allclose(
        swap(x, raw, raw), prepare.inverse(swap(prepare(x), units, units)), rtol=1e-4
    )


def test_a_prior_is_fitted_to_the_codes_of_black_and_white():
    greys = RNG.integers(0, 256, (40, 4, 4, 1)).astype("uint8")
    prepare = Preprocessor(Scaling((4, 4, 1), 0.0, 255.0), True, 3, (0, 255))
    vae = keras_vae.DenseVAE((4, 4, 1), 2, "bernoulli", (4,), seed=0)
    z, scores = RNG.normal(size=(5, 2)), []
    for preprocessor, x in ((None, prepare.held_out(greys)), (prepare, greys)):
        vae.preprocessor = preprocessor
        scores.append(fit_prior(vae, x, "learned:layer=normal", epochs=1).log_prior(z))
    np.testing.assert_allclose(*scores, rtol=1e-5)


def test_prepared_data_are_not_prepared_twice_unnoticed():
    images = RNG.integers(0, 256, (3, 4, 4, 1)) / 255
    vae = keras_vae.DenseVAE((4, 4, 1), 2, "normal:scale=shared", (4,), seed=0)
    vae.preprocessor = Preprocessor(Scaling((4, 4, 1), 0.0, 255.0), levels=(0, 255))
    with pytest.raises(ValueError, match="If x is prepared already"):
        impute(vae, images, np.ones(images.shape, bool))


def test_a_mask_follows_the_columns_of_its_table():
    """Trained on a, b; the table, its mask or both are given as b, a."""
    table = pd.DataFrame({"a": np.arange(18) / 7, "b": 100 + np.arange(18) / 9})
    data = keras_vae.data.load(table)
    vae = keras_vae.DenseVAE((2,), 1, data.likelihood, (4,), seed=0)
    vae.preprocessor = Preprocessor.fit(data, vae.support)
    x = table.head(3)
    is_known = pd.DataFrame({"a": [True] * 3, "b": [False] * 3})
    expected = impute(vae, x, is_known.to_numpy(), num_samples=4).mean
    turned, mask = x[["b", "a"]], is_known[["b", "a"]]
    for given, observed in ((turned, mask), (turned, is_known), (x, mask)):
        found = impute(vae, given, observed, num_samples=4).mean
        pd.testing.assert_frame_equal(found[["a", "b"]], expected[["a", "b"]])
    found = impute(vae, turned, mask.to_numpy(), num_samples=4).mean
    pd.testing.assert_frame_equal(found[["a", "b"]], expected[["a", "b"]])
    np.testing.assert_allclose(expected["a"], x["a"], rtol=1e-5)
    with pytest.raises(ValueError, match="'a' is missing; there are the columns b"):
        impute(vae, x, mask[["b"]])
    with pytest.raises(ValueError, match=r"shape \(3, 1\), but the table has 2 columns"):
        impute(vae, x, np.ones((3, 1), bool))
