"""The variational mixture of posteriors."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tensorflow_probability import bijectors as tfb
from tensorflow_probability import distributions as tfd

from keras_vae.core.numbers import positive_int
from keras_vae.core.support import Columns, Support
from keras_vae.layers.quantizers import Quantizer
from keras_vae.priors.base import Prior

# Distance of initial pseudo-inputs from the bounds of their support.
_MARGIN = 1e-3


@keras.saving.register_keras_serializable("keras_vae")
class VampPrior(Prior):
    """A mixture of the posteriors of learned pseudo-inputs.

    p(z) = sum over k of w_k q(z|u_k), where the observations u_k and the weights are
    trained. The pseudo-inputs lie within the observations' support. They start at random,
    or at training data if `start_from` is called (`keras-vae train` calls it). KL to a
    mixture has no closed form, so the rate is estimated from the posterior's draws.

    Args:
        num_components: Number of pseudo-inputs K.
        event_shape: Shape of one latent variable; None takes it from the posterior.
        seed: Seed of the initial pseudo-inputs.
        **kwargs: Arguments of `Prior`.

    Raises:
        ValueError: If `num_components` is not a positive integer.

    Example:
        >>> vae = keras_vae.DenseVAE((28, 28, 1), 16, prior=VampPrior(500))
        >>> vae.prior.start_from(x_train)

    Source:
        Tomczak and Welling 2018, "VAE with a VampPrior", equation 9.
    """

    asks_encoder = True

    def __init__(
        self, num_components: int = 500, event_shape=None, seed: int = 0, **kwargs
    ):
        """Creates the prior."""
        super().__init__(event_shape, **kwargs)
        self.num_components = positive_int(num_components, "num_components")
        self.seed = seed
        self._encode: Any = None

    def connect(self, model):
        """Keeps the model's `encode`, and the form of its observations."""
        if self._encode is not None and self._encode.__self__ is not model:
            raise ValueError(
                "This VampPrior uses the encoder of another model already. Make one for "
                "each model."
            )
        if model.condition_shape is not None:
            raise ValueError(
                "VampPrior supports no condition, but the model has one. Use "
                "priors.Conditional, or StandardNormal."
            )
        if isinstance(model.posterior, Quantizer):
            raise ValueError(
                "VampPrior gives probability only to the codes of its pseudo-inputs, so "
                f"the rate of the posterior {type(model.posterior).__name__} would be "
                "infinite. Leave the prior out to get the uniform prior over all codes."
            )
        # A bound method, so that Keras does not save the encoder a second time.
        self._encode = model.encode
        self._inputs_shape, self._accepts = tuple(model.event_shape), model.support
        self._posterior = model.posterior.support, model.posterior.is_discrete

    def make_weights(self):
        """Creates raw pseudo-inputs [K, *event of x] and logits [K]."""
        if self._encode is None:
            raise ValueError(
                "VampPrior mixes a model's posteriors: give it to a model as its prior."
            )
        shape = (self.num_components, *self._inputs_shape)
        self.raw_inputs = self.add_weight(shape, "zeros", name="pseudo_inputs")
        self.logits = self.add_weight((self.num_components,), "zeros", name="logits")
        noise = np.random.default_rng(self.seed).normal(size=shape)
        self.raw_inputs.assign(noise.astype(np.float32))

    def start_from(self, x):
        """Initializes the pseudo-inputs with observations.

        Args:
            x: Observations [N, *event], in the model's units; K of them are drawn.
        """
        rng = np.random.default_rng(self.seed)
        rows = rng.choice(len(x), self.num_components, replace=len(x) < self.num_components)
        u = np.asarray(x)[np.sort(rows)].astype(np.float32)
        if isinstance(self._accepts, Columns):
            pairs = zip(u.T, self._accepts.columns, strict=True)
            u = np.stack([_inside(*pair) for pair in pairs], axis=1)
        else:
            u = _inside(u, self._accepts)
        self.raw_inputs.assign(self._into_support().inverse(u))

    @property
    def pseudo_inputs(self) -> tf.Tensor:
        """The observations u_k, [K, *event of x]."""
        return self._into_support().forward(tf.convert_to_tensor(self.raw_inputs))

    def _into_support(self):
        if not isinstance(self._accepts, Columns):
            return _onto(self._accepts, self.compute_dtype)
        columns = [_onto(one, self.compute_dtype) for one in self._accepts.columns]
        return tfb.Blockwise(columns, block_sizes=[1] * len(columns))

    def distribution(self, y=None, training=False):
        """The mixture of posteriors, encoded in the same mode as x (training or not)."""
        self._require_shape()
        return self._mixture(training)

    def make_distribution(self, y=None):
        """The mixture of posteriors."""
        return self._mixture(training=False)

    def _mixture(self, training):
        return tfd.MixtureSameFamily(
            tfd.Categorical(logits=tf.convert_to_tensor(self.logits)),
            self._encode(self.pseudo_inputs, training=training),
        )

    @property
    def support(self) -> Support:
        """The posterior's."""
        return self._posterior[0]

    @property
    def is_discrete(self) -> bool:  # type: ignore[override]
        """Whether the posterior is."""
        return self._posterior[1]

    def get_config(self):
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "num_components": self.num_components,
            "seed": self.seed,
        }

    def get_build_config(self):
        """Nothing: the prior's model builds it."""
        return None


def _onto(support: Support, dtype: str) -> tfb.Bijector:
    """From real numbers onto the elements of a set."""
    low, high = support.low, support.high
    if low is None:
        return tfb.Identity()
    low = tf.constant(low, dtype)
    if high is None:
        return tfb.Chain([tfb.Shift(low), tfb.Softplus()])
    return tfb.Sigmoid(low, tf.constant(high, dtype))


def _inside(u: np.ndarray, support: Support) -> np.ndarray:
    """Moves observations away from the ends of their set, which have no finite inverse."""
    low, high = support.low, support.high
    if low is None:
        return u
    top = u if high is None else np.minimum(u, high - _MARGIN * (high - low))
    bottom = _MARGIN if high is None else _MARGIN * (high - low)
    return np.maximum(top, low + bottom)
