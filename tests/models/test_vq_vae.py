"""The VQ-VAE: indices there and back, logs, exports, refusals."""

import keras
import laws
import numpy as np
import pytest
import tensorflow as tf

import keras_vae
from keras_vae import layers, models

QUANTIZERS = {
    "vector_quantizer": (4, 4),
    "finite_scalar_quantizer:levels=3-4-5-3": (4, 4),
}
X = np.random.default_rng(0).uniform(size=(6, 8, 8, 1)).astype("float32")


def made(posterior="vector_quantizer"):
    return models.get(
        "vq_vae:num_codes=5,code_size=4,filters=8,halvings=1,blocks=1",
        (8, 8, 1),
        posterior=posterior,
        seed=0,
    )


@pytest.mark.parametrize("posterior", QUANTIZERS)
def test_trains_saves_and_serves_integer_codes(posterior, tmp_path):
    vae = made(posterior)
    vae.compile("adam")
    logs = vae.fit(X, epochs=2, validation_data=X, verbose=0).history
    assert ("perplexity" in logs) == (posterior == "vector_quantizer")
    indices = vae.encode_indices(X)
    assert indices.shape == (6, *QUANTIZERS[posterior]) and indices.dtype == np.int32
    laws.close(vae.decode_indices(indices), vae.reconstruct(X))
    vae.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(again.encode_indices(X), indices)
    laws.close(again.elbo(X), vae.elbo(X))
    vae.export(tmp_path / "1")
    served = tf.saved_model.load(tmp_path / "1").signatures
    encoded = served["encode"](x=tf.constant(X))["indices"]
    assert encoded.dtype == tf.int32
    np.testing.assert_array_equal(encoded, indices)
    laws.close(served["decode_indices"](indices=encoded)["mean"], vae.reconstruct(X))
    with pytest.raises(tf.errors.InvalidArgumentError, match="from 0 to"):
        served["decode_indices"](indices=encoded + 1000)


def test_prior_and_seed_are_taken_by_name():
    one = models.get(
        "vq_vae:code_size=4,filters=8", (8, 8, 1), prior="pixel_cnn:layers=1", seed=7
    )
    assert type(one.prior) is keras_vae.priors.PixelCNN
    assert one.get_config()["seed"] == 7


@pytest.mark.parametrize(
    "indices, message",
    [
        (np.zeros((1, 4, 4)), "must be integers, but have dtype float64"),
        (np.full((1, 4, 4), 5), "has the code 5, but the model has the codes 0 to 4"),
        (np.full((1, 4, 4), -1), "has the code -1"),
        (np.zeros((1, 4, 3), int), r"have shape \(1, 4, 3\)"),
        (np.zeros((0, 4, 4), int), "are empty"),
    ],
)
def test_bad_indices_are_refused(indices, message):
    with pytest.raises(ValueError, match=message):
        made().decode_indices(indices)


def test_parts_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="cannot be halved 3 times"):
        keras_vae.VQVAE.for_images((28, 28, 1), halvings=3)
    with pytest.raises(ValueError, match="must be a quantizer"):
        keras_vae.VQVAE(None, None, layers.IndependentNormal(2), None)
    with pytest.raises(ValueError, match="num_codes is 1"):
        keras_vae.VQVAE.for_images((8, 8, 1), num_codes=1)
