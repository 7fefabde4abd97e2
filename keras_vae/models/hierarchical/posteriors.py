"""The posteriors of a hierarchy: three ways to join features of x with the levels above."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from keras_vae.core import numbers
from keras_vae.layers import DistributionLayer, IndependentNormal
from keras_vae.models.hierarchical.walk import (
    Levels,
    Pick,
    Walk,
    apply,
    centers,
    places_of,
)


class LevelledPosterior(DistributionLayer):
    """Base of q(z|x) with several levels: its parameters are the encoder's features.

    It walks down together with the `TopDownPrior` of its model, to which `connect` ties it.

    Args:
        sizes: Numbers of each level, lowest first.
        feature_sizes: Number of the encoder's features for each level.
        **kwargs: Arguments of `DistributionLayer`.
    """

    # Whether the divergence of a level may be taken in closed form; see `Levels`.
    exact = True

    def __init__(
        self, sizes: Sequence[int], feature_sizes: Sequence[int] | None = None, **kwargs
    ):
        """Creates the layer."""
        super().__init__(**kwargs)
        self.sizes = numbers.sizes(sizes, "sizes")
        self.feature_sizes = tuple(feature_sizes or [2 * n for n in self.sizes])
        self.event_shape = (sum(self.sizes),)
        self.places = places_of(self.sizes)
        self.normals = [IndependentNormal(n, dtype=self.dtype) for n in self.sizes]
        # A bound method, so that Keras does not save the prior a second time.
        self._walk_down: Any = None

    def connect(self, prior) -> None:
        """Ties the posterior to the prior with which it walks down.

        Args:
            prior: The `TopDownPrior`.

        Raises:
            ValueError: If it has other levels, or the posterior belongs to another prior.
        """
        if self._walk_down is not None and self._walk_down.__self__ is not prior:
            raise ValueError(
                f"This {type(self).__name__} walks down with another prior already. Make "
                "one for each model."
            )
        if prior.sizes != self.sizes:
            raise ValueError(
                f"The posterior {type(self).__name__} has levels of {self.sizes} numbers, "
                f"but the prior has {prior.sizes}. Make them equal."
            )
        self._walk_down = prior.walk
        self.check_state(prior)

    def check_state(self, prior) -> None:
        """Refuses networks that do not read the prior's states."""

    def compute_params_size(self) -> int:
        """The number of the encoder's features of all levels."""
        return sum(self.feature_sizes)

    def make_distribution(self, params):
        """The distribution of all levels."""
        return self.distribution(params)

    def distribution(self, params, training: bool = False):
        """The distribution of all levels; see `DistributionLayer`."""
        if self._walk_down is None:
            raise ValueError(
                f"{type(self).__name__} walks down with a TopDownPrior. Make it part of a "
                "HierarchicalVAE."
            )
        params = keras.ops.convert_to_tensor(params)
        self._check_params(params.shape)
        params = tf.cast(params, self.compute_dtype)
        features = tf.split(params, self.feature_sizes, axis=-1)

        def walk(pick):
            return self.walk(features, pick, training)

        batch = params.shape[:-1], tf.shape(params)[:-1]
        return Levels(walk, sum(self.sizes), batch, params.dtype, self.exact)

    def walk(self, features: list[tf.Tensor], pick: Pick, training: bool) -> Walk:
        """Goes through all levels.

        Args:
            features: The encoder's features of each level, [B, feature size].
            pick: Function that chooses latent variables.
            training: Whether the model is being trained.

        Returns:
            What was met.
        """

        def visit(level, p, state):
            q = self.given_above(level, features[level], p, state, training)
            return pick(self.places[level], q), q

        return self._walk_down(visit, training=training)

    def given_above(self, level, features, p, state, training) -> tfd.Distribution:
        """Returns q of a level, given the state above it, None at the top."""
        raise NotImplementedError

    def center(self, distribution):
        """The centre of each level, given those above."""
        return distribution.walk(centers).z

    def get_config(self):
        """Returns the constructor's arguments."""
        return {**super().get_config(), "sizes": list(self.sizes)}


@keras.saving.register_keras_serializable("keras_vae")
class Ladder(LevelledPosterior):
    """The encoder gives a normal for each level, and the prior's normal multiplies it.

    The product of two normals is a normal whose precision is the sum of theirs; at the top
    there is only the encoder's.

    Args:
        sizes: Numbers of each level, lowest first.
        **kwargs: Arguments of `DistributionLayer`.

    Example:
        >>> Ladder([64, 32]).params_size
        192

    Source:
        Sonderby et al. 2016, "Ladder variational autoencoders", equations 11 to 13.
    """

    part_name = None

    def given_above(self, level, features, p, state, training):
        """The product of both normals."""
        seen = self.normals[level].distribution(features)
        if state is None:
            return seen
        seen, above = seen.distribution, p.distribution
        weight, other = (tf.square(1.0 / one.scale) for one in (seen, above))
        variance = 1.0 / (weight + other)
        loc = variance * (weight * seen.loc + other * above.loc)
        return tfd.Independent(tfd.Normal(loc, tf.sqrt(variance)), 1)


@keras.saving.register_keras_serializable("keras_vae")
class TopDown(LevelledPosterior):
    """A network of each level reads the encoder's features and the state above.

    Args:
        sizes: Numbers of each level, lowest first.
        networks: Functional model of each level but the highest, lowest first: [features,
            state above] -> means and scales [B, 2 * size].
        **kwargs: Arguments of `DistributionLayer`.

    Example:
        >>> vae = keras_vae.LadderVAE(6, (4, 2), inference="top_down")
        >>> len(vae.posterior.networks)
        1

    Source:
        Kingma et al. 2016, "Improved variational inference with inverse autoregressive
        flow", section 4; Child 2021, "Very deep VAEs", section 3.
    """

    part_name = None

    def __init__(self, sizes: Sequence[int], networks: Sequence[keras.Model], **kwargs):
        """Creates the layer."""
        sizes = numbers.sizes(sizes, "sizes")
        if len(networks) != len(sizes) - 1:
            raise ValueError(
                f"{len(sizes)} levels need {len(sizes) - 1} networks, one for each but the "
                f"highest, but there are {len(networks)}."
            )
        features = [one.input_shape[0][1] for one in networks]
        super().__init__(sizes, [*features, 2 * sizes[-1]], **kwargs)
        self.networks = list(networks)

    def check_state(self, prior):
        """Refuses networks that read other states."""
        for level, network in enumerate(self.networks):
            expected = tuple(prior.blocks[level + 1].output_shape)
            if tuple(network.input_shape[1]) != expected:
                raise ValueError(
                    f"The posterior's network of level {level + 1} reads a state "
                    f"{network.input_shape[1]}, but the prior's state above is {expected}."
                )

    def given_above(self, level, features, p, state, training):
        """The network's normal."""
        if state is not None:
            network = self.networks[level]
            features = apply(network, features, state, training=training)
        return self.normals[level].distribution(features)

    def get_config(self):
        """Returns the constructor's arguments."""
        networks = [keras.saving.serialize_keras_object(one) for one in self.networks]
        return {**super().get_config(), "networks": networks}

    @classmethod
    def from_config(cls, config):
        """Makes the layer from the result of `get_config`."""
        lists = {
            name: [keras.saving.deserialize_keras_object(one) for one in value]
            for name, value in config.items()
            if name in ("networks", "below", "ups")
        }
        return cls(**{**config, **lists})
