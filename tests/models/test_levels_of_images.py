"""Hierarchies whose levels are images: their shapes, and what does not fit."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from model_cases import IMAGE, data_for, levels_of_images

import keras_vae
from keras_vae import layers
from keras_vae.models.hierarchical import TopDownPrior
from keras_vae.models.hierarchical.conv import ConvLevels

for_images = keras_vae.HierarchicalVAE.for_images


@pytest.mark.parametrize(
    "shape, strides, expected, inference",
    [
        # None of these sides is a power of two.
        ((7, 5, 3), (2, 4, 8), [(4, 3), (2, 2), (1, 1)], "ladder"),
        # The pixels themselves, and levels of one size.
        ((6, 3, 1), (1, 4, 4), [(6, 3), (2, 1), (2, 1)], "top_down"),
        # A stride of four: 5 pixels are 2, on the way up and down.
        ((9, 5, 1), (2, 8), [(5, 3), (2, 1)], "bidirectional"),
        ((13, 1, 1), (4, 16), [(4, 1), (1, 1)], "top_down"),
    ],
)
def test_levels_are_images_of_every_size(shape, strides, expected, inference):
    channels = (2, 4, 2)[: len(strides)]
    filters = (3, 4, 5)[: len(strides)]
    model = for_images(shape, channels, strides, filters=filters, inference=inference)
    x = data_for(model, 2)
    codes = model.embed(x)
    for z in (codes, tf.constant(codes)):
        parts = model.split(z)
        shapes = [(2, *size, n) for size, n in zip(expected, channels, strict=True)]
        assert [tuple(one.shape) for one in parts] == shapes
        assert all(type(one) is type(z) for one in parts)
    assert model.reconstruct(x).shape == x.shape


def test_levels_are_split_as_networks_read_them():
    model = levels_of_images()
    z = model.draw(3, seed=1)
    block = model.prior.blocks[0]
    image = keras.Model(block.input, block.get_layer("z_image").output)
    seen = image([model.prior.split(z)[0], tf.zeros((3, 4, 4, 4))])
    np.testing.assert_array_equal(model.split(z)[0], seen)


def test_parameters_of_a_pixel_are_those_of_its_latent_variables():
    """The mean of a latent number and its scale come from the same pixel and channel."""
    network = levels_of_images().prior.heads[0]
    outputs = network.get_layer("params_conv").output
    before, (_, h, w, c) = keras.Model(network.input, outputs), outputs.shape
    state = np.random.default_rng(0).normal(size=(2, 4, 4, 4)).astype("float32")
    loc, scale = np.split(network(state).numpy(), 2, axis=-1)
    images = before(state).numpy()
    for part, channels in ((loc, images[..., : c // 2]), (scale, images[..., c // 2 :])):
        expected = np.moveaxis(channels, -1, 1).reshape(2, h * w * c // 2)
        np.testing.assert_array_equal(part, expected)


@pytest.mark.parametrize("inference", ["ladder", "top_down"])
def test_one_level_is_a_vae_draw_for_draw(inference):
    keras.utils.set_random_seed(0)
    made = ConvLevels(IMAGE, (2,), (4,), (3,), 1, "elu", None, True)
    q, likelihood = made.posterior(inference), layers.IndependentBernoulli(IMAGE)
    encoder, decoder = made.encoder(q.feature_sizes), made.decoder(likelihood.params_size)
    prior = made.prior()
    hierarchy = keras_vae.HierarchicalVAE(encoder, decoder, q, likelihood, prior, seed=0)
    networks = encoder, keras.Sequential([prior.blocks[0], decoder])
    vae = keras_vae.VAE(*networks, layers.IndependentNormal(8), likelihood, seed=0)
    x = data_for(vae)
    ours, theirs = (one.trace(x, num_samples=3, seed=4) for one in (hierarchy, vae))
    for name in ("z", "log_q", "log_p", "log_px", "log_weight", "elbo"):
        np.testing.assert_allclose(
            getattr(ours, name), getattr(theirs, name), rtol=1e-5, atol=1e-5
        )


@pytest.mark.parametrize(
    "options, message",
    [
        ({"latent_channels": ()}, "two levels or more"),
        ({"latent_channels": 4}, "or take ConvVAE"),
        ({"latent_channels": (2, 0)}, "latent_channels must be a positive integer"),
        ({"latent_channels": (2, 2, 2, 2)}, r"a single one at stride 8 already.*16"),
        ({"strides": (4, 16)}, "fewer levels"),
        ({"strides": (4, 2)}, "powers of two that do not fall"),
        ({"strides": (3, 6)}, "powers of two that do not fall"),
        ({"strides": (2, 4, 8)}, "2 levels, but strides has 3 numbers"),
        ({"filters": (2,)}, "2 levels, but filters has 1 numbers"),
        ({"blocks": 0}, "blocks must be a positive integer"),
        ({"inference": "top_dwn"}, "Did you mean 'top_down'"),
        ({"normalization": "bach"}, "Did you mean 'batch'"),
        ({"inference": "bidirectional", "latent_channels": (3, 2)}, "must be even.*has 3"),
        ({"prior": "vamp"}, "uses the encoder"),
        (
            {"likelihood": layers.MixtureNormal(2, IMAGE)},
            "equally many parameters",
        ),
    ],
)
def test_what_does_not_fit_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        for_images(IMAGE, **{"latent_channels": (2, 2), "filters": None, **options})


def test_shapes_of_other_sizes_are_refused():
    prior = levels_of_images().prior
    networks = prior.blocks, prior.heads
    with pytest.raises(ValueError, match=r"32, 2\) numbers, but shapes"):
        TopDownPrior(prior.sizes, *networks, shapes=[(4, 4, 3), (2,)])
