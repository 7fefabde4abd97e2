"""What encoders read of gaps, counts and classes."""

import keras
import laws
import numpy as np
import pytest
import tensorflow as tf

from keras_vae import networks
from keras_vae.networks import ColumnFeatures, Gaps
from keras_vae.networks.missingness import MISSINGNESS

NAN = np.nan


@pytest.mark.parametrize("shape", [(3,), (4, 4, 2)])
@pytest.mark.parametrize("mask", [False, True])
def test_gaps_become_zeros_and_are_told(shape, mask):
    x = np.random.default_rng(0).normal(size=(5, *shape)).astype("f4")
    known = np.random.default_rng(1).random(x.shape) < 0.6
    layer = Gaps(mask)
    answer = layer(np.where(known, x, NAN))
    expected = np.where(known, x, 0.0)
    if mask:
        expected = np.concatenate([expected, known], axis=-1)
    laws.close(answer, expected)
    assert layer.compute_output_shape(x.shape) == answer.shape


COLUMNS = {
    "kinds": ["number", "count", "positive", "classes"],
    "num_classes": [0, 0, 0, 3],
    "rescale": [2.0, 1.0, 1.0, 1.0],
    "shift": [-1.0, 0.0, 0.0, 0.0],
}


def test_columns_are_read_by_their_kind():
    layer = ColumnFeatures(**COLUMNS, mask=True)
    x = np.array([[3.0, 7.0, np.e, 2.0], [NAN] * 4], "f4")
    expected = [[5, np.log(8), 1, 0, 0, 1, 1, 1, 1, 1], [0] * 10]
    laws.close(layer(x), expected)
    assert layer.compute_output_shape(x.shape) == (2, 10)
    again = ColumnFeatures.from_config(layer.get_config())
    laws.close(again(x), expected)
    laws.agrees_compiled(layer, tf.constant(x))


def test_gaps_let_no_nan_into_gradients():
    model = keras.Sequential([keras.Input((4,)), ColumnFeatures(**COLUMNS), _dense()])
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(np.full((2, 4), NAN, "f4")))
    for gradient in tape.gradient(loss, [w.value for w in model.trainable_weights]):
        laws.all_finite(gradient)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_raw_values_are_read_in_single_precision(policy):
    keras.config.set_dtype_policy(policy)
    x = np.array([[3.0, 1e6, 1e6, 501.0]], "f4")
    columns = ColumnFeatures(COLUMNS["kinds"], [0, 0, 0, 600])
    exact = [[3.0, np.log(1e6 + 1), np.log(1e6), *np.eye(600)[501]]]
    laws.close(columns(x), exact, rtol=1e-5)
    sixteen_bits = {"rescale": 2 / 65535, "shift": -1.0}
    for build in (
        lambda: networks.dense_encoder((8, 8, 1), 2, (3,), **sixteen_bits),
        lambda: networks.conv_discriminator((8, 8, 1), (2,), **sixteen_bits),
        lambda: networks.larsen_encoder((8, 8, 1), 2, **sixteen_bits),
    ):
        scaled = build().get_layer("rescaling")(np.full((1, 8, 8, 1), 65535, "f4"))
        laws.close(scaled, np.ones((1, 8, 8, 1)), rtol=1e-5)
    for missingness in MISSINGNESS.parts().values():
        layer = missingness()
        layer.build((None, 2))
        scores = layer(np.full((1, 2), 1e6, "f4"), np.array([[True, False]]))
        assert scores.dtype == "float32"
        laws.all_finite(scores)
    baseline = networks.Baseline(networks.dense_encoder((2,), 1, (2,)))
    for _ in range(2):
        mean, spread, _ = baseline(
            tf.constant([-500.0, -900.0]), np.zeros((2, 2)), training=True
        )
    laws.close([mean, spread], [-700.0, 200.0], rtol=1e-3)


def _dense():
    return keras.layers.Dense(2)


@pytest.mark.parametrize("change", [{"kinds": ["number"]}, {"kinds": ["word"] * 4}])
def test_lists_that_do_not_fit_are_refused(change):
    with pytest.raises(
        ValueError, match="lists of the same length, with kinds among number"
    ):
        ColumnFeatures(**{**COLUMNS, **change})
