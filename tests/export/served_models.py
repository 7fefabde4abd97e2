"""Models to serve, and what the Keras model itself answers to each request."""

import functools
from typing import NamedTuple

import keras
import model_cases
import numpy as np
import tensorflow as tf

import keras_vae
from keras_vae import layers, priors
from keras_vae.core.seeds import fold
from keras_vae.data import Preprocessor, Scaling
from keras_vae.presets.lookup import _PACKAGE

ZOO = _PACKAGE.parent / "zoo"

IMAGE = model_cases.IMAGE
SEED = 5


def seeds(n):
    """A seed for each of n rows."""
    return np.stack([np.full(n, SEED), np.arange(n)], axis=1).astype(np.int32)


class Served(NamedTuple):
    """A model, observations in its units, bytes [N, *event] of them, and conditions."""

    model: keras_vae.VAE
    x: np.ndarray
    raw: np.ndarray | None = None
    y: np.ndarray | None = None
    # TFP draws from gamma distributions in another way eagerly than in a graph, so the
    # power spherical's draws differ for the same seed.
    same_draws: bool = True


def _bytes():
    return np.random.default_rng(1).integers(0, 256, (3, *IMAGE), dtype=np.uint8)


def _case(name):
    return Served(*model_cases.case(name))


def _of_bytes(model, preprocessor=None):
    raw = _bytes()
    x = raw.astype("f4") if preprocessor is None else preprocessor(raw)
    model.preprocessor = preprocessor
    return Served(model, x, raw)


def scaled(shape=IMAGE, **arguments):
    """The preprocessor of 8-bit images for [0, 1]."""
    return Preprocessor(Scaling(shape, 0.0, 255.0), levels=(0, 255), **arguments)


def _discretized():
    """8-bit levels that the model reads as they are."""
    likelihood = layers.DiscretizedLogistic(IMAGE)
    return keras_vae.DenseVAE(IMAGE, 2, likelihood, hidden_units=(5,), seed=0)


def _preset(name):
    """A model of the zoo."""
    model = keras_vae.VAE.from_preset(ZOO / name)
    if model.preprocessor.levels == (0, 255):
        raw = np.random.default_rng(1).integers(0, 256, (256, *model.event_shape), "u1")
        y = model.num_classes and (np.arange(256) % model.num_classes).astype("i4")
        # Of sounds these are levels of spectrograms, which is what is served.
        of_sounds = model.preprocessor.spectrogram is not None
        prepare = model.preprocessor.scaling if of_sounds else model.preprocessor
        return Served(model, prepare(raw), raw, y)
    # Draws: means need not be data that the model reads, as those of bits are not.
    x = model.to_units(model.sample(256, seed=1, draw=True))
    return Served(model, np.asarray(x, "f4"))


def _vae_gan():
    model = keras_vae.VAEGAN.for_images(
        IMAGE, 3, filters=(2, 3), prior=priors.MixtureOfNormals(2, seed=3), seed=0
    )
    return _of_bytes(model, scaled())


def _mixed_precision():
    model = keras_vae.DenseVAE(IMAGE, 2, hidden_units=(5,), dtype="mixed_float16", seed=0)
    return Served(model, model_cases.data_for(model))


def _labels():
    """8-bit levels, as the middles of cells in (0, 1), of images with a class each."""
    likelihood = layers.IndependentBeta(IMAGE)
    model = keras_vae.SemiSupervisedVAE(IMAGE, 2, 3, likelihood, hidden_units=(5,), seed=0)
    scaling = Scaling.fit(_bytes(), model.support, (0, 255))
    return _of_bytes(model, Preprocessor(scaling, levels=(0, 255)))


def _with(condition=None, **parts):
    """A dense model of six pixels with other parts."""
    model = keras_vae.DenseVAE(
        6, 3, hidden_units=(5,), condition=condition, seed=0, **parts
    )
    y = None
    if condition is not None:
        n, shape = 300, model.condition_shape
        y = np.random.default_rng(4).normal(size=(n, *shape)).astype("f4")
        y = y if model.num_classes is None else y.argmax(axis=-1).astype("i4")
    same = model.latent.support.vectors != "sphere"
    return Served(model, model_cases.data_for(model), y=y, same_draws=same)


# Each kind of part is in one of them, and several in some: an export takes seconds.
CASES = {
    **{
        name: functools.partial(_case, name)
        for name in (
            "learned scale",
            "mixture prior, mixed objective",
            "top-down",
        )
    },
    "binarized images": lambda: _of_bytes(model_cases.conv_vae(), scaled(binarize=True)),
    "8-bit levels": lambda: _of_bytes(_discretized()),
    "VAE-GAN": _vae_gan,
    "mixed precision": _mixed_precision,
    "flow of counts, classes": lambda: _with(
        condition=4, posterior="flow", likelihood="poisson"
    ),
    "binary codes, mixture likelihood": lambda: _with(
        posterior="bernoulli", likelihood=layers.MixtureNormal(2, 6)
    ),
    "sphere": lambda: _with(posterior="power_spherical"),
    "autoencoder of class numbers": lambda: _with(
        posterior="deterministic", likelihood=layers.IndependentCategorical(6, 3)
    ),
    "condition": lambda: _with(condition=(2,), prior="conditional"),
    "labels of cell middles": _labels,
}
OF_THE_ZOO = {
    f"zoo: {path.parent.name}": functools.partial(_preset, path.parent.name)
    for path in sorted(ZOO.glob("[!.]*/metadata.json"))
}
OF_BYTES = ("binarized images", "8-bit levels", "VAE-GAN", "labels of cell middles")


def make(name):
    """The model of a case, the same each time."""
    keras.utils.set_random_seed(7)
    return {**CASES, **OF_THE_ZOO}[name]()


def requests(served, n):
    """A request of `n` examples to each signature, by name."""
    model, x = served.model, served.x[:n]
    z = np.asarray(model.draw(max(n, 1), 2, _condition(served, max(n, 1))))[:n]
    y = {} if served.y is None else {"y": served.y[:n]}
    all_requests = {
        "serving_default": {"x": x, **y},
        "reconstruct": {"x": x, **y},
        "encode": {"x": x, **y},
        "decode": {"z": z, **y},
        "sample": {"seed": seeds(n), **y},
    }
    if model.latent.has_density:
        all_requests["score"] = {"x": x, "seed": seeds(n), **y}
    if model.learns_labels:
        all_requests["predict_label"] = {"x": x}
        labels = (np.arange(n) % model.num_classes).astype(np.int32)
        all_requests["sample_of_label"] = {"seed": seeds(n), "y": labels}
        all_requests["predict_label_uint8"] = {"x": served.raw[:n]}
    if served.raw is not None:
        all_requests["reconstruct_uint8"] = {"x": served.raw[:n], **y}
        all_requests["encode_uint8"] = {"x": served.raw[:n], **y}
    return all_requests


def _condition(served, n):
    return None if served.y is None else served.y[:n]


def answers(served, n):
    """What the Keras model says to these requests; bytes not rounded."""
    model, x, y = served.model, served.x[:n], _condition(served, n)
    preprocessor, model.preprocessor = model.preprocessor, None
    encoded = {**model.posterior_summary(x, y), "z": model.codes(x, y)}
    reconstructed = {"reconstruction": model(x, y), "z": encoded["z"]}
    z = requests(served, n)["decode"]["z"]
    expected = {
        "serving_default": reconstructed,
        "reconstruct": reconstructed,
        "encode": encoded,
        "decode": {"mean": model.decoded(z, y)},
        "sample": {"samples": model.sample(n, y, seed=SEED)},
    }
    if model.latent.has_density:
        elbo = np.asarray(model.bound(x, 1, fold(tf.constant(seeds(n)), 0), y=y).elbo)
        expected["score"] = {
            "elbo": elbo if served.same_draws else np.full_like(elbo, np.nan)
        }
    if model.learns_labels:
        predicted = model.predict_label(x)._asdict()
        of_label = requests(served, n)["sample_of_label"]["y"]
        expected["predict_label"] = expected["predict_label_uint8"] = predicted
        expected["sample_of_label"] = {"samples": model.sample(n, of_label, seed=SEED)}
    model.preprocessor = preprocessor
    if served.raw is not None:
        raw = np.asarray(reconstructed["reconstruction"])
        raw = raw if preprocessor is None else preprocessor.scaling.inverse(raw)
        expected["encode_uint8"] = encoded
        expected["reconstruct_uint8"] = {**reconstructed, "reconstruction": raw}
    return {
        name: {key: np.asarray(value) for key, value in one.items()}
        for name, one in expected.items()
    }


def check_answer(given, expected):
    """Asserts that a server's answer is the Keras model's, to single precision.

    Where NaN is expected, any number will do.
    """
    assert set(given) == set(expected)
    for key, value in expected.items():
        answer = np.asarray(given[key])
        assert answer.shape == value.shape
        if answer.dtype == np.uint8:
            assert (
                np.abs(answer.astype("f8") - np.clip(value, 0, 255)).max(initial=0) < 0.501
            )
        else:
            assert answer.dtype == value.dtype and np.isfinite(answer).all()
            value = np.where(np.isnan(value), answer, value)
            np.testing.assert_allclose(answer, value, rtol=1e-5, atol=1e-5)
