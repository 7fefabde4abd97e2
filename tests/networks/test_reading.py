"""What encoders read of gaps, counts and classes."""

import keras
import laws
import numpy as np
import pytest
import tensorflow as tf

from keras_vae.networks import ColumnFeatures, Gaps

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


def _dense():
    return keras.layers.Dense(2)


@pytest.mark.parametrize("change", [{"kinds": ["number"]}, {"kinds": ["word"] * 4}])
def test_lists_that_do_not_fit_are_refused(change):
    with pytest.raises(
        ValueError, match="lists of the same length, with kinds among number"
    ):
        ColumnFeatures(**{**COLUMNS, **change})
