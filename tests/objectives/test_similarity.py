"""The similarity of pictures, against TensorFlow's, and training on it."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_vae
from keras_vae import layers, objectives
from keras_vae.objectives.similarity import multi_scale_similarity


def pictures(*shape, seed=0):
    """Smooth pictures, and the same with noise."""
    rng = np.random.default_rng(seed)
    x = tf.image.resize(rng.random((shape[0], 4, 4, shape[-1])), shape[1:3], "bicubic")
    x = np.clip(x, 0, 1).astype("float32")
    return x, np.clip(x + 0.1 * rng.normal(size=shape), 0, 1).astype("float32")


@pytest.mark.parametrize("size, count", [(180, 5), (50, 3), (28, 2), (20, 1)])
@pytest.mark.parametrize("channels", [1, 3])
def test_it_is_that_of_tensorflow(size, count, channels):
    x, other = pictures(3, size, size, channels)
    weights = np.array([0.0448, 0.2856, 0.3001, 0.2363, 0.1333])[:count]
    expected = tf.image.ssim_multiscale(x, other, 1.0, list(weights / weights.sum()))
    found = multi_scale_similarity(tf.constant(x), tf.constant(other))
    # TensorFlow pads odd sizes, and multiplies the scales of each channel by itself.
    tolerance = 2e-3 if channels == 1 else 2e-2
    np.testing.assert_allclose(found, expected, atol=tolerance)
    np.testing.assert_allclose(multi_scale_similarity(x, x), 1.0, atol=1e-5)


@pytest.mark.parametrize("shape", [(2, 8, 8, 1), (2, 28, 20, 3)])
def test_opposed_structures_have_finite_gradients(shape):
    x, _ = pictures(*shape)
    other = tf.Variable(1 - x)
    with tf.GradientTape() as tape:
        similarity = multi_scale_similarity(tf.constant(x), other)
    assert np.isfinite(tape.gradient(similarity, other)).all()


LIKELIHOODS = {
    "bernoulli": ("bernoulli", (0, 1)),
    "levels": ("discretized_logistic", (0, 255)),
    "normal": ("normal", (0, 1)),
}


def pictures_for(name):
    """Pictures in the range of a likelihood, and a model of them."""
    likelihood, (low, high) = LIKELIHOODS[name]
    keras.utils.set_random_seed(0)
    x, _ = pictures(64, 12, 12, 1)
    x = (low + (high - low) * x).round(0 if high == 255 else 7)
    x = (x > 0.5).astype("f4") if likelihood == "bernoulli" else x
    model = keras_vae.DenseVAE((12, 12, 1), 4, likelihood, hidden_units=(32,), seed=0)
    return x, model


@pytest.mark.slow
def test_training_makes_pictures_more_alike():
    x, model = pictures_for("normal")
    model.compile(keras.optimizers.Adam(5e-3), "ms_ssim:weight=200,beta=0.1")
    logs = model.fit(x, epochs=25, batch_size=16, verbose=0).history
    assert logs["similarity"][-1] > logs["similarity"][0] + 0.1


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_what_is_logged_is_the_similarity_of_what_reconstruct_shows(name):
    (x, model), (_, (low, high)) = pictures_for(name), LIKELIHOODS[name]
    model.compile("sgd", "ms_ssim", run_eagerly=True)
    scores = model.evaluate(x, verbose=0, return_dict=True)
    shown = (model.reconstruct(x) - low) / (high - low)
    expected = multi_scale_similarity((x - low) / (high - low), shown).numpy().mean()
    assert abs(scores["similarity"] - expected) < 0.1


def test_the_range_of_raw_pictures_is_that_of_the_preprocessor():
    x = (255 * pictures(20, 12, 12, 1)[0]).astype("uint8")
    data = {f"x_{split}": x for split in ("train", "validation", "test")}
    data = keras_vae.data.DataSet(
        name="small", **data, likelihood="normal:scale=shared", levels=(0, 255)
    )
    likelihood = layers.get("normal:scale=shared", (12, 12, 1))
    model = keras_vae.DenseVAE((12, 12, 1), 2, likelihood, hidden_units=(4,), seed=0)
    model.preprocessor = keras_vae.data.Preprocessor.fit(data, model.support)
    trace = model.trace(model.to_units(x[:3]))
    shown = trace.extras.pictures(trace.x)
    np.testing.assert_allclose(shown, x[:3] / 255, atol=1e-3)


def test_what_is_no_picture_is_refused():
    for shape, gaps in ((6, None), ((4, 4), None), ((4, 4, 2), None), ((4, 4, 1), "mask")):
        model = keras_vae.DenseVAE(shape, 2, "normal", hidden_units=(3,), gaps=gaps)
        with pytest.raises(ValueError, match="MSSSIM needs pictures.*for images"):
            model.compile("adam", objectives.MSSSIM())
