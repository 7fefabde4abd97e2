"""The registered loss: the formula, and a compiled model that is saved and loaded."""

import keras
import numpy as np
import pytest
from scipy import stats

from keras_vae import layers, priors


def data():
    x = np.random.default_rng(0).normal(size=(32, 3)).astype("float32")
    return x, x.sum(axis=1, keepdims=True)


def model():
    keras.utils.set_random_seed(0)
    made = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(2), layers.IndependentNormal(1, "mean")]
    )
    made.compile("adam", loss=layers.negative_log_likelihood)
    return made


def test_it_is_the_normal_density():
    x, y = data()
    made = model()
    py = made(x)
    distribution = layers.distribution_of(py)
    expected = -stats.norm.logpdf(y, distribution.mean(), distribution.stddev())[:, 0]
    np.testing.assert_allclose(
        layers.negative_log_likelihood(y, py), expected, rtol=1e-5, atol=1e-5
    )
    assert made.evaluate(x, y, verbose=0) == pytest.approx(expected.mean(), rel=1e-5)


def test_a_compiled_model_comes_back_with_its_loss(tmp_path):
    x, y = data()
    made = model()
    before = made.evaluate(x, y, verbose=0)
    made.fit(x, y, epochs=2, verbose=0)
    assert made.evaluate(x, y, verbose=0) < before
    made.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded.predict(x, verbose=0), made.predict(x, verbose=0))
    assert loaded.evaluate(x, y, verbose=0) == pytest.approx(made.evaluate(x, y, verbose=0))
    loaded.fit(x, y, verbose=0)


def test_predictions_are_refused_with_a_hint():
    made = model()
    with pytest.raises(ValueError, match=r"ndarray of shape \(32, 1\).*model.predict"):
        layers.distribution_of(made.predict(data()[0], verbose=0))


# Layers with the shapes of targets that they take, and such that would be broadcast.
N = 12
SHAPES = {
    "a vector": (
        lambda: layers.IndependentNormal(3),
        [(N, 3)],
        [(N, 1), (N,), (3,), (1, 3)],
    ),
    "one number": (lambda: layers.IndependentNormal(1), [(N, 1), (N,)], [(N, 3), (1,), ()]),
    "a scalar": (lambda: layers.IndependentNormal(()), [(N,), (N, 1)], [(N, 3), (1,), ()]),
    "as many as examples": (lambda: layers.IndependentNormal(N), [(N, N)], [(N,), (N, 1)]),
    "an image": (
        lambda: layers.IndependentBernoulli((2, 3, 1)),
        [(N, 2, 3, 1), (N, 2, 3)],
        [(N, 6), (2, 3, 1), (N, 1, 1, 1)],
    ),
    "classes": (lambda: layers.OneHotCategorical(10), [(N, 10)], [(N, 1), (N,)]),
    "a mixture": (lambda: layers.MixtureNormal(2, 3), [(N, 3)], [(N, 1), (N,)]),
}


@pytest.mark.parametrize("make, right, wrong", SHAPES.values(), ids=list(SHAPES))
def test_targets_are_never_spread_over_examples(make, right, wrong):
    layer = make()
    params = np.random.default_rng(1).normal(size=(N, layer.params_size))
    py = layer(params.astype("float32"))
    distribution, event = layers.distribution_of(py), layer.event_shape
    for shape in right:
        y = np.zeros(shape, "float32")
        expected = -distribution.log_prob(y.reshape((N, *event)))
        np.testing.assert_allclose(layers.negative_log_likelihood(y, py), expected)
    for shape in wrong:
        with pytest.raises(ValueError, match="y has shape.*draws have shape.*Give y that"):
            layers.negative_log_likelihood(np.zeros(shape, "float32"), py)


@pytest.mark.parametrize(
    "role, size, shape",
    [
        ("loss", 1, (N,)),
        ("metric", 1, (N, 1)),
        ("loss", 3, (N, 3)),
        ("metric", (), (N,)),
    ],
)
def test_as_loss_and_as_metric_it_is_the_same_number(role, size, shape):
    layer = layers.IndependentNormal(size, "mean")
    dense = keras.layers.Dense(layer.params_size)
    made = keras.Sequential([keras.Input((3,)), dense, layer])
    nll = layers.negative_log_likelihood
    if role == "loss":
        made.compile("sgd", loss=nll)
    else:
        made.compile("sgd", loss=lambda y, py: 0.0 * y, metrics=[nll])
    x, y = np.ones((N, 3), "float32"), np.zeros(shape, "float32")
    scores = made.evaluate(x, y, batch_size=N, verbose=0, return_dict=True)
    expected = np.mean(nll(y, made(x)))
    assert scores.popitem()[1] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("size, shape", [(3, (N, 1)), (N, (N,))])
def test_fit_refuses_targets_that_would_be_spread(size, shape):
    layer = layers.IndependentNormal(size)
    dense = keras.layers.Dense(layer.params_size)
    made = keras.Sequential([keras.Input((3,)), dense, layer])
    made.compile("sgd", loss=layers.negative_log_likelihood)
    with pytest.raises(ValueError, match="y has shape"):
        made.fit(np.ones((N, 3)), np.zeros(shape), batch_size=N, verbose=0)


LAST = {
    "normal": lambda: [layers.IndependentNormal(2)],
    "mixture": lambda: [layers.MixtureNormal(2, 2)],
    "classes": lambda: [layers.OneHotCategorical(2)],
    "regularizer": lambda: [
        layers.IndependentNormal(
            2,
            activity_regularizer=layers.KLDivergenceRegularizer(priors.StandardNormal(2)),
        )
    ],
    "term": lambda: [
        layers.IndependentNormal(2),
        layers.KLDivergenceAddLoss(priors.StandardNormal(2)),
    ],
}


@pytest.mark.parametrize("make", LAST.values(), ids=list(LAST))
def test_double_precision_trains_though_kerass_float_type_is_single(make):
    keras.config.set_dtype_policy("float64")
    last = make()
    dense = keras.layers.Dense(last[0].params_size)
    made = keras.Sequential([keras.Input((3,)), dense, *last])
    nll = layers.negative_log_likelihood
    # As a graph where a layer is the last one, eagerly the rest.
    made.compile("sgd", loss=nll, metrics=[nll], run_eagerly=len(last) > 1)
    x, y = data()[0], np.eye(2)[np.arange(32) % 2]
    assert np.isfinite(made.fit(x, y, verbose=0).history["loss"]).all()
    assert layers.distribution_of(made(x)).dtype == "float64"
