"""Models to serve, and what the Keras model itself answers to each request."""

import functools
from typing import NamedTuple

import keras
import model_cases
import numpy as np

import keras_vae
from keras_vae import layers, priors
from keras_vae.data import Preprocessor, Scaling
from keras_vae.export import read_signatures
from keras_vae.presets.lookup import _PACKAGE

ZOO = _PACKAGE.parent / "zoo"

IMAGE = model_cases.IMAGE
SEED = np.array([5, 0], np.int32)


class Served(NamedTuple):
    """A model, observations in its units, and where these come from, bytes [N, *event]."""

    model: keras_vae.VAE
    x: np.ndarray
    preprocessor: Preprocessor | None = None
    raw: np.ndarray | None = None


def _bytes():
    return np.random.default_rng(1).integers(0, 256, (3, *IMAGE), dtype=np.uint8)


def _case(name):
    return Served(*model_cases.case(name))


def _of_bytes(model, preprocessor=None):
    raw = _bytes()
    x = raw.astype("f4") if preprocessor is None else preprocessor.scaling(raw)
    return Served(model, x, preprocessor, raw)


def scaled(shape=IMAGE, **arguments):
    """The preprocessor of 8-bit images for [0, 1]."""
    return Preprocessor(Scaling(shape, 0.0, 255.0), levels=(0, 255), **arguments)


def _discretized():
    """8-bit levels that the model reads as they are."""
    likelihood = layers.DiscretizedLogistic(IMAGE)
    return keras_vae.DenseVAE(IMAGE, 2, likelihood, hidden_units=(5,), seed=0)


def _beta():
    """8-bit levels as the middles of cells in (0, 1)."""
    model = keras_vae.DenseVAE(
        IMAGE, 2, layers.IndependentBeta(IMAGE), hidden_units=(5,), seed=0
    )
    scaling = Scaling.fit(_bytes(), model.support, (0, 255))
    return _of_bytes(model, Preprocessor(scaling, levels=(0, 255)))


def _preset(name):
    """A model of the zoo, whose SavedModel is there already."""
    model = keras_vae.VAE.from_preset(ZOO / name)
    preprocessor = Preprocessor.from_preset(ZOO / name)
    signatures = read_signatures(ZOO / name / "1")
    if "encode_uint8" in signatures:
        raw = np.random.default_rng(1).integers(0, 256, (256, *model.event_shape), "u1")
        return Served(model, preprocessor.scaling(raw), preprocessor, raw)
    samples = model.sample(256, seed=1)
    x = np.round(samples) if model.likelihood.is_discrete else samples
    return Served(model, x, preprocessor)


def _vae_gan():
    model = keras_vae.VAEGAN.for_images(
        IMAGE, 3, filters=(2, 3), prior=priors.MixtureOfNormals(2, seed=3), seed=0
    )
    return _of_bytes(model, scaled())


def _mixed_precision():
    model = keras_vae.DenseVAE(IMAGE, 2, hidden_units=(5,), dtype="mixed_float16", seed=0)
    return Served(model, model_cases.data_for(model))


CASES = {
    **{
        name: functools.partial(_case, name)
        for name in (
            "full covariance",
            "learned scale",
            "counts",
            "class numbers",
            "mixture likelihood",
            "mixture prior, mixed objective",
        )
    },
    "binarized images": lambda: _of_bytes(model_cases.conv_vae(), scaled(binarize=True)),
    "8-bit levels": lambda: _of_bytes(_discretized()),
    "cell middles": _beta,
    "VAE-GAN": _vae_gan,
    "mixed precision": _mixed_precision,
}
OF_THE_ZOO = {
    f"zoo: {path.parent.name}": functools.partial(_preset, path.parent.name)
    for path in sorted(ZOO.glob("[!.]*/metadata.json"))
}
NAMES = [*CASES, *OF_THE_ZOO]
OF_BYTES = ("binarized images", "8-bit levels", "cell middles", "VAE-GAN")


def make(name):
    """The model of a case, the same each time."""
    keras.utils.set_random_seed(7)
    return {**CASES, **OF_THE_ZOO}[name]()


def saved_model_of(name):
    """The folder of a preset's SavedModel; None of models that are made here."""
    return ZOO / name.removeprefix("zoo: ") / "1" if name in OF_THE_ZOO else None


def requests(served, n):
    """A request of `n` examples to each signature, by name."""
    x, size = served.x[:n], served.model.latent_dim
    z = np.random.default_rng(2).normal(size=(n, size)).astype("f4")
    all_requests = {
        "serving_default": {"x": x},
        "reconstruct": {"x": x},
        "encode": {"x": x},
        "decode": {"z": z},
        "sample": {"seed": SEED, "num_samples": np.array(n, np.int32)},
        "score": {"x": x, "seed": SEED},
    }
    if served.raw is not None:
        all_requests["reconstruct_uint8"] = {"x": served.raw[:n]}
        all_requests["encode_uint8"] = {"x": served.raw[:n]}
    return all_requests


def answers(served, n):
    """What the Keras model says to these requests; bytes not rounded."""
    model, x = served.model, served.x[:n]
    q = model.encode(x)
    encoded = {"mean": q.mean(), "stddev": q.stddev()}
    reconstructed = {"reconstruction": model(x), "z_mean": model.embed(x)}
    z = requests(served, n)["decode"]["z"]
    seed = int(SEED[0])
    expected = {
        "serving_default": reconstructed,
        "reconstruct": reconstructed,
        "encode": encoded,
        "decode": {"mean": model.center(model.decode(z))},
        "sample": {"samples": model.sample(n, seed=seed)},
        "score": {"elbo": model.elbo(x, seed=seed)},
    }
    if served.raw is not None:
        scale = served.preprocessor.scaling.inverse if served.preprocessor else np.asarray
        raw = scale(np.asarray(reconstructed["reconstruction"]))
        expected["encode_uint8"] = encoded
        expected["reconstruct_uint8"] = {**reconstructed, "reconstruction": raw}
    return {
        name: {key: np.asarray(value) for key, value in one.items()}
        for name, one in expected.items()
    }


def check_answer(given, expected):
    """Asserts that a server's answer is the Keras model's, to single precision."""
    assert set(given) == set(expected)
    for key, value in expected.items():
        answer = np.asarray(given[key])
        assert answer.shape == value.shape
        if answer.dtype == np.uint8:
            assert np.abs(answer.astype("f8") - np.clip(value, 0, 255)).max() < 0.501
        else:
            assert answer.dtype == value.dtype
            np.testing.assert_allclose(answer, value, rtol=1e-5, atol=1e-5)
