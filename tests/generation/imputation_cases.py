"""Models with one latent number, whose conditional means can be integrated."""

import keras
import numpy as np
import tensorflow as tf
from tensorflow_probability import distributions as tfd

import keras_vae
from keras_vae import layers
from keras_vae.core.support import Support

SIZE = 4


class Exponential(layers.IndependentLayer):
    """A likelihood of one's own, of numbers above zero without an upper bound."""

    support = Support(0.0, None, is_open=True)

    def make_elements(self, raw):
        return tfd.Exponential(tf.nn.softplus(raw))


LIKELIHOODS = {
    "normal": lambda: layers.IndependentNormal(SIZE),
    "Student t": lambda: layers.IndependentStudentT(SIZE, min_df=5.0),
    "Bernoulli": lambda: layers.IndependentBernoulli(SIZE),
    "continuous Bernoulli": lambda: layers.IndependentContinuousBernoulli(SIZE),
    "beta": lambda: layers.IndependentBeta(SIZE),
    "exponential": lambda: Exponential(SIZE),
    "Poisson": lambda: layers.IndependentPoisson(SIZE),
    "negative binomial": lambda: layers.IndependentNegativeBinomial(SIZE),
    "discretized logistic": lambda: layers.DiscretizedLogistic(SIZE, low=0, high=9),
}


def one_latent(name):
    """A model of 4 numbers with one latent one, an observation and which of it is known.

    The decoder moves with z, and the encoder does nothing: q(z|x) is near the prior, so
    that importance sampling works, and is not the posterior.
    """
    likelihood = LIKELIHOODS[name]()
    rng = np.random.default_rng(3)
    encoder, decoder = keras.layers.Dense(2), keras.layers.Dense(likelihood.params_size)
    model = keras_vae.VAE(
        keras.Sequential([keras.Input((SIZE,)), encoder]),
        keras.Sequential([keras.Input((1,)), decoder]),
        layers.IndependentNormal(1),
        likelihood,
        seed=0,
    )
    encoder.set_weights([0.02 * rng.normal(size=(SIZE, 2)), np.array([0.1, 0.7])])
    # Scales and counts move as well, by less.
    kernel = np.full((1, likelihood.params_size), 0.2)
    kernel[:, :SIZE] = rng.choice([-0.8, 0.8], SIZE)
    decoder.set_weights([kernel, np.full(likelihood.params_size, 0.3)])
    x = model.decode(np.array([1.0])).sample(seed=[1, 2]).numpy()
    return model, x, np.array([True, False, True, False])


def by_integral(model, x, observed):
    """E[x | observed] by the trapezium rule over z."""
    z = np.linspace(-8, 8, 4001)[:, None]
    px = model.decode(z)
    log_p = px.distribution.log_prob(x).numpy()[:, observed].sum(axis=1)
    log_p = log_p.astype(np.float64) - 0.5 * z[:, 0] ** 2
    weight = np.exp(log_p - log_p.max())
    mean = weight @ px.mean().numpy().astype(np.float64) / weight.sum()
    return np.where(observed, x, mean)
