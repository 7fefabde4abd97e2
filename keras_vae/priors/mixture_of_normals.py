"""A mixture of normals as prior."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from keras_vae.core.numbers import positive_int
from keras_vae.layers.independent import inverse_softplus
from keras_vae.priors.base import Prior


@keras.saving.register_keras_serializable("keras_vae")
class MixtureOfNormals(Prior):
    """A mixture of normals with diagonal covariance.

    It starts with means drawn from N(0, I), unit scales and equal weights, close to the
    standard normal. KL to a mixture has no closed form, so the rate is estimated from the
    posterior's draws.

    Args:
        num_components: Number of components K.
        trainable: Whether weights, means and scales are trained.
        event_shape: Shape of one latent variable; None takes it from the posterior.
        seed: Seed of the initial means; None takes Keras's global seed.
        **kwargs: Arguments of `Prior`.

    Raises:
        ValueError: If an argument has the wrong type.

    Example:
        >>> prior = MixtureOfNormals(10, event_shape=2)
        >>> prior.distribution().sample(5, seed=(0, 1)).shape
        TensorShape([5, 2])

    Source:
        Dilokthanakul et al. 2016, "Deep unsupervised clustering with Gaussian mixture
        variational autoencoders"; Tomczak and Welling 2018 (the "MoG" baseline).
    """

    def __init__(
        self,
        num_components: int,
        trainable: bool = True,
        event_shape=None,
        seed: int | None = None,
        **kwargs,
    ):
        """Creates the prior."""
        if not isinstance(trainable, bool):
            raise ValueError(
                f"trainable must be True or False, but is {trainable!r}. (The size of "
                "the latent variable is the argument event_shape.)"
            )
        super().__init__(event_shape, trainable=trainable, **kwargs)
        self.num_components = positive_int(num_components, "num_components")
        self.seed = seed

    def make_weights(self):
        """Creates logits [K], means and raw scales [K, *event_shape]."""
        shape = (self.num_components, *self.event_shape)
        self.logits = self.add_weight((self.num_components,), "zeros", name="logits")
        normal = keras.initializers.RandomNormal(stddev=1.0, seed=self.seed)
        self.loc = self.add_weight(shape, normal, name="loc")
        unit = keras.initializers.Constant(float(np.log(np.expm1(1.0))))
        self.raw_scale = self.add_weight(shape, unit, name="raw_scale")

    def start_from_codes(self, z):
        """Puts a component on each cluster of codes.

        Args:
            z: Codes [N, *event_shape].
        """
        if not self.trainable:
            return
        from sklearn import mixture

        flat = np.asarray(z, np.float64).reshape(len(z), -1)
        clusters = min(self.num_components, len(np.unique(flat, axis=0)))
        fitted = mixture.GaussianMixture(
            clusters, covariance_type="diag", random_state=self.seed or 0
        ).fit(flat)
        # More components than clusters start as copies, with their share of the weight.
        rows = np.arange(self.num_components) % clusters
        weights = fitted.weights_[rows] / np.bincount(rows)[rows]
        scales = np.sqrt(fitted.covariances_[rows])
        self.logits.assign(np.log(weights))
        self.loc.assign(fitted.means_[rows].reshape(self.loc.shape))
        self.raw_scale.assign(inverse_softplus(scales).reshape(self.loc.shape))

    def make_distribution(self, y=None):
        """The mixture."""
        return self.tempered(1.0)

    def tempered(self, temperature, y=None):
        """The mixture, with each component's scale times `temperature`."""
        scale = 1e-5 + tf.nn.softplus(tf.convert_to_tensor(self.raw_scale))
        return tfd.MixtureSameFamily(
            tfd.Categorical(logits=tf.convert_to_tensor(self.logits)),
            tfd.Independent(
                tfd.Normal(tf.convert_to_tensor(self.loc), temperature * scale),
                len(self.event_shape),
            ),
        )

    def get_config(self):
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "num_components": self.num_components,
            "seed": self.seed,
        }
