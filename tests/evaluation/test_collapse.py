"""Active units and posterior collapse, on posteriors that are known."""

import keras
import numpy as np
import pytest
from latent_cases import given_posterior, params
from scipy import stats

import keras_vae
from keras_vae import layers, priors
from keras_vae.evaluation import CollapseWarning, active_units, collapse_report

RNG = np.random.default_rng(0)
# Standard deviations of the means: two units vary, one does a little, one not at all.
MEANS = RNG.normal(size=(400, 4)) * [2.0, 0.5, 0.05, 0.0]
X = params(MEANS, [0.1, 0.8, 1.0, 1.0])


def test_units_are_active_above_the_variance():
    model = given_posterior(4)
    assert active_units(model, X).tolist() == [True, True, False, False]
    assert active_units(model, X, threshold=0.001).tolist() == [True, True, True, False]
    report = collapse_report(model, X)
    np.testing.assert_allclose(report["variance"], MEANS.var(axis=0, ddof=1), rtol=1e-5)
    assert report["num_units"] == 4 and report["num_active"] == 2
    assert report["dead"].tolist() == [2, 3]


def test_rates_of_units_are_those_of_numerical_integration():
    model = given_posterior(4)
    grid = np.linspace(-12, 12, 20001)
    density = stats.norm(MEANS[:5, 1:2], 0.8).pdf(grid)
    log_ratio = np.log(density + 1e-300) - stats.norm.logpdf(grid)
    expected = np.trapezoid(density * log_ratio, grid, axis=1).mean()
    rate = collapse_report(model, X[:5])["rate"]
    assert rate[1] == pytest.approx(expected, rel=1e-4)
    assert rate[3] == pytest.approx(0.0, abs=1e-6)


def test_rates_of_units_sum_to_the_rate_where_the_posterior_is_diagonal():
    model = given_posterior(4)
    total = np.mean(model.trace(X).rate)
    assert collapse_report(model, X)["rate"].sum() == pytest.approx(total, rel=1e-5)


def test_of_a_full_covariance_units_share_what_they_say():
    layer = layers.MultivariateNormalTriL(3)
    model = given_posterior(3, layer)
    x = RNG.normal(size=(50, layer.params_size)).astype("float32")
    rate = collapse_report(model, x)["rate"]
    q = model.encode(x)
    spread = np.sqrt(np.diagonal(q.covariance(), axis1=1, axis2=2))
    expected = 0.5 * (np.square(q.mean()) + spread**2 - 1.0) - np.log(spread)
    np.testing.assert_allclose(rate, expected.mean(axis=0), rtol=1e-4)
    assert rate.sum() < np.mean(model.trace(x).rate)


@pytest.mark.parametrize(
    "layer, prior",
    [(layers.IndependentLaplace(2), None), (None, priors.MixtureOfNormals(3))],
    ids=["laplace", "mixture"],
)
def test_no_rate_of_units_without_a_closed_form(layer, prior):
    model = given_posterior(2, layer, prior)
    x = RNG.normal(size=(9, model.event_shape[0]))
    report = collapse_report(model, x)
    assert report["rate"] is None and report["num_active"] == 2


def test_refusals():
    model = given_posterior(4)
    with pytest.raises(ValueError, match="at least two"):
        active_units(model, X[:1])
    with pytest.raises(ValueError, match="threshold"):
        collapse_report(model, X, threshold=-1)


def test_a_model_that_diverged_did_not_collapse():
    model = keras_vae.DenseVAE((4,), 2, "normal:scale=shared", hidden_units=())
    x = RNG.normal(size=(20, 4)).astype("float32")
    model.compile(keras.optimizers.SGD(np.nan))
    said = []
    model.fit(x, verbose=0, callbacks=[CollapseWarning(x, say=said.append)])
    assert said == ["epoch 1: embeddings are NaN or infinite: training diverged."]
    with pytest.raises(ValueError, match="it diverged"):
        active_units(model, x)


class KillsUnits(keras.callbacks.Callback):
    """Silences the encoder's last units after two epochs, one more in each."""

    def on_epoch_begin(self, epoch, logs=None):
        kernel, bias = self.model.encoder.layers[-1].get_weights()
        kernel[:, max(4 - epoch, 0) : 3] = 0.0
        self.model.encoder.layers[-1].set_weights([kernel, bias])


def test_units_that_die_are_told_once():
    keras.utils.set_random_seed(0)
    model = keras_vae.DenseVAE((5,), 3, hidden_units=(), likelihood="normal:scale=shared")
    model.compile(keras.optimizers.SGD(0.0))
    x = RNG.normal(size=(64, 5)).astype("float32")
    lines = []
    watch = CollapseWarning(x, limit=20, say=lines.append, patience=2)
    # Only the first three outputs are means.
    model.fit(x, epochs=6, verbose=0, callbacks=[KillsUnits(), watch])
    assert len(watch.x) == 20
    # Each after two epochs in which it was silent.
    assert [line.split(",")[0] for line in lines] == [
        f"epoch {n}: 1 latent unit died (posterior collapse)" for n in (4, 5, 6)
    ]
    assert "0 of 3 are active" in lines[-1]
    model.fit(x, verbose=0, callbacks=[watch])
    assert len(lines) == 3
    # A model that never had an active unit is told once, too.
    model.fit(x, epochs=4, verbose=0, callbacks=[watch])
    assert len(lines) == 4 and "epoch 2: no latent unit has been active" in lines[-1]


def test_units_that_come_and_go_at_first_are_no_collapse():
    model = keras_vae.DenseVAE((5,), 3, hidden_units=(), likelihood="normal:scale=shared")
    model.compile(keras.optimizers.SGD(0.0))
    x = RNG.normal(size=(64, 5)).astype("float32")
    lines = []
    watch = CollapseWarning(x, say=lines.append)
    model.fit(x, epochs=6, verbose=0, callbacks=[KillsUnits(), watch])
    assert not lines


def test_without_a_listener_it_is_a_warning():
    model = keras_vae.DenseVAE((5,), 3, hidden_units=(), likelihood="normal:scale=shared")
    model.compile(keras.optimizers.SGD(0.0))
    x = RNG.normal(size=(16, 5)).astype("float32")
    with pytest.warns(UserWarning, match="posterior collapse"):
        watch = CollapseWarning(x, patience=1)
        model.fit(x, epochs=3, verbose=0, callbacks=[KillsUnits(), watch])
