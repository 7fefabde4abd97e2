"""Images are [height, width, channels], whatever Keras's own image_data_format says."""

import copy

import keras
import numpy as np
import pytest
from model_cases import data_for, fit

import keras_vae

SHAPE = (8, 8, 3)
MODELS = {
    "DenseVAE": lambda: keras_vae.DenseVAE(SHAPE, 2, hidden_units=(4,), seed=0),
    "ConvVAE": lambda: keras_vae.ConvVAE(
        SHAPE, 2, filters=(2, 3), dense_units=4, normalization=True, condition=3, seed=0
    ),
    "semi-supervised": lambda: keras_vae.SemiSupervisedVAE(
        SHAPE, 2, 3, hidden_units=(4,), seed=0
    ),
    "levels": lambda: keras_vae.HierarchicalVAE.for_images(
        SHAPE, (2, 2), filters=(4, 3), condition=3, seed=0
    ),
    "VAE-GAN, spectral": lambda: keras_vae.VAEGAN.for_images(
        SHAPE, 2, filters=(2,), spectral_normalization=True, seed=0
    ),
    "AutoencoderKL": lambda: keras_vae.AutoencoderKL.for_images(
        SHAPE, 2, filters=(3, 4), seed=0
    ),
    "VAE-GAN, paper": lambda: keras_vae.VAEGAN.for_images(SHAPE, 2, "paper", seed=0),
}
# Of many operations, each of which is made anew here several times.
SLOW = ("levels", "VAE-GAN, paper")
every_model = pytest.mark.parametrize(
    "make",
    [
        pytest.param(make, id=name, marks=[pytest.mark.slow] if name in SLOW else [])
        for name, make in MODELS.items()
    ],
)


@pytest.fixture
def channels_first():
    """Keras's other format, while the test asks for it."""
    before = keras.config.image_data_format()
    yield lambda: keras.config.set_image_data_format("channels_first")
    keras.config.set_image_data_format(before)


def made(make):
    keras.utils.set_random_seed(2)
    model = make()
    model.compile(keras.optimizers.SGD(1e-3), run_eagerly=True)
    return model


@pytest.mark.thinned
@every_model
def test_models_are_the_same_in_either_format(make, channels_first, tmp_path):
    last = made(make)
    x = data_for(last, 4)
    y = None if last.num_classes is None else np.arange(4) % 3
    logs, expected = fit(last, x, y=y), last.reconstruct(x, y)
    last.save(tmp_path / "last.keras")
    last.save_to_preset(tmp_path / "last")
    channels_first()
    first = made(make)
    assert fit(first, x, y=y) == logs
    read = keras.saving.load_model(tmp_path / "last.keras")
    preset = type(last).from_preset(tmp_path / "last")
    for one in (first, last, read, preset, copy.deepcopy(first)):
        np.testing.assert_allclose(one.reconstruct(x, y), expected, rtol=1e-5, atol=1e-5)
    assert first.sample(2, y=None if y is None else 0).shape == (2, *SHAPE)


@pytest.mark.parametrize("name", ["conv_vae_mnist", "vae_gan_celeba"])
def test_presets_are_read_in_either_format(name, channels_first):
    results = []
    for switch in (lambda: None, channels_first):
        switch()
        model = keras_vae.VAE.from_preset(name)
        images = model.sample(2, seed=1)
        results.append((images, model.embed(images)))
    for last, first in zip(*results, strict=True):
        np.testing.assert_array_equal(first, last)
