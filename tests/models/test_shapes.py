"""The prebuilt models on images of all sizes, and on vectors."""

import keras
import numpy as np
import pytest

import keras_vae
from keras_vae.models.conv_vae import default_filters

IMAGES = [(28, 28, 1), (28, 20, 1), (31, 45, 3), (64, 64, 3), (8, 8, 1), (1, 9, 2)]
LIKELIHOODS = [
    "bernoulli",
    "beta",
    "categorical:num_classes=4",
    "continuous_bernoulli",
    "discretized_logistic",
    "laplace",
    "logistic",
    "negative_binomial",
    "normal",
    "normal:scale=shared",
    "poisson",
    "student_t",
]
# Whose parameters are not an image: a convolution cannot give them.
OF_WHOLE_EVENTS = ["mixture_logistic:num_components=2", "mixture_normal:num_components=30"]
SHAPES = pytest.mark.parametrize("shape", IMAGES, ids=str)


def trains(model, x):
    """Checks shapes through the whole model, before and after a step."""
    model.compile(keras.optimizers.SGD(1e-4), run_eagerly=True)
    before = model.get_weights()
    logs = model.train_on_batch(x, return_dict=True)
    assert np.isfinite(list(logs.values())).all()
    after = model.get_weights()
    assert all((a != b).any() for a, b in zip(after, before, strict=True))
    assert model(x).shape == x.shape
    assert model.embed(x).shape == (len(x), model.latent_dim)
    assert model.sample(2, draw=True).shape == (2, *x.shape[1:])


@pytest.mark.thinned
@SHAPES
@pytest.mark.parametrize("likelihood", ["bernoulli", "normal"])
def test_conv_vae_takes_images_of_any_size(shape, likelihood):
    model = keras_vae.ConvVAE(
        shape, 3, likelihood, filters=(4, 4), dense_units=8, activation="tanh"
    )
    trains(model, np.random.default_rng(0).random((3, *shape)).astype("float32"))


@pytest.mark.parametrize("shape", [*IMAGES, (6,), (3, 5)], ids=str)
def test_dense_vae_takes_any_shape(shape):
    model = keras_vae.DenseVAE(shape, 3, hidden_units=(5, 4), activation="tanh")
    trains(model, np.random.default_rng(0).random((3, *shape)).astype("float32"))


def test_an_integer_is_the_shape_of_a_vector():
    model = keras_vae.DenseVAE(30, 2, hidden_units=(4,))
    assert model.event_shape == (30,) and model.latent_dim == 2
    assert model.encoder.input_shape == (None, 30)
    again = type(model).from_config(model.get_config())
    assert again.event_shape == (30,)
    likelihood = keras_vae.layers.IndependentNormal(30)
    assert keras_vae.DenseVAE(30, 2, likelihood).event_shape == (30,)


@pytest.mark.thinned
@pytest.mark.parametrize("name", LIKELIHOODS)
@pytest.mark.parametrize("cls", [keras_vae.DenseVAE, keras_vae.ConvVAE])
def test_every_named_likelihood_fits_the_prebuilt_models(name, cls):
    sizes = {"hidden_units": (4,)} if cls is keras_vae.DenseVAE else {"filters": (2,)}
    model = cls((6, 5, 1), 2, name, activation="tanh", **sizes)
    x = np.ones((2, 6, 5, 1), "float32")
    if model.likelihood.support.is_open:
        x *= 0.5
    trains(model, x)


@pytest.mark.parametrize("name", OF_WHOLE_EVENTS)
def test_convolutions_refuse_likelihoods_of_whole_events(name):
    model = keras_vae.DenseVAE((6, 5, 1), 2, name, hidden_units=(4,), activation="tanh")
    trains(model, np.ones((2, 6, 5, 1), "float32"))
    with pytest.raises(ValueError, match="dense decoder|decoder ends in shape"):
        keras_vae.ConvVAE((6, 5, 1), 2, name, filters=(2,))


@pytest.mark.parametrize(
    "shape, filters",
    [
        ((8, 8, 1), (32,)),
        ((9, 3, 1), (32,)),
        ((16, 16, 1), (32,)),
        ((17, 2, 3), (32, 64)),
        ((28, 28, 1), (32, 64)),
        ((31, 45, 3), (32, 64, 128)),
        ((64, 64, 3), (32, 64, 128)),
        ((128, 128, 3), (32, 64, 128, 128)),
    ],
)
def test_default_filters_halve_the_longer_side_to_eight(shape, filters):
    assert default_filters(shape) == filters
    model = keras_vae.ConvVAE(shape, 2, dense_units=4)
    assert model.filters == filters
    last = model.encoder.get_layer(f"conv_{len(filters)}").output.shape
    assert max(last[1:3]) <= 8 and last[3] == filters[-1]
    first = model.decoder.get_layer("image").output.shape
    assert first[1:3] == last[1:3]


def test_the_decoder_of_a_conv_vae_keeps_parameters_of_one_kind_together():
    """Means and scales of a pixel come from one convolution, in two blocks."""
    shape = (6, 5, 3)
    model = keras_vae.ConvVAE(shape, 2, "normal", (4,), 8)
    last = model.decoder.get_layer("params")
    last.set_weights([np.zeros(last.kernel.shape), np.array([1, 2, 3, -1, -2, -3])])
    px = model.decode(np.zeros((1, 2), "float32"))
    mean = np.broadcast_to([1.0, 2.0, 3.0], (1, *shape))
    np.testing.assert_allclose(px.mean(), mean, rtol=1e-6)
    scale = 1e-5 + np.log1p(np.exp([-1.0, -2.0, -3.0]))
    np.testing.assert_allclose(px.stddev(), np.broadcast_to(scale, (1, *shape)), rtol=1e-5)


@pytest.mark.parametrize("cls", [keras_vae.DenseVAE, keras_vae.ConvVAE])
def test_levels_reach_the_encoder_between_minus_one_and_one(cls):
    likelihood = keras_vae.layers.DiscretizedLogistic((4, 4, 1))
    model = cls((4, 4, 1), 2, likelihood)
    rescaling = model.encoder.get_layer("rescaling")
    ends = np.reshape(np.float32([0, 255]), (2, 1, 1, 1))
    np.testing.assert_allclose(np.ravel(rescaling(ends)), [-1.0, 1.0], atol=1e-6)


@pytest.mark.parametrize(
    "make",
    [
        lambda posterior: keras_vae.DenseVAE(6, 4, posterior=posterior),
        lambda posterior: keras_vae.ConvVAE((8, 8, 1), 4, posterior=posterior),
        lambda posterior: keras_vae.SemiSupervisedVAE(6, 4, 3, posterior=posterior),
        lambda posterior: keras_vae.VAEGAN.for_images((8, 8, 1), 4, posterior=posterior),
    ],
)
def test_decoders_read_unit_vectors_on_the_scale_of_normal_ones(make):
    scales = [
        [one.scale for one in make(posterior).decoder.layers if one.name == "scaled_z"]
        for posterior in ("power_spherical", "normal")
    ]
    assert scales == [[2.0], []]
