"""The signatures of a served model: functions of named tensors."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from keras_vae.core.checks import checked
from keras_vae.core.seeds import fold
from keras_vae.core.support import REAL

_BYTES = (0, 255)


class Signature(NamedTuple):
    """A function that a server runs.

    Attributes:
        function: Takes the tensors of `inputs` in their order; returns tensors by name.
        inputs: Specifications, named like the function's arguments; the batch is dynamic.
    """

    function: Callable[..., dict[str, tf.Tensor]]
    inputs: list[tf.TensorSpec]


def signatures_of(model, guard: bool = True) -> dict[str, Signature]:
    """Returns the functions of a model that are served, with their names.

    x is in the model's units, as its preprocessor makes them; a request with values that
    `embed` would refuse gets an error. An empty batch gives empty results. A model with a
    condition takes y beside the inputs named here. All inputs have a row for each example,
    and row i of an answer depends only on row i of the inputs, so a server may join
    requests.

    - `reconstruct`: x -> reconstruction, z; as `model(x)`
    - `encode`: x -> mean, stddev of q(z|x) (of 0/1 and one-hot z probs; the center where
      these are not known), and z, the code that `embed` returns
    - `decode`: z -> mean; of p(x|z)
    - `decode_indices`: indices, int32 -> mean; of models with a codebook, whose `encode`
      has indices as well
    - `sample`: seed [N, 2] -> samples; with rows [s, i] as `model.sample(N, seed=s)`; at
      most `model.events_at_a_time()` in a request
    - `score`: x, seed [N, 2] -> elbo; nats, a row with seed [s, 0] as `model.elbo(x[None],
      seed=s)` (another draw where TFP samples by gamma variables, as from the power
      spherical); not of an autoencoder
    - `predict_label`: x -> label, int32, and probabilities [N, K]; of a model that learns
      labels, as `sample_of_label`: seed [N, 2], y -> samples of these classes
    - `reconstruct_uint8`, `encode_uint8`, `predict_label_uint8`: as above for x in levels
      0 to 255, as an image file has them; only where the model's data are such. A
      binarization is left out: a model of 0/1 pixels then reads greys in [0, 1] as
      probabilities.

    Args:
        model: The model.
        guard: Whether the functions check values and answer empty batches.

    Returns:
        The functions by name; the first is the server's default.

    Example:
        >>> list(signatures_of(vae))
        ['reconstruct', 'encode', 'decode', 'sample', 'score']
    """
    served, dtype = _Served(model, guard), model.probability_dtype
    x = tf.TensorSpec([None, *model.event_shape], dtype, "x")
    z = tf.TensorSpec([None, *model.latent.shape], dtype, "z")
    seed = tf.TensorSpec([None, 2], tf.int32, "seed")
    y = []
    if model.num_classes is not None and model.condition_shape is not None:
        y = [tf.TensorSpec([None], tf.int32, "y")]
    elif model.condition_shape is not None:
        y = [tf.TensorSpec([None, *model.condition_shape], dtype, "y")]
    signatures = {
        "reconstruct": Signature(served.reconstruct, [x, *y]),
        "encode": Signature(served.encode, [x, *y]),
        "decode": Signature(served.decode, [z, *y]),
        "sample": Signature(served.sample, [seed, *y]),
    }
    if model.index_shape is not None:
        indices = tf.TensorSpec([None, *model.index_shape], tf.int32, "indices")
        signatures["decode_indices"] = Signature(served.decode_indices, [indices, *y])
    if model.latent.has_density:
        signatures["score"] = Signature(served.score, [x, seed, *y])
    if model.learns_labels:
        of_label = tf.TensorSpec([None], tf.int32, "y")
        signatures["predict_label"] = Signature(served.predict_label, [x])
        signatures["sample_of_label"] = Signature(served.sample, [seed, of_label])
    if _reads_bytes(model):
        x = tf.TensorSpec(x.shape, tf.uint8, "x")
        raw = _ServedBytes(served)
        signatures["reconstruct_uint8"] = Signature(raw.reconstruct, [x, *y])
        signatures["encode_uint8"] = Signature(raw.encode, [x, *y])
        if model.learns_labels:
            signatures["predict_label_uint8"] = Signature(raw.predict_label, [x])
    if guard:
        signatures = {name: _ensure_shapes(one) for name, one in signatures.items()}
    return signatures


def _ensure_shapes(signature: Signature) -> Signature:
    """The signature with a check of its inputs' shapes.

    Nothing else compares them with the specifications of a running SavedModel: one image
    with two channels would be flattened to two images with one.
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

    def reconstruct(self, x, *y):
        def answer(x, *y):
            z = self.model.codes(x, *y)
            return {"reconstruction": self.model.decoded(z, *y), "z": z}

        return self.guarded(answer, self.model.support, "x", x, *y)

    def encode(self, x, *y):
        def answer(x, *y):
            return {**self.model.posterior_summary(x, *y), "z": self.model.codes(x, *y)}

        return self.guarded(answer, self.model.support, "x", x, *y)

    def decode(self, z, *y):
        def answer(z, *y):
            return {"mean": self.model.decoded(z, *y)}

        return self.guarded(answer, self.model.latent.support, "z", z, *y)

    def decode_indices(self, indices, *y):
        def answer(indices, *y):
            return {"mean": self.model.decoded(self.model.codes_of(indices), *y)}

        return self.guarded(answer, None, "indices", indices, *y)

    def sample(self, seed, *y):
        def answer(seed, *y):
            z = self.model.draw_by_row(seed, *y)
            return {"samples": self.model.decoded(z, *y)}

        seed = _few_enough(seed, self.model.events_at_a_time())
        return self.guarded(answer, None, "seed", seed, *y)

    def score(self, x, seed, *y):
        def answer(x, seed, *y):
            # As `model.elbo` of one observation.
            condition = y[0] if y else None
            return {"elbo": self.model.bound(x, 1, fold(seed, 0), y=condition).elbo}

        return self.guarded(answer, self.model.support, "x", x, seed, *y)

    def predict_label(self, x):
        def answer(x):
            probabilities = self.model.label_probabilities(x)
            label = tf.argmax(probabilities, axis=-1, output_type=tf.int32)
            return {"label": label, "probabilities": probabilities}

        return self.guarded(answer, self.model.support, "x", x)

    def guarded(self, answer, support, name, *tensors):
        """Answers for checked values; of an empty batch with empty results."""
        if not self.guard:
            return answer(*tensors)
        first, *others = tensors
        if support is not None:
            first = checked(first, support, name, self.model.takes_gaps)
        # The condition is the last of them: floats, or class numbers [B]. Seeds are [B, 2].
        if others and others[-1].dtype.is_floating:
            others[-1] = checked(others[-1], REAL, "y")
        elif others and others[-1].shape.rank == 1:
            others[-1] = _checked_classes(others[-1], self.model.num_classes)
        tensors = _same_size(first, *others)
        # Convolutions and draws from some distributions fail for no example at all: an
        # empty batch gets one, whose results are cut off again.
        size = tf.shape(tensors[0])[0]
        missing = tf.maximum(1 - size, 0)
        padded = [
            tf.pad(one, [[0, missing]] + [[0, 0]] * (one.shape.rank - 1)) for one in tensors
        ]
        return {key: value[:size] for key, value in answer(*padded).items()}


class _ServedBytes:
    """The functions that take, and for reconstructions return, levels 0 to 255."""

    def __init__(self, served):
        self.served = served
        preprocessor = served.model.preprocessor
        self.scaling = None if preprocessor is None else preprocessor.scaling

    def reconstruct(self, x, *y):
        answer = self.served.reconstruct(self._to_units(x), *y)
        raw = answer["reconstruction"]
        raw = tf.round(raw if self.scaling is None else self.scaling.inverse(raw))
        raw = tf.cast(tf.clip_by_value(raw, *map(float, _BYTES)), tf.uint8)
        return {**answer, "reconstruction": raw}

    def encode(self, x, *y):
        return self.served.encode(self._to_units(x), *y)

    def predict_label(self, x):
        return self.served.predict_label(self._to_units(x))

    def _to_units(self, x):
        dtype = self.served.model.probability_dtype
        return tf.cast(x if self.scaling is None else self.scaling(x), dtype)


def _few_enough(seed, most):
    # Without a limit a few bytes of a request could ask for all of the server's memory.
    message = f"seed must have from 0 to {most} rows; ask for more in several requests."
    inside = tf.shape(seed)[0] <= most
    with tf.control_dependencies([tf.debugging.Assert(inside, [message])]):
        return tf.identity(seed)


def _same_size(first, *others):
    """The tensors, checked to have equally many rows, so that none is repeated."""
    message = "All inputs must have equally many rows: one for each example."
    same = [tf.equal(tf.shape(first)[0], tf.shape(one)[0]) for one in others]
    checks = [tf.debugging.Assert(one, [message]) for one in same]
    with tf.control_dependencies([one for one in checks if one is not None]):
        return [tf.identity(one) for one in (first, *others)]


def _checked_classes(y, num_classes):
    message = f"y must be class numbers from 0 to {num_classes - 1}."
    inside = tf.reduce_all((y >= 0) & (y < num_classes))
    with tf.control_dependencies([tf.debugging.Assert(inside, [message])]):
        return tf.identity(y)


def _reads_bytes(model) -> bool:
    """Whether the model's data are levels 0 to 255."""
    if model.preprocessor is not None:
        return model.preprocessor.levels == _BYTES
    support = model.support
    return support.integer and (support.low, support.high) == _BYTES
