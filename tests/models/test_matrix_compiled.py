"""The matrix, compiled: what `test_matrix` runs eagerly gives the same in graphs and XLA.

A file of its own, so that another process runs it at the same time.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf
from laws import without_graphs
from matrix_cases import (
    CORE,
    LAYERS,
    OWN,
    POSTERIORS,
    PRIORS,
    SIZE,
    Cell,
    build,
    compiled,
    everything,
    fit,
    observations,
)
from test_matrix import REPRESENTATIVES, made, of

from keras_vae.core.seeds import row_seeds

pytestmark = pytest.mark.slow


def same_draws(cell):
    """Whether the cell's draws are the same compiled and eagerly."""
    # (The prior draws only for samples.)
    return POSTERIORS[cell.posterior].same_draws


def compiled_equals_eager(cell):
    eager, x, y = made(cell)
    logs = fit(eager, x, y)
    keras.utils.set_random_seed(1)
    model = compiled(build(cell), cell)
    given = fit(model, x, y)
    assert given.keys() == logs.keys()
    if same_draws(cell):
        for name, value in logs.items():
            np.testing.assert_allclose(given[name], value, rtol=1e-4, atol=1e-4)
        for a, b in zip(model.get_weights(), eager.get_weights(), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)
    return model, eager, x, y


# (A sixth of them: compiled, they take long.)
@pytest.mark.thinned
@of(REPRESENTATIVES[::6])
def test_compiled_models_do_the_same_and_are_served(cell, tmp_path):
    model, eager, x, y = compiled_equals_eager(cell)
    eager.set_weights(model.get_weights())
    answers = everything(model, x, y)
    with without_graphs():
        expected = everything(eager, x, y)
    drawn = {"sample", "draw", "elbo", "rate", "distortion", "log_likelihood"}
    for name, value in expected.items():
        if name not in drawn:
            np.testing.assert_allclose(answers[name], value, rtol=1e-4, atol=1e-4)
    model.export(tmp_path / "1")
    served = tf.saved_model.load(tmp_path / "1").signatures
    given = {} if y is None else {"y": tf.constant(y, tf.int32)}
    encoded = served["encode"](x=tf.constant(x), **given)
    np.testing.assert_allclose(encoded["z"], answers["embed"], rtol=1e-5, atol=1e-5)
    rebuilt = served["reconstruct"](x=tf.constant(x), **given)["reconstruction"]
    np.testing.assert_allclose(rebuilt, answers["reconstruct"], rtol=1e-4, atol=1e-4)
    decoded = served["decode"](z=encoded["z"], **given)["mean"]
    np.testing.assert_allclose(decoded, answers["reconstruct"], rtol=1e-4, atol=1e-4)
    seeds = row_seeds(3, len(x))
    samples = served["sample"](seed=seeds, **given)["samples"]
    assert samples.shape == (len(x), SIZE) and np.isfinite(samples).all()
    assert ("score" in served) == model.latent.has_density
    if model.latent.has_density:
        same = tf.stack([seeds[0]] * len(x))
        score = served["score"](x=tf.constant(x), seed=same, **given)["elbo"]
        assert np.isfinite(score).all()
        if same_draws(cell):
            rows = [
                model.elbo(x[i : i + 1], seed=3, y=None if y is None else y[i : i + 1])
                for i in range(len(x))
            ]
            bound = np.concatenate(rows)
            np.testing.assert_allclose(score, bound, rtol=1e-4, atol=1e-4)
    # Eagerly sampled priors draw as they do in graphs, but those of gamma variables.
    if PRIORS[cell.prior].on is not OWN and "poisson" not in cell.prior:
        expected = model.sample(len(x), y, seed=3)
        np.testing.assert_allclose(samples, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.thinned
@pytest.mark.parametrize(
    "posterior", [name for name in CORE["posterior"] if LAYERS[name].xla]
)
def test_posteriors_without_kin_train_under_xla(posterior):
    layer = POSTERIORS[posterior]
    objective = "elbo" if layer.pathwise else "vimco"
    objective = "reconstruction" if layer.on == "point" else objective
    cell = Cell(posterior, "default", "bernoulli", objective)
    keras.utils.set_random_seed(1)
    model = build(cell)
    before = np.concatenate([w.ravel() for w in model.get_weights()])
    # (It asserts that the logs are finite. The draws are others than eagerly.)
    fit(compiled(model, cell, jit_compile=True), observations(model.support), None)
    after = np.concatenate([w.ravel() for w in model.get_weights()])
    assert np.isfinite(after).all() and (after != before).any()
