"""Flows of orthogonal directions: reflections, and Sylvester's."""

from __future__ import annotations

import keras
import tensorflow as tf
import tensorflow_probability as tfp
from tensorflow_probability import bijectors as tfb

from keras_vae.core.names import unknown
from keras_vae.core.numbers import positive_int
from keras_vae.layers.bijectors.base import FlowBijector, root

KINDS = ("orthogonal", "householder", "triangular")


@keras.saving.register_keras_serializable("keras_vae")
class Householder(FlowBijector):
    """A reflection: z - 2 v (v . z) / |v|^2.

    The vector v is the first axis plus numbers from the encoder, so that training begins
    where pairs of layers cancel. Several of them turn a normal with diagonal covariance into
    one with any covariance.

    Example:
        >>> layers.Flow(3, bijector="householder", num_layers=4).params_size
        18

    Source:
        Tomczak and Welling 2016, "Improving variational auto-encoders using Householder
        flow", equation 9.
    """

    mixes = True

    def params_size(self, size):
        """The numbers that are added to the first axis [D]."""
        return size

    def make(self, size, params, network, context):
        """The bijector."""
        first = tf.one_hot(0, size, dtype=params.dtype)
        return _Reflection(_unit(first + params, 0))


class _Reflection(tfb.Bijector):
    def __init__(self, unit):
        self.unit = unit
        super().__init__(
            forward_min_event_ndims=1,
            is_constant_jacobian=True,
            parameters={"unit": unit},
            name="reflection",
        )

    def _forward(self, x):
        return reflected(x, self.unit)

    def _inverse(self, y):
        return reflected(y, self.unit)

    def _forward_log_det_jacobian(self, x):
        return tf.zeros([], x.dtype)


def reflected(x: tf.Tensor, unit: tf.Tensor) -> tf.Tensor:
    """Reflects vectors.

    Args:
        x: Tensor [..., D].
        unit: Unit vectors [..., D], at a right angle to the mirror.

    Returns:
        Tensor [..., D].
    """
    return x - 2.0 * unit * tf.reduce_sum(unit * x, axis=-1, keepdims=True)


def _unit(v, axis):
    """Vectors of length 1; of zero an axis, which is as good as any."""
    ahead = tf.one_hot(axis, v.shape[-1], dtype=v.dtype)
    is_zero = tf.reduce_sum(v * v, axis=-1, keepdims=True) < 1e-10
    v = tf.where(is_zero, v + ahead, v)
    return v / tf.norm(v, axis=-1, keepdims=True)


@keras.saving.register_keras_serializable("keras_vae")
class Sylvester(FlowBijector):
    """f(z) = z + Q R tanh(S Q' z + b), with orthogonal columns Q and triangles R and S.

    All of it comes from the encoder. One layer bends the space along M directions at once.
    The inverse is found number by number, the last one first.

    Args:
        kind: Parametrization of Q. "orthogonal": M columns, made orthogonal one after
            another (Gram and Schmidt); "householder": D reflected axes; "triangular": the
            axes themselves, in reverse at every other layer.
        rank: Number M of columns of "orthogonal", at most D.
        num_reflections: Reflections of "householder".

    Raises:
        ValueError: If the kind is not known, or a number not positive.

    Example:
        >>> layers.Flow(8, bijector="sylvester:rank=2", num_layers=4).params_size
        112

    Source:
        van den Berg, Hasenclever, Tomczak and Welling 2018, "Sylvester normalizing flows
        for variational inference", equations 8, 13, 15 and 16.
    """

    def __init__(self, kind: str = "orthogonal", rank: int = 8, num_reflections: int = 8):
        """Creates the bijector."""
        if kind not in KINDS:
            raise unknown("kind", kind, KINDS)
        self.kind = kind
        self.rank = positive_int(rank, "rank")
        self.num_reflections = positive_int(num_reflections, "num_reflections")

    @property
    def mixes(self) -> bool:  # type: ignore[override]
        """Whether the order of elements says nothing."""
        return self.kind != "triangular"

    def _columns(self, size):
        return min(self.rank, size) if self.kind == "orthogonal" else size

    def _directions(self, size):
        """How many numbers Q is made of."""
        vectors = {
            "orthogonal": self._columns(size),
            "householder": self.num_reflections,
            "triangular": 0,
        }
        return size * vectors[self.kind]

    def params_size(self, size):
        """What Q is made of, both triangles, their diagonals and b."""
        m = self._columns(size)
        return self._directions(size) + m * (m - 1) + 3 * m

    def make(self, size, params, network, context):
        """The bijector."""
        m = self._columns(size)
        above = m * (m - 1) // 2
        directions, *rows, one, two, shift = tf.split(
            params, [self._directions(size), above, above, m, m, m], axis=-1
        )
        batch = tf.shape(params)[:-1]
        # The product of two diagonals within (-1, 1) stays above -1.
        r, s = (
            tf.linalg.set_diag(_above_diagonal(row, m), tf.tanh(diagonal))
            for row, diagonal in zip(rows, (one, two), strict=True)
        )
        return _Sylvester(self._basis(directions, batch, size), r, s, shift)

    def _basis(self, directions, batch, size):
        """Q, [..., D, M]; None for the axes themselves."""
        if self.kind == "triangular":
            return None
        vectors = tf.split(directions, directions.shape[-1] // size, axis=-1)
        if self.kind == "householder":
            shape = tf.concat([batch, [size, size]], axis=0)
            rows = tf.broadcast_to(tf.eye(size, dtype=directions.dtype), shape)
            for i, one in enumerate(vectors):
                rows = reflected(rows, _unit(one, i % size)[..., tf.newaxis, :])
            return rows
        basis: list[tf.Tensor] = []
        for i, one in enumerate(vectors):
            # Twice, since once leaves what was rounded.
            for _ in range(2):
                for other in basis:
                    along = tf.reduce_sum(other * one, axis=-1, keepdims=True)
                    one = one - along * other
            basis.append(_unit(one, i))
        return tf.stack(basis, axis=-1)

    def get_config(self):
        """Returns the constructor's arguments."""
        numbers = {"rank": self.rank, "num_reflections": self.num_reflections}
        return {"kind": self.kind, **numbers}


class _Sylvester(tfb.Bijector):
    """`basis` [..., D, M], triangles `r` and `s` [..., M, M], `shift` [..., M]."""

    def __init__(self, basis, r, s, shift):
        self.basis, self.r, self.s, self.shift = basis, r, s, shift
        parameters = {"basis": basis, "r": r, "s": s, "shift": shift}
        super().__init__(forward_min_event_ndims=1, parameters=parameters, name="sylvester")

    def _along(self, x):
        return x if self.basis is None else tf.linalg.matvec(self.basis, x, True)

    def _back(self, a):
        return a if self.basis is None else tf.linalg.matvec(self.basis, a)

    def _bend(self, along):
        return tf.tanh(tf.linalg.matvec(self.s, along) + self.shift)

    def _forward(self, x):
        return x + self._back(tf.linalg.matvec(self.r, self._bend(self._along(x))))

    def _inverse(self, y):
        # a + r tanh(s a + shift) is known, and both triangles are upper ones: the last of
        # its equations has one unknown, and so has each before it in turn.
        known = tf.unstack(self._along(y), axis=-1)
        along, bends = list(known), [tf.zeros_like(one) for one in known]
        size = len(known)
        for i in reversed(range(size)):
            r, s = self.r[..., i, :], self.s[..., i, :]
            inside, target = self.shift[..., i], known[i]
            for j in range(i + 1, size):
                inside += s[..., j] * along[j]
                target -= r[..., j] * bends[j]
            along[i] = _solved(r[..., i], s[..., i], inside, target)
            bends[i] = tf.tanh(s[..., i] * along[i] + inside)
        moved = tf.linalg.matvec(self.r, tf.stack(bends, axis=-1))
        return y - self._back(moved)

    def _forward_log_det_jacobian(self, x):
        slope = 1.0 - self._bend(self._along(x)) ** 2
        diagonal = tf.linalg.diag_part(self.r) * tf.linalg.diag_part(self.s)
        return tf.reduce_sum(tf.math.log1p(diagonal * slope), axis=-1)


def _above_diagonal(row, m):
    """Matrices [..., m, m] with these numbers above the diagonal, and zeros elsewhere."""
    if m == 1:
        return tf.zeros(tf.concat([tf.shape(row)[:-1], [1, 1]], axis=0), row.dtype)
    inner = tfp.math.fill_triangular(row, upper=True)
    batch = [[0, 0]] * (row.shape.rank - 1)
    return tf.pad(inner, [*batch, [0, 1], [1, 0]])


def _solved(r, s, inside, target):
    """The a at which a + r tanh(s a + inside) is the target."""
    return root(
        lambda a: a + r * tf.tanh(s * a + inside) - target,
        lambda a: 1.0 + r * s * (1.0 - tf.tanh(s * a + inside) ** 2),
        target - tf.abs(r) + 0.0 * inside,
        target + tf.abs(r) + 0.0 * inside,
    )
