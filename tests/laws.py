"""Laws: what every distribution layer, prior and objective must obey.

A law takes an object and data and asserts. The objects it is asked of are listed beside
the tests of their folder (`layer_cases.py`, `prior_cases.py`, `objective_cases.py`).
"""

import contextlib
import inspect

import keras
import numpy as np
import tensorflow as tf
from keras.src.backend import AutocastScope

from keras_vae.core.arguments import named_arguments
from keras_vae.layers import distribution_of

# Monte Carlo tests allow so many standard errors: with fixed seeds and some hundred
# comparisons, bad luck is out of the question, and a bug of the size of one is not.
STANDARD_ERRORS = 5.0


@keras.saving.register_keras_serializable("keras_vae_tests")
def nll(y, py):
    """The loss of the models: minus the log-probability of y under the output."""
    return -distribution_of(py).log_prob(y)


def close(a, b, rtol=1e-4, atol=1e-5):
    """Asserts that two arrays agree to single precision."""
    a, b = np.asarray(a), np.asarray(b)
    np.testing.assert_allclose(a, b, rtol=rtol, atol=atol, equal_nan=False)


def all_finite(a):
    """Asserts that no number of an array is NaN or infinite."""
    assert np.isfinite(np.asarray(a)).all()


def near_in_standard_errors(draws, expected, slack=1e-6):
    """Asserts that the mean over the first axis is `expected`, up to its noise."""
    draws = np.asarray(draws, np.float64)
    error = draws.std(axis=0, ddof=1) / np.sqrt(len(draws))
    slack = slack * (1.0 + np.abs(expected))
    assert (np.abs(draws.mean(0) - expected) <= STANDARD_ERRORS * error + slack).all()


def agrees_compiled(function, *arguments, xla=True):
    """Asserts that a function gives the same eagerly and compiled.

    XLA compiles the graph, so a function that agrees under it was traced as well.
    """
    compiled = tf.function(function, jit_compile=xla)(*arguments)
    tf.nest.map_structure(close, compiled, function(*arguments))


def public_classes(module, base, abstract=()):
    """The classes of a package that are public and can be made."""
    classes = {getattr(module, name) for name in module.__all__}
    classes = {one for one in classes if inspect.isclass(one) and issubclass(one, base)}
    return classes - {base, *abstract}


def config_names_all_arguments(one):
    """Every argument of the constructor is in the config: none is lost by saving."""
    names = named_arguments(type(one).__init__).keys() - {"self"}
    assert names <= set(one.get_config())


def score_and_gradient(layer, params, x):
    """log p(x) and its gradient with respect to the parameters."""
    with tf.GradientTape() as tape:
        tape.watch(params)
        log_prob = layer.distribution(params).log_prob(x)
    return log_prob, tape.gradient(log_prob, params)


# Laws of distribution layers.


def shapes(layer, params):
    """Batch axes are kept, and the event shape is the layer's, of draws as of calls."""
    for batch in [(1,), (2, 3)]:
        size = params.shape[-1]
        distribution = layer.distribution(np.resize(params, (*batch, size)))
        assert distribution.batch_shape == batch
        assert distribution.event_shape == layer.event_shape
        draw = distribution.sample(7, seed=(0, 1))
        assert draw.shape == (7, *batch, *layer.event_shape)
        assert draw.dtype == distribution.dtype == tf.float32
        assert distribution.log_prob(draw).shape == (7, *batch)
        assert layer(np.resize(params, (*batch, size))).shape == draw.shape[1:]
        assert layer.compute_output_shape((*batch, size)) == draw.shape[1:]


def log_prob_is(layer, params, x, oracle):
    """log_prob is the oracle's, which reads the parameters of one example."""
    expected = [oracle(*row) for row in zip(params.astype(float), x, strict=True)]
    close(layer.distribution(params).log_prob(x), expected, rtol=3e-5, atol=3e-5)


def samples_center_at(layer, params, function):
    """The draws' mean is the distribution's, within standard errors."""
    if function != "mean":
        return
    distribution = layer.distribution(params)
    near_in_standard_errors(distribution.sample(20_000, seed=(1, 2)), distribution.mean())


def draws_when_compiled(layer, params, xla):
    """A call gives a draw in the support with its distribution, eagerly and compiled."""

    def call(params):
        draw = layer(params)
        assert distribution_of(draw).batch_shape == params.shape[:-1]
        return draw

    for mode in [call, tf.function(call, jit_compile=xla)]:
        draw = mode(params)
        layer.support.check(draw.numpy())
        all_finite(layer.distribution(params).log_prob(draw))


def gradients_reach_all(layer, params, x):
    """Every parameter moves the log-probability of some example, and finitely."""
    _, gradient = score_and_gradient(layer, tf.constant(params), x)
    all_finite(gradient)
    assert (np.abs(gradient).max(axis=0) > 0).all()


def finite_at_extremes(layer, x, low, high):
    """Outputs of a network that ran away still give numbers to learn from."""
    signs = np.random.default_rng(5).integers(0, 2, (12, layer.params_size))
    signs[0], signs[1] = 0, 1
    params = tf.constant(np.where(signs, high, low), tf.float32)
    for row in x:
        log_prob, gradient = score_and_gradient(layer, params, row)
        all_finite(log_prob)
        all_finite(gradient)


def batch_does_not_matter(layer, params, x):
    """One example alone scores as it does among others."""
    together = layer.distribution(params).log_prob(x)
    for i in range(len(x)):
        one = slice(i, i + 1)
        alone = layer.distribution(params[one]).log_prob(x[one])
        close(alone, together[one], rtol=1e-6, atol=1e-6)


# Models that end in a distribution layer: Dense(params_size), then the layer.


def dense_for(layer):
    """A Dense layer of the right size, with outputs that differ between elements."""
    return keras.layers.Dense(
        layer.params_size,
        kernel_initializer=keras.initializers.RandomNormal(stddev=0.3, seed=3),
        bias_initializer=keras.initializers.RandomNormal(stddev=0.3, seed=4),
    )


def sequential(dense, layer):
    """keras.Sequential."""
    return keras.Sequential([keras.Input((4,)), dense, layer])


def functional(dense, layer):
    """A Functional model."""
    inputs = keras.Input((4,))
    return keras.Model(inputs, layer(dense(inputs)))


def nested(dense, layer):
    """A model within a model."""
    inputs = keras.Input((4,))
    return keras.Model(inputs, sequential(dense, layer)(inputs))


class Subclassed(keras.Model):
    """A subclassed model."""

    def __init__(self, dense, layer):
        super().__init__()
        self.dense, self.layer = dense, layer

    def call(self, x):
        return self.layer(self.dense(x))


STYLES = (sequential, functional, nested, Subclassed)


def inputs_for(y):
    """Inputs [B, 4] for targets [B, ...]."""
    return np.random.default_rng(6).normal(size=(len(y), 4)).astype("float32")


def works_in_a_model(style, layer, y):
    """The output of a model carries the distribution of its parameters."""
    dense, x = dense_for(layer), inputs_for(y)
    expected = layer.distribution(dense(x)).log_prob(y)
    model = style(dense, layer)

    def score(x):
        return distribution_of(model(x)).log_prob(y)

    for mode in [score, tf.function(score)]:
        close(mode(x), expected)


def trains(layer, y, run_eagerly):
    """fit, evaluate and predict; evaluate's loss is minus the mean log-probability."""
    dense, x = dense_for(layer), inputs_for(y)
    model = sequential(dense, layer)
    before = [np.array(w) for w in dense.get_weights()]
    model.compile(keras.optimizers.SGD(1e-3), loss=nll, run_eagerly=run_eagerly)
    model.fit(x, y, epochs=1, batch_size=len(y), verbose=0)
    assert all((a != b).any() for a, b in zip(before, dense.get_weights(), strict=True))
    distribution = layer.distribution(dense(x))
    loss = model.evaluate(x, y, batch_size=len(y), verbose=0)
    close(loss, -np.mean(distribution.log_prob(y)))
    expected = getattr(distribution, layer.convert_to_tensor_fn)()
    close(model.predict(x, verbose=0), expected)
    return model, x


def survives_saving(model, x, y, path):
    """A loaded model gives the outputs and the probabilities of the saved one."""
    model.save(path)
    loaded = keras.saving.load_model(path)
    close(loaded(x), model(x), rtol=1e-6, atol=1e-6)
    scores = [distribution_of(one(x)).log_prob(y) for one in (loaded, model)]
    close(*scores, rtol=1e-6, atol=1e-6)
    configs = [one.layers[-1].get_config() for one in (loaded, model)]
    assert configs[0] == configs[1]


def stays_single_precision(layer, y):
    """Under mixed_float16 probabilities are float32; call it under that policy."""
    dense, x = dense_for(layer), inputs_for(y)
    model = sequential(dense, layer)
    params, output = dense(x), model(x)
    assert params.dtype == tf.float16 and output.dtype == tf.float32
    log_prob = distribution_of(output).log_prob(y)
    assert log_prob.dtype == tf.float32
    exact = layer.distribution(tf.cast(params, tf.float32)).log_prob(y)
    close(log_prob, exact, rtol=1e-6, atol=1e-6)
    all_finite(log_prob)
    # As a model in half precision calls it: Keras casts weights that are read there.
    with AutocastScope("float16"):
        again = layer.distribution(tf.cast(params, tf.float32)).log_prob(y)
    close(again, exact, rtol=1e-6, atol=1e-6)


@contextlib.contextmanager
def without_graphs():
    """Functions that TensorFlow would trace run eagerly, which is quicker once."""
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(False)
