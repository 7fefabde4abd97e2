"""Counts: their encoders read log(1 + x), and training copes with large ones."""

import keras
import numpy as np
import pytest
from model_cases import LATENT, SIZE

import keras_vae
from keras_vae import layers, networks

IMAGE = (4, 4, 1)
SMALL = {
    keras_vae.DenseVAE: {"hidden_units": (4,)},
    keras_vae.ConvVAE: {"filters": (2,), "dense_units": 4},
}


def counts(n, shape, high=1000):
    """Counts from 0 to `high` that vary from example to example."""
    rng = np.random.default_rng(0)
    rates = high * rng.random((n, *[1] * len(shape))) ** 2 * rng.random(shape)
    return np.minimum(rng.poisson(rates), high).astype("float32")


@pytest.mark.parametrize("likelihood", ["poisson", "negative_binomial"])
def test_large_counts_train_to_a_finite_falling_loss(likelihood):
    model = keras_vae.DenseVAE(30, 2, likelihood, hidden_units=(16,), seed=0)
    model.compile(keras.optimizers.Adam(1e-2), jit_compile=False)
    x = counts(64, (30,))
    assert x.max() > 500
    logs = model.fit(x, batch_size=16, epochs=12, verbose=0).history
    for values in logs.values():
        assert np.isfinite(values).all()
    assert logs["loss"][-1] < 0.7 * logs["loss"][0]
    assert np.isfinite(model.log_likelihood(x[:4], num_samples=3)).all()


@pytest.mark.parametrize("likelihood", ["poisson", "negative_binomial"])
@pytest.mark.parametrize("cls", SMALL)
def test_prebuilt_encoders_of_counts_read_logarithms(cls, likelihood):
    model = cls(IMAGE, 2, likelihood=likelihood, seed=0, **SMALL[cls])
    plain = cls(IMAGE, 2, likelihood="normal", seed=0, **SMALL[cls]).encoder
    plain.set_weights(model.encoder.get_weights())
    x = counts(3, IMAGE)
    np.testing.assert_allclose(model.encoder(x), plain(np.log1p(x)), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("cls", SMALL)
def test_counts_above_the_range_of_half_precision_are_read(cls):
    model = cls(IMAGE, 2, likelihood="poisson", dtype="mixed_float16", seed=0, **SMALL[cls])
    x = np.linspace(0, 2e5, 32).round().astype("float32").reshape(2, *IMAGE)
    reconstruction = model.reconstruct(x)
    assert np.isfinite(reconstruction).all()
    expected = model.decode(model.encode(x).mean()).mean()
    np.testing.assert_allclose(reconstruction, expected, rtol=1e-3)


def test_a_vae_from_parts_with_a_log_scale_survives_saving(tmp_path):
    posterior = layers.IndependentNormal(LATENT)
    likelihood = layers.IndependentPoisson(SIZE)
    model = keras_vae.VAE(
        networks.dense_encoder((SIZE,), posterior.params_size, (5,), log_scale=True),
        networks.dense_decoder(LATENT, likelihood.params_size, (5,)),
        posterior,
        likelihood,
        seed=0,
    )
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    x = counts(5, (SIZE,))
    np.testing.assert_array_equal(loaded.embed(x), model.embed(x))
    np.testing.assert_array_equal(loaded.reconstruct(x), model.reconstruct(x))
    np.testing.assert_array_equal(loaded.elbo(x), model.elbo(x))
