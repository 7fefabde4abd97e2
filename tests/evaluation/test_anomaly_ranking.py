"""Rows ranked by how unlikely they are, and the shares of their columns."""

import laws
import numpy as np

import keras_vae
from keras_vae.evaluation import AnomalyRanking, anomaly_ranking


def model(**arguments):
    return keras_vae.DenseVAE(5, 2, "normal", hidden_units=(4,), seed=0, **arguments)


def rows(n=30):
    return np.random.default_rng(0).normal(size=(n, 5)).astype("f4")


def test_the_order_is_that_of_the_likelihood():
    vae, x = model(), rows()
    ranking = anomaly_ranking(vae, x, num_samples=50, seed=1)
    assert isinstance(ranking, AnomalyRanking)
    laws.close(ranking.scores, -vae.log_likelihood(x, 50, seed=1))
    assert (np.diff(ranking.scores[ranking.order]) <= 0).all()


def test_the_share_of_an_odd_cell_is_the_largest():
    x = rows()
    x[7, 3] = 25.0
    ranking = anomaly_ranking(model(), x)
    assert ranking.order[0] == 7 and ranking.shares[7].argmax() == 3
    laws.close(np.median(ranking.shares, axis=0), np.zeros(5))


def test_gaps_have_no_share():
    x = rows()
    x[3, 2] = np.nan
    ranking = anomaly_ranking(model(gaps="mask"), x)
    assert ranking.shares[3, 2] == 0 and np.isfinite(ranking.scores).all()


def test_one_condition_is_that_of_all():
    vae, x = model(condition=3), rows(4)
    one, each = (anomaly_ranking(vae, x, 5, y=y).shares for y in (2, [2, 2, 2, 2]))
    np.testing.assert_array_equal(one, each)


def test_images_have_scores_alone():
    vae = keras_vae.ConvVAE((8, 8, 1), 2, filters=(2,), seed=0)
    x = np.random.default_rng(0).integers(0, 2, (6, 8, 8, 1))
    ranking = anomaly_ranking(vae, x, num_samples=5)
    assert ranking.shares is None
    table = ranking.table(vae, x)
    assert list(table.columns) == ["row", "score"] and list(table["row"]) == list(
        ranking.order
    )
