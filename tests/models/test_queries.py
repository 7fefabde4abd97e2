"""Sampling, embedding, reconstruction and interpolation of whole arrays."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from model_cases import (
    NAMES,
    SIZE,
    condition_for,
    conditional,
    data_for,
    network,
    shared_case,
    shared_vae,
)
from scipy import sparse

import keras_vae
from keras_vae import layers, priors


def identity_vae(prior=None):
    """A VAE whose decoder passes z on: samples are draws from the prior."""
    model = keras_vae.VAE(
        network(4),
        keras.Sequential([keras.layers.Dense(2, kernel_initializer="identity")]),
        layers.IndependentNormal(2),
        layers.IndependentNormal(2, scale=0.1),
        prior,
        seed=0,
    )
    return model


@pytest.mark.thinned
@pytest.mark.parametrize("name", NAMES)
def test_samples_lie_in_the_support_and_repeat_with_the_seed(name):
    model, _ = shared_case(name)
    y = condition_for(model, 9)
    mean = model.sample(9, y, seed=4)
    drawn = model.sample(9, y, seed=4, draw=True)
    for samples in (mean, drawn):
        assert samples.shape == (9, *model.event_shape)
        assert samples.dtype == np.float32 and np.isfinite(samples).all()
    model.likelihood.support.check(drawn)
    np.testing.assert_array_equal(drawn, model.sample(9, y, seed=4, draw=True))
    assert (mean != model.sample(9, y, seed=5)).any()


@pytest.mark.thinned
@pytest.mark.parametrize("name", NAMES)
def test_embedding_and_reconstruction_are_those_of_the_parts(name):
    model, x = shared_case(name)
    close, y = {"rtol": 1e-5, "atol": 1e-5}, condition_for(model)
    embedding = model.embed(x, y, batch_size=5)
    assert embedding.shape == (len(x), *model.latent.shape)
    model.latent.support.check(embedding)
    q = model.encode(x, y)
    if not model.learns_labels:  # Whose q is a joint of class and code.
        np.testing.assert_allclose(embedding, model.posterior.center(q), **close)
    reconstruction = model.reconstruct(x, y, batch_size=5)
    px = model.decode(embedding, y)
    np.testing.assert_allclose(reconstruction, model.likelihood.expectation(px), **close)
    np.testing.assert_allclose(reconstruction, model.decode_codes(embedding, y), **close)


@pytest.mark.thinned
@pytest.mark.parametrize("name", NAMES)
def test_walks_stay_in_the_support_and_join_the_reconstructions(name):
    model, x = shared_case(name)
    y, close = condition_for(model, 4), {"rtol": 1e-4, "atol": 1e-5}
    walk = model.interpolate(x[:4], x[4:8], steps=5, y=y)
    assert walk.shape == (4, 5, *model.event_shape)
    np.testing.assert_allclose(walk[:, 0], model.reconstruct(x[:4], y), **close)
    np.testing.assert_allclose(walk[:, -1], model.reconstruct(x[4:8], y), **close)
    codes = model.embed(x[:4], y), model.embed(x[4:8], y)
    path = model.latent.support.path(*codes, 5)
    model.latent.support.check(path)
    np.testing.assert_allclose(walk[:, 2], model.decode_codes(path[:, 2], y), **close)
    np.testing.assert_array_equal(model.interpolate_codes(*codes, steps=5, y=y), walk)


@pytest.mark.parametrize("prior", [None, priors.MixtureOfNormals(3, seed=0)])
def test_samples_come_from_the_prior(prior):
    model, n = identity_vae(prior), 20_000
    samples = model.sample(n, seed=1)
    p = model.prior.distribution()
    error = np.sqrt(p.variance() / n)
    assert (np.abs(samples.mean(axis=0) - p.mean()) < 5 * error).all()
    # The variance of a variance is at most (kurtosis - 1) / n of its square.
    spread = samples.var(axis=0) / p.variance()
    np.testing.assert_allclose(spread, 1.0, atol=5 * np.sqrt(4 / n))


@pytest.mark.parametrize("temperature", [0.5, 2.0])
@pytest.mark.parametrize("prior", [None, priors.MixtureOfNormals(1, seed=0)])
def test_temperature_scales_the_distance_from_the_mean(prior, temperature):
    model = identity_vae(prior)
    mean = model.prior.distribution().mean()
    distances = model.sample(50, seed=1, temperature=temperature) - mean
    expected = temperature * (model.sample(50, seed=1) - mean)
    np.testing.assert_allclose(distances, expected, rtol=1e-5, atol=1e-5)


def test_drawn_samples_have_the_noise_of_the_likelihood():
    model, n = identity_vae(), 10_000
    noise = model.sample(n, seed=1, draw=True) - model.sample(n, seed=1)
    np.testing.assert_allclose(noise.mean(), 0.0, atol=5 * 0.1 / np.sqrt(2 * n))
    np.testing.assert_allclose(noise.std(), 0.1, atol=5 * 0.1 / np.sqrt(4 * n))
    # Batches of 256 have draws of their own.
    assert np.abs(noise[:256] - noise[256:512]).max() > 0.01


def test_samples_do_not_depend_on_the_batch_size():
    model = shared_vae()
    whole = model.sample(20, seed=1, batch_size=20)
    np.testing.assert_allclose(model.sample(20, seed=1, batch_size=3), whole, rtol=1e-5)


# Whatever a model is asked about observations.
QUERIES = {
    "embed": lambda model, x: model.embed(x),
    "reconstruct": lambda model, x: model.reconstruct(x),
    "interpolate": lambda model, x: model.interpolate(x, x),
    "elbo": lambda model, x: model.elbo(x),
    "rate_and_distortion": lambda model, x: model.rate_and_distortion(x),
    "log_likelihood": lambda model, x: model.log_likelihood(x, num_samples=3),
    "predict": lambda model, x: model.predict(x, verbose=0),
    "predict_on_batch": lambda model, x: model.predict_on_batch(x),
}
QUERY = pytest.mark.parametrize("query", QUERIES.values(), ids=list(QUERIES))


@QUERY
def test_no_data_are_refused(query):
    with pytest.raises(ValueError, match=r"x is empty: it has shape \(0, 6\)"):
        query(shared_vae(), np.zeros((0, SIZE), "float32"))


@QUERY
@pytest.mark.parametrize("shape", [(3, 5), (6,), (3, 6, 1), ()])
def test_other_shapes_are_refused(query, shape):
    with pytest.raises(ValueError, match="takes batches of events of shape"):
        query(shared_vae(), np.zeros(shape, "float32"))


@QUERY
@pytest.mark.parametrize(
    "value, match",
    [
        (np.nan, "1 of 72 values that are NaN or infinite"),
        (np.inf, "NaN or infinite"),
        (1.5, r"1 of 72 values outside \[0, 1\]; the first is 1.5 at \[3, 2\]"),
        (-0.1, "outside"),
    ],
)
def test_impossible_values_are_refused(query, value, match):
    model = shared_vae()
    x = data_for(model)
    x[3, 2] = value
    with pytest.raises(ValueError, match=match):
        query(model, x)


def test_interpolation_checks_both_ends():
    model = shared_vae()
    x = data_for(model)
    for ends in [(x, x + 2), (x + 2, x)]:
        with pytest.raises(ValueError, match="outside"):
            model.interpolate(*ends)


@pytest.mark.thinned
@pytest.mark.parametrize("name", QUERIES)
@pytest.mark.parametrize("convert", [tf.constant, np.ndarray.tolist, np.float64, np.int8])
def test_arrays_of_other_kinds_are_taken(name, convert):
    model, query = shared_vae(), QUERIES[name]
    x = np.round(data_for(model, 4))
    if convert is np.ndarray.tolist and name.startswith("predict"):
        return  # Keras takes lists for several inputs: refused, see test_refusals.py.
    np.testing.assert_allclose(query(model, convert(x)), query(model, x), rtol=1e-5)


NO_ARRAYS = {
    "dataset": (lambda x: tf.data.Dataset.from_tensor_slices(x), "Join its batches"),
    "generator": (lambda x: iter([x]), "Join its batches"),
    "dict": (lambda x: {"x": x}, r"is a dict of x.*Pass x\[...\]"),
    "sparse": (tf.sparse.from_dense, "dense arrays. Pass tf.sparse.to_dense"),
    "ragged": (tf.RaggedTensor.from_tensor, r"dense arrays. Pass x.to_tensor\(\)"),
    "SciPy's sparse": (sparse.csr_matrix, r"dense arrays. Pass x.toarray\(\)"),
    "rows of two lengths": (lambda x: [x[0].tolist(), x[1, :3].tolist()], "as one array"),
    "text": (lambda x: x.astype(str), "must hold numbers"),
    "nothing": (lambda x: None, "takes batches of events"),
}
ARRAY_QUERIES = [name for name in QUERIES if name != "predict"]


@pytest.mark.parametrize("name", ARRAY_QUERIES)
@pytest.mark.parametrize("make, match", NO_ARRAYS.values(), ids=list(NO_ARRAYS))
def test_what_is_no_array_is_refused_with_help(name, make, match):
    model = shared_vae()
    if name == "predict_on_batch" and "one array" in match:
        match = "is a list"
    with pytest.raises(ValueError, match=match):
        QUERIES[name](model, make(data_for(model)))


@pytest.mark.parametrize(
    "ask, match",
    [
        (lambda m, x: m.sample(0), "n must be a positive integer, but is 0"),
        (lambda m, x: m.sample(2, batch_size=0), "batch_size must be a positive"),
        (
            lambda m, x: m.sample(2, draw=True, batch_size=0),
            "batch_size must be a positive",
        ),
        (lambda m, x: m.sample(2, temperature=0.0), "temperature must be positive"),
        (lambda m, x: m.sample(2, temperature=-1.0), "temperature must be positive"),
        (lambda m, x: m.embed(x, batch_size=0), "batch_size must be a positive"),
        (lambda m, x: m.elbo(x, num_samples=0), "num_samples must be a positive"),
        (lambda m, x: m.log_likelihood(x, 0), "num_samples must be a positive"),
        (
            lambda m, x: m.log_likelihood(x, 5, batch_size=0),
            "batch_size must be a positive",
        ),
        (lambda m, x: m.interpolate(x, x, steps=1), "steps must be at least 2"),
        (lambda m, x: m.interpolate(x, x, steps=2.5), "steps must be a positive integer"),
        (lambda m, x: m.decode_codes(np.zeros((0, 2))), "z is empty"),
        (lambda m, x: m.decode_codes(np.zeros((2, 3))), r"z has shape \(2, 3\)"),
        (lambda m, x: m.decode_codes(np.full((2, 2), np.nan)), "z has 4 of 4 values"),
        (lambda m, x: m.interpolate_codes(np.zeros(2), np.ones(2)), r"z has shape"),
        (lambda m, x: m.interpolate(x, x[:3]), r"have \(12, 2\) and \(3, 2\)"),
        (lambda m, x: m.decode(np.zeros((2, 3))), r"latent variables have shape \(2,\)"),
        (lambda m, x: m.encode(x[:, :5]), "takes batches of events"),
    ],
)
def test_senseless_questions_are_refused(ask, match):
    model = shared_vae()
    with pytest.raises(ValueError, match=match):
        ask(model, data_for(model))


def test_a_seed_may_be_a_numpy_integer():
    model = shared_vae()
    expected = model.sample(2, seed=3)
    np.testing.assert_array_equal(model.sample(2, seed=np.int64(3)), expected)


def test_an_unset_seed_of_samples_comes_from_the_global_one():
    model, samples = shared_vae(), []
    for seed in (3, 3, 4):
        keras.utils.set_random_seed(seed)
        samples.append(model.sample(4, seed=None, draw=True))
    np.testing.assert_array_equal(samples[0], samples[1])
    assert (samples[0] != samples[2]).any()
    assert (model.sample(4, seed=None) != model.sample(4, seed=None)).any()


# Conditions.


@functools.cache
def shared_conditional(condition):
    return conditional(condition)


ASKED = {
    "sample": lambda m, x, y: m.sample(len(x), y),
    "embed": lambda m, x, y: m.embed(x, y),
    "reconstruct": lambda m, x, y: m.reconstruct(x, y),
    "predict": lambda m, x, y: m.predict(x, y=y, verbose=0),
    "predict_on_batch": lambda m, x, y: m.predict_on_batch(x, y),
    "interpolate": lambda m, x, y: m.interpolate(x, x, 2, y),
    "decode_codes": lambda m, x, y: m.decode_codes(np.zeros((len(x), 2), "f4"), y),
    "elbo": lambda m, x, y: m.elbo(x, y=y),
    "log_likelihood": lambda m, x, y: m.log_likelihood(x, 2, y=y),
    "encode": lambda m, x, y: m.encode(x, y).mean(),
    "decode": lambda m, x, y: m.decode(np.zeros((len(x), 2), "f4"), y).mean(),
    "trace": lambda m, x, y: m.trace(x, y=y).elbo,
}
ask_of_arrays = pytest.mark.parametrize(
    "ask", [ASKED[one] for one in ASKED if one not in ("encode", "decode", "trace")]
)


@pytest.mark.parametrize("condition", [4, (3,)])
@pytest.mark.parametrize("ask", ASKED.values(), ids=list(ASKED))
def test_every_question_needs_the_condition_and_heeds_it(ask, condition):
    model = shared_conditional(condition)
    x, y = data_for(model), condition_for(model)
    with pytest.raises(ValueError, match="has a condition, but y was not given"):
        ask(model, x, None)
    with pytest.raises(ValueError, match="y was given, but this model has no condition"):
        ask(shared_vae(), x, y)
    assert (np.abs(np.asarray(ask(model, x, y)) - ask(model, x, y[::-1])) > 1e-6).any()


@ask_of_arrays
def test_one_condition_stands_for_all(ask):
    for condition, one in [(4, 2), (4, np.int64(2)), ((3,), [0.5, -1.0, 2.0])]:
        model = shared_conditional(condition)
        x = data_for(model, 5)
        several = ask(model, x, np.stack([np.asarray(one)] * 5))
        np.testing.assert_allclose(ask(model, x, one), several, rtol=1e-5, atol=1e-6)


def test_classes_may_be_a_column_or_floats():
    model = shared_conditional(4)
    x, y = data_for(model), condition_for(model)
    for same in (y[:, None], y.astype(float), y.astype("uint8"), y.tolist()):
        np.testing.assert_array_equal(model.embed(x, same), model.embed(x, y))


WRONG_CONDITIONS = {
    "too few": (4, lambda y: y[:-1], r"y has shape \(11,\), but one class number"),
    "one of one": (4, lambda y: y[:1], r"y has shape \(1,\)"),
    "one-hot": (4, lambda y: np.eye(4)[y], r"one class number.*argmax"),
    "no class": (
        4,
        lambda y: y + 1,
        "has the class 4, but the model has the classes 0 to 3",
    ),
    "negative": (4, lambda y: y - 1, "has the class -1"),
    "halves": (4, lambda y: y + 0.5, "must be class numbers"),
    "not a number": (4, lambda y: y * np.nan, "must be class numbers"),
    "text": (4, lambda y: y.astype(str), "must hold numbers"),
    "another size": ((3,), lambda y: y[:, :2], r"shape \(12, 2\).* has shape \(3,\)"),
    "too few rows": ((3,), lambda y: y[:-1], r"shape \(11, 3\)"),
    "a row of one": ((3,), lambda y: y[:1], r"shape \(1, 3\)"),
    "infinite": ((3,), lambda y: y / 0.0, "NaN or infinite"),
}


@ask_of_arrays
@pytest.mark.parametrize(
    "condition, wrong, match", WRONG_CONDITIONS.values(), ids=list(WRONG_CONDITIONS)
)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_conditions_that_do_not_fit_are_refused(ask, condition, wrong, match):
    model = shared_conditional(condition)
    with pytest.raises(ValueError, match=match):
        ask(model, data_for(model), wrong(condition_for(model)))


@pytest.mark.parametrize(
    "condition, y", [(4, np.eye(4)), (4, np.int32(3)), ((3,), np.zeros((12, 2)))]
)
@pytest.mark.parametrize("ask", [ASKED["encode"], ASKED["decode"], ASKED["trace"]])
def test_tensors_of_conditions_must_have_the_shape(ask, condition, y):
    model = shared_conditional(condition)
    with pytest.raises(ValueError, match="y has shape"):
        ask(model, data_for(model), y)


def test_a_single_condition_is_not_spread_over_a_batch_of_tensors():
    for condition, y in [(4, [2]), ((3,), [[0.0, 1.0, 2.0]])]:
        model = shared_conditional(condition)
        with pytest.raises(ValueError, match="y holds 1 conditions"):
            model.decode(tf.zeros((2, 5, 2)), y)
