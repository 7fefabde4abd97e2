"""What a server answers with a model: functions of named tensors."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from keras_vae.core.checks import checked
from keras_vae.core.seeds import fold
from keras_vae.core.support import REAL, levels
from keras_vae.data import Preprocessor, Scaling

_BYTES = (0, 255)


class Signature(NamedTuple):
    """A function that a server runs.

    Attributes:
        function: Takes the tensors of `inputs` in their order; returns tensors by name.
        inputs: Specifications, named like the function's arguments; the batch is dynamic.
    """

    function: Callable[..., dict[str, tf.Tensor]]
    inputs: list[tf.TensorSpec]


def signatures_of(
    model, preprocessor: Preprocessor | None = None, guard: bool = True
) -> dict[str, Signature]:
    """Says which functions of a model are served, and what they are called.

    x is in the model's units, as `Preprocessor` makes them; values that `embed` would
    refuse are an error of the request. An empty batch gives empty results.

    - `reconstruct`: x -> reconstruction, z_mean; as `model(x)`
    - `encode`: x -> mean, stddev; of q(z|x)
    - `decode`: z -> mean; of p(x|z)
    - `sample`: seed [2], num_samples -> samples; with seed [s, 0] as
      `model.sample(n, seed=s)`; at most `model.events_at_a_time()` in a request
    - `score`: x, seed [2] -> elbo; nats, with seed [s, 0] as `model.elbo(x, seed=s)` of
      one batch
    - `reconstruct_uint8`, `encode_uint8`: as above for x in levels 0 to 255, as an image
      file has them; only where the model's data are such. A preprocessor's binarization
      is left out: a model of 0/1 pixels then reads greys in [0, 1] as probabilities.

    Args:
        model: A `VAE`.
        preprocessor: What was done to the training data; None says that nothing was.
        guard: Whether, when the functions run, values are checked and empty batches
            answered.

    Returns:
        The functions by name; the first is the server's default.

    Raises:
        ValueError: If the posterior has no mean or standard deviation in closed form, or
            the preprocessor is for events of another shape.

    Example:
        >>> list(signatures_of(vae))
        ['reconstruct', 'encode', 'decode', 'sample', 'score']
    """
    _check_moments(model)
    served = _Served(model, guard)
    x = tf.TensorSpec([None, *model.event_shape], model.likelihood.compute_dtype, "x")
    z = tf.TensorSpec([None, model.latent_dim], model.posterior.compute_dtype, "z")
    seed = tf.TensorSpec([2], tf.int32, "seed")
    num_samples = tf.TensorSpec([], tf.int32, "num_samples")
    signatures = {
        "reconstruct": Signature(served.reconstruct, [x]),
        "encode": Signature(served.encode, [x]),
        "decode": Signature(served.decode, [z]),
        "sample": Signature(served.sample, [seed, num_samples]),
        "score": Signature(served.score, [x, seed]),
    }
    scaling = _scaling_of_bytes(model, preprocessor)
    if scaling is not None:
        raw = _ServedBytes(served, scaling)
        x = tf.TensorSpec(x.shape, tf.uint8, "x")
        signatures["reconstruct_uint8"] = Signature(raw.reconstruct, [x])
        signatures["encode_uint8"] = Signature(raw.encode, [x])
    if guard:
        signatures = {name: _ensure_shapes(one) for name, one in signatures.items()}
    return signatures


def _ensure_shapes(signature: Signature) -> Signature:
    """The signature with a check of its inputs' shapes.

    Where a SavedModel runs, nothing else compares them with its specifications: one
    image of two channels would be flattened to two images of one.
    """

    @functools.wraps(signature.function)
    def function(*tensors):
        pairs = zip(tensors, signature.inputs, strict=True)
        return signature.function(*(tf.ensure_shape(t, spec.shape) for t, spec in pairs))

    return Signature(function, signature.inputs)


class _Served:
    """The functions, in the model's units; the guards are apart from what is computed."""

    def __init__(self, model, guard):
        self.model = model
        self.guard = guard

    def reconstruct(self, x):
        def answer(x):
            z = self.model.encode(x).mean()
            return {"reconstruction": self.model.center(self.model.decode(z)), "z_mean": z}

        return self.guarded(answer, x, self.model.support, "x")

    def encode(self, x):
        def answer(x):
            q = self.model.encode(x)
            return {"mean": q.mean(), "stddev": q.stddev()}

        return self.guarded(answer, x, self.model.support, "x")

    def decode(self, z):
        def answer(z):
            return {"mean": self.model.center(self.model.decode(z))}

        return self.guarded(answer, z, REAL, "z")

    def sample(self, seed, num_samples):
        # As `model.sample`, which folds in what the noise is for.
        count = _checked_count(num_samples, self.model.events_at_a_time())
        prior = self.model.prior.distribution()
        z = prior.sample(tf.maximum(count, 1), seed=fold(seed, 0))
        return {"samples": self.model.center(self.model.decode(z))[:count]}

    def score(self, x, seed):
        def answer(x):
            # As the first batch of `model.elbo`.
            return {"elbo": self.model.trace(x, 1, fold(seed, 0)).elbo}

        return self.guarded(answer, x, self.model.support, "x")

    def guarded(self, answer, x, support, name):
        """Answers for checked values; of an empty batch with empty results."""
        if not self.guard:
            return answer(x)
        x = checked(x, support, name)
        # Convolutions and draws from some distributions fail for no example at all: an
        # empty batch gets one, whose results are cut off again.
        size = tf.shape(x)[0]
        missing = tf.maximum(1 - size, 0)
        x = tf.pad(x, [[0, missing]] + [[0, 0]] * (x.shape.rank - 1))
        return {key: value[:size] for key, value in answer(x).items()}


class _ServedBytes:
    """The functions that take, and for reconstructions return, levels 0 to 255."""

    def __init__(self, served, scaling):
        self.served = served
        self.scaling = scaling

    def reconstruct(self, x):
        answer = self.served.reconstruct(self.scaling(x))
        raw = tf.round(self.scaling.inverse(answer["reconstruction"]))
        raw = tf.cast(tf.clip_by_value(raw, *map(float, _BYTES)), tf.uint8)
        return {**answer, "reconstruction": raw}

    def encode(self, x):
        return self.served.encode(self.scaling(x))


def _checked_count(num_samples, most):
    # Without a limit a few bytes of a request could ask for all of the server's memory.
    message = f"num_samples must be from 0 to {most}; ask for more in several requests."
    inside = (num_samples >= 0) & (num_samples <= most)
    with tf.control_dependencies([tf.debugging.Assert(inside, [message])]):
        return tf.identity(num_samples)


def _scaling_of_bytes(model, preprocessor) -> Scaling | None:
    """The map from levels 0 to 255 to the model's units, or None where there is none."""
    are_levels = model.support == levels(*_BYTES)
    if preprocessor is None:
        return Scaling(model.event_shape) if are_levels else None
    shape = preprocessor.scaling.event_shape
    if shape != tuple(model.event_shape):
        raise ValueError(
            f"The preprocessor is for events of shape {shape}, but those of the model have "
            f"shape {tuple(model.event_shape)}. Give the one of the model's own data."
        )
    return preprocessor.scaling if are_levels or preprocessor.levels == _BYTES else None


def _check_moments(model):
    params = np.zeros([1, model.posterior.params_size], np.float32)
    q = model.posterior.distribution(params)
    for name in ("mean", "stddev"):
        try:
            getattr(q, name)()
        except NotImplementedError as error:
            raise ValueError(
                f"The posterior {type(model.posterior).__name__} has no {name} in closed "
                "form, which the signature 'encode' returns, so the model cannot be "
                "exported. Take a posterior that has one, such as IndependentNormal."
            ) from error
