"""`elbo` and `log_likelihood`: seeds, chunks, memory, refusals. Values against closed
forms are in test_linear_gaussian.py."""

import numpy as np
import pytest
import tensorflow as tf
from linear_gaussian import linear_gaussian, model_with_posterior
from model_cases import SIZE, condition_for, data_for, shared_case, vae

import keras_vae
from keras_vae import layers
from keras_vae.core.seeds import fold
from keras_vae.models import latent_variable_model as queries


def record_batches(model, monkeypatch):
    """Lets every decoded batch add its size to the list that is returned."""
    sizes, decoder = [], model.decoder

    def decode(z, training=False):
        tf.py_function(lambda n: sizes.append(int(n)), [tf.shape(z)[0]], [])
        return decoder(z, training=training)

    # Around Keras's own attribute tracking, which would refuse a function.
    monkeypatch.setitem(model.__dict__, "decoder", decode)
    return sizes


@pytest.mark.thinned
@pytest.mark.parametrize("name", ["from parts", "semi-supervised", "ladder", "VAE-GAN"])
def test_estimates_are_finite_one_an_observation_and_repeat(name):
    model, x = shared_case(name)
    y = condition_for(model)
    for estimate in (model.elbo, model.log_likelihood):
        values = estimate(x, num_samples=4, batch_size=5, seed=1, y=y)
        assert values.shape == (len(x),) and values.dtype == np.float32
        assert np.isfinite(values).all()
        again = estimate(x, num_samples=4, batch_size=5, seed=1, y=y)
        np.testing.assert_array_equal(values, again)
        other = estimate(x, num_samples=4, batch_size=5, seed=2, y=y)
        assert (values != other).any()


def test_batches_have_noise_of_their_own():
    model = vae()
    x = np.tile(data_for(model, 1), (8, 1))
    for estimate in (model.elbo, model.log_likelihood):
        assert len(np.unique(estimate(x, num_samples=1, batch_size=2))) == 8


def test_chunks_have_noise_of_their_own(monkeypatch):
    # With the same noise in every chunk, more draws would not change the estimate.
    monkeypatch.setattr(queries, "_EVENTS_AT_A_TIME", 4)
    model = vae()
    x = data_for(model, 4)
    one, many = (model.log_likelihood(x, num_samples=n) for n in (1, 6))
    assert np.abs(one - many).min() > 1e-4


@pytest.mark.parametrize(
    "num_samples, limit", [(1, 1), (1, 10_000), (7, 30), (7, 90), (100, 90)]
)
def test_every_draw_is_decoded_once_within_the_limit(limit, num_samples, monkeypatch):
    monkeypatch.setattr(queries, "_EVENTS_AT_A_TIME", limit)
    model = vae()
    sizes = record_batches(model, monkeypatch)
    model.log_likelihood(data_for(model, 30), num_samples, batch_size=20)
    assert sum(sizes) == 30 * num_samples
    assert max(sizes) <= max(limit, 20)


def test_memory_does_not_grow_with_the_number_of_draws(monkeypatch):
    model = vae()
    sizes = record_batches(model, monkeypatch)
    model.log_likelihood(data_for(model, 50), num_samples=2000)
    assert sum(sizes) == 50 * 2000 and max(sizes) == 5000


@pytest.mark.parametrize("limit", [1, 100, 1000])
@pytest.mark.parametrize(
    "likelihood", [layers.MultivariateNormalTriL(SIZE), layers.MixtureNormal(4, SIZE)]
)
def test_parameters_count_where_they_outnumber_the_elements(likelihood, limit, monkeypatch):
    monkeypatch.setattr(queries, "_ELEMENTS_AT_A_TIME", limit)
    model = vae(likelihood=likelihood)
    assert likelihood.params_size > 3 * SIZE
    sizes = record_batches(model, monkeypatch)
    values = model.log_likelihood(data_for(model, 5), num_samples=7)
    assert np.isfinite(values).all() and sum(sizes) == 5 * 7
    # One draw of one example at a time is the least.
    assert max(sizes) * likelihood.params_size <= max(limit, likelihood.params_size)


@pytest.mark.parametrize("limit", [10, 70, 100_000])
def test_the_size_of_chunks_does_not_change_the_estimate(limit, monkeypatch):
    """With a wrong posterior, so that weights differ; 1001 is no multiple of a chunk."""
    truth = linear_gaussian(orthogonal=True)
    model = model_with_posterior(truth, stretch=1.3, shift=0.2)
    x, n = truth.sample(10), 1001
    expected = truth.log_prob(x)
    weight = np.exp(model.trace(x, 5000, seed=1).log_weight - expected)
    error = weight.std(axis=0) / np.sqrt(n)
    monkeypatch.setattr(queries, "_EVENTS_AT_A_TIME", limit)
    estimate = model.log_likelihood(x, num_samples=n, seed=2)
    assert (np.abs(estimate - expected) < 5 * error).all()


def test_one_draw_is_the_sampled_bound():
    """The mean of log p(x) with one draw and of the ELBO agree within their errors."""
    truth = linear_gaussian(orthogonal=True)
    model = model_with_posterior(truth, stretch=1.3, shift=0.2)
    x = np.tile(truth.sample(1), (5000, 1))
    one = model.log_likelihood(x, num_samples=1, batch_size=5000)
    bound = model.elbo(x, num_samples=1, batch_size=5000, seed=1)
    error = np.sqrt((one.var() + bound.var()) / len(x))
    assert abs(one.mean() - bound.mean()) < 5 * error
    many = model.log_likelihood(x[:10], num_samples=5000)
    assert many.mean() > one.mean() + 5 * error


@pytest.fixture
def traces(monkeypatch):
    """One entry for each time that the estimate's graph is traced."""
    made, make = [], keras_vae.VAE._importance_weighted

    def recording(self, *arguments):
        made.append(self)
        return make(self, *arguments)

    monkeypatch.setattr(keras_vae.VAE, "_importance_weighted", recording)
    return made


def test_the_graph_is_traced_once(traces):
    model = vae()
    x = data_for(model, 12)
    model.log_likelihood(x[:5], num_samples=3)
    assert len(traces) == 1
    for n, seed in [(5, 0), (3, 1), (7, 2)]:
        model.log_likelihood(x[:5], num_samples=n, seed=seed)
    assert len(traces) == 1
    # Another size of batch makes the graph one of any size.
    for size in (7, 12, 2, 5):
        model.log_likelihood(x[:size], num_samples=3)
    assert len(traces) == 2
    model.compile("sgd", run_eagerly=True)
    model.fit(x, verbose=0)
    trained = model.log_likelihood(x, num_samples=3)
    assert len(traces) == 2
    np.testing.assert_allclose(trained, estimate_by_hand(model, x), rtol=1e-5)


def estimate_by_hand(model, x):
    seed = fold(fold(0, 0), 0)
    log_weight = model.trace(x, 3, seed).log_weight
    return tf.reduce_logsumexp(log_weight, axis=0) - np.log(3)


@pytest.mark.filterwarnings("ignore:Layer .* does not have a `quantize")
def test_other_weights_make_another_graph(traces):
    model = vae()
    x = data_for(model)
    for i, change in enumerate(
        [
            lambda: None,
            lambda: model.encoder.layers[0].enable_lora(2),
            lambda: model.encoder.layers[0].lora_kernel_b.assign(np.ones((2, 5))),
            lambda: model.decoder.quantize("int8"),
        ]
    ):
        change()
        after = model.log_likelihood(x, num_samples=3)
        np.testing.assert_allclose(after, estimate_by_hand(model, x), rtol=1e-4)
        assert len(traces) == [1, 2, 2, 3][i]


def test_many_models_and_calls_bring_no_warnings_of_retracing(caplog):
    for seed in range(8):
        vae = keras_vae.DenseVAE(2, 1, "normal:scale=shared", hidden_units=(), seed=seed)
        vae.log_likelihood(np.zeros((1, 2)), num_samples=2)
    assert not [r for r in caplog.records if "retracing" in r.getMessage()]
