"""The VQ-VAE: indices there and back, logs, exports, refusals."""

import keras
import laws
import numpy as np
import pytest
import tensorflow as tf

import keras_vae
from keras_vae import generation, layers, models, priors
from keras_vae.models.vector_quantized import TwoLevels

# Posterior and number of levels, and the shape of an observation's numbers.
QUANTIZERS = {
    ("vector_quantizer", 1): (4, 4),
    ("finite_scalar_quantizer:levels=3-4-5-3", 1): (4, 4),
    ("vector_quantizer", 2): (20,),
    ("finite_scalar_quantizer:levels=3-4-5-3", 2): (20,),
}
X = np.random.default_rng(0).uniform(size=(6, 8, 8, 1)).astype("float32")


def made(posterior="vector_quantizer", levels=1, **others):
    return models.get(
        f"vq_vae:num_codes=5,code_size=4,filters=8,halvings=1,blocks=1,levels={levels}",
        (8, 8, 1),
        posterior=posterior,
        seed=0,
        **others,
    )


# The last one says nothing that the others do not say of its parts.
*QUICK, LAST = QUANTIZERS


@pytest.mark.thinned
@pytest.mark.parametrize(
    "posterior, levels", [*QUICK, pytest.param(*LAST, marks=pytest.mark.slow)]
)
def test_trains_saves_and_serves_integer_codes(posterior, levels, tmp_path):
    vae = made(posterior, levels)
    vae.compile("adam", run_eagerly=levels == 1)
    logs = vae.fit(X, epochs=2, validation_data=X, verbose=0).history
    used = {name for name in logs if name.startswith("perplexity")}
    expected = {"perplexity"} if levels == 1 else {"perplexity_upper", "perplexity_lower"}
    assert used == (expected if posterior == "vector_quantizer" else set())
    indices = vae.encode_indices(X)
    assert indices.shape == (6, *vae.index_shape) and indices.dtype == np.int32
    assert vae.index_shape == QUANTIZERS[posterior, levels]
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


IMAGES = np.tile(X, (4, 1, 1, 1))


def fitted(prior, x=IMAGES, **model):
    return generation.fit_prior(made(**model), x, prior, epochs=1)


def prior_of_another():
    return made(posterior="vector_quantizer:num_codes=4", prior="pixel_cnn").prior


def between(upper, lower, reads=(2, 2, 4), gradients=("rotation", "rotation"), **network):
    up = {"filters": 4, "kernel_size": 2, "strides": 2, **network}
    told = keras.Sequential([keras.Input(reads), keras.layers.Conv2DTranspose(**up)])
    quantizers = (
        layers.VectorQuantizer(shape, num_codes=5, gradient=one)
        for shape, one in zip((upper, lower), gradients, strict=True)
    )
    return TwoLevels(*quantizers, told)


REFUSED = {
    "floats": (
        lambda: made().decode_indices(np.zeros((1, 4, 4))),
        "must be integers, but have dtype float64",
    ),
    "floats, in graphs": (
        lambda: made().codes_of(np.zeros((1, 4, 4), "float32")),
        "must be integers, but have dtype float32",
    ),
    "truth values": (
        lambda: made().decode_indices(np.zeros((1, 4, 4), bool)),
        "must be integers, but have dtype bool",
    ),
    "above": (
        lambda: made().decode_indices(np.full((1, 4, 4), 5)),
        "has the code 5, but the model has the codes 0 to 4",
    ),
    "below": (lambda: made().decode_indices(np.full((1, 4, 4), -1)), "has the code -1"),
    "of two levels": (
        lambda: made(levels=2).decode_indices(np.full((1, 20), 5)),
        "has the code 5",
    ),
    "another grid": (
        lambda: made().decode_indices(np.zeros((1, 4, 3), int)),
        r"have shape \(1, 4, 3\), but this model's have shape \('N', 4, 4\)",
    ),
    "one row": (
        lambda: made().codes_of(np.zeros((4, 4), int)),
        r"have shape \(4, 4\), but this model's",
    ),
    "none": (lambda: made().decode_indices(np.zeros((0, 4, 4), int)), "are empty"),
    "one code": (
        lambda: made("vector_quantizer:num_codes=1"),
        "num_codes must be at least 2, but is 1: a single code",
    ),
    "one code, twice": (
        lambda: made("vector_quantizer:num_codes=1", 2),
        "num_codes must be at least 2, but is 1",
    ),
    "one code, added up": (
        lambda: layers.ResidualQuantizer((4, 4), num_quantizers=2, num_codes=1),
        "num_codes must be at least 2, but is 1",
    ),
    "one level": (
        lambda: made("finite_scalar_quantizer:levels=3-4-1-3"),
        "one number of at least 2 is needed",
    ),
    "images of another shape": (
        lambda: fitted("pixel_cnn", np.zeros((24, 9, 8, 1), "float32")),
        r"shape \(24, 9, 8, 1\)",
    ),
    "a prior of another shape": (
        lambda: fitted(priors.PixelCNN(event_shape=(2, 2, 4))),
        r"event shape \(2, 2, 4\), but the posterior's .* \(4, 4, 4\)",
    ),
    "a prior of another model": (
        lambda: fitted(prior_of_another()),
        "PixelCNN belongs to the codes of another model already",
    ),
    "a prior of no codes": (
        lambda: fitted("mixture_of_normals:num_components=2"),
        "there is no divergence between them.*PixelCNN",
    ),
    "sides": (
        lambda: keras_vae.VQVAE.for_images((28, 28, 1), halvings=3),
        "cannot be halved 3 times",
    ),
    "sides of the upper level": (
        lambda: keras_vae.VQVAE.for_images((28, 28, 1), levels=2),
        "cannot be halved 3 times.*the upper level of codes takes one more",
    ),
    "three levels": (lambda: made(levels=3), "levels must be 1 or 2, but is 3"),
    "two levels of sums": (
        lambda: made("residual_quantizer:num_quantizers=2", 2),
        "one code a position, such as",
    ),
    "lengths": (lambda: between((2, 2, 4), (4, 4, 3)), "codes of length 4, but the lower"),
    "gradients": (
        lambda: between((2, 2, 4), (4, 4, 4), gradients=("rotation", "straight_through")),
        "gradient 'rotation', but the lower one 'straight_through'",
    ),
    "grids": (
        lambda: between((2, 2, 4), (3, 3, 4)),
        "not a multiple of the upper one's, 2x2",
    ),
    "network": (
        lambda: between((2, 2, 4), (4, 4, 4), filters=3),
        r"makes \(4, 4, 3\) of \(2, 2, 4\), but must make \(4, 4, 4\)",
    ),
    "no quantizer": (
        lambda: keras_vae.VQVAE(None, None, layers.IndependentNormal(2), None),
        "must be a quantizer",
    ),
}


@pytest.mark.thinned
@pytest.mark.parametrize("call, message", REFUSED.values(), ids=REFUSED)
def test_what_does_not_fit_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
