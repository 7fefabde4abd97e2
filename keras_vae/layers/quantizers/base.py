"""The base of all quantizers: posteriors whose only draw is a code from a finite set."""

from __future__ import annotations

import math

import tensorflow as tf
from tensorflow_probability import distributions as tfd

from keras_vae.core.measures import CODES
from keras_vae.core.support import Codes
from keras_vae.layers.base import DistributionLayer, event_tuple


class ChosenCode(tfd.Distribution):
    """A distribution with all probability on the code that a quantizer chose.

    Args:
        point: The codes, [*batch, *event], with a surrogate gradient for the rounding.
        inputs: The vectors before rounding, of the same shape.
        codes: The codes again, with the gradient of the codebook.
        indices: Their indices, int32 [*batch, *positions].
        rank: Number of axes of an event.

    Example:
        >>> layer = layers.VectorQuantizer((4, 2), num_codes=8)
        >>> layer.distribution(np.zeros((3, 8), "float32")).indices.shape
        TensorShape([3, 4])
    """

    measure = CODES

    def __init__(self, point, inputs, codes, indices, rank: int):
        """Creates the distribution."""
        parameters = dict(locals())
        self.point, self.inputs, self.codes = point, inputs, codes
        self.indices, self.rank = indices, rank
        super().__init__(
            dtype=point.dtype,
            reparameterization_type=tfd.FULLY_REPARAMETERIZED,
            validate_args=False,
            allow_nan_stats=True,
            parameters=parameters,
            name="ChosenCode",
        )

    def _batch_shape(self):
        return self.point.shape[: self.point.shape.rank - self.rank]

    def _batch_shape_tensor(self, **_):
        return tf.shape(self.point)[: self.point.shape.rank - self.rank]

    def _event_shape(self):
        return self.point.shape[self.point.shape.rank - self.rank :]

    def _event_shape_tensor(self, **_):
        return tf.shape(self.point)[self.point.shape.rank - self.rank :]

    def _sample_n(self, n, seed=None):
        return tf.repeat(self.point[tf.newaxis], n, axis=0)

    def _log_prob(self, value):
        same = tf.abs(value - self.point) <= 1e-5 * (1.0 + tf.abs(self.point))
        hit = tf.reduce_all(same, axis=list(range(-self.rank, 0)))
        never = tf.constant(-math.inf, self.dtype)
        return tf.where(hit, tf.zeros([], self.dtype), never)

    def _mean(self):
        return self.point

    def _mode(self):
        return self.point

    def _entropy(self):
        return tf.zeros(self.batch_shape_tensor(), self.dtype)


class Quantizer(DistributionLayer):
    """Rounds vectors to codes, which are its discrete draws.

    Codes have indices: `indices` and `lookup` convert between them. Subclasses define both,
    `num_codes`, and `round_to_codes`. The prior is uniform over all codes, with a rate of
    log `num_codes` nats per position, or learned.

    Args:
        event_shape: Shape (*positions, D) of the vectors of one observation.
        gradient: The surrogate for the derivative of rounding: "straight_through" (1), or
            "rotation" (of the rotation and scaling from the vector to its code).
        **kwargs: Arguments of `DistributionLayer`.

    Raises:
        ValueError: If the shape has no axis, or the gradient is not known.

    Example:
        >>> layer = layers.VectorQuantizer((4, 2), num_codes=8)
        >>> isinstance(layer, Quantizer), layer.index_shape
        (True, (4,))

    Source:
        Van den Oord et al. 2017, "Neural discrete representation learning"; Fifty et al.
        2025, "Restructuring vector quantization with the rotation trick".
    """

    is_discrete = True

    # Number of codes of a position.
    num_codes: int

    def __init__(
        self,
        event_shape,
        convert_to_tensor_fn="sample",
        *,
        gradient: str = "straight_through",
        **kwargs,
    ):
        """Creates the layer."""
        super().__init__(convert_to_tensor_fn=convert_to_tensor_fn, **kwargs)
        self.event_shape = event_tuple(event_shape)
        if not self.event_shape:
            raise ValueError(
                f"{type(self).__name__} rounds vectors, but event_shape is (). Give it "
                "their length last: (8, 8, 64) for 8x8 vectors of 64."
            )
        if gradient not in ("straight_through", "rotation"):
            raise ValueError(
                f"gradient must be 'straight_through' or 'rotation', but is {gradient!r}."
            )
        self.gradient = gradient

    @property
    def inputs_shape(self) -> tuple[int, ...]:
        """Shape of the vectors that are rounded."""
        return self.event_shape

    @property
    def index_shape(self) -> tuple[int, ...]:
        """Shape of one observation's code indices."""
        return self.event_shape[:-1]

    @property
    def grids(self) -> tuple[tuple[int, int], ...]:
        """Rows and columns of the grid of codes, in reading order, for each level.

        A sequence of codes is a grid of one row.
        """
        shape = self.index_shape
        width = math.prod(shape[1:]) if len(shape) > 1 else math.prod(shape)
        return ((math.prod(shape) // width, width),)

    def compute_params_size(self) -> int:
        """The vectors' elements."""
        return math.prod(self.inputs_shape)

    def params_shapes(self) -> list[tuple[int, ...]]:
        """Flat, or with the shape of the vectors."""
        return list(dict.fromkeys([*super().params_shapes(), self.inputs_shape]))

    def flat_params(self, outputs):
        """The vectors have the right order already."""
        return tf.reshape(outputs, (-1, self.params_size))

    @property
    def support(self) -> Codes:
        """The codes."""
        return Codes(vectors="codes", nearest=self.nearest)

    def indices(self, z) -> tf.Tensor:
        """Indices of the codes nearest to vectors.

        Args:
            z: Vectors [..., *event_shape].

        Returns:
            int32 tensor [..., *index_shape].
        """
        raise NotImplementedError

    def lookup(self, indices) -> tf.Tensor:
        """The codes of indices.

        Args:
            indices: int32 tensor [..., *index_shape].

        Returns:
            Vectors [..., *event_shape].
        """
        raise NotImplementedError

    def nearest(self, z) -> tf.Tensor:
        """The codes nearest to vectors [..., *event_shape]."""
        return self.lookup(self.indices(z))

    def round_to_codes(self, inputs, training: bool):
        """Rounds vectors, and learns from them while training.

        Args:
            inputs: Vectors [..., *inputs_shape].
            training: Whether to learn.

        Returns:
            The vectors before rounding and their codes, [..., *event_shape], and the
            indices.
        """
        raise NotImplementedError

    def distribution(self, params, training: bool = False):
        """Returns the distribution on the chosen codes; see `DistributionLayer`."""
        params = tf.convert_to_tensor(params)
        self._check_params(params.shape)
        params = tf.cast(params, self.compute_dtype)
        shape = tf.concat([tf.shape(params)[:-1], self.inputs_shape], axis=0)
        inputs = tf.reshape(params, shape)
        inputs.set_shape((*params.shape[:-1], *self.inputs_shape))
        inputs, codes, indices = self.round_to_codes(inputs, training)
        point = self.passed(inputs, codes)
        return ChosenCode(point, inputs, codes, indices, len(self.event_shape))

    def passed(self, inputs, codes) -> tf.Tensor:
        """Codes with a surrogate gradient for the rounding.

        Args:
            inputs: What was rounded, [..., D].
            codes: Its codes, [..., D].

        Returns:
            Exactly the codes, whose derivative is that of the inputs.
        """
        moves = inputs if self.gradient == "straight_through" else _rotated(inputs, codes)
        # The added term is zero, and has the gradient.
        return tf.stop_gradient(codes) + self.share * (moves - tf.stop_gradient(moves))

    def use(self) -> dict[str, tf.Tensor]:
        """Logged statistics of the use of codes: scalars by name."""
        return {}

    # Of the gradient of a code; codes that are added up share it.
    share = 1.0

    def make_distribution(self, params):
        """As `distribution`, without learning."""
        return self.distribution(params)

    def summary(self, distribution):
        """The indices of the codes, int32."""
        return {"indices": distribution.indices}

    def get_config(self):
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "event_shape": list(self.event_shape),
            "gradient": self.gradient,
        }


def squared_distance(a, b, rank: int) -> tf.Tensor:
    """Squared distances of events, [*batch]."""
    return tf.reduce_sum(tf.square(a - b), axis=list(range(-rank, 0)))


def _rotated(inputs, codes):
    """Inputs after the rotation and scaling that map them to their codes."""
    e, q = tf.stop_gradient(inputs), tf.stop_gradient(codes)
    length_e, length_q = (tf.norm(one, axis=-1, keepdims=True) + 1e-6 for one in (e, q))
    e, q = e / length_e, q / length_q
    between = tf.math.l2_normalize(e + q, axis=-1)

    def dot(a, b):
        return tf.reduce_sum(a * b, axis=-1, keepdims=True)

    turned = inputs - 2.0 * between * dot(between, inputs) + 2.0 * q * dot(e, inputs)
    return turned * (length_q / length_e)
