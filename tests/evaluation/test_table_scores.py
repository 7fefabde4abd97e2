"""Scores of tables against what is known of a model that is made by hand."""

import numpy as np
import pytest
from scipy import stats

import keras_vae
from keras_vae import layers
from keras_vae.evaluation import table_scores
from keras_vae.generation import impute


def model_of_normals(noise=0.5):
    """x_1 and x_2 are z and noise; the encoder says nothing, the prior is used."""
    model = keras_vae.DenseVAE(2, 1, layers.IndependentNormal(2, scale=noise), ())
    encoder, decoder = model.encoder.layers[-1], model.decoder.layers[-1]
    encoder.set_weights([np.zeros((2, 2)), np.array([0.0, 0.5])])
    decoder.set_weights([np.ones((1, 2)), np.zeros(2)])
    return model


def test_scores_of_normals_are_those_of_scipy_and_the_closed_form():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2000, 1)) + 0.5 * rng.normal(size=(2000, 2))
    x[:, 1] += 0.4
    scores = table_scores(model_of_normals(), x.astype("f4"))
    spread = np.sqrt(1.25)
    exact = [stats.kstest(column, stats.norm(0, spread).cdf).statistic for column in x.T]
    assert scores["marginal_distance"]["mean"] == pytest.approx(np.mean(exact), abs=0.02)
    # Two samples of 10,000 and 2,000 rows, by Kolmogorov's law.
    chance = stats.kstwobign.mean() / np.sqrt(1 / (1 / 10_000 + 1 / 2000))
    assert scores["marginal_distance_by_chance"]["mean"] == pytest.approx(chance, rel=0.7)
    assert scores["num_rows"] == 10_000


def test_imputation_misses_what_the_other_cells_do_not_tell():
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(400, 1)) + 0.5 * rng.normal(size=(400, 2))).astype("f4")
    model = model_of_normals()
    scores = table_scores(model, x, lambda *gaps: impute(model, *gaps).mean)
    found = scores["imputation_error"]
    # Of hidden cells 70% have their neighbour, whose correlation is 0.8.
    exact = 0.7 * (1 - 0.8**2) + 0.3
    # Rows with one hidden cell and with two count alike.
    share = 2 * 0.3 * 0.7 / (2 * 0.3 * 0.7 + 0.09)
    exact = share * (1 - 0.8**2) + (1 - share)
    assert abs(found["mean"] - exact) < 4 * found["standard_error"]


def test_columns_with_one_value_are_left_out():
    x = np.random.default_rng(0).normal(size=(60, 2)).astype("f4")
    x[:, 1] = 0.1
    found = table_scores(model_of_normals(), x, lambda x, known: np.where(known, x, 2.0))
    # 30% of the first column, and none of the second.
    error = (2.0 - x[:, 0].mean()) ** 2 / x[:, 0].var() + 1
    found = found["imputation_error"]
    assert abs(found["mean"] - error) < 4 * found["standard_error"]


def test_what_cannot_be_measured_is_left_out():
    x = np.random.default_rng(0).normal(size=(60, 2)).astype("f4")
    known = table_scores(model_of_normals(), x)["marginal_distance"]
    model = keras_vae.DenseVAE(2, 1, "normal", hidden_units=(3,), gaps="mask")
    x[:, 1] = np.nan
    found = table_scores(model, x)["marginal_distance"]
    assert known["standard_error"] is not None and 0 < found["mean"] < 1
    assert found["standard_error"] is None
    x[:, 0] = 0.5
    assert "imputation_error" not in table_scores(model, x, lambda x, known: x)


def test_classes_are_compared_by_their_shares():
    model = keras_vae.DenseVAE(1, 1, "categorical:num_classes=3", ())
    model.decoder.layers[-1].set_weights([np.zeros((1, 3)), np.log([0.5, 0.3, 0.2])])
    x = np.repeat([0.0, 1.0, 2.0], [20, 30, 50])[:, np.newaxis].astype("f4")
    scores = table_scores(model, np.concatenate([x, x]))
    assert scores["marginal_distance"]["mean"] == pytest.approx(0.3, abs=0.02)


def test_samples_have_the_conditions_of_the_rows():
    rng = np.random.default_rng(0)
    likelihood = layers.IndependentNormal(2, scale=0.5)
    model = keras_vae.DenseVAE(2, 1, likelihood, (), condition=2)
    # x is ten times the class, and noise.
    model.decoder.layers[-1].set_weights(
        [np.array([[0, 0], [0, 0], [10, 10]]), np.zeros(2)]
    )
    y = np.repeat([0, 1, 1], 40)
    x = (10.0 * y[:, np.newaxis] + 0.5 * rng.normal(size=(120, 2))).astype("f4")
    # Kolmogorov's law for 120 rows: 0.15 is exceeded with a probability of 0.01.
    assert table_scores(model, x, y=y)["marginal_distance"]["mean"] < 0.15
    with pytest.raises(ValueError, match="y was not given"):
        table_scores(model, x)


def test_images_are_refused():
    model = keras_vae.ConvVAE((8, 8, 1), 2, filters=(2,))
    with pytest.raises(ValueError, match="are of tables.*image_scores"):
        table_scores(model, np.zeros((2, 8, 8, 1), "f4"))
