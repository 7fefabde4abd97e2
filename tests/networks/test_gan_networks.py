"""The networks of the VAE-GAN: shapes, values, features and spectral norms."""

import math

import keras
import laws
import numpy as np
import pytest
import tensorflow as tf

from keras_vae.networks import (
    conv_discriminator,
    larsen_decoder,
    larsen_discriminator,
    larsen_encoder,
    residual_decoder,
    residual_encoder,
)

IMAGES = pytest.mark.parametrize("shape", [(28, 28, 1), (32, 32, 3)])
DISCRIMINATORS = pytest.mark.parametrize(
    "build", [conv_discriminator, larsen_discriminator]
)


def images(shape, n=2):
    return np.random.default_rng(0).random((n, *shape)).astype("float32")


def features_of(model):
    return keras.Model(model.input, model.get_layer("features").output)


def an_eighth(shape):
    return tuple(math.ceil(size / 8) for size in shape[:2])


@IMAGES
def test_the_papers_networks_have_the_sizes_of_table_1(shape):
    encoder, decoder = larsen_encoder(shape, 10), larsen_decoder(6, shape)
    discriminator = larsen_discriminator(shape)
    assert encoder.input_shape == discriminator.input_shape == (None, *shape)
    assert encoder.output_shape == (None, 10)
    assert decoder.output_shape == (None, math.prod(shape))
    assert discriminator.output_shape == (None, 1)
    small, size = an_eighth(shape), {}
    for model in (encoder, decoder, discriminator):
        size[model.name] = [
            layer.filters
            for layer in model.layers
            if isinstance(layer, keras.layers.Conv2D | keras.layers.Conv2DTranspose)
        ]
        # The last convolution of encoder and discriminator, the start of the decoder.
        name = {"larsen_decoder": "image", "larsen_encoder": "conv_3"}.get(
            model.name, "features"
        )
        assert model.get_layer(name).output.shape == (None, *small, 256)
    assert size == {
        "larsen_encoder": [64, 128, 256],
        "larsen_decoder": [256, 128, 32, shape[2]],
        "larsen_discriminator": [32, 128, 256, 256],
    }
    assert encoder.get_layer("dense").units == 2048
    assert discriminator.get_layer("dense").units == 512


@IMAGES
@pytest.mark.parametrize("spectral_normalization", [False, True])
def test_shapes_of_the_light_discriminator(shape, spectral_normalization):
    model = conv_discriminator(
        shape, (4, 3, 2), spectral_normalization=spectral_normalization
    )
    assert model(images(shape)).shape == (2, 1)
    features = features_of(model)(images(shape))
    assert features.shape == (2, *an_eighth(shape), 2)


@IMAGES
def test_the_papers_networks_give_numbers_for_every_image_size(shape):
    z = np.random.default_rng(1).normal(size=(2, 6)).astype("float32")
    decoded = larsen_decoder(6, shape)(z)
    assert decoded.shape == (2, math.prod(shape))
    for output in (
        decoded,
        larsen_encoder(shape, 10)(images(shape)),
        larsen_discriminator(shape)(images(shape)),
    ):
        laws.all_finite(output)
        assert np.asarray(output[0] != output[1]).any()


@pytest.mark.parametrize("low, high", [(0.0, 1.0), (-1.0, 1.0), (0.0, 255.0)])
def test_the_papers_decoder_ends_at_the_given_values(low, high):
    decoder = larsen_decoder(2, (5, 6, 1), low, high)
    z = np.random.default_rng(1).normal(size=(4, 2)).astype("float32")
    middle = decoder(z).numpy()
    assert low <= middle.min() < middle.max() <= high
    # With the last bias large, tanh is at one of its ends.
    kernel, bias = decoder.get_layer("pixels").get_weights()
    for sign, end in [(-1.0, low), (1.0, high)]:
        decoder.get_layer("pixels").set_weights([kernel, bias + 100.0 * sign])
        laws.close(decoder(z), np.full(middle.shape, end), atol=1e-4)


@pytest.mark.parametrize("policy", ["mixed_float16", "float64"])
def test_logits_and_pixels_are_at_least_single_precision(policy):
    keras.config.set_dtype_policy(policy)
    expected = tf.float64 if policy == "float64" else tf.float32
    shape = (5, 6, 1)
    for build in (conv_discriminator, larsen_discriminator):
        assert build(shape)(images(shape)).dtype == expected
    assert larsen_decoder(2, shape)(np.ones((2, 2), "float32")).dtype == expected


@pytest.mark.parametrize(
    "build",
    [
        lambda **scaling: conv_discriminator((8, 8, 1), (4, 3), **scaling),
        lambda **scaling: larsen_encoder((8, 8, 1), 4, **scaling),
        lambda **scaling: larsen_discriminator((8, 8, 1), **scaling),
    ],
    ids=["conv_discriminator", "larsen_encoder", "larsen_discriminator"],
)
def test_the_input_is_rescaled_and_then_shifted(build):
    x = images((8, 8, 1))
    plain, scaled = build(), build(rescale=2.0, shift=-1.0)
    scaled.set_weights(plain.get_weights())
    laws.close(scaled(x), plain(2.0 * x - 1.0))
    assert np.abs(scaled(x) - plain(x)).max() > 1e-4


@DISCRIMINATORS
def test_features_lie_on_the_way_to_the_logit(build):
    model, x = build((8, 8, 1)), images((8, 8, 1), 4)
    both = keras.Model(model.input, [model.get_layer("features").output, model.output])
    first = both(x)
    kernel, *rest = model.layers[-1].get_weights()
    model.layers[-1].set_weights([2.0 * kernel, *rest])
    second = both(x)
    np.testing.assert_array_equal(second[0], first[0])
    laws.close(second[1] - first[1], first[1] - rest[0])


@DISCRIMINATORS
def test_a_row_of_features_does_not_depend_on_the_batch_at_inference(build):
    model, x = build((8, 8, 1)), images((8, 8, 1), 4)
    features = features_of(model)
    laws.close(features(x[1:2]), features(x)[1:2])
    laws.close(model(x[1:2]), model(x)[1:2])


def test_the_light_discriminator_does_not_mix_examples_in_training_either():
    model, x = conv_discriminator((8, 8, 1), (4, 3)), images((8, 8, 1), 4)
    laws.close(model(x[1:2], training=True), model(x, training=True)[1:2])


def test_features_of_the_light_discriminator_have_one_scale():
    """What gamma weighs does not grow with the kernels."""
    model, x = conv_discriminator((16, 16, 1), (4, 3)), images((16, 16, 1), 4)
    features = features_of(model)
    for factor in (1.0, 30.0):
        last = model.get_layer("conv_2")
        last.set_weights([factor * one for one in last.get_weights()])
        values = np.reshape(features(x), (4, -1))
        # Up to the epsilon of the normalization.
        np.testing.assert_allclose(values.mean(1), 0.0, atol=1e-4)
        np.testing.assert_allclose(values.std(1), 1.0, atol=0.05)


def spectral_norm(kernel):
    return np.linalg.norm(np.reshape(kernel, (-1, kernel.shape[-1])), 2)


def normalized_layers(model):
    return [
        layer
        for layer in model.layers
        if isinstance(layer, keras.layers.SpectralNormalization)
    ]


def test_spectral_normalization_bounds_every_kernel():
    model = conv_discriminator((8, 8, 1), (4, 3), spectral_normalization=True)
    x, layers = images((8, 8, 1)), normalized_layers(model)
    assert len(layers) == 4
    for layer in layers:
        kernel = layer.layer.kernel
        kernel.assign(10.0 * kernel)
        assert spectral_norm(kernel.numpy()) > 2.0
    for _ in range(30):
        model(x, training=True)
    for layer in layers:
        assert spectral_norm(layer.layer.kernel.numpy()) == pytest.approx(1.0, abs=0.02)
    # And it is not moved by inference.
    before = model.get_weights()
    model(x)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_spectral_normalization_is_off_unless_asked_for():
    assert not normalized_layers(conv_discriminator((8, 8, 1), (4, 3)))


@pytest.mark.parametrize("shape", [(28,), (28, 28), (2, 28, 28, 1), ()])
def test_gan_networks_refuse_shapes_of_no_image(shape):
    for build in (
        conv_discriminator,
        larsen_discriminator,
        lambda shape: larsen_encoder(shape, 4),
        lambda shape: larsen_decoder(4, shape),
    ):
        with pytest.raises(ValueError, match=r"\(height, width, channels\).*Add an axis"):
            build(shape)


def test_spectral_normalization_keeps_full_precision_in_a_half_precision_model():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        network = conv_discriminator((8, 8, 1), (4,), spectral_normalization=True)
    finally:
        keras.config.set_dtype_policy(before)
    x = np.random.default_rng(0).random((2, 8, 8, 1)).astype("float32")
    assert network(x, training=True).dtype == "float32"
    kernels = [v.numpy() for v in network.trainable_variables if "kernel" in v.path]
    assert kernels
    for kernel in kernels:
        assert (kernel != kernel.astype("float16")).any()


@IMAGES
def test_a_discriminator_of_patches_has_a_logit_for_each(shape):
    model = conv_discriminator(shape, (4, 3, 2), patches=True)
    assert model.output_shape == (None, *an_eighth(shape), 1)


def test_each_logit_of_patches_sees_46_by_46_pixels():
    shape = (96, 96, 1)
    model = conv_discriminator(shape, (4, 3, 2), patches=True)
    # Without the normalization, which sees the whole image.
    x = keras.Input(shape)
    y = x
    for layer in model.layers[1:]:
        y = y if isinstance(layer, keras.layers.GroupNormalization) else layer(y)
    plain, image = keras.Model(x, y), tf.constant(images(shape, 1))
    with tf.GradientTape() as tape:
        tape.watch(image)
        one = plain(image)[0, 6, 6, 0]
    seen = np.any(np.asarray(tape.gradient(one, image)[0]) != 0.0, axis=-1)
    rows = np.flatnonzero(seen.any(axis=1))
    assert rows[-1] - rows[0] + 1 == 46


@pytest.mark.parametrize("shape", [(28, 28, 1), (31, 45, 3), (64, 64, 3)])
def test_residual_networks_have_numbers_for_every_image_size(shape):
    encoder = residual_encoder(shape, 6, (4, 6, 8))
    decoder = residual_decoder(3, shape, 2 * math.prod(shape), (8, 6, 4))
    z = np.random.default_rng(1).normal(size=(2, 3)).astype("float32")
    codes, decoded = encoder(images(shape)), decoder(z)
    assert codes.shape == (2, 6) and decoded.shape == (2, *shape[:2], 2 * shape[2])
    laws.all_finite(codes), laws.all_finite(decoded)
    laws.close(encoder(images(shape)[1:]), codes[1:])


def test_residual_decoders_treat_pixels_alike():
    """Of a constant start nothing but the rim differs: no checkerboard."""
    decoder = residual_decoder(2, (64, 64, 1), 64 * 64, (8, 4))
    kernel, bias = decoder.get_layer("start").get_weights()
    same = np.tile(np.arange(8.0), bias.size // 8)
    decoder.get_layer("start").set_weights([0.0 * kernel, same])
    for layer in decoder.layers:
        if isinstance(layer, keras.layers.GroupNormalization):
            # Normalized, a constant channel is zero.
            layer.beta.assign(np.linspace(-1.0, 1.0, layer.beta.shape[0]))
    inside = decoder(np.zeros((1, 2), "float32")).numpy()[0, 16:-16, 16:-16]
    assert np.ptp(inside) < 1e-4 * np.abs(inside).max()
