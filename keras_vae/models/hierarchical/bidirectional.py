"""The posterior of BIVA: a way up and a way down, and variables on both."""

from __future__ import annotations

import keras
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from keras_vae.layers import IndependentNormal
from keras_vae.models.hierarchical.posteriors import TopDown
from keras_vae.models.hierarchical.walk import apply


@keras.saving.register_keras_serializable("keras_vae")
class Bidirectional(TopDown):
    """Half of each level is drawn on a way up, the other half on the way down (BIVA).

    On the way up the first half of a level is drawn given the encoder's features and the
    draws below; so is the whole highest level. On the way down the second half is drawn
    given all this and the state above.

    Args:
        sizes: Latent numbers of each level, lowest first; all but the highest are even.
        networks: As in `TopDown`, for the second halves: [features, state above, summary of
            this level] -> [B, size].
        below: Functional model of each level, lowest first: features, or [features,
            summary of the level below], -> means and scales of the first half [B, size], or
            of the highest level [B, 2 * size].
        ups: Functional model of each level but the highest: [first half, features], or
            these and the summary of the level below, -> summary of this level.
        **kwargs: Arguments of `DistributionLayer`.

    Example:
        >>> vae = keras_vae.LadderVAE(6, (4, 2), inference="bidirectional")
        >>> vae.posterior.sizes, len(vae.posterior.ups)
        ((4, 2), 1)

    Source:
        Maaloe et al. 2019, "BIVA: a very deep hierarchy of latent variables for generative
        modeling", equations 6 and 7.
    """

    part_name = None
    # The first halves are drawn before the levels above them, on which p depends.
    exact = False

    def __init__(self, sizes, networks, below, ups, **kwargs):
        """Creates the layer."""
        if len(sizes) < 2 or any(n % 2 for n in sizes[:-1]):
            raise ValueError(
                "Bidirectional inference halves all levels but the highest, so it needs two "
                f"levels or more, of even sizes, but they are {tuple(sizes)}."
            )
        super().__init__(sizes, networks, **kwargs)
        self.below, self.ups = list(below), list(ups)
        self.halves = [IndependentNormal(n // 2, dtype=self.dtype) for n in sizes[:-1]]
        tops = self.below[-1].input_shape[0][1]
        self.feature_sizes = (*self.feature_sizes[:-1], tops)

    def walk(self, features, pick, training):
        """Walks up to the highest level, and down again."""
        firsts, summaries, top = self._walk_up(features, pick, training)

        def visit(level, p, state):
            places = self.places[level]
            if state is None:
                return pick(places, top), top
            reads = (features[level], state, summaries[level])
            params = apply(self.networks[level], *reads, training=training)
            second = self.halves[level].distribution(params)
            z, first = firsts[level]
            middle = (places.start + places.stop) // 2
            z = _joined(z, pick(slice(middle, places.stop), second))
            both = first.distribution, second.distribution
            loc, scale = (_joined(*(getattr(q, k) for q in both)) for k in ("loc", "scale"))
            return z, tfd.Independent(tfd.Normal(loc, scale), 1)

        return self._walk_down(visit, training=training)

    def _walk_up(self, features, pick, training):
        """The first halves with their distributions, the summaries, and q of the top."""
        firsts: list[tuple[tf.Tensor, tfd.Distribution]] = []
        summaries: list[tf.Tensor] = []
        for level, network in enumerate(self.below):
            reads = (features[level], *summaries[-1:])
            params = apply(network, *reads, training=training)
            if level == len(self.ups):
                break
            q = self.halves[level].distribution(params)
            start = self.places[level].start
            z = pick(slice(start, start + self.sizes[level] // 2), q)
            firsts.append((z, q))
            summaries.append(apply(self.ups[level], z, *reads, training=training))
        return firsts, summaries, self.normals[-1].distribution(params)

    def get_config(self):
        """Returns the constructor's arguments."""
        serialize = keras.saving.serialize_keras_object
        lists = {"below": self.below, "ups": self.ups}
        return {
            **super().get_config(),
            **{name: [serialize(one) for one in value] for name, value in lists.items()},
        }


def _joined(one: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
    """Two halves of a level, whose leading axes are broadcast."""
    front = tf.broadcast_dynamic_shape(tf.shape(one)[:-1], tf.shape(other)[:-1])
    parts = [
        tf.broadcast_to(part, tf.concat([front, part.shape[-1:]], 0))
        for part in (one, other)
    ]
    return tf.concat(parts, axis=-1)
