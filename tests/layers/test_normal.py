"""The scales of the normal layer, and learning with it."""

import keras
import laws
import numpy as np
import pytest
import tensorflow as tf

from keras_vae import layers
from keras_vae.layers import IndependentNormal


@pytest.mark.parametrize("scale", [0, -1.0, np.inf, np.nan, True, "fixed", "LEARNED"])
def test_refused_scales(scale):
    with pytest.raises(ValueError, match="scale must be"):
        IndependentNormal(2, scale=scale)


def test_refused_floor_and_degrees_of_freedom():
    with pytest.raises(ValueError, match="floor must be finite and not negative"):
        layers.IndependentLogistic(2, floor=-0.1)
    with pytest.raises(ValueError, match="min_df must be positive"):
        layers.IndependentStudentT(2, min_df=0)


@pytest.mark.parametrize("scale, size", [("learned", 6), ("shared", 3), (0.1, 3)])
def test_scale_decides_the_number_of_parameters(scale, size):
    assert IndependentNormal(3, scale=scale).params_size == size
    assert IndependentNormal.params_size(3, scale=scale) == size
    weights = IndependentNormal(3, scale=scale).trainable_weights
    assert len(weights) == (scale == "shared")


@pytest.mark.parametrize("floor", [1e-5, 0.2])
def test_floor_bounds_the_scale(floor):
    layer = IndependentNormal((), floor=floor)
    scale = layer.distribution([[0.0, -100.0]]).stddev()
    assert scale.numpy()[0] == pytest.approx(floor)


@pytest.mark.parametrize("min_df", [2.01, 5.0])
def test_min_df_bounds_the_degrees_of_freedom(min_df):
    layer = layers.IndependentStudentT((), min_df=min_df)
    df = layer.distribution([[0.0, 0.0, -100.0]]).distribution.df
    assert df.numpy()[0] == pytest.approx(min_df)


def test_shared_scale_starts_at_one_and_learns_the_spread_of_the_data():
    layer = IndependentNormal(2, scale="shared", convert_to_tensor_fn="mean")
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(2), layer])
    y = np.random.default_rng(0).normal(1.0, 0.2, (64, 2)).astype("float32")
    y, x = np.tile(y, (300, 1)), np.zeros([300 * 64, 1], "float32")
    start = layer.distribution([[0.0, 0.0]]).stddev()
    assert start.numpy() == pytest.approx(1.0, abs=1e-4)
    model.compile(keras.optimizers.Adam(0.03), loss=laws.nll)
    model.fit(x, y, batch_size=64, shuffle=False, verbose=0)
    learned = layer.distribution([[0.0, 0.0]]).stddev().numpy()[0, 0]
    # The maximum-likelihood scale: the root of the mean squared deviation.
    assert learned == pytest.approx(np.sqrt(y.var(0).mean()), rel=0.05)


def test_trained_shared_scale_is_saved(tmp_path):
    layer = IndependentNormal(2, scale="shared", convert_to_tensor_fn="mean")
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2), layer])
    layer.raw_scale.assign(-0.7)
    x, y = np.ones([2, 3], "float32"), np.ones([2, 2], "float32")
    model.compile("adam", loss=laws.nll)
    laws.survives_saving(model, x, y, tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    assert float(loaded.layers[-1].raw_scale) == pytest.approx(-0.7)
    assert loaded.evaluate(x, y, verbose=0) == pytest.approx(
        model.evaluate(x, y, verbose=0)
    )


def test_shared_scale_within_a_mixture_is_saved_and_trained(tmp_path):
    component = IndependentNormal(2, scale="shared")
    layer = layers.MixtureSameFamily(2, component, convert_to_tensor_fn="mean")
    model = keras.Sequential([keras.Input((6,)), layer])
    component.raw_scale.assign(0.9)
    x, y = np.ones([3, 6], "float32"), np.ones([3, 2], "float32")
    laws.survives_saving(model, x, y, tmp_path / "m.keras")
    with tf.GradientTape() as tape:
        loss = laws.nll(y, model(x))
    assert abs(float(tape.gradient(loss, component.raw_scale.value))) > 0


@pytest.mark.parametrize(
    "policy, jit_compile", [("float32", True), ("mixed_float16", False)]
)
def test_epochs_lower_the_loss(policy, jit_compile):
    keras.config.set_dtype_policy(policy)
    layer = layers.MixtureNormal(2, 1)
    model = keras.Sequential(
        [keras.Input((1,)), keras.layers.Dense(layer.params_size), layer]
    )
    rng = np.random.default_rng(1)
    y = (rng.choice([-2.0, 2.0], (64, 1)) + 0.3 * rng.normal(size=(64, 1))).astype("f")
    model.compile(keras.optimizers.Adam(0.05), loss=laws.nll, jit_compile=jit_compile)
    x, y = np.ones([64 * 40, 1]), np.tile(y, (40, 1))
    loss = model.fit(x, y, batch_size=64, epochs=3, verbose=0).history["loss"]
    laws.all_finite(loss)
    assert loss[2] < loss[1] < loss[0] - 0.5


def test_tril_covariance_is_that_of_the_draws():
    params = np.array([[1.0, -2.0, 0.4, 0.9, -0.3]], "float32")
    distribution = layers.MultivariateNormalTriL(2).distribution(params)
    draws = distribution.sample(20_000, seed=(5, 6)).numpy()[:, 0]
    products = np.einsum("ni,nj->nij", draws - params[0, :2], draws - params[0, :2])
    laws.near_in_standard_errors(products, distribution.covariance().numpy()[0])
