"""Mixtures of distributions of one family."""

from __future__ import annotations

import math

import keras
import numpy as np
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from keras_vae.core.numbers import positive_int
from keras_vae.core.support import Support
from keras_vae.layers.adjacent import AdjacentLayer
from keras_vae.layers.base import DistributionLayer, event_tuple
from keras_vae.layers.categorical import OneHotCategorical
from keras_vae.layers.independent import IndependentLogistic
from keras_vae.layers.normal import IndependentNormal
from keras_vae.layers.room import layer_of


class _Mixture(DistributionLayer):
    """Base of mixtures: `num_components` logits, then the components' parameters."""

    component_layer: DistributionLayer
    mixture_class = tfd.MixtureSameFamily

    def __init__(self, num_components, convert_to_tensor_fn="sample", **kwargs):
        super().__init__(convert_to_tensor_fn=convert_to_tensor_fn, **kwargs)
        self.num_components = positive_int(num_components, "num_components")
        if self.convert_to_tensor_fn == "mode":
            raise ValueError(
                f"{type(self).__name__} has no mode in closed form. Use "
                "convert_to_tensor_fn='sample' or 'mean'."
            )

    @property
    def event_shape(self):  # type: ignore[override]
        """Shape of one observation: that of a component."""
        return self.component_layer.event_shape

    @property
    def is_discrete(self) -> bool:  # type: ignore[override]
        """Whether a component is."""
        return self.component_layer.is_discrete

    @property
    def has_mean(self) -> bool | np.ndarray:  # type: ignore[override]
        """Whether the mean of a component is meaningful."""
        return self.component_layer.has_mean

    @property
    def support(self) -> Support:
        """The support of a component."""
        return self.component_layer.support

    @property
    def accepts(self) -> Support:
        """What a component accepts."""
        return self.component_layer.accepts

    def compute_params_size(self) -> int:
        """For each component a logit and its own parameters."""
        return self.num_components * (1 + self.component_layer.params_size)

    def initial_params(self, seed=0):
        """Equal weights, and components that differ."""
        one = self.component_layer.initial_params(seed)
        noise = np.random.default_rng(seed).normal(size=(self.num_components, one.size))
        components = (one + noise).astype(np.float32).reshape(-1)
        return np.concatenate([np.zeros(self.num_components, np.float32), components])

    def make_distribution(self, params):
        """Splits off the logits; the rest is [..., num_components, params_size]."""
        shape = (
            *keras.ops.shape(params)[:-1],
            self.num_components,
            self.component_layer.params_size,
        )
        return self.mixture_class(
            tfd.Categorical(logits=params[..., : self.num_components]),
            self.component_layer.distribution(
                tf.reshape(params[..., self.num_components :], shape)
            ),
            validate_args=self.validate_args,
        )

    def get_config(self):
        """Returns the constructor's arguments."""
        return {**super().get_config(), "num_components": self.num_components}


@keras.saving.register_keras_serializable("keras_vae")
class MixtureSameFamily(_Mixture):
    """A mixture of any distribution layer.

    Args:
        num_components: Number of components.
        component_layer: The layer that makes one component.
        convert_to_tensor_fn: Output of a call; see `DistributionLayer`.
        **kwargs: Arguments of `DistributionLayer`.

    Raises:
        ValueError: If `component_layer` is not a distribution layer.

    Example:
        >>> MixtureSameFamily(3, IndependentLaplace(2)).params_size
        15
    """

    def __init__(
        self, num_components, component_layer, convert_to_tensor_fn="sample", **kwargs
    ):
        """Creates the layer."""
        super().__init__(num_components, convert_to_tensor_fn, **kwargs)
        if not isinstance(component_layer, DistributionLayer):
            raise ValueError(
                "component_layer must be a distribution layer of keras_vae.layers, but "
                f"is {component_layer!r}."
            )
        if component_layer.params_size is None:
            raise ValueError(
                "component_layer must know its params_size; give DistributionLambda one."
            )
        self.component_layer = component_layer

    @classmethod
    def params_size_for(cls, num_components, component_params_size) -> int:
        """`num_components * (1 + component_params_size)`, as in `tfp.layers`.

        Args:
            num_components: Number of components.
            component_params_size: Number of parameters of one, or its layer.

        Returns:
            The number of parameters.
        """
        size = getattr(component_params_size, "params_size", component_params_size)
        return num_components * (1 + size)

    def get_config(self):
        """Returns the constructor's arguments."""
        layer = keras.saving.serialize_keras_object(self.component_layer)
        return {**super().get_config(), "component_layer": layer}

    @classmethod
    def from_config(cls, config):
        """Makes the layer from the result of `get_config`."""
        layer = keras.saving.deserialize_keras_object(config["component_layer"])
        return cls(**{**config, "component_layer": layer})


@keras.saving.register_keras_serializable("keras_vae")
class IndependentMixture(AdjacentLayer):
    """Independent elements, each with its own mixture.

    It suits columns of tables with several modes, and pixels. Parameters: for each element
    its `num_components` logits, then the parameters of each of its components.

    Args:
        event_shape: Shape of one observation; an integer means a vector, () a scalar.
        num_components: Number of components of each element.
        component: A layer over single numbers, or its name with arguments, such as
            "discretized_logistic:low=0,high=99".
        convert_to_tensor_fn: Output of a call: "sample" or "mean".
        **kwargs: Arguments of `DistributionLayer`.

    Example:
        >>> IndependentMixture(3, num_components=5).params_size
        45

    Source:
        Bishop 1994, "Mixture density networks"; Xu et al. 2019, "Modeling tabular data
        using conditional GAN" (mode-specific normalization); Salimans et al. 2017,
        "PixelCNN++" (mixtures of discretized logistics for pixels).
    """

    def __init__(
        self,
        event_shape=(),
        num_components=5,
        component="normal",
        convert_to_tensor_fn="sample",
        **kwargs,
    ):
        """Creates the layer."""
        super().__init__(convert_to_tensor_fn=convert_to_tensor_fn, **kwargs)
        self.event_shape = event_tuple(event_shape)
        self.num_components = positive_int(num_components, "num_components")
        self.component = layer_of(component, (), self.dtype)
        if self.component.event_shape != ():
            raise ValueError(
                "component must be a distribution of single numbers, but its events have "
                f"shape {self.component.event_shape}. Give its name, such as 'normal'."
            )

    @property
    def is_discrete(self) -> bool:  # type: ignore[override]
        """Whether a component is."""
        return self.component.is_discrete

    @property
    def has_mean(self) -> bool | np.ndarray:  # type: ignore[override]
        """Whether the mean of a component is meaningful."""
        return self.component.has_mean

    @property
    def support(self) -> Support:
        """The support of a component."""
        return self.component.support

    def compute_params_size(self) -> int:
        """For each element and component a logit and the component's parameters."""
        size = self.num_components * (1 + self.component.params_size)
        return math.prod(self.event_shape) * size

    def make_distribution(self, params):
        """Splits the parameters of each element into logits and components."""
        k, size = self.num_components, self.component.params_size
        batch = keras.ops.shape(params)[:-1]
        params = tf.reshape(params, (*batch, *self.event_shape, k * (1 + size)))
        components = (*batch, *self.event_shape, k, size)
        elements = tfd.MixtureSameFamily(
            tfd.Categorical(logits=params[..., :k]),
            self.component.distribution(tf.reshape(params[..., k:], components)),
            validate_args=self.validate_args,
        )
        return tfd.Independent(elements, len(self.event_shape))

    def initial_params(self, seed=0):
        """Equal weights, and components that differ."""
        one = self.component.initial_params(seed)
        noise = np.random.default_rng(seed).normal(size=(self.num_components, one.size))
        logits = np.zeros(self.num_components)
        element = np.concatenate([logits, (one + noise).reshape(-1)]).astype(np.float32)
        return np.tile(element, math.prod(self.event_shape))

    def marginal_params(self, x):
        """A mixture fitted to each element: a component for each cluster of its values."""
        x = np.asarray(x, np.float64).reshape(len(x), -1)
        columns = (self._of_clusters(column[~np.isnan(column)]) for column in x.T)
        return np.concatenate(list(columns)).astype(np.float32)

    def _of_clusters(self, values):
        if not len(values):
            return self.initial_params()[: self.params_size // math.prod(self.event_shape)]
        from sklearn import cluster

        low, high = np.quantile(values, [0.0, 1.0])
        fitted = cluster.KMeans(
            min(self.num_components, len(np.unique(values))), n_init=1, random_state=0
        ).fit(values[:, np.newaxis])
        logits, components = [], []
        for k in range(self.num_components):
            mine = values[fitted.labels_ == k] if k < fitted.n_clusters else values
            logits.append(np.log(len(mine) / len(values)) - (k >= fitted.n_clusters) * 5.0)
            # A cluster of equal values would have scale zero.
            wide = np.concatenate([mine, mine[:1] + 1e-3 * (high - low)])
            components.append(self.component.marginal_params(wide))
        return np.concatenate([logits, *components])

    def get_config(self):
        """Returns the constructor's arguments."""
        component = keras.saving.serialize_keras_object(self.component)
        return {
            **super().get_config(),
            "event_shape": list(self.event_shape),
            "num_components": self.num_components,
            "component": component,
        }


class _MixtureOfIndependent(_Mixture):
    component_class: type[DistributionLayer]

    def __init__(
        self,
        num_components,
        event_shape=(),
        convert_to_tensor_fn="sample",
        *,
        floor: float = 1e-5,
        **kwargs,
    ):
        super().__init__(num_components, convert_to_tensor_fn, **kwargs)
        self.component_layer = self.component_class(
            event_shape, floor=floor, validate_args=self.validate_args, dtype=self.dtype
        )

    def get_config(self):
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "event_shape": list(self.event_shape),
            "floor": self.component_layer.floor,
        }


@keras.saving.register_keras_serializable("keras_vae")
class MixtureNormal(_MixtureOfIndependent):
    """A mixture of independent normals; parameters: logits, then the components'.

    The components are mixed for the whole event at once, not for each element.

    Args:
        num_components: Number of components.
        event_shape: Shape of one observation; an integer means a vector, () a scalar.
        convert_to_tensor_fn: Output of a call; see `DistributionLayer`.
        floor: Smallest scale of a component; 0 is that of `tfp.layers`.
        **kwargs: Arguments of `DistributionLayer`.

    Example:
        >>> MixtureNormal(5, event_shape=2).params_size
        25

    Source:
        Bishop 1994, "Mixture density networks".
    """

    component_class = IndependentNormal


@keras.saving.register_keras_serializable("keras_vae")
class MixtureLogistic(_MixtureOfIndependent):
    """A mixture of independent logistics; parameters: logits, then the components'.

    The components are mixed for the whole event at once, not for each element.

    Args:
        num_components: Number of components.
        event_shape: Shape of one observation; an integer means a vector, () a scalar.
        convert_to_tensor_fn: Output of a call; see `DistributionLayer`.
        floor: Smallest scale of a component; 0 is that of `tfp.layers`.
        **kwargs: Arguments of `DistributionLayer`.

    Example:
        >>> MixtureLogistic(5, event_shape=2).params_size
        25
    """

    component_class = IndependentLogistic


class _MixtureOfOneHots(tfd.MixtureSameFamily):
    """TFP's mixture, with the logarithm of its mean."""

    def log_mean(self):
        """Logarithms of the probabilities of the categories."""
        weights = tf.math.log_softmax(self.mixture_distribution.logits)
        each = tf.math.log_softmax(self.components_distribution.logits)
        return tf.reduce_logsumexp(weights[..., tf.newaxis] + each, axis=-2)


@keras.saving.register_keras_serializable("keras_vae")
class CategoricalMixtureOfOneHotCategorical(_Mixture):
    """A mixture of one-hot categorical distributions.

    Args:
        event_size: Number of categories.
        num_components: Number of components.
        convert_to_tensor_fn: Output of a call; see `DistributionLayer`.
        **kwargs: Arguments of `DistributionLayer`.

    Example:
        >>> CategoricalMixtureOfOneHotCategorical(10, num_components=3).params_size
        33
    """

    mixture_class = _MixtureOfOneHots

    def __init__(self, event_size, num_components, convert_to_tensor_fn="sample", **kwargs):
        """Creates the layer."""
        super().__init__(num_components, convert_to_tensor_fn, **kwargs)
        self.component_layer = OneHotCategorical(
            event_size, validate_args=self.validate_args, dtype=self.dtype
        )
        self.event_size = positive_int(event_size, "event_size")

    def get_config(self):
        """Returns the constructor's arguments."""
        return {**super().get_config(), "event_size": self.event_size}
