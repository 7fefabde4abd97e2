"""A second VAE, of the codes, as prior."""

from __future__ import annotations

import math
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp
from tensorflow_probability import distributions as tfd

from keras_vae.core.numbers import positive_int, sizes
from keras_vae.core.seeds import fold_replica, make_seed
from keras_vae.layers import IndependentNormal
from keras_vae.priors.base import Prior

# Codes may not vary at all along an axis.
_SMALLEST_STDDEV = 1e-4


@keras.saving.register_keras_serializable("keras_vae")
class SecondStageVAE(Prior):
    """A VAE of codes: u ~ N(0, I), z | u ~ N(f(u), gamma^2 I), with a learned gamma.

    Fitted to the codes of a trained model (`generation.fit_prior`), it draws similar codes.
    Codes are standardised first.

    p(z) is an integral over u, so **`log_prob` is a lower bound**: the importance-weighted
    bound with `num_samples` draws from the second encoder's q(u|z). Their noise is fixed,
    so that the same z always has the same score, with and without XLA. The noise is a
    scrambled Sobol sequence, for which the bound holds in expectation. A model's ELBO or
    importance-weighted log-likelihood with this prior is still a bound, but a looser one.
    Training takes one new draw each time, so the ELBO trains the second stage. (A fixed
    draw would fail: the encoder could hit it with a q(u|z) of any width.) The noise of that
    draw is a function of `seed` and of a count of training passes, which is saved with the
    weights; one distribution keeps it, so that it gives the same z the same score.

    Args:
        latent_dim: Length of u; None takes the length of a code.
        hidden_units: Widths of the hidden layers of both networks.
        num_samples: Draws of u for the bound of log p(z).
        event_shape: Shape of one latent variable; None takes it from the posterior.
        seed: Seed of the initial weights and the noise; None takes Keras's global seed.
        **kwargs: Arguments of `Prior`.

    Raises:
        ValueError: If a number is not a positive integer.

    Example:
        >>> prior = SecondStageVAE(hidden_units=(8,), event_shape=2, seed=0)
        >>> prior.distribution().sample(5, seed=(0, 1)).shape
        TensorShape([5, 2])

    Source:
        Dai and Wipf 2019, "Diagnosing and enhancing VAE models", section 4. The bound:
        Burda et al. 2016, equation 8.
    """

    part_name = "second_stage_vae"

    def __init__(
        self,
        latent_dim: int | None = None,
        hidden_units: Sequence[int] = (256, 256),
        num_samples: int = 16,
        event_shape=None,
        seed: int | None = None,
        **kwargs,
    ):
        """Creates the prior."""
        super().__init__(event_shape, **kwargs)
        if latent_dim is not None:
            latent_dim = positive_int(latent_dim, "latent_dim")
        self.latent_dim = latent_dim
        self.hidden_units = sizes(hidden_units, "hidden_units")
        self.num_samples = positive_int(num_samples, "num_samples")
        self.seed = seed

    def make_weights(self):
        """Creates both networks, gamma, and the weights that standardise codes."""
        size, seed = math.prod(self.event_shape), make_seed(self.seed)
        inner = self.latent_dim or size
        self.posterior = IndependentNormal(inner, dtype=self.dtype)
        self.likelihood = IndependentNormal(size, scale="shared", dtype=self.dtype)
        self.encoder = self._network(size, self.posterior.params_size, seed, "encoder")
        self.decoder = self._network(
            inner, self.likelihood.params_size, seed + 1, "decoder"
        )
        self.loc = self.add_weight((size,), "zeros", trainable=False, name="loc")
        self.log_scale = self.add_weight(
            (size,), "zeros", trainable=False, name="log_scale"
        )
        noise = (self.num_samples, inner)
        # A weight, so that a loaded model gives the same scores as the saved one.
        self.noise = self.add_weight(noise, "zeros", trainable=False, name="noise")
        self.noise.assign(_spread_normal(*noise, seed))
        # The seed, and the number of training passes so far: a weight, so that a resumed
        # run has the same draws as an uninterrupted one.
        self.state = self.add_weight(
            (2,),
            "zeros",
            dtype="int32",
            trainable=False,
            aggregation="only_first_replica",
            name="noise_state",
        )
        self.state.assign([seed, 0])

    def _network(self, inputs, outputs, seed, name):
        make, dtype = keras.layers, self.dtype
        dense = [
            make.Dense(
                units,
                activation,
                kernel_initializer=keras.initializers.GlorotUniform(seed + 2 * i),
                dtype=dtype,
            )
            for i, (units, activation) in enumerate(
                [*((units, "relu") for units in self.hidden_units), (outputs, None)]
            )
        ]
        return keras.Sequential([keras.Input((inputs,), dtype=dtype), *dense], name=name)

    def start_from_codes(self, z):
        """Takes means and standard deviations of codes.

        Args:
            z: Codes [N, *event_shape].
        """
        if not self.trainable:
            return
        flat = np.asarray(z, np.float64).reshape(len(z), -1)
        self.loc.assign(flat.mean(axis=0))
        self.log_scale.assign(np.log(np.maximum(flat.std(axis=0), _SMALLEST_STDDEV)))

    def distribution(self, y=None, training=False):
        """The distribution of codes; in training, its bound takes one new draw."""
        self._require_shape()
        if not (training and self.trainable):
            return _Marginal(self, 1.0)
        seed = fold_replica(tf.convert_to_tensor(self.state))
        self.state.assign_add([0, 1])
        return _Marginal(self, 1.0, seed)

    def make_distribution(self, y=None):
        """The distribution of codes."""
        return self.tempered(1.0)

    def tempered(self, temperature, y=None):
        """The distribution with all standard deviations multiplied by `temperature`."""
        return _Marginal(self, temperature)

    def center(self, distribution):
        """The code of u = 0, which is neither mean nor mode."""
        return distribution.code_of(tf.zeros([1, self.posterior.event_shape[0]]))[0]

    def expectation(self, distribution):
        """The code of u = 0, since the mean is an integral."""
        return self.center(distribution)

    def noise_of(self, n: tf.Tensor, seed: tf.Tensor | None) -> tf.Tensor:
        """The noise of draws of u.

        Args:
            n: Number of codes.
            seed: int32 tensor [2], that of a training pass; or None.

        Returns:
            Tensor [num_samples, 1, latent_dim], the same at each call; or, with a seed, [1,
            n, latent_dim].
        """
        noise = tf.convert_to_tensor(self.noise)
        if seed is None:
            return noise[:, tf.newaxis]
        shape = (1, n, noise.shape[1])
        return tf.random.stateless_normal(shape, seed, dtype=noise.dtype)

    def get_config(self):
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "latent_dim": self.latent_dim,
            "hidden_units": list(self.hidden_units),
            "num_samples": self.num_samples,
            "seed": self.seed,
        }


def _spread_normal(n: int, size: int, seed: int) -> np.ndarray:
    """Quasi-random draws from N(0, I), [n, size]."""
    from scipy import special
    from scipy.stats import qmc

    points = qmc.Sobol(size, seed=seed).random_base2(math.ceil(math.log2(n)))[:n]
    # A point may be 0, whose normal quantile is infinite.
    return special.ndtri(np.clip(points, 1e-6, 1 - 1e-6))


class _Marginal(tfd.Distribution):
    """p(z) = integral of N(u; 0, T^2 I) N(z; f(u), T^2 gamma^2 I); `log_prob` is a bound."""

    def __init__(self, prior: SecondStageVAE, temperature: float, seed=None):
        self.prior, self.temperature, self.noise_seed = prior, temperature, seed
        super().__init__(
            dtype=tf.as_dtype(prior.compute_dtype),
            reparameterization_type=tfd.FULLY_REPARAMETERIZED,
            validate_args=False,
            allow_nan_stats=True,
            parameters={"prior": prior, "temperature": temperature},
            name="second_stage_vae",
        )

    def _batch_shape(self):
        return tf.TensorShape([])

    def _batch_shape_tensor(self, **_):
        return tf.constant([], tf.int32)

    def _event_shape(self):
        return tf.TensorShape(self.prior.event_shape)

    def _event_shape_tensor(self, **_):
        return tf.constant(self.prior.event_shape, tf.int32)

    def _affine(self):
        """Location and scale that undo the standardisation of codes, each [D]."""
        loc, log_scale = self.prior.loc, self.prior.log_scale
        return tf.convert_to_tensor(loc), tf.exp(tf.convert_to_tensor(log_scale))

    def _given(self, u):
        """p(z|u) of standardised codes; u [..., latent_dim]."""
        flat = tf.reshape(u, (-1, u.shape[-1]))
        p = self.prior.likelihood.distribution(self.prior.decoder(flat)).distribution
        loc = tf.reshape(p.loc, tf.concat([tf.shape(u)[:-1], p.loc.shape[-1:]], axis=0))
        return tfd.Independent(tfd.Normal(loc, self.temperature * p.scale), 1)

    def _inner_prior(self):
        zeros = tf.zeros(self.prior.posterior.event_shape, self.dtype)
        return tfd.Independent(tfd.Normal(zeros, self.temperature), 1)

    def code_of(self, u):
        """The mean of p(z|u), [n, *event], of u [n, latent_dim]."""
        return self._unflat(self._given(tf.cast(u, self.dtype)).mean())

    def _unflat(self, x):
        loc, scale = self._affine()
        return tf.reshape(loc + scale * x, (-1, *self.prior.event_shape))

    def _sample_n(self, n, seed=None):
        of_u, of_z = tfp.random.split_seed(seed, n=2)
        given = self._given(self._inner_prior().sample(n, seed=of_u))
        return self._unflat(given.sample(seed=of_z))

    def _log_prob(self, value):
        batch = tf.shape(value)[: value.shape.rank - len(self.prior.event_shape)]
        loc, scale = self._affine()
        x = (tf.reshape(value, (-1, loc.shape[0])) - loc) / scale
        q = self.prior.posterior.distribution(self.prior.encoder(x))
        u = q.mean() + q.stddev() * self.prior.noise_of(tf.shape(x)[0], self.noise_seed)
        log_weight = self._inner_prior().log_prob(u) + self._given(u).log_prob(x)
        log_weight -= q.log_prob(u)
        count = tf.cast(tf.shape(u)[0], self.dtype)
        bound = tf.reduce_logsumexp(log_weight, axis=0) - tf.math.log(count)
        return tf.reshape(bound - tf.reduce_sum(tf.math.log(scale)), batch)
