"""Encoders and decoders: shapes, layout and gradients."""

import functools
import inspect

import keras
import laws
import numpy as np
import pytest
import tensorflow as tf

from keras_vae import layers, networks
from keras_vae.networks import (
    code_critic,
    conv_decoder,
    conv_discriminator,
    conv_encoder,
    dense_decoder,
    dense_encoder,
    larsen_decoder,
    larsen_discriminator,
    larsen_encoder,
    residual_decoder,
    residual_encoder,
    residual_map_decoder,
    residual_map_encoder,
)

IMAGES = [(28, 28, 1), (28, 20, 1), (31, 45, 3), (64, 64, 3), (1, 1, 1), (5, 2, 2)]
SMALL = {"filters": (4, 3), "dense_units": 5}
BUILD = {
    "conv_encoder": lambda: conv_encoder((7, 6, 2), 4, **SMALL),
    "conv_encoder_rescaled": lambda: conv_encoder((7, 6, 2), 4, rescale=0.1, shift=-1),
    "conv_encoder_of_counts": lambda: conv_encoder((7, 6, 2), 4, **SMALL, log_scale=True),
    "conv_decoder": lambda: conv_decoder(3, (7, 6, 2), 2 * 84, **SMALL),
    "dense_encoder": lambda: dense_encoder((7, 6, 2), 4, (5, 6)),
    "dense_encoder_of_counts": lambda: dense_encoder((7, 6, 2), 4, (5,), log_scale=True),
    "dense_encoder_of_vectors": lambda: dense_encoder((9,), 4, ()),
    "dense_decoder": lambda: dense_decoder(3, 11, (5, 6)),
    "conv_discriminator": lambda: conv_discriminator((7, 6, 2), (4, 3), rescale=2.0),
    "conv_discriminator_of_one_conv": lambda: conv_discriminator((7, 6, 2), (4,)),
    "conv_discriminator_normalized": lambda: conv_discriminator(
        (7, 6, 2), (4, 3), spectral_normalization=True
    ),
    "conv_encoder_with_condition": lambda: conv_encoder(
        (7, 6, 2), 4, **SMALL, rescale=0.1, condition_shape=(3,)
    ),
    "conv_decoder_with_condition": lambda: conv_decoder(
        (2, 2), (7, 6, 2), 84, **SMALL, condition_shape=(2, 3)
    ),
    "dense_encoder_with_condition": lambda: dense_encoder(
        (7, 6, 2), 4, (5,), condition_shape=(2, 3)
    ),
    "dense_decoder_with_condition": lambda: dense_decoder(
        (2, 2), 11, (5,), condition_shape=(3,)
    ),
    "residual_encoder": lambda: residual_encoder((7, 6, 2), 4, (32, 16)),
    "residual_decoder": lambda: residual_decoder(3, (7, 6, 2), 84, (32, 32)),
    "residual_map_encoder": lambda: residual_map_encoder((8, 12, 2), 6, (32, 16)),
    "residual_map_decoder": lambda: residual_map_decoder((2, 3, 4), 2, (32, 16)),
    "code_critic": lambda: code_critic((7, 2), (5, 4)),
    "larsen_encoder": lambda: larsen_encoder((7, 6, 2), 4),
    "larsen_decoder": lambda: larsen_decoder(3, (7, 6, 2)),
    "larsen_discriminator": lambda: larsen_discriminator((7, 6, 2), 2.0, -1.0),
}

# One for each kind of layer that compiles or is saved in its own way.
KINDS = (
    "conv_encoder_with_condition",
    "conv_encoder_of_counts",
    "conv_decoder_with_condition",
    "dense_encoder_of_counts",
    "dense_decoder",
    "conv_discriminator_normalized",
    "residual_encoder",
    "residual_decoder",
    "code_critic",
    "larsen_decoder",
    "larsen_discriminator",
)


@functools.cache
def made(name):
    """The network of that name, made once: no test changes it."""
    return BUILD[name]()


def inputs(model, batch=3):
    """Random inputs for a model: an array, or a list of x or z and y."""
    rng = np.random.default_rng(0)
    x, *y = (
        rng.normal(size=(batch, *one.shape[1:])).astype("float32") for one in model.inputs
    )
    counts = any("log1p" in one.name for one in model.operations)
    x = np.round(20 * np.abs(x)) if counts else x
    return [x, *y] if y else x


def rows(inputs, start, stop):
    """Some examples of what `inputs` made."""
    return tf.nest.map_structure(lambda one: one[start:stop], inputs)


@pytest.mark.parametrize("shape", IMAGES)
def test_shapes_of_convolutional_networks(shape):
    encoder = conv_encoder(shape, 6, **SMALL)
    assert encoder(inputs(encoder)).shape == (3, 6)
    assert encoder.input_shape == (None, *shape)
    for blocks in (1, 2, 3):
        size = blocks * int(np.prod(shape))
        decoder = conv_decoder(2, shape, size, **SMALL)
        image = (*shape[:2], blocks * shape[2])
        assert decoder.output_shape == (None, *image)
        assert decoder(inputs(decoder)).shape == (3, *image)


@pytest.mark.parametrize("shape", [(7,), (28, 20, 1), (3, 4, 5, 2)])
@pytest.mark.parametrize("hidden_units", [(), (8,), (8, 4)])
def test_shapes_of_dense_networks(shape, hidden_units):
    encoder = dense_encoder(shape, 6, hidden_units)
    assert encoder(inputs(encoder)).shape == (3, 6)
    decoder = dense_decoder(4, 11, hidden_units)
    assert decoder(inputs(decoder)).shape == (3, 11)
    assert len(decoder.weights) == 2 * (len(hidden_units) + 1)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_one_halving_and_one_doubling_for_each_entry(depth):
    filters = (4, 3, 5)[:depth]
    encoder = conv_encoder((16, 24, 1), 2, filters=filters)
    last = encoder.get_layer(f"conv_{depth}").output.shape
    assert last == (None, 16 // 2**depth, 24 // 2**depth, filters[-1])
    decoder = conv_decoder(2, (16, 24, 1), 384, filters=filters)
    start = decoder.get_layer("image").output.shape
    assert start == (None, 16 // 2**depth, 24 // 2**depth, filters[0])


@pytest.mark.parametrize("name", BUILD)
def test_gradient_reaches_all_weights(name):
    model = made(name)
    x = inputs(model, 8)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.square(model(x) - 1.0))
    gradients = tape.gradient(loss, [w.value for w in model.trainable_weights])
    assert gradients
    for gradient in gradients:
        laws.all_finite(gradient)
        assert np.abs(gradient).max() > 0


@pytest.mark.parametrize("name", BUILD)
def test_batch_does_not_matter(name):
    model = made(name)
    x = inputs(model)
    laws.close(model(rows(x, 1, 2)), model(x)[1:2])


@pytest.mark.parametrize("name", [name for name in BUILD if "condition" in name])
def test_the_condition_is_read_beside_the_rest(name):
    model = made(name)
    x, y = inputs(model)
    for changed in ([x[::-1], y], [x, y[::-1]]):
        assert (np.abs(model(changed) - model([x, y])).max(axis=-1) > 0).any()


@pytest.mark.thinned
@pytest.mark.parametrize("name", KINDS)
def test_eager_and_xla_agree(name):
    model = made(name)
    laws.agrees_compiled(model, tf.nest.map_structure(tf.constant, inputs(model)))


@pytest.mark.parametrize("name", KINDS)
def test_survives_saving(name, tmp_path):
    model = made(name)
    model.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    x = inputs(model)
    laws.close(loaded(x), model(x), rtol=1e-6)


@pytest.mark.parametrize("name", BUILD)
def test_has_one_input_and_one_output(name):
    model = made(name)
    assert len(model.inputs) == (2 if "condition" in name else 1)
    assert len(model.outputs) == 1
    image = "conv_decoder" in name or "_map_" in name or name == "residual_decoder"
    assert len(model.output_shape) == (4 if image else 2)


@pytest.mark.parametrize("build", [conv_encoder, dense_encoder])
def test_rescaling_is_that_of_the_input(build):
    x = np.random.default_rng(0).uniform(0, 255, (2, 4, 4, 1)).astype("float32")
    plain = build((4, 4, 1), 3)
    scaled = build((4, 4, 1), 3, rescale=2 / 255, shift=-1.0)
    scaled.set_weights(plain.get_weights())
    laws.close(scaled(x), plain(x * (2 / 255) - 1.0))


@pytest.mark.parametrize("build", [conv_encoder, dense_encoder])
def test_the_logarithm_is_that_of_one_more_than_the_input_before_rescaling(build):
    x = np.random.default_rng(0).poisson(300.0, (2, 4, 4, 1)).astype("float32")
    plain = build((4, 4, 1), 3)
    logs = build((4, 4, 1), 3, log_scale=True)
    both = build((4, 4, 1), 3, rescale=0.5, shift=-1.0, log_scale=True)
    for one in (logs, both):
        one.set_weights(plain.get_weights())
    laws.close(logs(x), plain(np.log1p(x)))
    laws.close(both(x), plain(0.5 * np.log1p(x) - 1.0))


@pytest.mark.parametrize("build", [conv_encoder, dense_encoder])
def test_the_input_arguments_have_the_order_in_which_they_apply_but_the_logarithm(build):
    names = list(inspect.signature(build).parameters)
    start = names.index("rescale")
    assert names[start : start + 3] == ["rescale", "shift", "log_scale"]


CONVOLVED = {
    "normal": lambda shape: layers.IndependentNormal(shape),
    "student_t": lambda shape: layers.IndependentStudentT(shape),
    "bernoulli": lambda shape: layers.IndependentBernoulli(shape),
    "discretized_logistic": lambda shape: layers.DiscretizedLogistic(shape),
    "categorical": lambda shape: layers.IndependentCategorical(shape, 3),
    "mixture": lambda shape: layers.IndependentMixture(shape, 3, "discretized_logistic"),
}


@pytest.mark.parametrize("name", CONVOLVED)
@pytest.mark.parametrize("shape", [(7, 6, 2), (8, 8, 1)])
def test_the_parameters_of_a_pixel_come_from_that_pixel(name, shape):
    # A start image that is large at one place alone moves the distribution there alone.
    layer = CONVOLVED[name](shape)
    decoder = conv_decoder(2, shape, layer.params_size, (4,), dense_units=5)
    start = decoder.get_layer("image").output
    rest = keras.Model(start, decoder.output)

    def parameters(image):
        elements = layer.distribution(layer.flat_params(rest(image))).distribution
        parts = [elements]
        if name == "mixture":
            components = elements.components_distribution.distribution
            parts = [elements.mixture_distribution, components]
        names = ("loc", "scale", "df", "logits")
        values = [getattr(part, one, None) for part in parts for one in names]
        values = [np.asarray(one) for one in values if one is not None]
        assert sum(one.size for one in values) == layer.params_size
        return values

    image = np.ones((1, *start.shape[1:]), "float32")
    moved = image.copy()
    moved[0, 0, 0] += 1.0
    for before, after in zip(parameters(image), parameters(moved), strict=True):
        changed = (before != after).reshape(*shape, -1).any(axis=(2, 3))
        rows, columns = np.nonzero(changed)
        assert len(rows) and rows.max() < 4 and columns.max() < 4


def test_means_and_scales_of_a_normal_are_images_in_order():
    shape = (5, 7, 2)
    layer = layers.IndependentNormal(shape)
    decoder = conv_decoder(2, shape, layer.params_size, **SMALL)
    image = decoder(inputs(decoder)).numpy()
    assert image.shape == (3, 5, 7, 4)
    distribution = layer.distribution(layer.flat_params(image)).distribution
    np.testing.assert_array_equal(distribution.loc, image[..., :2])
    laws.close(distribution.scale, 1e-5 + np.logaddexp(0, image[..., 2:]))


def test_crop_is_central():
    decoder = conv_decoder(2, (5, 6, 1), 30, **SMALL)
    assert decoder.get_layer("crop").cropping == ((1, 2), (1, 1))


@pytest.mark.parametrize(
    "policy, expected",
    [
        ("mixed_float16", tf.float32),
        ("mixed_bfloat16", tf.float32),
        ("float64", tf.float64),
    ],
)
def test_parameters_are_at_least_float32_under_every_policy(policy, expected):
    keras.config.set_dtype_policy(policy)
    compute = keras.config.dtype_policy().compute_dtype
    conv = conv_decoder(2, (5, 6, 1), 60, **SMALL)
    dense = dense_decoder(2, 60, (5,))
    for decoder, hidden in [(conv, "conv_1"), (dense, "hidden_1")]:
        assert decoder(inputs(decoder)).dtype == expected
        assert decoder.get_layer("params").compute_dtype == expected
        assert decoder.get_layer(hidden).compute_dtype == compute


@pytest.mark.parametrize("build", [conv_encoder, dense_encoder])
def test_counts_above_the_range_of_half_precision_are_read(build):
    keras.config.set_dtype_policy("mixed_float16")
    encoder = build((4, 4, 1), 3, log_scale=True)
    laws.all_finite(encoder(np.full((2, 4, 4, 1), 1e6, "float32")))


@pytest.mark.parametrize("shape", [(28,), (28, 28), (2, 28, 28, 1), ()])
def test_shapes_of_no_image_are_refused(shape):
    for build in [
        lambda: conv_encoder(shape, 4),
        lambda: conv_decoder(2, shape, 784),
    ]:
        with pytest.raises(ValueError, match=r"\(height, width, channels\).*Add an axis"):
            build()


@pytest.mark.parametrize("size", [783, 785, 1])
def test_output_sizes_that_do_not_fit_the_image_are_refused(size):
    with pytest.raises(
        ValueError, match=f"output_size is {size}, which is not a multiple of 784"
    ):
        conv_decoder(2, (28, 28, 1), size)


def test_a_condition_is_added_as_a_dense_layer_of_both_would():
    rng = np.random.default_rng(0)
    h, y = rng.normal(size=(3, 4)), np.repeat(np.eye(5), 3, axis=0)
    layer = networks.PlusCondition()
    added = layer([h, y]).numpy().reshape(5, 3, 4)
    # All rows with the first condition, then all with the second one.
    kernel = layer.kernel.numpy()
    np.testing.assert_allclose(added, h + kernel[:, np.newaxis], rtol=1e-5)


def test_every_public_network_is_tested():
    # Layers that read gaps are in test_reading.py, baselines beside their objectives,
    # models of missingness in models/test_missingness.py, offsets in test_library_size.py,
    # leapfrog steps in objectives/test_hvae.py; perceptual networks and their
    # classifiers in models/test_vae_gan_faces.py.
    tested = {name for name in networks.__all__ if name in BUILD} | {
        "AddOffset",
        "Baseline",
        "ColumnFeatures",
        "Gaps",
        "Leapfrog",
        "LinearMissingness",
        "Missingness",
        "Moved",
        "NonlinearMissingness",
        "PlusCondition",
        "SelfMasking",
        "classifier",
        "get_missingness",
        "perceptual_network",
    }
    assert tested == set(networks.__all__)
