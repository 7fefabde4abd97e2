"""Noise of scores: every batch, pass and step has its own."""

import noise
import numpy as np
import pytest
from latent_cases import given_posterior, params
from model_cases import data_for, vae, vae_gan

import keras_vae
from keras_vae import priors
from keras_vae.evaluation import (
    annealed_importance_sampling,
    anomaly_scores,
    bidirectional_check,
    collapse_report,
    inference_gaps,
    information,
)
from keras_vae.evaluation.likelihood.annealing import Annealing
from keras_vae.models import latent_variable_model as queries

FEW = {"num_steps": 3, "num_chains": 2, "num_leapfrog": 1}


def many(model, n):
    """More observations than fit into one batch of the scores whose batches are fixed."""
    return np.resize(data_for(model), (n, *model.event_shape))


def unknown_rate():
    """A model whose rate is estimated from draws, and rows for two batches."""
    model = given_posterior(2, prior=priors.MixtureOfNormals(2, seed=0))
    return model, params(np.zeros((300, 2)), 1.0)


def gan():
    model = vae_gan()
    return model, many(model, 250)


def dense():
    model = vae()
    return model, data_for(model)


def missingness():
    """A model that draws missing values, too."""
    model = keras_vae.DenseVAE(
        4, 2, "normal", (5,), gaps="mask", missingness="self_masking", seed=0
    )
    x = np.random.default_rng(0).normal(size=(12, 4)).astype("f4")
    x[:, 1] = np.nan
    return model, x


# Name: (makes a model and x, the score, how many seeds serve two draws, as is meant).
SCORES = {
    **{
        f"annealing from the {start}": (
            dense,
            lambda vae, x, start=start: annealed_importance_sampling(
                vae, x, start=start, **FEW
            ),
            0,
        )
        for start in ("prior", "posterior")
    },
    "both sides": (dense, lambda vae, x: bidirectional_check(vae, 7, **FEW), 0),
    # Both posteriors get the same noise: of 12 observations in batches of 3, and of 5
    # draws in chunks of one.
    "gaps": (dense, lambda vae, x: inference_gaps(vae, x, 5, 4, 2), 4 * 5),
    "gaps, missing values": (
        missingness,
        lambda vae, x: inference_gaps(vae, x, 5, 4, 2),
        4 * 5,
    ),
    "information": (unknown_rate, lambda vae, x: information(vae, x, 2), 0),
    "collapse": (unknown_rate, collapse_report, 0),
    "anomalies by elbo": (unknown_rate, anomaly_scores, 0),
    "anomalies by likelihood": (
        dense,
        lambda vae, x: anomaly_scores(vae, x, "log_likelihood", 3),
        0,
    ),
    "distance of features": (gan, lambda gan, x: gan.own_scores(x), 0),
}


@pytest.mark.thinned
@pytest.mark.parametrize("name", SCORES)
def test_no_score_uses_noise_twice(name, monkeypatch):
    monkeypatch.setattr(queries, "_EVENTS_AT_A_TIME", 6)
    make, score, pairs = SCORES[name]
    model, x = make()
    with noise.recorded() as seeds:
        score(model, x)
    assert len(seeds) > 1
    noise.never_shared(seeds, pairs)


def test_batches_of_each_pass_of_annealing_differ():
    model, x = dense()
    run = Annealing(model, "prior", 3, 2, 1, seed=0)
    bar = run.progress_bar(len(x), 4, 0)
    x = run.as_floats(x)
    sizes = run.tune(x, 0, bar)
    z = run.simulate(len(x), 0)[0]
    passes = {
        "tune": lambda index: np.stack(run.tune(x, index, bar))[-1],
        "forward": lambda index: run.forward(x, sizes, index, bar),
        "backward": lambda index: run.backward(x, z, sizes, index, bar),
        "simulate": lambda index: run.simulate(len(x), index)[0].numpy(),
    }
    for name, one in passes.items():
        np.testing.assert_array_equal(one(0), one(0), err_msg=name)
        assert (one(0) != one(1)).any(), name
