"""A distribution over several levels of latent variables, packed into one vector."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from keras_vae.core.centers import center_of
from keras_vae.core.divergence import exact_kl
from keras_vae.core.seeds import fold


class Step(NamedTuple):
    """One level of a walk.

    Attributes:
        z: The level's latent variables, [..., D].
        p: Their prior distribution, given the levels above; None for the highest level in a
            walk of the posterior.
        q: Their posterior distribution, or None in a walk of the prior.
    """

    z: tf.Tensor
    p: tfd.Distribution | Any
    q: tfd.Distribution | Any = None


class Walk(NamedTuple):
    """The record of a walk from the highest level to the lowest.

    Attributes:
        steps: One for each level, the lowest first.
        state: The last state of the generative network, [..., *state].
    """

    steps: list[Step]
    state: tf.Tensor

    @property
    def z(self) -> tf.Tensor:
        """All latent variables, packed, [..., D]."""
        return tf.concat([step.z for step in self.steps], axis=-1)


# The choice of latent variables in a walk: a function of their places in the packed vector
# and of their distribution that returns [..., D].
Pick = Callable[[slice, tfd.Distribution], tf.Tensor]


class Draws:
    """Picks draws; each has the noise of its number.

    Args:
        shape: Number of draws for each element of the batch: [n], or [] for one.
        seed: int32 tensor [2].
    """

    def __init__(self, shape, seed):
        """Stores the settings; nothing is drawn yet."""
        self.shape, self.seed = shape, seed

    def __call__(self, places: slice, distribution: tfd.Distribution) -> tf.Tensor:
        """Draws of this shape at first; later levels depend on these."""
        z = distribution.sample(self.shape, seed=self.seed)
        self.shape, self.seed = [], fold(self.seed, 1)
        return z


def centers(places: slice, distribution: tfd.Distribution) -> tf.Tensor:
    """Picks the centre of each level, given those above."""
    return center_of(distribution)


def given(z: tf.Tensor) -> Pick:
    """Picks given latent variables.

    Args:
        z: Packed latent variables, [..., D].

    Returns:
        The function.
    """
    return lambda places, distribution: z[..., places]


def places_of(sizes: Sequence[int]) -> list[slice]:
    """Returns the place of each level in the packed vector.

    Args:
        sizes: Numbers of each level.

    Returns:
        A slice for each level.
    """
    ends = [sum(sizes[: i + 1]) for i in range(len(sizes))]
    return [slice(end - size, end) for end, size in zip(ends, sizes, strict=True)]


def as_image(z, shape: Sequence[int]):
    """Reshapes a level that is packed one channel after the other.

    Args:
        z: Array or tensor [..., channels * height * width].
        shape: Height, width and channels.

    Returns:
        Array or tensor [..., height, width, channels].
    """
    *grid, channels = shape
    images = tf.reshape(z, tf.concat([tf.shape(z)[:-1], [channels, *grid]], 0))
    images = keras.ops.moveaxis(images, -3, -1)
    return images.numpy() if isinstance(z, np.ndarray) else images


def of_first(z, p: tfd.Distribution) -> tf.Tensor:
    """Returns draws with the noise of the first one.

    Args:
        z: Draws of p, [n, D].
        p: Independent normals, [n].

    Returns:
        Tensor [n, D].
    """
    normal = p.distribution
    noise = (z[:1] - normal.loc[:1]) / normal.scale[:1]
    return normal.loc + normal.scale * noise


class Levels(tfd.Distribution):
    """A distribution of packed latent variables whose levels depend on each other.

    Drawing, scoring and the centre are walks from level to level. The walk of the last
    draw is kept, so that scoring a draw does not compute everything again.

    Args:
        walk: Function of a `Pick` that walks the levels.
        size: Length D of the packed vector.
        batch_shape: Shape of the batch, static and as a tensor.
        dtype: Dtype of latent variables.
        exact: Whether the divergence of a level may be taken in closed form, because
            everything that it depends on was drawn before the level itself.
    """

    def __init__(self, walk, size: int, batch_shape, dtype, exact: bool = True):
        """Creates the distribution."""
        parameters = dict(locals())
        self.walk, self._size, self._batch, self.exact = walk, size, batch_shape, exact
        # The last draw and its walk.
        self._last: tuple[tf.Tensor | None, Walk] | None = None
        super().__init__(
            dtype=dtype,
            reparameterization_type=tfd.FULLY_REPARAMETERIZED,
            validate_args=False,
            allow_nan_stats=True,
            parameters={k: v for k, v in parameters.items() if k in ("size", "exact")},
            name="Levels",
        )

    def _batch_shape(self):
        return self._batch[0]

    def _batch_shape_tensor(self, **_):
        return self._batch[1]

    def _event_shape(self):
        return tf.TensorShape([self._size])

    def _event_shape_tensor(self, **_):
        return tf.constant([self._size])

    def _sample_n(self, n, seed=None):
        walk = self.walk(Draws([n], seed))
        self._last = None, walk
        return walk.z

    def sample(self, sample_shape=(), seed=None, name="sample", **kwargs):
        """Draws; see `tfd.Distribution.sample`."""
        z = super().sample(sample_shape, seed, name, **kwargs)
        assert self._last is not None, "as `_sample_n` says"
        walk = self._last[1]
        # If the shape is not [S, *batch], the axes have changed.
        self._last = (z, walk) if z.shape.rank == walk.z.shape.rank else None
        return z

    def along(self, z) -> Walk:
        """Walks along given latent variables.

        Args:
            z: Packed latent variables, [..., D].

        Returns:
            The walk; if they are the last draw, the walk of that draw.
        """
        if self._last is not None and z is self._last[0]:
            return self._last[1]
        return self.walk(given(z))

    def _log_prob(self, value):
        steps = self.along(value).steps
        owns = [step.p if step.q is None else step.q for step in steps]
        return sum(own.log_prob(step.z) for own, step in zip(owns, steps, strict=True))

    def scores(
        self, z, top: tfd.Distribution
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
        """Scores latent variables a priori and a posteriori, level by level.

        Args:
            z: Packed latent variables, [S, B, D].
            top: Prior of the highest level, batch [] or [B].

        Returns:
            log q and log p, [S, B]; the rate of each of G levels, [G, S, B], given the
            levels that it depends on; and the last state. All in nats.
        """
        steps, state = self.along(z)
        steps = [*steps[:-1], steps[-1]._replace(p=top)]
        log_q = tf.stack([step.q.log_prob(step.z) for step in steps])
        log_p = tf.stack([step.p.log_prob(step.z) for step in steps])
        rates = []
        for step, sampled in zip(steps, tf.unstack(log_q - log_p), strict=True):
            kl = exact_kl(step.q, step.p) if self.exact else None
            rates.append(sampled if kl is None else tf.broadcast_to(kl, tf.shape(sampled)))
        sums = (tf.reduce_sum(one, axis=0) for one in (log_q, log_p))
        return (*sums, tf.stack(rates), state)


def apply(network: keras.Model, *inputs: tf.Tensor, training: bool) -> tf.Tensor:
    """Applies a network to tensors with any number of leading axes.

    Args:
        network: Functional model.
        *inputs: Tensors [..., *shape of the input]; their leading axes are broadcast.
        training: Whether the model is being trained.

    Returns:
        Tensor [..., *shape of the output].
    """
    fronts, events = [], []
    for x, known in zip(inputs, network.inputs, strict=True):
        rank = x.shape.rank - (len(known.shape) - 1)
        fronts.append(tf.shape(x)[:rank])
        events.append(x.shape[rank:])
    front = functools.reduce(tf.broadcast_dynamic_shape, fronts)
    flat = [
        tf.reshape(tf.broadcast_to(x, tf.concat([front, event], 0)), (-1, *event))
        for x, event in zip(inputs, events, strict=True)
    ]
    outputs = network(flat if len(flat) > 1 else flat[0], training=training)
    return tf.reshape(outputs, tf.concat([front, outputs.shape[1:]], 0))
