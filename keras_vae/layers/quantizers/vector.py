"""Vector quantization by a learned codebook."""

from __future__ import annotations

import keras
import tensorflow as tf

from keras_vae.core.numbers import positive_int
from keras_vae.core.replicas import from_first_replica, sum_over_replicas
from keras_vae.core.seeds import fold
from keras_vae.layers.quantizers.base import Quantizer, squared_distance

_KMEANS_ROUNDS = 10


@keras.saving.register_keras_serializable("keras_vae")
class VectorQuantizer(Quantizer):
    """Each vector becomes the nearest of K learned codes.

    The codebook starts at the k-means of the first batch, then follows moving averages of
    the vectors that chose each code ("ema") or a loss ("gradient"). Codes that are hardly
    chosen move to vectors of the batch. The averages are of shares, so neither the batch
    size nor the number of replicas matters; all examples count alike, whatever their
    `sample_weight`. Only the models of keras_vae train codes: in another Keras model the
    codebook stays as it was made.

    Args:
        event_shape: Shape (*positions, D) of the vectors of one observation.
        convert_to_tensor_fn: Output of a call; see `DistributionLayer`.
        num_codes: Number of codes K, at least 2.
        learning: "ema" or "gradient".
        decay: Decay of the moving averages.
        commitment: Weight of the squared distance that pulls vectors to their codes, added
            up over an observation.
        kmeans: Whether to start at the k-means of the first batch.
        restart: Share of the mean use below which a code is moved; with 0 it never is.
        similarity: "euclidean", or "cosine", which scales vectors and codes to length 1.
        gradient: See `Quantizer`.
        **kwargs: Arguments of `DistributionLayer`.

    Raises:
        ValueError: If there is only one code, or an argument is out of its range.

    Example:
        >>> VectorQuantizer((8, 8, 64), num_codes=512).params_size
        4096

    Source:
        Van den Oord et al. 2017, "Neural discrete representation learning", equation 3 and
        appendix A.1; Łańcucki et al. 2020, "Robust training of vector quantized
        bottleneck models" (k-means, restarts).
    """

    def __init__(
        self,
        event_shape,
        convert_to_tensor_fn="sample",
        *,
        num_codes: int = 512,
        learning: str = "ema",
        decay: float = 0.99,
        commitment: float = 0.25,
        kmeans: bool = True,
        restart: float = 0.05,
        similarity: str = "euclidean",
        gradient: str = "straight_through",
        **kwargs,
    ):
        """Creates the layer and its codebook."""
        super().__init__(event_shape, convert_to_tensor_fn, gradient=gradient, **kwargs)
        self.num_codes = positive_int(num_codes, "num_codes")
        if self.num_codes < 2:
            raise ValueError(
                "num_codes must be at least 2, but is 1: a single code carries no "
                "information."
            )
        for name, value, known in (
            ("learning", learning, ("ema", "gradient")),
            ("similarity", similarity, ("euclidean", "cosine")),
        ):
            if value not in known:
                raise ValueError(f"{name} must be one of {known}, but is {value!r}.")
        if not (0 < decay < 1 and 0 <= restart < 1 and commitment >= 0):
            raise ValueError(
                "decay must be between 0 and 1, restart in [0, 1) and commitment at least "
                f"0, but they are {decay!r}, {restart!r} and {commitment!r}."
            )
        self.learning, self.decay, self.commitment = learning, decay, commitment
        self.kmeans, self.restart, self.similarity = bool(kmeans), restart, similarity
        k, d = self.num_codes, self.event_shape[-1]
        start = keras.initializers.RandomNormal(d**-0.5, seed=self.seed)
        once = {"aggregation": "only_first_replica"}
        learned = self.learning == "gradient"
        self.codebook = self.add_weight(
            (k, d), start, trainable=learned, name="codebook", **once
        )
        share = keras.initializers.Constant(1.0 / k)
        fixed = {"trainable": False, **once}
        self.usage = self.add_weight((k,), share, name="usage", **fixed)
        self.sums = self.add_weight((k, d), "zeros", name="sums", **fixed)
        self.sums.assign(self.codebook / k)
        self.steps = self.add_weight((), "zeros", name="steps", **fixed)

    @property
    def perplexity(self) -> tf.Tensor:
        """The perplexity of the codes: their effective number."""
        usage = tf.convert_to_tensor(self.usage) / tf.reduce_sum(self.usage)
        return tf.exp(-tf.reduce_sum(tf.math.xlogy(usage, usage)))

    @property
    def alive(self) -> tf.Tensor:
        """The share of codes that are chosen at least a hundredth as often as on average."""
        used = tf.convert_to_tensor(self.usage) * self.num_codes > 0.01
        return tf.reduce_mean(tf.cast(used, self.compute_dtype))

    def use(self):
        """Perplexity, and the share of codes alive."""
        return {"perplexity": self.perplexity, "codes_alive": self.alive}

    def _codes(self):
        codebook = tf.convert_to_tensor(self.codebook)
        return tf.math.l2_normalize(codebook, -1) if self._cosine else codebook

    @property
    def _cosine(self):
        return self.similarity == "cosine"

    def indices(self, z):
        """Indices of the nearest codes; see `Quantizer`."""
        return _nearest(tf.cast(z, self.compute_dtype), self._codes())

    def lookup(self, indices):
        """The codes of indices; see `Quantizer`."""
        return tf.gather(self._codes(), indices)

    def round_to_codes(self, inputs, training):
        """Rounds vectors, and learns from them while training."""
        if self._cosine:
            inputs = tf.math.l2_normalize(inputs, axis=-1)
        rows = tf.reshape(tf.stop_gradient(inputs), (-1, self.event_shape[-1]))
        learns = training and self.trainable
        if learns and self.kmeans:
            self._begin(rows)
        indices = self.indices(tf.stop_gradient(inputs))
        codes = self.lookup(indices)
        if learns:
            self._learn(rows, tf.reshape(indices, (-1,)))
        return inputs, codes, indices

    def _begin(self, rows):
        """At the first step, initializes the codebook from the batch."""
        before = tf.convert_to_tensor(self.codebook), tf.convert_to_tensor(self.sums)

        def kmeans():
            codes = self._some(rows, 0)
            for _ in range(_KMEANS_ROUNDS):
                counts, sums = self._totals(rows, _nearest(rows, codes))
                codes = tf.where(counts > 0, sums / tf.maximum(counts, 1.0), codes)
            return codes, codes / self.num_codes

        first = tf.convert_to_tensor(self.steps) == 0
        codebook, sums = tf.cond(first, kmeans, lambda: before)
        self.codebook.assign(from_first_replica(codebook))
        self.sums.assign(from_first_replica(sums))

    def _some(self, rows, purpose):
        """A random vector of the batch for each code."""
        seed = fold(self.seed, purpose, tf.cast(self.steps, tf.int32))
        shape, count = (self.num_codes,), tf.shape(rows)[0]
        chosen = tf.random.stateless_uniform(shape, seed, maxval=count, dtype=tf.int32)
        return tf.gather(rows, chosen)

    def _totals(self, rows, indices):
        """The use count of each code, [K, 1], and the sum of the vectors that chose it."""
        hits = tf.one_hot(indices, self.num_codes, dtype=rows.dtype)
        counts = tf.reduce_sum(hits, axis=0)[:, tf.newaxis]
        return counts, tf.matmul(hits, rows, transpose_a=True)

    def _learn(self, rows, indices):
        """Updates the averages, the codebook from them, and moves unused codes."""
        both = tf.concat(self._totals(rows, indices), axis=-1)
        both = sum_over_replicas(both)
        both /= tf.reduce_sum(both[:, 0])
        usage = self.decay * self.usage + (1.0 - self.decay) * both[:, 0]
        sums = self.decay * self.sums + (1.0 - self.decay) * both[:, 1:]
        codebook = tf.convert_to_tensor(self.codebook)
        if self.learning == "ema":
            used = usage[:, tf.newaxis] > 1e-12
            codebook = tf.where(used, sums / tf.maximum(usage, 1e-12)[:, None], codebook)
        if self.restart:
            dead = usage * self.num_codes < self.restart
            usage = tf.where(dead, 1.0 / self.num_codes, usage)
            others, dead = from_first_replica(self._some(rows, 1)), dead[:, tf.newaxis]
            codebook = tf.where(dead, others, codebook)
            sums = tf.where(dead, others / self.num_codes, sums)
        if self.learning == "ema" or self.restart:
            self.codebook.assign(codebook)
        self.usage.assign(usage)
        self.sums.assign(sums)
        self.steps.assign(self.steps + 1.0)

    def cost(self, distribution):
        """The commitment, and the codebook's own loss if it learns by gradient, [B]."""
        stop, rank = tf.stop_gradient, len(self.event_shape)
        inputs, codes = distribution.inputs, distribution.codes
        cost = self.commitment * squared_distance(inputs, stop(codes), rank)
        if self.learning == "gradient":
            cost += squared_distance(stop(inputs), codes, rank)
        return cost

    def get_config(self):
        """Returns the constructor's arguments."""
        names = ("num_codes", "learning", "decay", "commitment", "kmeans", "restart")
        own = {name: getattr(self, name) for name in (*names, "similarity")}
        return {**super().get_config(), **own}


def _nearest(rows, codes):
    """Indices of the codes nearest to vectors [..., D]."""
    products = tf.einsum("...d,kd->...k", rows, codes)
    distances = tf.reduce_sum(tf.square(codes), axis=-1) - 2.0 * products
    return tf.argmin(distances, axis=-1, output_type=tf.int32)
