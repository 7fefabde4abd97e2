"""Counts whose means are proportional to the total of each observation."""

import keras
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import keras_vae
from keras_vae.data import Conditions
from keras_vae.training import Recipe
from keras_vae.training.building import build_model
from keras_vae.training.splits import split_for

SIZE = 6
COUNTS = (
    "poisson",
    "negative_binomial",
    "zero_inflated:counts=poisson",
    "zero_inflated:counts=negative_binomial",
)


@pytest.fixture(scope="module")
def cells(tmp_path_factory):
    """Counts of cells of two kinds and all sizes, in a sparse file."""
    path = tmp_path_factory.mktemp("cells") / "cells.npz"
    rng = np.random.default_rng(0)
    profiles = rng.dirichlet(np.ones(SIZE), 2)[rng.integers(2, size=200)]
    totals = np.exp(rng.normal(5, 1, 200))
    sp.save_npz(path, sp.csr_matrix(rng.poisson(totals[:, None] * profiles)))
    return keras_vae.data.load(str(path))


def model_of(cells, likelihood="negative_binomial", **more):
    recipe = Recipe(
        data="cells.npz",
        model="dense_vae:latent_dim=2,hidden_units=5",
        likelihood=likelihood,
        library_size=True,
        **more,
    )
    return build_model(recipe, cells)[0]


@pytest.mark.parametrize("likelihood", COUNTS)
def test_means_are_proportional_to_the_library_size(cells, likelihood):
    model = model_of(cells, likelihood)
    # The decoder's layers read the size as well: what they add is left out.
    kernel = model.decoder.get_layer("hidden_1").kernel
    kernel.assign(np.where(np.arange(4)[:, None] < 2, kernel, 0.0))
    small, large = (model.sample(5, y=size, seed=0) for size in (100.0, 1000.0))
    np.testing.assert_allclose(large, 10 * small, rtol=1e-4)
    # The decoder's biases start at the marginals of an observation of typical size.
    typical = model.sample(5, y=model.preprocessor.conditions.library_size)
    assert 0.3 < typical.sum() / 5 / np.asarray(cells.x_train).sum(axis=1).mean() < 3


def test_the_condition_is_the_total_of_the_counts(cells, tmp_path):
    model = model_of(cells)
    x, y = split_for(model, cells, "test")
    totals = np.asarray(x).sum(axis=1)
    median = np.median(np.asarray(cells.x_train).sum(axis=1))
    np.testing.assert_allclose(y[:, 0], np.log(totals / median), rtol=1e-5)
    table = pd.DataFrame({"library_size": totals})
    for form in (table, totals, totals.astype("f4")[:, None], y):
        np.testing.assert_allclose(model.check_condition(form, len(x)), y, rtol=1e-5)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    bound = [one.log_likelihood(x, y=totals, num_samples=2) for one in (model, loaded)]
    np.testing.assert_allclose(*bound, rtol=1e-5)


def test_labels_stand_behind_the_library_size():
    x = np.arange(1.0, 13.0).reshape(4, 3).astype("f4")
    y = np.array([0, 1, 1, 0])
    parts = {"x_train": x[:2], "x_validation": x[2:3], "x_test": x[3:]}
    labels = {"y_train": y[:2], "y_validation": y[2:3], "y_test": y[3:]}
    data = keras_vae.data.DataSet(name="small", **parts, **labels, likelihood="poisson")
    conditions = Conditions.of(data, "labels", library_size=True)
    y = conditions.select(data, "all")
    assert conditions.shape == (4,) and conditions.columns[0].name == "library_size"
    codes = conditions.codes(y)
    np.testing.assert_array_equal(codes[:, 2:], np.eye(2)[data.split("all")[1]])
    assert conditions.read("library_size=30,label=1") == {"library_size": 30.0, "label": 1}
    again = Conditions(**conditions.get_config())
    np.testing.assert_array_equal(again.codes(y), codes)


@pytest.mark.parametrize("size", [0.0, -1.0, np.nan])
def test_sizes_that_no_observation_has_are_refused(cells, size):
    with pytest.raises(ValueError, match="library_size must be above zero|is unknown"):
        model_of(cells).sample(1, y=size)


@pytest.mark.parametrize(
    "likelihood, condition, words",
    [
        ("normal", (1,), "offset is for counts"),
        ("poisson", None, "offset needs a condition of numbers"),
        ("poisson", 3, "offset needs a condition of numbers"),
        ("poisson", np.int64(3), "offset needs a condition of numbers"),
        ("poisson", (2, 3), "offset needs a condition of numbers"),
        ("poisson", (), "offset needs a condition of numbers"),
    ],
)
def test_an_offset_needs_counts_and_numbers(likelihood, condition, words):
    with pytest.raises(ValueError, match=words):
        keras_vae.DenseVAE(SIZE, 2, likelihood, condition=condition, offset=True)


def test_other_models_have_no_library_size():
    recipe = Recipe(data="digits", model="conv_vae", library_size=True)
    with pytest.raises(ValueError, match="library_size .* is for dense_vae"):
        keras_vae.training.building.check_parts(recipe)
