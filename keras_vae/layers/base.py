"""The base of all distribution layers: parameters in, a distribution out."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf
from keras.src.backend.common.masking import set_keras_mask
from keras.src.backend.common.symbolic_scope import in_symbolic_scope
from tensorflow_probability import distributions as tfd

from keras_vae.core.dtypes import float_dtype
from keras_vae.core.family import Family
from keras_vae.core.numbers import positive_int
from keras_vae.core.seeds import make_seed, next_seed

_ATTRIBUTE = "_keras_vae_distribution"


def distribution_of(tensor: tf.Tensor) -> tfd.Distribution:
    """Returns the distribution that a distribution layer attached to its output.

    Args:
        tensor: The output of a distribution layer, unchanged. An operation on it (a slice,
            a cast) makes a new tensor, which carries no distribution.

    Returns:
        The distribution.

    Raises:
        ValueError: If the tensor carries no distribution.

    Example:
        >>> model.compile("adam", loss=lambda y, py: -distribution_of(py).log_prob(y))
    """
    distribution = getattr(tensor, _ATTRIBUTE, None)
    if distribution is None and in_symbolic_scope():
        # Under a strategy Keras calls a loss on placeholders, only to learn its shape.
        return tfd.Independent(tfd.Normal(tensor, 1.0), max(len(tensor.shape) - 1, 0))
    if distribution is None:
        raise ValueError(
            f"This {type(tensor).__name__} of shape {tuple(np.shape(tensor))} carries no "
            "distribution. Pass the output of a keras_vae distribution layer itself, "
            "before any operation on it (of model(x), not of model.predict(x), which "
            "returns NumPy arrays); a distribution layer must come last in the model. In a "
            "loss, give y the output's shape: where y has one axis of size 1 more or less, "
            "Keras squeezes or expands the output."
        )
    return distribution


@keras.saving.register_keras_serializable("keras_vae")
def negative_log_likelihood(y, py) -> tf.Tensor:
    """The loss of a model that ends in a distribution layer, for `compile(loss=...)`.

    Registered with Keras, so that the compiled model can be saved and loaded.

    Args:
        y: Targets [*batch, *event]; a last axis of size 1 may be missing or superfluous.
        py: The model's output, which carries its distribution.

    Returns:
        -log p(y), nats, of the batch shape, such as [B].

    Raises:
        ValueError: If y has another shape: it would be broadcast against all examples.

    Example:
        >>> model.compile("adam", loss=negative_log_likelihood)
    """
    distribution = distribution_of(py)
    return -distribution.log_prob(_of_its_shape(y, distribution))


def _of_its_shape(y, distribution):
    """Targets of the shape of the distribution's draws, or an error with both shapes."""
    # In its dtype, too: Keras casts targets to its own float type.
    y = tf.cast(y, distribution.dtype)
    expected = distribution.batch_shape.concatenate(distribution.event_shape)
    if y.shape.is_compatible_with(expected):
        return y
    if y.shape.rank is not None and expected.rank is not None:
        if y.shape.is_compatible_with(expected.concatenate([1])):
            return tf.squeeze(y, axis=-1)
        if y.shape.concatenate([1]).is_compatible_with(expected):
            return y[..., tf.newaxis]
    raise ValueError(
        f"y has shape {tuple(y.shape)}, but the distribution's draws have shape "
        f"{tuple(expected)}: batch {tuple(distribution.batch_shape)} and event "
        f"{tuple(distribution.event_shape)}. Give y that shape (class numbers one-hot, for "
        "one-hot distributions)."
    )


class ParamsSize:
    """`layer.params_size` is a number; `Layer.params_size(...)` computes it.

    The second form is that of `tfp.layers`: the arguments are those of the constructor.
    """

    def __get__(self, layer, owner):
        """Returns the number for a layer, a function for a class."""
        if layer is not None:
            return layer.compute_params_size()
        return owner.params_size_for


class DistributionLayer(Family):
    """Turns the last axis of its input into the parameters of a distribution.

    `layer.distribution(params)` returns the `tfd.Distribution`. Calling the layer returns
    a tensor, by default a draw, which carries its distribution (`distribution_of`), so
    that the layer can end a Sequential or Functional model. Subclasses set
    `event_shape` and define `compute_params_size` and `make_distribution`.

    Args:
        convert_to_tensor_fn: The output of a call: "sample", "mean" (the centre if there is
            no finite mean) or "mode", the `tfd.Distribution` method of that name, or a
            registered function (`keras.saving.register_keras_serializable`) of a
            distribution.
        validate_args: Whether TFP checks values while the model runs (slower).
        seed: Seed of the draws that a call returns; None takes Keras's global seed.
        dtype: Dtype or policy. Probabilities are float32, also in mixed precision.
        **kwargs: Arguments of `keras.layers.Layer`.

    Raises:
        ValueError: If an argument is not one of those described.

    Example:
        >>> class Gumbel(DistributionLayer):
        ...     event_shape = ()
        ...
        ...     def compute_params_size(self):
        ...         return 1
        ...
        ...     def make_distribution(self, params):
        ...         return tfd.Gumbel(params[..., 0], 1.0)
        >>> Gumbel().distribution(tf.zeros([5, 1])).batch_shape
        TensorShape([5])
    """

    params_size = ParamsSize()
    # Whether the parameters are logits, so that a sigmoid or softmax before them is wrong.
    takes_logits = False

    def __init__(
        self,
        convert_to_tensor_fn: str | Callable = "sample",
        *,
        validate_args: bool = False,
        seed: int | None = None,
        dtype=None,
        **kwargs,
    ):
        """Creates the layer."""
        super().__init__(dtype=dtype, **kwargs)
        self.convert_to_tensor_fn = _name_of_conversion(convert_to_tensor_fn)
        self.validate_args = validate_args
        self.seed = make_seed(seed)
        self.supports_masking = True
        # A layer that is made within a graph, as by a function of a DistributionLambda, can
        # hold no state, so TensorFlow's own generator draws for it.
        self.seed_generator = (
            None if tf.inside_function() else keras.random.SeedGenerator(self.seed)
        )

    @classmethod
    def params_size_for(cls, *args, **kwargs) -> int | None:
        """The number of parameters of a layer made with these arguments."""
        return cls(*args, **kwargs).compute_params_size()

    def compute_params_size(self) -> int | None:
        """The number of parameters, or None if the layer takes any number."""
        raise NotImplementedError

    def make_distribution(self, params: tf.Tensor) -> tfd.Distribution:
        """Builds the distribution from checked parameters, [..., params_size]."""
        raise NotImplementedError

    def initial_params(self, seed: int = 0) -> np.ndarray:
        """Initial parameters for learning, if no network gives them.

        Args:
            seed: Seed of parameters that must differ, such as those of a mixture's
                components.

        Returns:
            Array [params_size]: zeros, unless a subclass overrides this.
        """
        return np.zeros(self.params_size, np.float32)

    def marginal_params(self, x: np.ndarray) -> np.ndarray:
        """Parameters of the marginal distribution of data.

        A decoder starts from them, so that it only has to learn the dependence on z.

        Args:
            x: Observations [N, *event]; NaN is missing.

        Returns:
            Array [params_size]; `initial_params` unless a layer overrides this.
        """
        return self.initial_params()

    @property
    def is_reparameterized(self) -> bool:
        """Whether draws have a gradient with respect to all parameters."""
        with tf.init_scope():
            q = self.distribution(self.initial_params()[np.newaxis])
        return q.reparameterization_type == tfd.FULLY_REPARAMETERIZED

    @property
    def has_own_parameters(self) -> bool:
        """Whether its weights are parameters too, such as a scale that all examples share."""
        return bool(self.weights)

    def cost(self, distribution: tfd.Distribution) -> tf.Tensor | None:
        """The layer's own loss term, such as a quantizer's commitment.

        Args:
            distribution: What `distribution` returned.

        Returns:
            Nats for each example, [B]; None for nothing.
        """
        return None

    def flat_params(self, outputs: tf.Tensor) -> tf.Tensor:
        """Brings the output of a network into the order of the parameters.

        Args:
            outputs: Tensor [B, params_size], or of another shape that the layer
                understands (`params_shapes`).

        Returns:
            Tensor [B, params_size].
        """
        return outputs

    def params_shapes(self) -> list[tuple[int, ...]]:
        """Shapes of one example's parameters that `flat_params` understands."""
        return [(self.params_size,)]

    def distribution(self, params, training: bool = False) -> tfd.Distribution:
        """Returns the distribution with the given parameters.

        Args:
            params: Tensor [..., params_size]; cast to the layer's dtype.
            training: Whether the model is being trained; few layers use it.

        Returns:
            A distribution with batch shape [...] and the layer's event shape.

        Raises:
            ValueError: If the last axis of `params` has another size.
        """
        params = keras.ops.convert_to_tensor(params)
        self._check_params(params.shape)
        return self.make_distribution(tf.cast(params, self.compute_dtype))

    def _check_params(self, shape) -> None:
        expected = self.params_size
        given = shape[-1] if len(shape) else None
        if expected is not None and given != expected:
            raise ValueError(
                f"{type(self).__name__} '{self.name}' with event shape {self.event_shape} "
                f"needs {expected} parameters in the last axis, but was given {given} "
                f"(shape {tuple(shape)}). Let the layer before it have {expected} outputs "
                "(this layer's `params_size`)."
            )

    @classmethod
    def new(cls, params, *args, **kwargs) -> tfd.Distribution:
        """Returns the distribution with given parameters, as `tfp.layers` does.

        Args:
            params: Tensor [..., params_size]; the distribution has its precision.
            *args: Arguments of the constructor.
            **kwargs: Arguments of the constructor.

        Returns:
            The distribution.

        Example:
            >>> IndependentNormal.new(tf.zeros([4, 6]), 3).event_shape
            TensorShape([3])
        """
        params = keras.ops.convert_to_tensor(params)
        kwargs.setdefault("dtype", float_dtype(params.dtype.name))
        return cls(*args, **kwargs).distribution(params)

    def build(self, input_shape):
        """Checks the number of parameters before anything is computed."""
        self._check_params(input_shape)
        self.freeze_parts()
        self.built = True

    def call(self, params, mask=None):
        """Returns a tensor that carries its distribution, and its mask.

        Args:
            params: Tensor [..., params_size].
            mask: Which of them count, as Keras passes it on; None for all.

        Returns:
            Tensor [..., *event_shape], as `convert_to_tensor_fn` decides.
        """
        distribution = self.distribution(params)
        tensor = self._convert(distribution)
        setattr(tensor, _ATTRIBUTE, distribution)
        if mask is not None:
            # Keras sets it as well, though only after an activity regularizer's turn.
            set_keras_mask(tensor, mask)
        return tensor

    def _convert(self, distribution: tfd.Distribution) -> tf.Tensor:
        name = self.convert_to_tensor_fn
        if name == "sample":
            generator = self.seed_generator
            seed = self.seed if generator is None else next_seed(generator)
            tensor = distribution.sample(seed=seed)
        elif name == "mean":
            tensor = self.expectation(distribution)
        elif name == "mode":
            tensor = distribution.mode()
        else:
            tensor = keras.saving.get_registered_object(name)(distribution)
        batch = distribution.batch_shape
        shape = getattr(tensor, "shape", None)
        if shape is None or not _begins_with(shape, batch):
            raise ValueError(
                f"convert_to_tensor_fn must return one tensor with the batch shape "
                f"{tuple(batch)} in front, but returned "
                + (f"shape {tuple(shape)}." if shape is not None else f"{tensor!r}.")
                + " `predict` joins batches along the first axis."
            )
        # In Keras's float type, to which Keras would cast it before a loss, and so lose the
        # distribution.
        tensor = tf.cast(tensor, self._output_dtype)
        # A constant result, such as the mean of a prior, may be a shared tensor; the copy
        # makes sure that no two layers write to the same one. A draw is new, and of a copy
        # TFP would not remember what it was before a rounding, such as that of a share to 0.
        return tensor if name == "sample" else tf.identity(tensor)

    @property
    def _output_dtype(self) -> str:
        double = self.compute_dtype == "float64" and keras.config.floatx() != "float64"
        return keras.config.floatx() if double else self.compute_dtype

    def compute_output_shape(self, input_shape):
        """Shape of a call's result, for `convert_to_tensor_fn` of the three names."""
        self._check_params(input_shape)
        return (*input_shape[:-1], *self.event_shape)

    def compute_output_spec(self, params, mask=None):
        """Traces the call if nothing else tells the shape of its result."""
        named = self.convert_to_tensor_fn in ("sample", "mean", "mode")
        if named and self.event_shape is not None:
            shape = self.compute_output_shape(params.shape)
            return keras.KerasTensor(shape, dtype=self._output_dtype)
        return keras.Operation.compute_output_spec(self, params)

    def get_config(self):
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "convert_to_tensor_fn": self.convert_to_tensor_fn,
            "validate_args": self.validate_args,
            "seed": self.seed,
        }


def _begins_with(shape, batch):
    """Whether a shape begins with the batch's shape; unknown sizes keep their places."""
    if shape.rank is None or batch.rank is None:
        return True
    front = shape.as_list()[: batch.rank]
    return len(front) == batch.rank and all(
        given in (None, size) for given, size in zip(front, batch, strict=True)
    )


def registered_name(function: str | Callable, argument: str) -> str:
    """The name under which a function is registered with Keras.

    Args:
        function: A registered function, or the name of one.
        argument: Its name in the message.

    Returns:
        The registered name.

    Raises:
        ValueError: If it is not registered: it could not be saved and loaded.
    """
    name = keras.saving.get_registered_name(function) if callable(function) else function
    known = keras.saving.get_registered_object(name) if isinstance(name, str) else None
    if known is None or (callable(function) and known is not function):
        raise ValueError(
            f"{argument} is {function!r}, which is not registered with Keras, so a model "
            "with it could not be saved. Write it as a named function under "
            "@keras.saving.register_keras_serializable(package='mine')."
        )
    return name


def _name_of_conversion(function: str | Callable) -> str:
    for name in ("sample", "mean", "mode"):
        if function == name or function is getattr(tfd.Distribution, name):
            return name
    return registered_name(function, "convert_to_tensor_fn")


def event_tuple(event_shape) -> tuple[int, ...]:
    """Normalises an event shape: an integer, a list or a TensorShape to a tuple.

    Args:
        event_shape: The shape; () is a scalar.

    Returns:
        Tuple of positive integers.

    Raises:
        ValueError: If a size is unknown or not positive.
    """
    given = event_shape
    if isinstance(event_shape, tf.Tensor):
        event_shape = tf.get_static_value(event_shape)
    if isinstance(event_shape, np.ndarray | np.generic):
        event_shape = event_shape.tolist()
    if (
        isinstance(given, tf.Tensor)
        and event_shape is None
        or (isinstance(given, tf.TensorShape) and given.rank is None)
    ):
        raise ValueError(
            f"event_shape is not known in advance: {given!r}. Give numbers, such as (28, "
            "28, 1), and not a tensor that a graph computes."
        )
    sizes = event_shape if hasattr(event_shape, "__iter__") else (event_shape,)
    return tuple(positive_int(n, "every size in event_shape") for n in sizes)
