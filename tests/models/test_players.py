"""Objectives that train encoder and decoder each on a loss of its own."""

import keras
import numpy as np
import pytest

import keras_vae

X = (np.random.default_rng(0).uniform(size=(8, 6)) > 0.5).astype("float32")


def stepped(objective):
    """Weights of encoder and decoder after one step of plain descent from the same start."""
    model = keras_vae.DenseVAE(6, 2, hidden_units=(4,), activation="tanh", seed=3)
    rng = np.random.default_rng(1)
    model.set_weights([0.5 * rng.normal(size=w.shape) for w in model.get_weights()])
    model.compile(keras.optimizers.SGD(0.1), objective, run_eagerly=True)
    model.fit(X, batch_size=8, epochs=1, shuffle=False, verbose=0)
    return model.encoder.get_weights(), model.decoder.get_weights()


PLAYERS = [("piwae:num_bounds=3,draws_per_bound=2", "miwae:num_bounds=3,draws_per_bound=2")]


@pytest.mark.parametrize("objective, of_encoder", PLAYERS)
def test_each_player_takes_the_step_of_its_own_bound(objective, of_encoder):
    encoder, decoder = stepped(objective)
    for given, expected in [
        (encoder, stepped(of_encoder)[0]),
        (decoder, stepped("iwae:num_samples=6")[1]),
    ]:
        for a, b in zip(given, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    # The two differ: neither took the other's.
    assert np.abs(encoder[0] - stepped("iwae:num_samples=6")[0][0]).max() > 1e-4


@pytest.mark.parametrize("objective", ["wae", "info_vae"])
@pytest.mark.parametrize("size, batch_size", [(8, 1), (1, None), (7, 3), (9, 8)])
def test_a_batch_in_which_nothing_can_be_compared_is_refused(objective, size, batch_size):
    model = keras_vae.DenseVAE(6, 2, hidden_units=(4,), seed=3)
    model.compile("adam", objective)
    x = np.zeros((size, 6), "float32")
    words = "needs at least 2, but .* leave a batch of 1. Choose another batch_size"
    for ask in (model.fit, model.evaluate):
        with pytest.raises(ValueError, match=words):
            ask(x, batch_size=batch_size, verbose=0)
    with pytest.raises(ValueError, match=words):
        model.fit(X, validation_data=x, batch_size=batch_size or 32, verbose=0)
