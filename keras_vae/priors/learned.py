"""Priors that are distribution layers with their own parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from keras_vae import layers
from keras_vae.core.numbers import sizes
from keras_vae.core.support import Support
from keras_vae.layers import DistributionLayer
from keras_vae.priors.base import Prior


class _OfLayer(Prior):
    """Base of priors that use a layer's distribution."""

    def __init__(self, layer: Any, event_shape, **kwargs):
        self.layer = layer
        if isinstance(layer, dict) and "class_name" in layer:
            self.layer = layers.get(layer)
        if isinstance(self.layer, DistributionLayer):
            event_shape = event_shape or self.layer.event_shape
        super().__init__(event_shape, **kwargs)

    def make_weights(self):
        """Makes the layer, if only its name is known, and its weights."""
        if not isinstance(self.layer, DistributionLayer):
            self.layer = layers.get(self.layer, self.event_shape, dtype=self.dtype)
        if self.layer.event_shape != self.event_shape:
            raise ValueError(
                f"The layer {type(self.layer).__name__} of {type(self).__name__} has event "
                f"shape {self.layer.event_shape}, but the posterior's latent variables "
                f"have shape {self.event_shape}. Make them equal."
            )
        self.layer.build((None, self.layer.params_size))

    @property
    def is_discrete(self) -> bool:  # type: ignore[override]
        """Whether the layer is."""
        return self._known().is_discrete

    @property
    def has_density(self) -> bool:  # type: ignore[override]
        """Whether the layer has one."""
        return self._known().has_density

    @property
    def support(self) -> Support:
        """The layer's support."""
        return self._known().support

    def distribution(self, y=None, training: bool = False):
        """The layer's distribution; see `Prior`."""
        self._require_shape()
        return self.layer.distribution(self.layer_params(y, training), training)

    def make_distribution(self, y=None):
        """The layer's distribution."""
        return self.layer.distribution(self.layer_params(y, training=False))

    def layer_params(self, y, training: bool) -> tf.Tensor:
        """The layer's parameters, [params_size] or [B, params_size]."""
        raise NotImplementedError

    def _known(self):
        if not isinstance(self.layer, DistributionLayer):
            raise ValueError(
                f"{type(self).__name__} does not know its layer yet: give it event_shape, "
                "or make it part of a model."
            )
        return self.layer

    def center(self, distribution):
        """The layer's."""
        return self.layer.center(distribution)

    def expectation(self, distribution):
        """The layer's."""
        return self.layer.expectation(distribution)

    def summary(self, distribution):
        """The layer's."""
        return self.layer.summary(distribution)

    def get_config(self):
        """Returns the constructor's arguments."""
        layer = self.layer
        if isinstance(layer, DistributionLayer):
            layer = keras.saving.serialize_keras_object(layer)
        return {**super().get_config(), "layer": layer}

    @classmethod
    def from_config(cls, config):
        """Makes the prior from the result of `get_config`."""
        return cls(**config)


@keras.saving.register_keras_serializable("keras_vae")
class Learned(_OfLayer):
    """Any distribution layer, with trained parameters instead of an encoder's.

    This makes mixtures, flows, full normals and categoricals priors.

    Args:
        layer: Distribution layer, or its name (`"flow:num_layers=8"`), which takes the
            posterior's shape; None takes the posterior's own family.
        trainable: Whether the parameters and the layer's weights are trained. They start
            at the layer's `initial_params`: the standard normal, equal probabilities.
        event_shape: Shape of one latent variable; None takes it from the layer, or from
            the posterior.
        seed: Seed of random initial parameters.
        **kwargs: Arguments of `Prior`.

    Raises:
        ValueError: If `trainable` is not a bool.

    Example:
        >>> Learned(layers.Flow(16)).distribution().event_shape
        TensorShape([16])

    Source:
        Xu, Liu and Lai 2019, "On the necessity and effectiveness of learning the prior of
        variational auto-encoder" (flows).
    """

    def __init__(
        self,
        layer: Any = None,
        trainable: bool = True,
        event_shape=None,
        seed: int = 0,
        **kwargs,
    ):
        """Creates the prior."""
        if not isinstance(trainable, bool):
            raise ValueError(f"trainable must be True or False, but is {trainable!r}.")
        super().__init__(layer, event_shape, trainable=trainable, **kwargs)
        self.seed = seed

    def connect(self, model):
        """Takes the posterior's family if no layer was given."""
        if self.layer is None:
            config = keras.saving.serialize_keras_object(model.posterior)
            config["config"].pop("name")
            self.layer = layers.get(config)

    def make_weights(self):
        """Creates the parameters."""
        if self.layer is None:
            raise ValueError(
                "Learned() takes its family from the posterior of a model. Give it a "
                "layer, such as Learned('normal', event_shape=16)."
            )
        super().make_weights()
        start = keras.initializers.Constant(self.layer.initial_params(self.seed))
        self.params = self.add_weight((self.layer.params_size,), start, name="params")

    def start_from_codes(self, z):
        """Starts from the layer's parameters for the marginal distribution of codes.

        Args:
            z: Codes [N, *event_shape].
        """
        if self.trainable:
            self.params.assign(self.layer.marginal_params(z))

    def layer_params(self, y, training):
        """The trained parameters."""
        return tf.convert_to_tensor(self.params)

    def get_config(self):
        """Returns the constructor's arguments."""
        return {**super().get_config(), "seed": self.seed}


@keras.saving.register_keras_serializable("keras_vae")
class Conditional(_OfLayer):
    """p(z|y): a distribution layer whose parameters a network computes from the condition.

    Args:
        layer: Distribution layer, or its name, which takes the posterior's shape.
        network: Keras model, condition [B, ...] -> parameters [B, params_size]; None makes
            a multilayer perceptron with `hidden_units`. Classes arrive one-hot.
        hidden_units: Widths of that perceptron's hidden layers.
        event_shape: Shape of one latent variable; None takes it from the layer, or from
            the posterior.
        **kwargs: Arguments of `Prior`.

    Example:
        >>> keras_vae.DenseVAE(6, 2, condition=10, prior=Conditional("normal"))

    Source:
        Sohn, Lee and Yan 2015, "Learning structured output representation using deep
        conditional generative models".
    """

    def __init__(
        self,
        layer: Any = "normal",
        network: keras.Model | None = None,
        hidden_units: Sequence[int] = (64,),
        event_shape=None,
        **kwargs,
    ):
        """Creates the prior."""
        super().__init__(layer, event_shape, **kwargs)
        if isinstance(network, dict):
            network = keras.saving.deserialize_keras_object(network)
        # None until `connect`, where it is made.
        self.network: keras.Model | Any = network
        self.hidden_units = sizes(hidden_units, "hidden_units")
        self._lacks_its_end = False

    def connect(self, model):
        """Makes the network for the model's condition."""
        if model.condition_shape is None:
            raise ValueError(
                "The prior Conditional depends on a condition, but the model has none. "
                "Give the model one: condition=10 for ten classes, or a shape."
            )
        if self.network is None:
            self._lacks_its_end = True
            hidden = [keras.layers.Dense(n, "relu") for n in self.hidden_units]
            self.network = keras.Sequential(
                [
                    keras.Input(model.condition_shape),
                    keras.layers.Flatten(data_format="channels_last"),
                    *hidden,
                ],
                name="prior_network",
            )
        elif not self.network.built:
            self.network.build((None, *model.condition_shape))
        elif self.network.input_shape[1:] != model.condition_shape:
            raise ValueError(
                f"The network of Conditional reads shape {self.network.input_shape[1:]}, "
                f"but the model's condition has shape {model.condition_shape} (classes "
                f"arrive one-hot). Begin it with Input({model.condition_shape})."
            )

    def make_weights(self):
        """Adds a last layer of the right size to a network that was made here."""
        if self.network is None:
            raise ValueError(
                "Conditional has no network yet: give it one, or make it part of a model."
            )
        super().make_weights()
        size = self.layer.params_size
        if self._lacks_its_end:
            self.network.add(keras.layers.Dense(size, dtype=self.dtype, name="params"))
            self._lacks_its_end = False
        if self.network.output_shape != (None, size):
            raise ValueError(
                f"The network of Conditional ends in shape {self.network.output_shape}, "
                f"but {type(self.layer).__name__} takes {size} parameters. Make "
                f"Dense({size}) its last layer."
            )

    def layer_params(self, y, training):
        """The network's output for y."""
        if y is None:
            raise ValueError("This model's prior depends on y: give y.")
        return self.network(y, training=training)

    def get_config(self):
        """Returns the constructor's arguments."""
        network = self.network
        if network is not None:
            network = keras.saving.serialize_keras_object(network)
        return {
            **super().get_config(),
            "network": network,
            "hidden_units": list(self.hidden_units),
        }
