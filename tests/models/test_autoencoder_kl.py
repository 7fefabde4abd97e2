"""`AutoencoderKL`: its codes are maps, and its own losses are what the docstring says."""

import numpy as np
import pytest
from gan_cases import images, played
from model_cases import autoencoder_kl, fit

import keras_vae

RNG = np.random.default_rng(0)


@pytest.mark.thinned
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    "shape, filters, places",
    [((8, 8), (4,), (4, 4)), ((8, 12), (4, 3), (2, 3)), ((32, 16), (2, 3, 4), (4, 2))],
)
def test_codes_are_maps_of_the_image(shape, filters, places, channels):
    shape = (*shape, channels)
    model = keras_vae.AutoencoderKL.for_images(shape, 2, filters, seed=0)
    x, latent = images(4, shape), (*places, 2)
    assert model.latent.shape == latent and model.latent_dim == np.prod(latent)
    codes = model.embed(x)
    assert codes.shape == (4, *latent) and model.draw(3, 0).shape == (3, *latent)
    np.testing.assert_allclose(model.decode_codes(codes), model.reconstruct(x), atol=1e-5)
    walks = model.interpolate(x[:1], x[1:2], steps=5)
    assert walks.shape == (1, 5, *shape) and np.isfinite(walks).all()
    assert model.sample(3).shape == (3, *shape)
    # One logit for each patch.
    assert model.observe(x)[1].shape[1:].num_elements() > 1


def test_the_weights_fit_images_of_any_size():
    small = autoencoder_kl()
    large = keras_vae.AutoencoderKL.for_images((16, 24, 1), 2, (6, 5), seed=1)
    for one in ("encoder", "decoder"):
        getattr(large, one).set_weights(getattr(small, one).get_weights())
    assert large.embed(images(2, (16, 24, 1))).shape == (2, 4, 6, 2)


@pytest.mark.parametrize("perceptual", [False, True])
def test_the_usual_losses_are_a_small_rate_and_sums_over_pixels(perceptual):
    model = autoencoder_kl(perceptual=perceptual)
    model.compile("adam", run_eagerly=True)
    trace = played(model, images(5))
    losses = model.objective(trace, step=0)
    q, z = model.encode(trace.x), np.asarray(trace.z)
    mean, variance = np.asarray(q.mean()), np.asarray(q.variance())
    assert z.shape == (1, 5, 2, 2, 2)
    rate = 0.5 * (mean**2 + variance - 1 - np.log(variance)).sum(axis=(1, 2, 3))
    shown = model.decoded(z[0])
    distance = np.abs(trace.x - shown).sum(axis=(1, 2, 3))
    if perceptual:
        distance += 0.05 * 64 * np.asarray(trace.game.perceptual_distance())
    np.testing.assert_allclose(losses["encoder"], 0.01 * rate + distance, rtol=1e-4)
    # The game begins later, and leaves samples out.
    np.testing.assert_allclose(losses["decoder"], 1e-3 * distance, rtol=1e-4)
    wrong = np.maximum(0, 1 - trace.game.real) + np.maximum(0, 1 + trace.game.reconstructed)
    np.testing.assert_allclose(losses["discriminator"], wrong.mean(axis=1), rtol=1e-4)
    begun = model.objective.opposed(trace, step=model.objective.start_step)["decoder"]
    np.testing.assert_allclose(begun, -trace.game.reconstructed.numpy().mean(1), rtol=1e-4)


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"event_shape": (30, 32, 3)}, "30x32 cannot be halved 2 times.*multiples of 4"),
        ({"filters": (4, 4, 4, 4)}, "cannot be halved 4 times.*fewer filters"),
        ({"filters": ()}, "filters must hold one number for each halving"),
        ({"filters": (4, 0)}, "filters must be a positive integer"),
        ({"latent_channels": 0}, "latent_channels must be a positive integer"),
        ({"latent_channels": 1.5}, "latent_channels must be a positive integer"),
        ({"discriminator": "patches"}, "Did you mean 'patch'"),
        ({"condition": 3}, "has no condition"),
    ],
)
def test_what_makes_no_map_is_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        keras_vae.AutoencoderKL.for_images(**{"event_shape": (8, 8, 1), **arguments})


def test_perceptual_distances_need_labels():
    with pytest.raises(ValueError, match="perceptual=True"):
        autoencoder_kl().train_perceptual_network(images(), [0, 1] * 6)
    with pytest.raises(ValueError, match="these data have none"):
        autoencoder_kl(perceptual=True).train_perceptual_network(images(), None)


@pytest.mark.slow
def test_it_learns_to_reconstruct():
    # Bright squares, each in a place of its own.
    x = np.zeros((64, 8, 8, 1), "float32")
    for image, (row, column) in zip(x, RNG.integers(0, 6, (64, 2)), strict=True):
        image[row : row + 3, column : column + 3] = 1.0
    model = autoencoder_kl(filters=(16, 16))
    before = np.abs(model.reconstruct(x) - x).mean()
    model.compile("adam:learning_rate=0.003")
    fit(model, x, epochs=30, batch_size=16)
    assert np.abs(model.reconstruct(x) - x).mean() < 0.2 * before
