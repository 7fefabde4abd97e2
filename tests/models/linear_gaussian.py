"""The linear-Gaussian VAE, of which everything has a closed form.

x = W z + b + sigma * noise with z from N(0, I), so log p(x) is that of a normal with
covariance W W' + sigma^2 I, and the true posterior is a normal whose covariance does not
depend on x and whose mean is linear in x: dense layers without activation hold both.
"""

from typing import NamedTuple

import keras
import numpy as np
from scipy import stats
from tensorflow_probability import bijectors as tfb

import keras_vae
from keras_vae import layers

SIZE, LATENT, SIGMA = 6, 2, 0.7


class LinearGaussian(NamedTuple):
    """The generative model: W [SIZE, LATENT] and b [SIZE]."""

    w: np.ndarray
    b: np.ndarray

    def sample(self, n):
        """Observations [n, SIZE]."""
        rng = np.random.default_rng(5)
        z = rng.normal(size=(n, LATENT))
        x = z @ self.w.T + self.b + SIGMA * rng.normal(size=(n, SIZE))
        return x.astype("float32")

    def log_prob(self, x):
        """log p(x), nats, [N]."""
        covariance = self.w @ self.w.T + SIGMA**2 * np.eye(SIZE)
        return stats.multivariate_normal(self.b, covariance).logpdf(x)

    @property
    def covariance(self):
        """Covariance of the true posterior, [LATENT, LATENT]."""
        return np.linalg.inv(np.eye(LATENT) + self.w.T @ self.w / SIGMA**2)

    def posterior_mean(self, x):
        """Mean of the true posterior, [N, LATENT]."""
        return (x - self.b) @ self.w @ self.covariance / SIGMA**2


def linear_gaussian(orthogonal):
    """A model whose columns of W are orthogonal, or not."""
    rng = np.random.default_rng(4)
    w = rng.normal(size=(SIZE, LATENT))
    if orthogonal:
        w = np.linalg.qr(w)[0] * np.array([2.0, 0.8])
    return LinearGaussian(w, rng.normal(size=SIZE))


def _dense(kernel, bias):
    layer = keras.layers.Dense(len(bias))
    network = keras.Sequential([keras.Input((len(kernel),)), layer])
    layer.set_weights([kernel, bias])
    return network


def _diagonal(covariance):
    """Raw parameters of an IndependentNormal's scales: softplus + 1e-5 undone."""
    return np.log(np.expm1(np.sqrt(np.diag(covariance)) - 1e-5))


def _triangle(covariance):
    """Raw parameters of a MultivariateNormalTriL's Cholesky factor."""
    factor = np.linalg.cholesky(covariance)
    return tfb.FillScaleTriL(diag_shift=np.float64(1e-5)).inverse(factor).numpy()


def model_with_posterior(truth, full=False, stretch=1.0, shift=0.0):
    """The VAE of the true generative model.

    Its posterior is the true one, with its standard deviations times `stretch` and its
    means plus `shift`; diagonal, or with full covariance.
    """
    covariance = truth.covariance * stretch**2
    raw = _triangle(covariance) if full else _diagonal(covariance)
    kernel = truth.w @ truth.covariance / SIGMA**2
    kernel = np.concatenate([kernel, np.zeros((SIZE, len(raw)))], axis=1)
    bias = np.concatenate([truth.posterior_mean(0.0) + shift, raw])
    posterior = layers.MultivariateNormalTriL if full else layers.IndependentNormal
    return keras_vae.VAE(
        encoder=_dense(kernel, bias),
        decoder=_dense(truth.w.T, truth.b),
        posterior=posterior(LATENT),
        likelihood=layers.IndependentNormal(SIZE, scale=SIGMA),
        seed=0,
    )
