"""Laws of the semi-supervised VAE: classes known, unknown and summed out."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from model_cases import SIZE, data_for, semi_supervised
from scipy.special import logsumexp
from scipy.stats import norm
from tensorflow_probability import distributions as tfd

import keras_vae
from keras_vae import layers, priors
from keras_vae.models.semi_supervised.class_and_code import ClassAndCode
from keras_vae.models.semi_supervised.labels import read_labels

K, B = 3, 6
CLOSE = {"rtol": 1e-5, "atol": 1e-5}
LABELS = np.array([0, 2, 1, 1, 0, 2])
UNKNOWN = {
    "none": None,
    "-1": np.full(B, -1),
    "NaN": np.full(B, np.nan),
    "None in a list": [None] * B,
    "a column": np.full((B, 1), -1.0),
}
LIKELIHOODS = ["bernoulli", "normal"]


@pytest.fixture(scope="module", params=LIKELIHOODS)
def asked(request):
    """A model and its observations."""
    keras.utils.set_random_seed(3)
    model = semi_supervised(likelihood=layers.get(request.param, SIZE))
    return model, data_for(model, B)


def of_each_class(model, x, num_samples=1, seed=0):
    """Rate and distortion with each class as if it were known, [K, B] each."""
    found = [
        model.rate_and_distortion(x, num_samples, seed=seed, y=np.full(B, k))
        for k in range(K)
    ]
    return (np.stack(parts) for parts in zip(*found, strict=True))


def test_the_bound_is_the_sum_over_classes_and_the_entropy(asked):
    model, x = asked
    rate, distortion = of_each_class(model, x, num_samples=3)
    q = model.predict_label(x).probabilities.T
    entropy = -(q * np.log(q)).sum(axis=0)
    expected = -(q * (rate + distortion)).sum(axis=0) + entropy
    np.testing.assert_allclose(model.elbo(x, 3), expected, **CLOSE)


@pytest.mark.thinned
@pytest.mark.parametrize("unknown", UNKNOWN)
def test_unknown_is_unknown_however_it_is_said(asked, unknown):
    model, x = asked
    y = UNKNOWN[unknown]
    for ask in (model.elbo, model.log_likelihood, model.embed, model.reconstruct):
        np.testing.assert_array_equal(ask(x, y=y), ask(x))
    if y is not None:
        y = model.check_condition(y, B)
        np.testing.assert_array_equal(y, np.full(B, -1))


def test_with_a_known_class_it_is_the_bound_of_the_joint(asked):
    """p(x, y) by hand: the networks, one after the other, with the class one-hot."""
    model, x = asked
    y = np.eye(K, dtype="float32")[LABELS]
    q = model.posterior.distribution(model.encoder([x, y]))
    standard = priors.StandardNormal(q.event_shape[0])
    kl = standard.kl_divergence(q, standard.distribution())
    rate, _ = model.rate_and_distortion(x, y=LABELS)
    np.testing.assert_allclose(rate, kl + np.log(K), **CLOSE)
    z = model.posterior.center(q).numpy()
    px = model.likelihood.distribution(model.decoder([z, y]))
    np.testing.assert_allclose(
        model.decode(np.concatenate([z, y], 1)).log_prob(x), px.log_prob(x), **CLOSE
    )
    np.testing.assert_allclose(model.embed(x, LABELS), np.concatenate([z, y], 1), **CLOSE)


def test_the_likelihood_sums_the_joints_and_lies_above_the_bound(asked):
    model, x = asked
    joint = [model.log_likelihood(x, 500, y=np.full(B, k)) for k in range(K)]
    whole = model.log_likelihood(x, 500)
    np.testing.assert_allclose(whole, logsumexp(joint, axis=0), **CLOSE)
    assert (whole > model.elbo(x, 500)).all()


def test_the_likelihood_is_that_of_integration():
    """Of one latent number, p(x) by a sum over a fine grid."""
    keras.utils.set_random_seed(4)
    model = keras_vae.SemiSupervisedVAE(SIZE, 1, K, hidden_units=(5,), seed=0)
    x = data_for(model, B)
    grid = np.linspace(-8, 8, 2001, dtype="float32")
    z = np.concatenate(
        [np.repeat(grid[:, np.newaxis], K, 0), np.tile(np.eye(K), (len(grid), 1))], axis=1
    ).astype("float32")
    log_px = np.stack([model.decode(z).log_prob(one).numpy() for one in x], axis=1)
    log_p = -0.5 * (np.log(2 * np.pi) + z[:, :1] ** 2) - np.log(K)
    expected = logsumexp(log_px + log_p, axis=0) + np.log(grid[1] - grid[0])
    np.testing.assert_allclose(model.log_likelihood(x, 20_000), expected, atol=0.03)


def parts(model, x, y):
    """Losses and what is logged of each example."""
    trace = model.pass_for_training(x, y, 5, training=False)
    terms = {name: value[0] for name, value in trace.terms.items()}
    return {"loss": model.objective(trace) + trace.cost, "elbo": trace.elbo, **terms}


def test_a_mixed_batch_is_its_parts(monkeypatch):
    """Noise apart: with one draw of no spread each example is by itself."""
    model = semi_supervised(posterior=layers.IndependentNormal(2, scale=1e-6))
    model.compile("adam")
    x, y = data_for(model, B), np.where(np.arange(B) % 2, LABELS, -1)
    whole = parts(model, x, y)
    for rows in (y >= 0, y < 0):
        alone = parts(model, x[rows], y[rows])
        for name, value in alone.items():
            np.testing.assert_allclose(
                value, whole[name].numpy()[rows], rtol=1e-4, atol=1e-4, err_msg=name
            )


@pytest.mark.parametrize("alpha", [0.0, 0.5, 3.0])
def test_alpha_weighs_the_classifier_of_labelled_examples_alone(asked, alpha):
    model, x = asked
    weighed = keras_vae.SemiSupervisedVAE.from_config(
        {**model.get_config(), "alpha": alpha}
    )
    weighed.set_weights(model.get_weights())
    weighed.compile("adam")
    y = np.where(np.arange(B) % 2, LABELS, -1)
    loss = parts(weighed, x, y)
    q = weighed.predict_label(x).probabilities[np.arange(B), LABELS]
    expected = -loss["elbo"] + np.where(y >= 0, -alpha * np.log(q), 0.0)
    np.testing.assert_allclose(loss["loss"], expected, **CLOSE)


def test_accuracy_counts_labelled_examples_alone(asked):
    model, x = asked
    model.compile("adam", run_eagerly=True)
    label = model.predict_label(x).label
    y = np.where(np.arange(B) < 4, label, -1)
    y[0] = (y[0] + 1) % K
    logs = model.evaluate(x, y, verbose=0, return_dict=True)
    assert logs["accuracy"] == 0.75
    weight = np.array([3.0, 1, 1, 1, 9, 9])
    logs = model.evaluate(x, y, sample_weight=weight, verbose=0, return_dict=True)
    assert logs["accuracy"] == 0.5
    assert np.isnan(model.evaluate(x, verbose=0, return_dict=True)["accuracy"])


def test_samples_are_of_the_class_that_is_asked_for_or_of_all(asked):
    model, _ = asked
    _, drawn = model.split(model.draw(3000, 0))
    counts = np.sum(drawn, axis=0)
    assert np.abs(counts - 1000).max() < 5 * np.sqrt(3000 * 2 / 9)
    _, given = model.split(model.draw(4, 0, [2, -1, 2, 0]))
    np.testing.assert_array_equal(np.argmax(given, 1)[[0, 2, 3]], [2, 2, 0])
    same = model.sample(4, y=1, seed=3)
    np.testing.assert_allclose(same, model.sample(4, y=[1] * 4, seed=3))


def test_an_encoder_of_ones_own_is_asked_with_each_class(asked):
    """Which class is meant for which row, where y comes in as anybody would write it."""
    model, x = asked
    inputs = [keras.Input((SIZE,)), keras.Input((K,))]
    dense = [keras.layers.Dense(4), keras.layers.Dense(4)]
    joined = dense[1](keras.layers.Concatenate()(inputs))
    encoder = keras.Model(inputs, joined)
    config = {**model.get_config(), "encoder": encoder}
    own = keras_vae.SemiSupervisedVAE.from_config(config)
    for k in range(K):
        y = np.tile(np.eye(K, dtype="float32")[k], (B, 1))
        center = own.posterior.center(own.posterior.distribution(encoder([x, y])))
        np.testing.assert_allclose(own.embed(x, np.full(B, k))[:, :2], center, **CLOSE)


WRONG = {
    "no such class": ([0, 1, 3, 0, 0, 0], "has the class 3"),
    "half a class": ([0, 1, 0.5, 0, 0, 0], "class numbers"),
    "words": (["a"] * B, "class numbers, with -1 or NaN|hold numbers"),
    "too few": ([0, 1], "each of 6"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_labels_that_do_not_fit_are_refused(asked, wrong):
    model, x = asked
    y, words = WRONG[wrong]
    with pytest.raises(ValueError, match=words):
        model.elbo(x, y=np.array(y))


REFUSED = {
    "a prior of y": ({"prior": "conditional"}, "depends on y"),
    "a condition": ({"condition": 3}, "condition is not for"),
    "a point": ({"posterior": "deterministic"}, "is a point"),
    "a bad alpha": ({"alpha": -1.0}, "alpha"),
    "no layer": ({"hidden_units": ()}, "at least one hidden layer"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_parts_that_do_not_fit_are_refused(what):
    arguments, words = REFUSED[what]
    with pytest.raises(ValueError, match=words):
        semi_supervised(**arguments)


@pytest.mark.parametrize("objective", ["vimco:num_samples=2", "beta_tc:beta=2"])
def test_objectives_that_do_not_fit_are_refused(objective):
    with pytest.raises(ValueError, match="no gradient through draws|independent given x"):
        semi_supervised().compile("adam", objective)


def test_wrong_labels_of_a_stream_are_an_error_of_the_step():
    model = semi_supervised()
    model.compile("adam", run_eagerly=True)
    x = data_for(model, B)
    good = (x, LABELS.astype("int32"))
    batches = tf.data.Dataset.from_tensor_slices(good).batch(3)
    bad = batches.concatenate(batches.map(lambda x, y: (x, y + 2)))
    with pytest.raises((ValueError, tf.errors.InvalidArgumentError), match="class"):
        model.fit(bad, verbose=0)
    model.fit(batches.map(lambda x, y: (x, y - 1)), verbose=0)


@pytest.mark.parametrize("dtype", [tf.bool, tf.uint8])
def test_labels_that_cannot_be_minus_one_are_all_known(dtype):
    y = tf.cast([1, 0, 255, 1] if dtype == tf.uint8 else [1, 0, 1, 1], dtype)
    num_classes = 256 if dtype == tf.uint8 else 2
    known, one_hot = read_labels(y, 4, num_classes, "float32")
    assert known.numpy().all()
    np.testing.assert_array_equal(np.argmax(one_hot, axis=1), tf.cast(y, tf.int32))


@pytest.mark.slow
def test_few_labels_are_enough_where_classes_are_apart():
    """Three clusters, one label of each: the others' classes follow."""
    rng = np.random.default_rng(0)
    y = np.arange(600) % K
    centers = 3.0 * np.eye(K, 4)
    x = (centers[y] + 0.4 * rng.normal(size=(600, 4))).astype("float32")
    keras.utils.set_random_seed(0)
    model = keras_vae.SemiSupervisedVAE(4, 2, K, "normal", hidden_units=(16,), seed=0)
    model.compile(keras.optimizers.Adam(5e-3), jit_compile=True)
    known = np.where(np.arange(600) < K, y, -1)
    rows = keras_vae.data.rows_with_more_labels(known)
    model.fit(x[rows], known[rows], epochs=20, batch_size=64, verbose=0)
    assert (model.predict_label(x).label == y).mean() > 0.9


def test_class_and_code_is_the_product_of_its_parts():
    rng = np.random.default_rng(0)
    probs = rng.dirichlet(np.ones(K), B).astype("float32")
    loc = rng.normal(size=(K, B, 2)).astype("float32")
    scale = rng.uniform(0.5, 2, (K, B, 2)).astype("float32")
    joint = ClassAndCode(tf.math.log(probs), tfd.MultivariateNormalDiag(loc, scale), 2)
    drawn = joint.sample(4000, seed=(1, 2)).numpy()
    assert drawn.shape == (4000, B, 2 + K) == (4000, *joint.batch_shape, *joint.event_shape)
    y = drawn[..., 2:].argmax(-1)
    rows = np.arange(B)
    expected = np.log(probs[rows, y])
    expected += norm.logpdf(drawn[..., :2], loc[y, rows], scale[y, rows]).sum(-1)
    np.testing.assert_allclose(joint.log_prob(drawn), expected, rtol=1e-4, atol=1e-4)
    error = np.sqrt(probs * (1 - probs) / 4000)
    assert (np.abs(drawn[..., 2:].mean(axis=0) - probs) < 5 * error).all()
    of_one = drawn[:, 0][y[:, 0] == 1][:, :2]
    error = scale[1, 0] / np.sqrt(len(of_one))
    assert (np.abs(of_one.mean(axis=0) - loc[1, 0]) < 5 * error).all()
